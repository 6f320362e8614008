// SPDX-License-Identifier: PostgreSQL
//
// A row as the index stores it, not yet in a group: one flat piece of memory, so that a build can
// sort it and an insert can place it.
//
//     RowCode | scan code | fine code | values of the filter columns, `width` bytes each
#pragma once

#include "index/ivfrabitq/meta.hpp"

namespace vx::ivfrabitq
{

struct RowCode {
    kernel::CodeFactors factors;
    ItemPointerData tid;
    uint8 nulls; // bit = filter column
    uint8 reserved;
};

static_assert(sizeof(RowCode) == 20 && std::is_trivially_copyable_v<RowCode>);

inline Size
row_code_bytes(const Meta &meta)
{
    return sizeof(RowCode) + meta.page.scan_dimensions / 8 + meta.page.padded / 2 +
           meta.filter_bytes();
}

inline uint8 *
scan_code(RowCode *row)
{
    return reinterpret_cast<uint8 *>(row + 1);
}

inline uint8 *
fine_code(const Meta &meta, RowCode *row)
{
    return scan_code(row) + meta.page.scan_dimensions / 8;
}

inline uint8 *
filter_values(const Meta &meta, RowCode *row)
{
    return fine_code(meta, row) + meta.page.padded / 2;
}

} // namespace vx::ivfrabitq
