// SPDX-License-Identifier: PostgreSQL
//
// index_stats(): one row about an index. It reads all pages.
#include "pg/postgres.hpp"

#include "check/describe.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
}

#include "pg/entry.hpp"

#include <algorithm>
#include <cmath>

namespace vx::check
{

/// Sums over all pages.
struct Sums {
    int64 pages[kUses];
    int64 empty_pages; // with room for rows, and none
    int64 rows;
    int64 emptied;
    int64 never_used;
    int64 retired_rows; // of lists that no new scan reads
    uint64 *list_rows;  // by place
    uint64 *list_pages;
};

static uint64 *
zeroed(uint32 count)
{
    return static_cast<uint64 *>(
        palloc_extended((Size{count} + 1) * sizeof(uint64), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
}

static void
add_share(const Description &description, Sums *sums, const Share &share)
{
    if (!is_list(description, share.list)) {
        sums->retired_rows += share.rows;
        return;
    }
    sums->rows += share.rows;
    sums->emptied += share.emptied;
    sums->never_used += share.slots - share.rows - share.emptied;
    sums->list_rows[share.list] += share.rows;
    sums->list_pages[share.list]++;
}

static Sums
add_up(Description *description)
{
    Sums sums = {};
    sums.list_rows = zeroed(description->places);
    sums.list_pages = zeroed(description->places);
    PageFacts facts;
    for (BlockNumber block = 0; block < description->blocks; block++) {
        describe_page(description, block, &facts);
        sums.pages[static_cast<uint32>(facts.use)]++;
        uint32 rows = 0;
        for (uint32 i = 0; i < facts.shares; i++) {
            add_share(*description, &sums, facts.share[i]);
            rows += facts.share[i].rows;
        }
        sums.empty_pages += facts.use == Use::rows && rows == 0;
    }
    return sums;
}

/// Keeps the numbers of places that are lists, in order. Returns how many.
static uint32
sort_lists(const Description &description, uint64 *numbers)
{
    uint32 count = 0;
    for (uint32 i = 0; i < description.places; i++)
        if (description.is_list[i])
            numbers[count++] = numbers[i];
    std::sort(numbers, numbers + count);
    return count;
}

static double
mean(const uint64 *numbers, uint32 count)
{
    double sum = 0;
    for (uint32 i = 0; i < count; i++)
        sum += static_cast<double>(numbers[i]);
    return std::round(sum / count * 100) / 100;
}

/// The smallest number that this share of them does not exceed.
static int64
percentile(const uint64 *sorted, uint32 count, double share)
{
    const auto rank = static_cast<uint32>(std::ceil(share * count));
    return static_cast<int64>(sorted[Max(rank, 1U) - 1]);
}

static const char *
name_of(index::Metric metric)
{
    switch (metric) {
    case index::Metric::l2:
        return "l2";
    case index::Metric::inner_product:
        return "inner_product";
    case index::Metric::cosine:
        return "cosine";
    }
    return "unknown";
}

/// The columns, one after the other.
struct Row {
    static constexpr int kMost = 64;
    int columns;
    Datum values[kMost];
    bool nulls[kMost];

    void put(Datum value, bool isnull = false)
    {
        values[columns] = value;
        nulls[columns++] = isnull;
    }

    void put_text(const char *text) { put(CStringGetTextDatum(text)); }

    void put_number(int64 number) { put(Int64GetDatum(number), number == kNone); }
};

static void
put_lists(Row *row, const Description &description, Sums *sums)
{
    const uint32 lists = sort_lists(description, sums->list_rows);
    sort_lists(description, sums->list_pages);
    const uint64 *rows = sums->list_rows;
    row->put_number(lists);
    row->put_number(description.capacity);
    row->put_number(std::upper_bound(rows, rows + lists, uint64{0}) - rows);
    row->put_number(description.frozen);
    row->put_number(description.retired);
    const bool none = lists == 0;
    row->put(Int64GetDatum(percentile(rows, lists, 0)), none);
    row->put(Float8GetDatum(none ? 0 : mean(rows, lists)), none);
    row->put(Int64GetDatum(percentile(rows, lists, 0.5)), none);
    row->put(Int64GetDatum(percentile(rows, lists, 0.9)), none);
    row->put(Int64GetDatum(percentile(rows, lists, 0.99)), none);
    row->put(Int64GetDatum(percentile(rows, lists, 1)), none);
    row->put(Float8GetDatum(none ? 0 : mean(sums->list_pages, lists)), none);
    row->put(Int64GetDatum(percentile(sums->list_pages, lists, 1)), none);
}

static void
fill_row(Row *row, Description *description)
{
    Sums sums = add_up(description);
    row->put_text(description->method);
    row->put(Int32GetDatum(static_cast<int32>(description->version)));
    row->put(Int32GetDatum(static_cast<int32>(description->dimensions)));
    row->put_text(name_of(description->metric));
    row->put_number(int64{description->blocks} * BLCKSZ);
    row->put_number(description->blocks);
    for (const int64 pages : sums.pages)
        row->put_number(pages);
    row->put_number(sums.empty_pages);
    row->put_number(sums.rows);
    row->put_number(sums.emptied);
    row->put_number(sums.never_used);
    row->put_number(sums.retired_rows);
    put_lists(row, *description, &sums);
    row->put_number(description->structure);
    row->put_number(description->rows_at_build);
    row->put_number(description->queries);
    row->put_number(description->lists_at_calibration);
}

} // namespace vx::check

VX_FUNCTION(index_stats)
{
    using namespace vx::check;
    TupleDesc descriptor;
    if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    Target target;
    if (!open_target(PG_GETARG_OID(0), &target))
        PG_RETURN_NULL();
    Row row = {};
    fill_row(&row, open_description(target));
    close_target(target);
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), row.values, row.nulls));
}
