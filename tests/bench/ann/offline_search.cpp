// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/offline_search.hpp"

#include "bench/ann/clock.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bench
{

namespace k = vx::kernel;

namespace
{

constexpr std::size_t kMaxBatch = 256;
constexpr std::size_t kPrefetchLines = 8;

void
prefetch(const void *memory, std::size_t lines)
{
    for (std::size_t i = 0; i < lines; i++)
        __builtin_prefetch(static_cast<const char *>(memory) + 64 * i);
}

/// Adds the time between two looks to a stage.
template <bool timed> class StageClock
{
  public:
    explicit StageClock(SearchCounts *counts) : counts_(counts)
    {
        if constexpr (timed)
            last_ = Clock::now();
    }

    void end(Stage stage)
    {
        if constexpr (timed) {
            const Clock::time_point now = Clock::now();
            counts_->nanoseconds[stage] +=
                std::chrono::duration<double, std::nano>(now - last_).count();
            last_ = now;
        }
    }

  private:
    SearchCounts *counts_;
    Clock::time_point last_;
};

} // namespace

Searcher::Searcher(const OfflineIndex &index)
    : index_(index), vector_(index.shape.padded),
      memory_((4 * index.shape.scan_dimensions + 3 * index.shape.padded) / kPage + 2, false),
      distances_((index.list_count + k::kBlockCentroids - 1) / k::kBlockCentroids *
                 k::kBlockCentroids),
      order_(distances_.size()), survivors_(index.layout.rows_per_page()),
      unique_(index.stored_rows == index.data->row_count())
{
}

void
Searcher::prepare(const float *query)
{
    const std::size_t padded = index_.shape.padded;
    std::uint8_t *lut = memory_.page(0);
    auto *q8 = reinterpret_cast<std::int8_t *>(lut + 4 * index_.shape.scan_dimensions);
    index_.prepare(query, vector_.data());
    k::make_scan_query(index_.shape, vector_.data(), lut, &scan_query_);
    k::make_fine_query(index_.shape, vector_.data(), q8, &fine_query_);
    k::make_plane_query(vector_.data(), padded, q8 + padded, q8 + 2 * padded, &plane_query_);
}

/// |q - c|^2 of every list, through the pages that hold the centroids.
void
Searcher::measure_centroids()
{
    const k::CentroidKernels &kernels = k::centroid_kernels();
    const std::size_t block_tiles = k::tiles_per_block(index_.shape.padded);
    const auto tile = [&](std::size_t t) {
        return index_.centroid_pages.page(t / kTilesPerPage) + kTilesOffset +
               t % kTilesPerPage * k::kTileBytes;
    };
    for (std::size_t b = 0; b * k::kBlockCentroids < distances_.size(); b++) {
        alignas(64) std::int32_t sums[k::kBlockCentroids] = {};
        alignas(64) float products[k::kBlockCentroids];
        const std::size_t first = b * block_tiles;
        for (std::size_t t = k::kFactorTiles; t < block_tiles;) {
            const std::size_t in_page = kTilesPerPage - (first + t) % kTilesPerPage;
            const std::size_t count = std::min(block_tiles - t, in_page);
            kernels.add_tiles(plane_query_, tile(first + t), count, (t - k::kFactorTiles) * 4,
                              sums);
            t += count;
        }
        kernels.finish_products(plane_query_, sums, reinterpret_cast<const float *>(tile(first)),
                                products);
        const auto *norm2 = reinterpret_cast<const float *>(tile(first + 1));
        float *out = distances_.data() + b * k::kBlockCentroids;
        for (std::size_t i = 0; i < k::kBlockCentroids; i++)
            out[i] = k::centroid_distance(plane_query_, products[i], norm2[i]);
    }
}

/// Whether the list that is `number`-th nearest is still to be read; makes the order reach that
/// far.
bool
Searcher::wants_list(std::size_t number, const SearchOptions &options)
{
    if (options.probes != 0 && number >= options.probes)
        return false;
    if (number >= list_order_.sorted) {
        const std::size_t more = options.adaptive > 0 || options.probes == 0
                                     ? number + std::max<std::size_t>(64, number / 2)
                                     : options.probes;
        if (k::more_lists(&list_order_, std::uint32_t(more)) <= number)
            return false;
    }
    if (!(options.adaptive > 0) || nearest_.size() < options.k)
        return true;
    const float ahead = distances_[order_[number]] - distances_[order_[0]];
    return ahead < float(options.adaptive) * threshold_;
}

void
Searcher::keep(std::vector<Ranked> *heap, std::size_t k, const Ranked &found, bool unique)
{
    if (heap->size() == k && !(found < heap->front()))
        return;
    if (!unique)
        for (const Ranked &other : *heap)
            if (other.row == found.row)
                return;
    if (heap->size() == k) {
        std::pop_heap(heap->begin(), heap->end());
        heap->pop_back();
    }
    heap->push_back(found);
    std::push_heap(heap->begin(), heap->end());
}

/// What passes of `count` groups of a slice joins the waiting rows, its fine code on its way.
void
Searcher::scan_groups(const Slice &slice, std::uint32_t first, std::uint32_t count, float g,
                      const SearchOptions &options)
{
    const Layout &layout = index_.layout;
    const auto codes = std::uint32_t(k::group_code_bytes(index_.shape));
    const std::uint32_t group = slice.first_group + first;
    const k::GroupRun run{
        index_.scan_pages.page(slice.page) + layout.groups_offset + group * layout.group_bytes,
        layout.group_bytes, codes, codes + 2 * std::uint32_t(k::kGroupRows), count};
    const float margin = float(options.epsilon) * index_.scan_kappa * std::sqrt(g);
    const std::uint32_t found = k::rabitq_kernels().scan_groups(
        scan_query_, run, nullptr, g, margin, threshold_, survivors_.data());
    const std::uint32_t place =
        slice.page * layout.rows_per_page() + group * std::uint32_t(k::kGroupRows);
    for (std::uint32_t i = 0; i < found; i++) {
        const k::Survivor &s = survivors_[i];
        const std::uint8_t *record = index_.fine_record(place + s.slot);
        prefetch(record, (layout.fine_bytes + 63) / 64);
        waiting_.push_back({record, place + s.slot, s.lower, s.ip, g});
    }
}

/// Refines the waiting rows, `batch` at a time: each batch may lower the threshold for the next.
void
Searcher::refine(const SearchOptions &options, SearchCounts *counts)
{
    const std::uint8_t *records[kMaxBatch];
    std::int32_t dots[kMaxBatch];
    const std::size_t batch = std::min(options.batch, kMaxBatch);
    for (std::size_t next = 0; next < waiting_.size();) {
        Waiting chosen[kMaxBatch];
        std::size_t count = 0;
        for (; next < waiting_.size() && count < batch; next++)
            if (waiting_[next].lower < threshold_) {
                chosen[count] = waiting_[next];
                records[count++] = waiting_[next].record + 8;
            }
        k::rabitq_kernels().fine_dots(fine_query_, records, count, dots);
        for (std::size_t i = 0; i < count; i++)
            refined(chosen[i], dots[i], options);
        counts->refined += count;
    }
    waiting_.clear();
}

void
Searcher::refined(const Waiting &row, std::int32_t dot, const SearchOptions &options)
{
    const auto *factors = reinterpret_cast<const float *>(row.record);
    const float estimate =
        k::fine_estimate(fine_query_, dot, row.ip, factors[0], factors[1], row.g);
    const float deviation = index_.fine_kappa * std::fabs(factors[1]) * std::sqrt(row.g);
    const float lower = estimate - float(options.rerank) * deviation;
    if (!(lower < threshold_))
        return;
    const std::uint32_t number = index_.row_numbers[row.place];
    candidates_.push_back({lower, number});
    keep(&nearest_, options.k, {estimate + float(options.optimism) * deviation, number}, unique_);
    if (nearest_.size() == options.k)
        threshold_ = nearest_.front().distance;
}

/// The next list's first lines, on their way while this one is scanned.
void
Searcher::prefetch_list(std::size_t number) const
{
    if (number >= list_order_.sorted)
        return;
    const List &list = index_.lists[order_[number]];
    if (list.slices == 0)
        return;
    const Slice &slice = index_.slices[list.first_slice];
    const std::uint8_t *page = index_.scan_pages.page(slice.page);
    prefetch(page, 1);
    prefetch(page + index_.layout.groups_offset + slice.first_group * index_.layout.group_bytes,
             kPrefetchLines);
}

/// Exact distances, in the order of the lower bounds, until no bound is below the k-th.
void
Searcher::rerank(const float *query, const SearchOptions &options, SearchCounts *counts)
{
    const Dataset &data = *index_.data;
    const float unit = index_.scale * index_.scale;
    candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                     [&](const Candidate &c) { return !(c.lower < threshold_); }),
                      candidates_.end());
    std::sort(candidates_.begin(), candidates_.end(),
              [](const Candidate &a, const Candidate &b) { return a.lower < b.lower; });
    for (const Candidate &c : candidates_)
        prefetch(data.row(c.row), 2);
    for (const Candidate &c : candidates_) {
        if (exact_.size() == options.k && !(c.lower < exact_.front().distance))
            break;
        const auto same_row = [&](const Ranked &r) { return r.row == c.row; };
        if (!unique_ && std::any_of(exact_.begin(), exact_.end(), same_row))
            continue;
        const float distance =
            unit * k::distance_kernels().l2_squared(query, data.row(c.row), data.dim);
        keep(&exact_, options.k, {distance, c.row}, true);
        counts->reranked++;
    }
    std::sort_heap(exact_.begin(), exact_.end());
    for (const Ranked &r : exact_)
        result_.push_back(std::int32_t(r.row));
}

