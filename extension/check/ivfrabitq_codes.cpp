// SPDX-License-Identifier: PostgreSQL
//
// Codes against the table: what the row's value gives, encoded as inserts do, to the bit. A row
// that is in another list than it was encoded for is found by that: the code is of its difference
// to the list's centroid. Which list is nearest is not asked: while a list is being split, rows go
// to others.
#include "pg/postgres.hpp"

#include "check/ivfrabitq.hpp"

extern "C" {
#include "miscadmin.h"
}

#include "index/ivfrabitq/filter.hpp"

namespace vx::check::rabitq
{

struct MeanArgument {
    Walk *walk;
    float *mean;
};

static void
mean_body(void *argument)
{
    auto *copy = static_cast<MeanArgument *>(argument);
    const page::MetaPage &meta = copy->walk->meta.page;
    memcpy(copy->mean, ivfrabitq::get_mean(copy->walk->check->index, copy->walk->meta),
           meta.padded * sizeof(float));
}

void
prepare_codes(Walk *walk)
{
    const Size padded = walk->meta.page.padded;
    MeanArgument argument = {walk, static_cast<float *>(palloc0(padded * sizeof(float)))};
    pg_attribute_unused() const bool known =
        attempt(walk->check, walk->meta.page.first_mean, "mean", mean_body, &argument);
    walk->check->deep &= known; // no code can be right: one row tells why
    ivfrabitq::make_encoder(&walk->meta, argument.mean, &walk->encoder);
    walk->row = static_cast<float *>(palloc(padded * sizeof(float)));
    walk->centre = static_cast<int8 *>(palloc(padded));
    walk->tiles = static_cast<char *>(palloc(BLCKSZ));
    walk->tiles_block = InvalidBlockNumber;
    walk->expected =
        static_cast<ivfrabitq::RowCode *>(palloc0(ivfrabitq::row_code_bytes(walk->meta)));
}

bool
can_index(void *argument, Datum value)
{
    auto *walk = static_cast<Walk *>(argument);
    return ivfrabitq::prepare_row(&walk->encoder, value, walk->row);
}

// ---- the list's centre

/// Bytes of a tile; nullptr: its page was told about.
static const uint8 *
tile_at(Walk *walk, Size tile)
{
    const BlockNumber block =
        walk->meta.page.first_centroids + static_cast<BlockNumber>(tile / page::kTilesPerPage);
    if (is_damaged(walk, block))
        return nullptr;
    if (walk->tiles_block != block) {
        walk->tiles_block = InvalidBlockNumber;
        if (!copy_page(walk->check, block, walk->tiles))
            return nullptr;
        walk->tiles_block = block;
    }
    return reinterpret_cast<const uint8 *>(walk->tiles) + page::kTilesOffset +
           tile % page::kTilesPerPage * kernel::kTileBytes;
}

static bool
read_centre(Walk *walk, uint32 list)
{
    static const uint8 lost[kernel::kTileBytes] = {};
    if (walk->centre_known && walk->centre_list == list)
        return true;
    bool complete = true;
    const kernel::CentroidFactors factors = kernel::get_centroid(
        list, walk->meta.page.padded,
        [&](Size tile) {
            const uint8 *bytes = tile_at(walk, tile);
            complete &= bytes != nullptr;
            return bytes != nullptr ? bytes : lost;
        },
        walk->centre);
    walk->scale = factors.scale;
    walk->centre_list = list;
    walk->centre_known = complete;
    return complete;
}

// ---- comparing

static bool
is_scan_code(const Walk *walk, const uint8 *group, uint32 row)
{
    const page::MetaPage &meta = walk->meta.page;
    uint8 bits[kernel::kMaxScanDimensions / 8];
    kernel::get_scan_code(walk->meta.shape(), group, row, bits);
    const auto *adds = reinterpret_cast<const uint16 *>(group + page::add_offset(meta));
    const auto *rescales = reinterpret_cast<const uint16 *>(group + page::rescale_offset(meta));
    return memcmp(bits, ivfrabitq::scan_code(walk->expected), meta.scan_dimensions / 8) == 0 &&
           adds[row] == walk->expected->factors.scan_add &&
           rescales[row] == walk->expected->factors.scan_rescale;
}

/// The first filter column whose value is not the row's; -1: none.
static int
wrong_filter(const Walk *walk, const uint8 *group, uint32 row)
{
    const page::MetaPage &meta = walk->meta.page;
    const uint8 *value = ivfrabitq::filter_values(walk->meta, walk->expected);
    for (uint32 i = 0; i < meta.filter_columns; i++) {
        const page::FilterColumn &column = meta.filters[i];
        uint32 nulls;
        memcpy(&nulls, group + column.nulls_offset, sizeof(nulls));
        if ((nulls >> row & 1) != (walk->expected->nulls >> i & 1U) ||
            memcmp(group + column.values_offset + row * column.width, value, column.width) != 0)
            return static_cast<int>(i);
        value += column.width;
    }
    return -1;
}

/// The slot's fine page in walk->fine. False: it was told about.
static bool
load_fine(Walk *walk, BlockNumber block)
{
    if (walk->fine_block == block)
        return true;
    walk->fine_block = InvalidBlockNumber;
    if (is_damaged(walk, block) || !copy_page(walk->check, block, walk->fine) ||
        page_problem(walk->fine, page::Kind::fine) != nullptr)
        return false; // the pass over the fine pages tells why
    walk->fine_block = block;
    return true;
}

static bool
is_fine_code(Walk *walk, uint32 slot)
{
    const page::MetaPage &meta = walk->meta.page;
    const auto *header = page::content<page::ScanPage>(walk->page);
    const uint32 number = header->fine_slot + slot;
    if (!load_fine(walk, header->fine_block + number / meta.fine_per_page))
        return true;
    const char *record =
        walk->fine + page::kFineOffset + number % meta.fine_per_page * meta.fine_bytes;
    const float factors[2] = {walk->expected->factors.fine_add,
                              walk->expected->factors.fine_rescale};
    return memcmp(record, factors, sizeof(factors)) == 0 &&
           memcmp(record + sizeof(factors), ivfrabitq::fine_code(walk->meta, walk->expected),
                  meta.padded / 2) == 0;
}

static void
compare(Walk *walk, BlockNumber block, uint32 list, uint32 slot, const ItemPointerData &tid)
{
    const uint8 *group = page::group(walk->meta.page, walk->page, slot / kGroupRows);
    const BlockNumber row_block = ItemPointerGetBlockNumberNoCheck(&tid);
    if (!is_scan_code(walk, group, slot % kGroupRows))
        report(walk->check, block, list, "scan code",
               "the scan code in slot %u is not that of row (%u,%u)", slot, row_block,
               tid.ip_posid);
    if (!is_fine_code(walk, slot))
        report(walk->check, block, list, "fine code",
               "the fine code of slot %u is not that of row (%u,%u)", slot, row_block,
               tid.ip_posid);
    const int wrong = wrong_filter(walk, group, slot % kGroupRows);
    if (wrong >= 0)
        report(walk->check, block, list, "filter value",
               "the value of column %d in slot %u is not that of row (%u,%u)", wrong + 2, slot,
               row_block, tid.ip_posid);
}

void
check_codes(Walk *walk, BlockNumber block, uint32 list, uint32 slot)
{
    const ItemPointerData tid = page::tids(walk->meta.page, walk->page)[slot];
    TableRow row;
    if (!fetch_row(walk->check->rows, tid, &row))
        return;
    CHECK_FOR_INTERRUPTS();
    MemoryContext previous = MemoryContextSwitchTo(row.scratch);
    const bool belongs = row.values != nullptr && !row.isnull[0] && can_index(walk, row.values[0]);
    const bool comparable = belongs && read_centre(walk, list);
    if (comparable) {
        ivfrabitq::encode_row(&walk->encoder, walk->row, walk->centre, walk->scale, walk->expected);
        ivfrabitq::store_filter_values(walk->check->index, walk->meta, row.values, row.isnull,
                                       walk->expected);
    }
    MemoryContextSwitchTo(previous);
    if (!belongs)
        report(walk->check, block, list, "row",
               "row (%u,%u) in slot %u does not belong into the index",
               ItemPointerGetBlockNumberNoCheck(&tid), tid.ip_posid, slot);
    if (comparable)
        compare(walk, block, list, slot, tid);
}

} // namespace vx::check::rabitq
