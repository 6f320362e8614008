// SPDX-License-Identifier: PostgreSQL
//
// Rows as main data of a record: of any shape an index may have.
#include "pg/postgres.hpp"

#include "row_record.hpp"

#include "mutate.hpp"
#include "wal_hooks/row_steps.hpp"

namespace vx::fuzz
{

namespace page = ivfrabitq::page;

static std::uint32_t
a_dimension(Random *random, std::uint32_t most)
{
    return 64 * (1 + below(random, most / 64));
}

static wal::RowShape
random_shape(Random *random)
{
    static constexpr uint8 kWidths[] = {1, 2, 4, 8, 16};
    wal::RowShape shape = {};
    shape.padded = a_dimension(random, below(random, 4) == 0 ? page::kMaxDimensions : 640);
    shape.scan_dimensions = Min(shape.padded, static_cast<uint32>(kernel::kMaxScanDimensions));
    shape.filter_columns = below(random, 3) == 0 ? below(random, page::kMaxFilterColumns + 1) : 0;
    for (uint32 i = 0; i < shape.filter_columns; i++)
        shape.widths[i] = kWidths[below(random, 5)];
    while (wal::scan_layout_of(shape).groups_per_page == 0)
        shape.scan_dimensions -= 64; // as plan.cpp does
    return shape;
}

static Bytes
random_bytes(Random *random, std::size_t count)
{
    Bytes bytes(count);
    for (std::uint8_t &byte : bytes)
        byte = static_cast<std::uint8_t>((*random)());
    return bytes;
}

RowRecord
make_row(Random *random, bool damaged)
{
    wal::Row row = {};
    row.shape = random_shape(random);
    const uint32 groups = wal::scan_layout_of(row.shape).groups_per_page;
    row.slice = below(random, groups);
    row.slot = below(random, groups * static_cast<uint32>(kernel::kGroupRows));
    row.counts[0] = static_cast<uint16>((*random)());
    row.record = below(random, page::fine_per_page(row.shape.padded));
    row.new_fine_page = below(random, 4) == 0;
    row.raises_lower = row.new_fine_page || below(random, 2) == 0;
    ItemPointerSet(&row.tid, static_cast<BlockNumber>((*random)()), 1);
    row.changed_nulls = static_cast<uint8>((*random)() & ((1U << row.shape.filter_columns) - 1));
    const Bytes bits = random_bytes(random, row.shape.scan_dimensions / 8);
    const Bytes values = random_bytes(random, Size{page::kMaxFilterColumns} * 16);
    Bytes fine = random_bytes(random, row.shape.padded / 2);
    if (below(random, 2) == 0) // small magnitudes: it will be packed
        for (uint32 i = 0; i < row.shape.padded / 2; i++) {
            const auto sign = [&bits](uint32 at) {
                return at / 8 < bits.size() && (bits[at / 8] >> (at % 8) & 1) ? 0U : 15U;
            };
            fine[i] = static_cast<uint8>(sign(i) | sign(i + row.shape.padded / 2) << 4);
        }
    row.bits = bits.data();
    row.values = values.data();
    row.fine = fine.data();

    RowRecord record = {Bytes(wal::most_row_bytes(row.shape)), row.new_fine_page};
    record.main_data.resize(wal::write_row(row, record.main_data.data()));
    if (damaged)
        damage(random, &record.main_data, random_bytes(random, record.main_data.size()));
    return record;
}

} // namespace vx::fuzz
