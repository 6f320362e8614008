// SPDX-License-Identifier: PostgreSQL
//
// WAL records as bytes, in PostgreSQL's format (access/xlogrecord.h): valid ones of our resource
// manager are made here, damaged by mutate.hpp, and taken apart again by decode.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace vx::fuzz
{

using Bytes = std::vector<std::uint8_t>;
using Random = std::mt19937_64;

inline std::uint32_t
below(Random *random, std::uint32_t n)
{
    return static_cast<std::uint32_t>((*random)() % n);
}

constexpr std::size_t kRecordHeaderBytes = 24;
constexpr int kMaxBlocks = 33; // that a record of PostgreSQL's may name

/// A record that our carrier could have written: an edit of one to four pages, or a row. damaged:
/// but for the deltas or the row in it, in a frame that PostgreSQL's reader takes.
Bytes make_record(Random *random, bool damaged);

/// Writes the length into the record's header.
void set_total_length(Bytes *record);

} // namespace vx::fuzz
