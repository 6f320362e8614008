// SPDX-License-Identifier: PostgreSQL
//
// Packing lists into scan pages. A list's whole pages are its run; what is left over, less than a
// page, goes to a page that it shares with others, so that no list has more pages than it needs.
//
// The left-overs of a window of neighbouring lists are placed together, the largest first, each
// where it fits best (best fit decreasing; Johnson et al., "Worst-case performance bounds for
// simple one-dimensional packing algorithms", SIAM J. Comput. 3(4), 1974). The window bounds how
// many shared pages are unfinished when the rows come in the order of their lists; a page gets its
// number when the last of its lists is passed.
#pragma once

#include "kernel/rabitq.hpp"

#include <cstdint>

namespace vx::ivfrabitq
{

constexpr std::uint32_t kNoPage = 0xFFFFFFFF;

/// Shared pages with room that outlive their window: the roomiest. More would only be a help if all
/// lists left over nearly the same.
constexpr std::uint32_t kCarriedPages = 32;

struct PackedList {
    std::uint32_t run_start; // page, counted from the first scan page
    std::uint32_t run_pages;
    std::uint32_t shared;     // index of its shared page; kNoPage: none
    std::uint16_t groups;     // in the shared page
    std::uint8_t first_group; // there
    std::uint8_t slice;       // there
};

struct SharedPage {
    std::uint32_t page;
    std::uint32_t last_list;
    std::uint32_t next_open; // while packing: with as much room
    std::uint16_t groups_used;
    std::uint16_t slices;
};

/// The caller's memory: lists of each.
struct Packing {
    std::uint32_t lists;
    std::uint32_t groups_per_page; // 1 .. 255
    std::uint32_t window;          // lists, at least 1
    PackedList *packed;
    SharedPage *shared;
    std::uint32_t shared_count; // out
    std::uint64_t pages;        // out: runs and shared pages
};

namespace detail
{

constexpr std::uint32_t kMostGroups = 256;

/// Shared pages that still have room, by how many groups.
struct OpenPages {
    std::uint32_t head[kMostGroups];
};

inline std::uint32_t
groups_of(std::uint32_t rows) noexcept
{
    const auto per_group = static_cast<std::uint32_t>(kernel::kGroupRows);
    return rows / per_group + (rows % per_group != 0);
}

/// The fullest page with room for that many; a new one if there is none.
inline std::uint32_t
take_page(Packing *packing, OpenPages *open, std::uint32_t groups) noexcept
{
    for (std::uint32_t room = groups; room < packing->groups_per_page; room++) {
        const std::uint32_t found = open->head[room];
        if (found != kNoPage) {
            open->head[room] = packing->shared[found].next_open;
            return found;
        }
    }
    const std::uint32_t made = packing->shared_count++;
    packing->shared[made] = {kNoPage, 0, kNoPage, 0, 0};
    return made;
}

inline void
place_list(Packing *packing, OpenPages *open, std::uint32_t list) noexcept
{
    PackedList &entry = packing->packed[list];
    entry.shared = take_page(packing, open, entry.groups);
    SharedPage &page = packing->shared[entry.shared];
    page.groups_used = static_cast<std::uint16_t>(page.groups_used + entry.groups);
    if (page.last_list < list)
        page.last_list = list;
    const std::uint32_t room = packing->groups_per_page - page.groups_used;
    page.next_open = open->head[room];
    open->head[room] = entry.shared; // head[0] is never looked at
}

/// Forgets all open pages but the kCarriedPages roomiest.
inline void
close_pages(const Packing *packing, OpenPages *open) noexcept
{
    std::uint32_t kept = 0;
    for (std::uint32_t room = packing->groups_per_page - 1; room > 0; room--) {
        std::uint32_t *link = &open->head[room];
        while (*link != kNoPage && kept < kCarriedPages) {
            kept++;
            link = &packing->shared[*link].next_open;
        }
        *link = kNoPage;
    }
}

/// Places the left-overs of lists first .. end - 1, the largest first, in the order of the lists.
inline void
pack_window(Packing *packing, OpenPages *open, std::uint32_t first, std::uint32_t end) noexcept
{
    for (std::uint32_t groups = packing->groups_per_page - 1; groups > 0; groups--)
        for (std::uint32_t list = first; list < end; list++)
            if (packing->packed[list].groups == groups)
                place_list(packing, open, list);
    close_pages(packing, open);
}

/// Slices lie in a page in the order of their lists, as they are written.
inline void
number_slice(Packing *packing, PackedList *entry) noexcept
{
    SharedPage &page = packing->shared[entry->shared];
    if (page.slices == 0)
        page.groups_used = 0;
    entry->slice = static_cast<std::uint8_t>(page.slices++);
    entry->first_group = static_cast<std::uint8_t>(page.groups_used);
    page.groups_used = static_cast<std::uint16_t>(page.groups_used + entry->groups);
}

inline void
number_pages(Packing *packing) noexcept
{
    std::uint64_t page = 0; // beyond 2^32 the plan is refused
    for (std::uint32_t list = 0; list < packing->lists; list++) {
        PackedList &entry = packing->packed[list];
        entry.run_start = static_cast<std::uint32_t>(page);
        page += entry.run_pages;
        if (entry.shared == kNoPage)
            continue;
        number_slice(packing, &entry);
        if (packing->shared[entry.shared].last_list == list)
            packing->shared[entry.shared].page = static_cast<std::uint32_t>(page++);
    }
    packing->pages = page;
}

} // namespace detail

/// At any time no more than window + kCarriedPages shared pages are between their first and their
/// last list.
inline void
pack_lists(Packing *packing, const std::uint32_t *list_rows) noexcept
{
    packing->shared_count = 0;
    for (std::uint32_t list = 0; list < packing->lists; list++) {
        const std::uint32_t groups = detail::groups_of(list_rows[list]);
        packing->packed[list] = {
            0,       groups / packing->groups_per_page,
            kNoPage, static_cast<std::uint16_t>(groups % packing->groups_per_page),
            0,       0};
    }
    detail::OpenPages open;
    for (std::uint32_t &head : open.head)
        head = kNoPage;
    for (std::uint32_t first = 0; first < packing->lists; first += packing->window) {
        const std::uint32_t left = packing->lists - first;
        detail::pack_window(packing, &open, first,
                            first + (left < packing->window ? left : packing->window));
    }
    detail::number_pages(packing);
}

} // namespace vx::ivfrabitq
