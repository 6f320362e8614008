// SPDX-License-Identifier: PostgreSQL
//
// The change of one page as plain bytes: a *delta* is a sequence of steps without padding. What an
// access method stages, what a WAL record carries and what redo applies are these same bytes.
//
//     bytes         +------------------+--------+-------------- - -
//                   | length << 2 | 0  | offset | length bytes
//                   +------------------+--------+-------------- - -
//     low nibbles   +------------------+--------+--------+--------------------- - -
//     high nibbles  | count << 2 | 1,2 | offset | stride | (count + 1) / 2 bytes
//                   +------------------+--------+--------+--------------------- - -
//     initialise    +------------------+
//                   | special << 2 | 3 |   first step only
//                   +------------------+
//
// Numbers are unsigned, 7 bits to a byte, low bits first, the high bit set in all bytes but the
// last; at most three bytes. Nibble i of a step is the low (i even) or high half of byte i / 2; it
// replaces one half of the page's byte at offset + i * stride and leaves the other half alone.
// That is how one row's bits lie among those of 32 rows in a FastScan group.
//
// Pure C++, tested without a server. Nothing here trusts a byte: deltas come from WAL, too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vx::wal
{

/// In WAL: never renumber.
enum class Operation : std::uint8_t {
    bytes = 0,
    low_nibbles = 1,
    high_nibbles = 2,
    initialise = 3
};

struct Step {
    Operation operation;
    std::uint32_t count;  // of bytes or nibbles; initialise: bytes of special space
    std::uint32_t offset; // in the page
    std::uint32_t stride; // between nibbles
    const std::uint8_t *data;
};

/// What a delta may touch.
struct PageBounds {
    std::uint32_t first;       // bytes before it belong to PostgreSQL
    std::uint32_t size;        // of the page, at most kMaxPageSize
    std::uint32_t max_special; // bytes of special space
};

constexpr std::uint32_t kMaxPageSize = 32768;
constexpr std::size_t kMaxHeadBytes = 9; // three numbers

constexpr bool
has_nibbles(Operation operation) noexcept
{
    return operation == Operation::low_nibbles || operation == Operation::high_nibbles;
}

/// Bytes of data that follow the head of a step.
constexpr std::size_t
data_bytes(const Step &step) noexcept
{
    if (step.operation == Operation::initialise)
        return 0;
    return has_nibbles(step.operation) ? (step.count + 1) / 2 : step.count;
}

/// Whether the step stays within the bounds. An initialise step is only checked for its size.
bool fits(const Step &step, const PageBounds &bounds) noexcept;

/// Writes everything of the step but its data; returns how many bytes. REQUIRES: fits().
std::size_t write_head(const Step &step, std::uint8_t out[kMaxHeadBytes]) noexcept;

/// Writes the step with its data; returns how many bytes: at most kMaxHeadBytes + data_bytes().
/// REQUIRES: fits().
std::size_t write_step(const Step &step, std::uint8_t *out) noexcept;

/// Goes through a delta of unknown origin.
class DeltaReader
{
  public:
    DeltaReader(const void *delta, std::size_t length, const PageBounds &bounds) noexcept
        : begin_(static_cast<const std::uint8_t *>(delta)), at_(begin_), end_(begin_ + length),
          bounds_(bounds)
    {
    }

    /// The next step, which fits and whose data is complete. False at the end, or if what follows
    /// is no such step: then error() says why.
    bool next(Step *step) noexcept;

    /// nullptr: nothing wrong so far.
    const char *error() const noexcept { return error_; }

  private:
    bool read_number(std::uint32_t *number) noexcept;
    bool read_step(Step *step) noexcept;

    const std::uint8_t *begin_;
    const std::uint8_t *at_;
    const std::uint8_t *end_;
    PageBounds bounds_;
    const char *error_ = nullptr;
};

/// nullptr, or what is wrong with the delta.
const char *delta_error(const void *delta, std::size_t length, const PageBounds &bounds) noexcept;

/// REQUIRES: no delta_error().
constexpr bool
starts_with_initialise(const void *delta, std::size_t length) noexcept
{
    constexpr auto initialise = static_cast<std::uint8_t>(Operation::initialise);
    return length > 0 && (*static_cast<const std::uint8_t *>(delta) & 3) == initialise;
}

/// Changes the page as a step other than initialise says. REQUIRES: fits().
void apply_step(void *page, const Step &step) noexcept;

} // namespace vx::wal
