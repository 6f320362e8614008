// SPDX-License-Identifier: PostgreSQL
#include "record.hpp"

#include "mutate.hpp"
#include "row_record.hpp"
#include "wal_hooks/codec/delta.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace vx::fuzz
{

using wal::Operation;
using wal::Step;

// access/xlogrecord.h, whose header no file without postgres.h can include
constexpr std::uint8_t kHasImage = 0x10;
constexpr std::uint8_t kHasData = 0x20;
constexpr std::uint8_t kWillInit = 0x40;
constexpr std::uint8_t kSameRelation = 0x80;
constexpr std::uint8_t kImageHasHole = 0x01;
constexpr std::uint8_t kImageApply = 0x02;
constexpr std::uint8_t kMainDataShort = 255;
constexpr std::uint8_t kMainDataLong = 254;

constexpr std::uint32_t kPageSize = 8192;
constexpr std::uint32_t kPageHeader = 24;
constexpr std::uint32_t kSpecial = 16;

template <class T>
static void
put(Bytes *out, T value)
{
    const auto *bytes = reinterpret_cast<const std::uint8_t *>(&value);
    out->insert(out->end(), bytes, bytes + sizeof(value));
}

static void
put_random(Random *random, Bytes *out, std::size_t count)
{
    for (std::size_t i = 0; i < count; i++)
        out->push_back(static_cast<std::uint8_t>((*random)()));
}

static void
put_step(Random *random, Bytes *delta, Step step)
{
    std::uint8_t head[wal::kMaxHeadBytes];
    const std::size_t bytes = wal::write_head(step, head);
    delta->insert(delta->end(), head, head + bytes);
    put_random(random, delta, wal::data_bytes(step));
}

static Step
random_step(Random *random)
{
    Step step = {static_cast<Operation>(below(random, 3)), 0, 0, 0, nullptr};
    step.offset = kPageHeader + below(random, kPageSize - kPageHeader);
    const std::uint32_t room = kPageSize - step.offset;
    if (step.operation == Operation::bytes) {
        step.count = 1 + below(random, std::min(room, below(random, 20) == 0 ? room : 40U));
    } else {
        step.stride = below(random, 2) == 0 ? 16 : 1 + below(random, 64);
        step.count = 1 + below(random, (room - 1) / step.stride + 1);
    }
    return step;
}

/// Ends a little behind the page's end, with all its data.
static Step
step_too_far(Random *random)
{
    Step step = random_step(random);
    const std::uint32_t room = kPageSize - step.offset;
    const std::uint32_t most =
        step.operation == Operation::bytes ? room : (room - 1) / step.stride + 1;
    step.count = most + 1 + below(random, 16);
    return step;
}

static void
put_lower(Random *random, Bytes *delta)
{
    constexpr std::uint16_t kLowerAt = 12; // offsetof(PageHeaderData, pd_lower)
    const Step step = {Operation::bytes, 2, kLowerAt, 0, nullptr};
    std::uint8_t head[wal::kMaxHeadBytes];
    const std::size_t bytes = wal::write_head(step, head);
    delta->insert(delta->end(), head, head + bytes);
    put(delta, static_cast<std::uint16_t>(kPageHeader +
                                          below(random, kPageSize - kSpecial - kPageHeader + 1)));
}

static Bytes
make_delta(Random *random, bool initialise, bool too_far)
{
    Bytes delta;
    if (initialise)
        put_step(random, &delta, {Operation::initialise, kSpecial, 0, 0, nullptr});
    const std::uint32_t steps = 1 + below(random, 8);
    for (std::uint32_t i = 0; i < steps; i++)
        put_step(random, &delta, random_step(random));
    if (too_far)
        put_step(random, &delta, step_too_far(random));
    if (below(random, 2) == 0)
        put_lower(random, &delta);
    return delta;
}

/// The head of a block reference, and an image with a hole behind it if it has one.
static void
put_reference(Random *random, std::uint8_t id, std::uint8_t flags, std::size_t delta_bytes,
              Bytes *headers, Bytes *data)
{
    flags |= id > 0 ? kSameRelation : 0;
    put(headers, id);
    put(headers, flags);
    put(headers, static_cast<std::uint16_t>(delta_bytes));
    if (flags & kHasImage) {
        const auto hole = static_cast<std::uint16_t>(1 + below(random, kPageSize - 200));
        put(headers, static_cast<std::uint16_t>(kPageSize - hole));
        put(headers, static_cast<std::uint16_t>(100)); // where the hole begins
        put(headers, static_cast<std::uint8_t>(kImageHasHole | kImageApply));
        put_random(random, data, kPageSize - hole);
    }
    if (id == 0)
        for (std::uint32_t part : {1663U, 16384U, 16385U}) // tablespace, database, relation
            put(headers, part);
    put(headers, std::uint32_t{id} * 100 + below(random, 100)); // block
}

/// What one block reference adds to the two parts of a record.
static void
put_block(Random *random, std::uint8_t id, bool damaged, Bytes *headers, Bytes *data)
{
    const std::uint32_t kind = below(random, 8); // 0: image, 1 or 2: initialise, else: delta
    if (kind == 0) {
        put_reference(random, id, kHasImage, 0, headers, data);
        return;
    }
    const std::uint32_t harm = damaged ? below(random, 8) : 0; // 1: too far, 2 to 4: anything
    Bytes delta = make_delta(random, kind <= 2, harm == 1);
    if (harm >= 2 && harm <= 4)
        damage(random, &delta, make_delta(random, below(random, 4) == 0, false));
    const std::uint8_t flags = (delta.empty() ? 0 : kHasData) | (kind <= 2 ? kWillInit : 0);
    put_reference(random, id, flags, delta.size(), headers, data);
    data->insert(data->end(), delta.begin(), delta.end());
}

void
set_total_length(Bytes *record)
{
    const auto length = static_cast<std::uint32_t>(record->size());
    if (record->size() >= sizeof(length))
        std::memcpy(record->data(), &length, sizeof(length));
}

/// xl_info: the type of record.
static Bytes
record_head(std::uint8_t info)
{
    Bytes record(kRecordHeaderBytes);
    record[16] = info;
    record[17] = 199;
    return record;
}

static void
put_main_data(const Bytes &main_data, Bytes *headers, Bytes *data)
{
    if (main_data.size() < 256) {
        put(headers, kMainDataShort);
        put(headers, static_cast<std::uint8_t>(main_data.size()));
    } else {
        put(headers, kMainDataLong);
        put(headers, static_cast<std::uint32_t>(main_data.size()));
    }
    data->insert(data->end(), main_data.begin(), main_data.end());
}

static Bytes
finish(Bytes record, const Bytes &data)
{
    record.insert(record.end(), data.begin(), data.end());
    set_total_length(&record);
    return record;
}

static Bytes
make_edit_record(Random *random, bool damaged)
{
    Bytes record = record_head(0x00);
    Bytes data;
    const std::uint32_t blocks = 1 + below(random, 4);
    for (std::uint32_t i = 0; i < blocks; i++)
        put_block(random, static_cast<std::uint8_t>(i), damaged, &record, &data);
    if (below(random, 50) == 0) // which an edit has not
        put_main_data(Bytes(3), &record, &data);
    return finish(std::move(record), data);
}

static Bytes
make_row_record(Random *random, bool damaged)
{
    Bytes record = record_head(0x10);
    Bytes data;
    const RowRecord row = make_row(random, damaged);
    const auto image = [random] { return below(random, 8) == 0 ? kHasImage : std::uint8_t{0}; };
    put_reference(random, 0, image(), 0, &record, &data);
    put_reference(random, 1, row.new_fine_page ? kWillInit : image(), 0, &record, &data);
    put_main_data(row.main_data, &record, &data);
    return finish(std::move(record), data);
}

Bytes
make_record(Random *random, bool damaged)
{
    return below(random, 3) == 0 ? make_row_record(random, damaged)
                                 : make_edit_record(random, damaged);
}

} // namespace vx::fuzz
