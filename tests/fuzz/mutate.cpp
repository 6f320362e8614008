// SPDX-License-Identifier: PostgreSQL
#include "mutate.hpp"

#include <algorithm>

namespace vx::fuzz
{

/// Headers are few bytes of a record and decide everything: half of the damage goes there.
static std::size_t
place(Random *random, const Bytes &record)
{
    const auto size = static_cast<std::uint32_t>(record.size());
    return below(random, below(random, 2) == 0 ? std::min(size, 80U) : size);
}

static void
flip_bits(Random *random, Bytes *record)
{
    for (std::uint32_t left = 1 + below(random, 4); left > 0; left--)
        (*record)[place(random, *record)] ^= static_cast<std::uint8_t>(1U << below(random, 8));
}

/// A number at its limits, in one, two or four bytes.
static void
set_number(Random *random, Bytes *record)
{
    static constexpr std::uint32_t kNumbers[] = {0,      1,      2,      3,          4,
                                                 0x7f,   0x80,   0xff,   0x1fff,     0x2000,
                                                 0x7fff, 0x8000, 0xffff, 0xfffffffe, 0xffffffff};
    const std::uint32_t number = kNumbers[below(random, std::size(kNumbers))];
    const std::uint32_t width = 1U << below(random, 3);
    const std::size_t at = place(random, *record);
    for (std::uint32_t i = 0; i < width && at + i < record->size(); i++)
        (*record)[at + i] = static_cast<std::uint8_t>(number >> (8 * i));
}

static void
set_random(Random *random, Bytes *record)
{
    std::size_t at = place(random, *record);
    for (std::uint32_t left = 1 + below(random, 64); left > 0 && at < record->size(); left--)
        (*record)[at++] = static_cast<std::uint8_t>((*random)());
}

static void
cut(Random *random, Bytes *record)
{
    record->resize(place(random, *record) + 1);
}

static void
drop_some(Random *random, Bytes *record)
{
    const std::size_t at = place(random, *record);
    const std::size_t count = std::min<std::size_t>(1 + below(random, 8), record->size() - at - 1);
    record->erase(record->begin() + static_cast<std::ptrdiff_t>(at),
                  record->begin() + static_cast<std::ptrdiff_t>(at + count));
}

static void
insert_some(Random *random, Bytes *record)
{
    Bytes some(1 + below(random, 8));
    for (std::uint8_t &byte : some)
        byte = static_cast<std::uint8_t>((*random)());
    record->insert(record->begin() + static_cast<std::ptrdiff_t>(place(random, *record)),
                   some.begin(), some.end());
}

static void
splice(Random *random, Bytes *record, const Bytes &other)
{
    const std::size_t keep = place(random, *record);
    const std::size_t from = place(random, other);
    record->resize(keep);
    record->insert(record->end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
}

static void
mutate_once(Random *random, Bytes *record, const Bytes &other)
{
    switch (below(random, 8)) {
    case 0:
    case 1:
        return flip_bits(random, record);
    case 2:
        return set_number(random, record);
    case 3:
        return set_random(random, record);
    case 4:
        return cut(random, record);
    case 5:
        return drop_some(random, record);
    case 6:
        return insert_some(random, record);
    default:
        return splice(random, record, other);
    }
}

void
damage(Random *random, Bytes *bytes, const Bytes &other)
{
    for (std::uint32_t left = 1 + below(random, 4); left > 0 && !bytes->empty(); left--)
        mutate_once(random, bytes, other);
}

void
damage_record(Random *random, Bytes *record, const Bytes &other)
{
    damage(random, record, other);
    if (below(random, 8) != 0)
        set_total_length(record);
}

} // namespace vx::fuzz
