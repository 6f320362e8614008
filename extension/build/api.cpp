// SPDX-License-Identifier: PostgreSQL
//
// The library's one door: plain C functions that no exception leaves.
#include "build/build_api.hpp"
#include "build/interrupt.hpp"
#include "build/nearest_index.hpp"
#include "build/train.hpp"
#include "build/train_codes.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>

namespace vx::build
{

namespace
{

constexpr int kMostThreads = 256;
constexpr const char *kInvalid = "invalid build request";

template <class Request>
bool
is_valid(const Request &request) noexcept
{
    return request.row_count >= 0 && request.dim >= 1 && request.list_count >= 1 &&
           (request.metric == VX_BUILD_L2 || request.metric == VX_BUILD_INNER_PRODUCT);
}

/// Runs the body with the request's threads and turns its end, whatever it is, into a status.
template <class Request, class Body>
VxBuildStatus
run(Request *request, Body &&body) noexcept
{
    const auto fail = [&](const char *why) {
        std::snprintf(request->error, sizeof(request->error), "%s", why);
        return VX_BUILD_FAILED;
    };
    request->error[0] = '\0';
    if (!is_valid(*request))
        return fail(kInvalid);
    request->threads = std::clamp(request->threads, 1, kMostThreads);
    try {
        Interrupt interrupt(request->interrupted, request->wants_stop);
        run_threaded(request->threads, interrupt,
                     [&](bool polls_here) { body(interrupt, polls_here); });
        return VX_BUILD_OK;
    } catch (const Interrupted &) {
        return VX_BUILD_INTERRUPTED;
    } catch (const std::bad_alloc &) {
        return VX_BUILD_OUT_OF_MEMORY;
    } catch (const std::exception &e) {
        return fail(e.what());
    } catch (...) {
        return fail("unknown C++ exception");
    }
}

VxBuildStatus
api_train(VxTrainRequest *request)
{
    if (request->approximate != VX_BUILD_FLOATS && request->metric != VX_BUILD_L2) {
        std::snprintf(request->error, sizeof(request->error), "%s", kInvalid);
        return VX_BUILD_FAILED;
    }
    return run(request, [&](Interrupt &interrupt, bool polls_here) {
        train(*request, interrupt, polls_here);
    });
}

VxBuildStatus
api_assign(VxAssignRequest *request)
{
    return run(request, [&](Interrupt &interrupt, bool polls_here) {
        NearestIndex index(request->dim, request->metric, request->threads, polls_here, interrupt);
        index.set(request->centroids, std::size_t(request->list_count));
        index.find(request->rows, std::size_t(request->row_count), request->lists);
    });
}

std::size_t
api_train_memory(std::int64_t row_count, std::int32_t dim, std::int32_t list_count,
                 std::int32_t threads, std::int32_t approximate)
{
    const auto rows = std::size_t(row_count);
    const auto lists = std::size_t(list_count);
    threads = std::clamp(threads, 1, kMostThreads);
    return approximate == VX_BUILD_FLOATS
               ? train_memory(rows, std::size_t(dim), lists, threads)
               : train_codes_memory(rows, std::size_t(dim), lists, threads, approximate);
}

constexpr VxBuildApi kApi = {kVxBuildApiVersion, api_train, api_assign, api_train_memory};

} // namespace

} // namespace vx::build

extern "C" __attribute__((visibility("default"))) const VxBuildApi *
vx_build_api(void)
{
    return &vx::build::kApi;
}
