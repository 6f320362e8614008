// SPDX-License-Identifier: PostgreSQL
//
// Stage 2 of a search: lists in the order of their distance, as many as are asked for.
//
// Where lists are few, the distances of all are computed. Where they are many
// (has_block_centres()), those of the lists in the nearest blocks of places; if the walk wants more
// lists than these blocks are likely to have in order, more blocks. Lists of theirs that belong
// before some that the walk has had come next. With recall_target = 1 all are compared.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/lists.hpp"
#include "index/ivfrabitq/search.hpp"

#include <algorithm>

namespace vx::ivfrabitq
{

constexpr auto kPlaces = static_cast<uint32>(kernel::kBlockCentroids);

/// Distances of all lists: `blocks` is not used.
static void
rank_all(Search *search)
{
    const bool separate = search->squared != search->g;
    list_distances(search->index, search->meta, search->plane, nullptr, list_blocks(search->meta),
                   search->g, separate ? search->squared : nullptr);
    kernel::begin_list_order(search->g, search->meta.page.lists, search->order.order,
                             &search->order);
}

/// Compares with the lists of the nearest `wanted` blocks, as far as that has not been done.
static void
widen(Search *search, uint32 wanted)
{
    const uint32 known = search->known_blocks;
    if (wanted <= known)
        return;
    kernel::more_lists(&search->block_order, wanted);
    uint32 *added = search->blocks + known;
    const uint32 *order = search->block_order.order;
    std::copy(order + known, order + wanted, added);
    std::sort(added, search->blocks + wanted); // pages are read in their order
    float *g = search->g + Size{known} * kPlaces;
    float *squared = search->squared + Size{known} * kPlaces;
    list_distances(search->index, search->meta, search->plane, added, wanted - known, g,
                   search->squared != search->g ? squared : nullptr);
    search->known_blocks = wanted;
    kernel::add_lists(&search->order, wanted * kPlaces);
}

/// Blocks for that many lists.
static uint32
blocks_for(const Search &search, uint32 lists)
{
    const uint32 all = list_blocks(search.meta);
    const uint32 chosen = beam(search.meta, lists);
    return chosen < all ? Min(chosen + search.blocks_without_centre, all) : all;
}

/// Puts the blocks in order; no list is known yet.
static void
begin_choosing(Search *search)
{
    search->blocks_without_centre = block_distances(search->index, search->meta, search->plane,
                                                    search->block_g, search->block_squared);
    kernel::begin_list_order(search->block_g, list_blocks(search->meta), search->block_order.order,
                             &search->block_order);
    kernel::begin_list_order(search->g, 0, search->order.order, &search->order);
    search->known_blocks = 0;
}

void
rank_lists(Search *search, uint32 expected)
{
    const uint32 lists = Min(expected, search->meta.page.lists);
    search->choosing = !search->exact && beam(search->meta, lists) < list_blocks(search->meta);
    if (search->choosing)
        begin_choosing(search);
    else
        rank_all(search);
    rank_more(search, lists);
}

uint32
rank_more(Search *search, uint32 wanted)
{
    const uint32 all = list_blocks(search->meta);
    if (search->choosing)
        widen(search, blocks_for(*search, wanted));
    const uint32 found = kernel::more_lists(&search->order, wanted);
    if (found >= wanted || !search->choosing || search->known_blocks == all)
        return found;
    widen(search, all);
    return kernel::more_lists(&search->order, wanted);
}

} // namespace vx::ivfrabitq