template <bool timed>
const std::vector<std::int32_t> &
Searcher::run(const float *query, const SearchOptions &options, SearchCounts *counts)
{
    StageClock<timed> clock(counts);
    waiting_.clear();
    candidates_.clear();
    nearest_.clear();
    exact_.clear();
    result_.clear();
    threshold_ = std::numeric_limits<float>::infinity();

    prepare(query);
    clock.end(kPrepare);
    measure_centroids();
    clock.end(kCentroids);
    k::begin_list_order(distances_.data(), std::uint32_t(distances_.size()), order_.data(),
                        &list_order_);
    for (std::size_t number = 0; wants_list(number, options); number++) {
        clock.end(kOrder);
        const List &list = index_.lists[order_[number]];
        const float g = distances_[order_[number]];
        prefetch_list(number + 1);
        for (std::uint32_t s = 0; s < list.slices; s++) {
            const Slice &slice = index_.slices[list.first_slice + s];
            for (std::uint32_t first = 0; first < slice.groups;) {
                // Group by group as long as every row would pass.
                const std::uint32_t count = std::isinf(threshold_) ? 1 : slice.groups - first;
                scan_groups(slice, first, count, g, options);
                first += count;
                clock.end(kScan);
                if (waiting_.size() >= options.batch || std::isinf(threshold_)) {
                    refine(options, counts);
                    clock.end(kRefine);
                }
            }
        }
        counts->lists++;
        counts->scanned += list.rows;
        if (number < options.eager) {
            refine(options, counts);
            clock.end(kRefine);
        }
    }
    clock.end(kOrder);
    refine(options, counts);
    clock.end(kRefine);
    rerank(query, options, counts);
    clock.end(kRerank);
    return result_;
}

template const std::vector<std::int32_t> &Searcher::run<false>(const float *, const SearchOptions &,
                                                               SearchCounts *);
template const std::vector<std::int32_t> &Searcher::run<true>(const float *, const SearchOptions &,
                                                              SearchCounts *);

} // namespace bench
