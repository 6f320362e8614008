// SPDX-License-Identifier: PostgreSQL
//
// Filter columns during a scan: which rows of a page's groups pass.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/filter.hpp"

extern "C" {
#include "port/pg_bitutils.h"
}

#include "index/ivfrabitq/filter_program.hpp"
#include "kernel/filter.hpp"

namespace vx::ivfrabitq
{

constexpr uint32 kMaxGroups = 256; // of a page; ScanPage counts them in a byte

static void
keep_range(const ColumnFilter &filter, const kernel::ValueRun &run, const Interval &range,
           uint32 *masks)
{
    const kernel::FilterKernels &kernels = kernel::filter_kernels();
    const int64 low = key_integer(range.low);
    const int64 high = key_integer(range.high);
    switch (filter.column.width) {
    case 1:
        return kernels.range_1(run, static_cast<int8>(low), static_cast<int8>(high), masks);
    case 2:
        return kernels.range_2(run, static_cast<int16>(low), static_cast<int16>(high), masks);
    case 4:
        return kernels.range_4(run, static_cast<int32>(low), static_cast<int32>(high), masks);
    case 8:
        return kernels.range_8(run, low, high, masks);
    default:
        uint8 low_bytes[16], high_bytes[16];
        key_bytes(range.low, low_bytes);
        key_bytes(range.high, high_bytes);
        return kernels.range_16(run, low_bytes, high_bytes, masks);
    }
}

static void
keep_few_ranges(const ColumnFilter &filter, const kernel::ValueRun &run, uint32 *masks)
{
    uint32 kept[kMaxGroups], one[kMaxGroups];
    memset(kept, 0, run.count * sizeof(uint32));
    for (uint32 i = 0; i < filter.count; i++) {
        memcpy(one, masks, run.count * sizeof(uint32));
        keep_range(filter, run, filter.intervals[i], one);
        for (uint32 g = 0; g < run.count; g++)
            kept[g] |= one[g];
    }
    memcpy(masks, kept, run.count * sizeof(uint32));
}

template <class T>
static Key
load_integer(const uint8 *value)
{
    T result;
    memcpy(&result, value, sizeof(result));
    return integer_key(result);
}

static Key
load_key(const uint8 *value, uint32 width)
{
    switch (width) {
    case 1:
        return load_integer<int8>(value);
    case 2:
        return load_integer<int16>(value);
    case 4:
        return load_integer<int32>(value);
    case 8:
        return load_integer<int64>(value);
    default:
        return bytes_key(value);
    }
}

static void
keep_looked_up(const ColumnFilter &filter, const kernel::ValueRun &run, uint32 *masks)
{
    const uint32 width = filter.column.width;
    keep_range(filter, run, {filter.intervals[0].low, filter.intervals[filter.count - 1].high},
               masks);
    for (uint32 g = 0; g < run.count; g++) {
        const uint8 *values = run.values + static_cast<Size>(g) * run.stride;
        for (uint32 left = masks[g]; left != 0; left &= left - 1) {
            const auto slot = static_cast<uint32>(pg_rightmost_one_pos32(left));
            if (!filter.lookup.contains(load_key(values + slot * width, width)))
                masks[g] &= ~(1U << slot);
        }
    }
}

static void
keep_nulls(const ColumnFilter &filter, const Meta &meta, const uint8 *groups, uint32 count,
           uint32 *masks)
{
    const uint8 *group = groups + filter.column.nulls_offset;
    for (uint32 g = 0; g < count; g++, group += meta.page.group_bytes) {
        uint32 nulls;
        memcpy(&nulls, group, sizeof(nulls));
        masks[g] &= filter.want_null ? nulls : ~nulls;
    }
}

uint32
filter_masks(const FilterProgram *program, const Meta &meta, const uint8 *first_group, uint32 count,
             uint32 *masks)
{
    memset(masks, 0xff, count * sizeof(uint32));
    for (uint32 i = 0; i < program->count; i++) {
        const ColumnFilter &filter = program->filters[i];
        keep_nulls(filter, meta, first_group, count, masks);
        if (filter.want_null || filter.any_value)
            continue;
        const kernel::ValueRun run = {first_group + filter.column.values_offset,
                                      meta.page.group_bytes, count};
        if (filter.count == 1)
            keep_range(filter, run, filter.intervals[0], masks);
        else if (filter.count <= kFewIntervals)
            keep_few_ranges(filter, run, masks);
        else
            keep_looked_up(filter, run, masks);
    }
    return static_cast<uint32>(pg_popcount(reinterpret_cast<const char *>(masks),
                                           static_cast<int>(count * sizeof(uint32))));
}

} // namespace vx::ivfrabitq
