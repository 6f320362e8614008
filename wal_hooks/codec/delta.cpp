// SPDX-License-Identifier: PostgreSQL
#include "wal_hooks/codec/delta.hpp"

#include "wal_hooks/codec/number.hpp"

#include <cstring>

namespace vx::wal
{

constexpr std::uint32_t kOperationBits = 2;
constexpr std::uint32_t kOperationMask = (1U << kOperationBits) - 1;
constexpr std::size_t kMostBytes = 3; // of a number: more than the largest count << kOperationBits

static_assert((kMaxPageSize << kOperationBits) < 1U << (7 * kMostBytes));
static_assert(kMaxHeadBytes == 3 * kMostBytes);

bool
fits(const Step &step, const PageBounds &bounds) noexcept
{
    if (step.operation == Operation::initialise)
        return step.count <= bounds.max_special;
    if (step.offset < bounds.first || step.offset > bounds.size)
        return false;
    const std::uint32_t room = bounds.size - step.offset;
    if (!has_nibbles(step.operation))
        return step.count <= room;
    if (step.count == 0)
        return true;
    return step.stride > 0 && room > 0 && step.count - 1 <= (room - 1) / step.stride;
}

std::size_t
write_head(const Step &step, std::uint8_t out[kMaxHeadBytes]) noexcept
{
    const auto operation = static_cast<std::uint32_t>(step.operation);
    std::uint8_t *end = write_number(step.count << kOperationBits | operation, out);
    if (step.operation != Operation::initialise)
        end = write_number(step.offset, end);
    if (has_nibbles(step.operation))
        end = write_number(step.stride, end);
    return static_cast<std::size_t>(end - out);
}

std::size_t
write_step(const Step &step, std::uint8_t *out) noexcept
{
    const std::size_t head = write_head(step, out);
    const std::size_t bytes = data_bytes(step);
    if (bytes > 0)
        std::memcpy(out + head, step.data, bytes);
    return head + bytes;
}

bool
DeltaReader::read_number(std::uint32_t *number) noexcept
{
    const ReadNumber result = vx::wal::read_number(&at_, end_, kMostBytes, number);
    if (result == ReadNumber::good)
        return true;
    error_ = result == ReadNumber::cut_off ? "it ends within a number" : "a number is too long";
    return false;
}

bool
DeltaReader::read_step(Step *step) noexcept
{
    std::uint32_t first = 0;
    if (!read_number(&first))
        return false;
    *step = {static_cast<Operation>(first & kOperationMask), first >> kOperationBits, 0, 0,
             nullptr};
    if (step->operation == Operation::initialise)
        return true;
    if (!read_number(&step->offset))
        return false;
    return !has_nibbles(step->operation) || read_number(&step->stride);
}

bool
DeltaReader::next(Step *step) noexcept
{
    if (at_ == end_ || error_ != nullptr)
        return false;
    const bool is_first = at_ == begin_;
    if (!read_step(step))
        return false;
    if (step->operation == Operation::initialise && !is_first)
        error_ = "it initialises the page after other steps";
    else if (!fits(*step, bounds_))
        error_ = "a step leaves the page";
    else if (data_bytes(*step) > static_cast<std::size_t>(end_ - at_))
        error_ = "it ends within a step";
    if (error_ != nullptr)
        return false;
    step->data = at_;
    at_ += data_bytes(*step);
    return true;
}

const char *
delta_error(const void *delta, std::size_t length, const PageBounds &bounds) noexcept
{
    DeltaReader reader(delta, length, bounds);
    Step step;
    while (reader.next(&step)) {
    }
    return reader.error();
}

void
apply_step(void *page, const Step &step) noexcept
{
    auto *at = static_cast<std::uint8_t *>(page) + step.offset;
    if (!has_nibbles(step.operation)) {
        std::memcpy(at, step.data, step.count);
        return;
    }
    const unsigned shift = step.operation == Operation::high_nibbles ? 4 : 0;
    const unsigned kept = 0xf0U >> shift;
    for (std::uint32_t i = 0; i < step.count; i++) {
        const unsigned nibble = step.data[i / 2] >> (i % 2 * 4) & 0x0fU;
        auto &byte = at[static_cast<std::size_t>(i) * step.stride];
        byte = static_cast<std::uint8_t>((byte & kept) | nibble << shift);
    }
}

} // namespace vx::wal
