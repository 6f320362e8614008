// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/page_delta.hpp"

namespace vx::wal
{

static bool
copy_fragments(char *page, const char *fragments, uint32 length) noexcept
{
    uint32 position = 0;
    while (position < length) {
        uint16 offset;
        uint16 size;
        if (length - position < kFragmentHeaderBytes)
            return false;
        memcpy(&offset, fragments + position, sizeof(offset));
        memcpy(&size, fragments + position + sizeof(offset), sizeof(size));
        position += kFragmentHeaderBytes;
        if (offset < kFirstWritableByte || offset > BLCKSZ || size > BLCKSZ - offset ||
            size > length - position)
            return false;
        memcpy(page + offset, fragments + position, size);
        position += size;
    }
    return true;
}

bool
apply_page_delta(Page page, const PageDelta &delta) noexcept
{
    if (delta.initialise) {
        if (delta.special_size > kMaxSpecialBytes)
            return false;
        PageInit(page, BLCKSZ, delta.special_size);
    }

    auto *header = reinterpret_cast<PageHeader>(page);
    const uint16 old_lower = header->pd_lower;
    if (!copy_fragments(page, delta.fragments, delta.length))
        return false;
    if (header->pd_lower < SizeOfPageHeaderData || header->pd_lower > header->pd_upper ||
        header->pd_upper > header->pd_special || header->pd_special > BLCKSZ)
        return false;

    // The hole stays zero: full-page images leave it out, so its content would not survive replay.
    if (header->pd_lower < old_lower && old_lower <= header->pd_upper)
        memset(page + header->pd_lower, 0, old_lower - header->pd_lower);
    return true;
}

} // namespace vx::wal
