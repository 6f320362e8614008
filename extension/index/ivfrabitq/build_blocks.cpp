// SPDX-License-Identifier: PostgreSQL
//
// Where lists are many: which of them share a block of 64 places. Searches choose whole blocks by
// their centres (rank.cpp), so lists of a block should lie near one another, and no list far from
// its block: k-means over the centroids, but no cluster has more members than a block has places.
// Members are taken where they would lose the most elsewhere; who finds the nearest blocks full
// goes to the nearest that is not. Blocks have a fifth of their places left, or too many lists
// would have to.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/build_state.hpp"

extern "C" {
#include "miscadmin.h"
}

#include "index/common/build_library.hpp"
#include "kernel/assign.hpp"
#include "kernel/distance.hpp"

#include <algorithm>
#include <limits>

namespace vx::ivfrabitq
{

constexpr uint64 kBlockSeed = 1234;
constexpr int kBlockIterations = 10;
constexpr int kBalancedIterations = 6;
constexpr auto kPlaces = static_cast<uint32>(kernel::kBlockCentroids);
constexpr auto kNearest = static_cast<uint32>(kernel::kMaxNearest); // blocks looked at per list
constexpr uint32 kBatch = 1024;
constexpr uint32 kNoBlock = 0xffffffff;

/// Lists on their way into blocks.
struct Blocks {
    const BuildState *build;
    uint32 lists;
    uint32 count;
    float *centres;   // count x padded
    Centroids coded;  // the same
    int32 *near;      // lists x kNearest
    float *distances; // the same
    uint32 *order;    // of lists
    uint32 *block_of; // of each list
    uint32 *members;  // of each block
};

static const float *
centroid(const Blocks &blocks, uint32 list)
{
    return blocks.build->centroids + Size{list} * blocks.build->padded();
}

static void *
allocate(Size count, Size size)
{
    return palloc_extended(mul_size(count, size), MCXT_ALLOC_HUGE);
}

static Blocks
begin_blocks(const BuildState *build)
{
    const uint32 padded = build->padded();
    Blocks blocks = {};
    blocks.build = build;
    blocks.lists = build->lists();
    blocks.count = plan_blocks_in_use(blocks.lists);
    blocks.centres = static_cast<float *>(allocate(Size{blocks.count} * padded, sizeof(float)));
    const uint32 capacity = TYPEALIGN(kPlaces, blocks.count);
    place_centroids(&blocks.coded, blocks.count, capacity, padded,
                    allocate(centroids_bytes(blocks.count, capacity, padded), 1));
    blocks.near = static_cast<int32 *>(allocate(Size{blocks.lists} * kNearest, sizeof(int32)));
    blocks.distances = static_cast<float *>(allocate(Size{blocks.lists} * kNearest, sizeof(float)));
    blocks.order = static_cast<uint32 *>(allocate(blocks.lists, sizeof(uint32)));
    blocks.block_of = static_cast<uint32 *>(allocate(blocks.lists, sizeof(uint32)));
    blocks.members = static_cast<uint32 *>(allocate(blocks.count, sizeof(uint32)));
    return blocks;
}

static void
cluster_centroids(Blocks *blocks)
{
    VxTrainRequest request = {};
    request.rows = blocks->build->centroids;
    request.row_count = blocks->lists;
    request.dim = static_cast<int32>(blocks->build->padded());
    request.list_count = static_cast<int32>(blocks->count);
    request.metric = VX_BUILD_L2;
    request.iterations = kBlockIterations;
    request.seed = kBlockSeed;
    request.approximate = VX_BUILD_CODES;
    request.threads = blocks->build->threads;
    request.centroids = blocks->centres;
    build_train(&request);
}

/// The nearest blocks of every list.
static void
measure_blocks(Blocks *blocks)
{
    quantize_centroids(blocks->centres, nullptr, &blocks->coded);
    RowAssigner assigner;
    make_assigner(&blocks->coded, kNearest, kBatch, &assigner);
    for (uint32 first = 0; first < blocks->lists; first += kBatch) {
        const uint32 count = Min(kBatch, blocks->lists - first);
        assign_batch(&assigner, centroid(*blocks, first), count);
        memcpy(blocks->near + Size{first} * kNearest, assigner.lists,
               Size{count} * kNearest * sizeof(int32));
        memcpy(blocks->distances + Size{first} * kNearest, assigner.distances,
               Size{count} * kNearest * sizeof(float));
    }
    free_assigner(&assigner);
}

/// The nearest block of all that has a place left.
static uint32
nearest_with_room(const Blocks &blocks, uint32 list)
{
    const Size padded = blocks.build->padded();
    uint32 best = kNoBlock;
    float least = 0;
    for (uint32 block = 0; block < blocks.count; block++) {
        if (blocks.members[block] >= kPlaces)
            continue;
        const float distance = kernel::distance_kernels().l2_squared(
            centroid(blocks, list), blocks.centres + block * padded, padded);
        if (best == kNoBlock || distance < least) {
            best = block;
            least = distance;
        }
    }
    return best;
}

static uint32
first_with_room(const Blocks &blocks, uint32 list)
{
    for (uint32 i = 0; i < kNearest; i++) {
        const int32 block = blocks.near[Size{list} * kNearest + i];
        if (block >= 0 && blocks.members[block] < kPlaces)
            return static_cast<uint32>(block);
    }
    return kNoBlock;
}

/// How much farther its second nearest block is than its nearest.
static float
loss(const Blocks &blocks, uint32 list)
{
    const float *distances = blocks.distances + Size{list} * kNearest;
    return distances[1] - distances[0];
}

static void
fill_blocks(Blocks *blocks)
{
    memset(blocks->members, 0, blocks->count * sizeof(uint32));
    for (uint32 list = 0; list < blocks->lists; list++)
        blocks->order[list] = list;
    std::sort(blocks->order, blocks->order + blocks->lists, [blocks](uint32 a, uint32 b) {
        const float loss_a = loss(*blocks, a);
        const float loss_b = loss(*blocks, b);
        return loss_a > loss_b || (loss_a == loss_b && a < b);
    });
    uint32 homeless = 0;
    for (uint32 i = 0; i < blocks->lists; i++) {
        const uint32 list = blocks->order[i];
        const uint32 block = blocks->block_of[list] = first_with_room(*blocks, list);
        if (block == kNoBlock)
            blocks->order[homeless++] = list;
        else
            blocks->members[block]++;
    }
    for (uint32 i = 0; i < homeless; i++) {
        CHECK_FOR_INTERRUPTS();
        const uint32 list = blocks->order[i];
        const uint32 block = blocks->block_of[list] = nearest_with_room(*blocks, list);
        blocks->members[block]++;
    }
}

/// Blocks without members keep their centres.
static void
average_blocks(Blocks *blocks)
{
    const Size padded = blocks->build->padded();
    for (uint32 block = 0; block < blocks->count; block++)
        if (blocks->members[block] > 0)
            memset(blocks->centres + block * padded, 0, padded * sizeof(float));
    for (uint32 list = 0; list < blocks->lists; list++) {
        const uint32 block = blocks->block_of[list];
        const float *from = centroid(*blocks, list);
        const float share = 1.0f / static_cast<float>(blocks->members[block]);
        float *to = blocks->centres + block * padded;
        for (Size i = 0; i < padded; i++)
            to[i] += share * from[i];
    }
}

static void
free_blocks(Blocks *blocks)
{
    pfree(blocks->centres);
    pfree(blocks->near);
    pfree(blocks->distances);
    pfree(blocks->order);
    pfree(blocks->block_of);
    pfree(blocks->members);
}

/// Moves the centroids to their places, those of a block in their order.
static void
move_centroids(BuildState *build, const Blocks &blocks)
{
    const Size padded = build->padded();
    const uint32 places = blocks.count * kPlaces;
    auto *moved = static_cast<float *>(allocate(places * padded, sizeof(float)));
    build->vacant = static_cast<bool *>(palloc(places));
    memset(build->vacant, true, places);
    memset(blocks.members, 0, blocks.count * sizeof(uint32));
    for (uint32 list = 0; list < blocks.lists; list++) {
        const uint32 block = blocks.block_of[list];
        const uint32 place = block * kPlaces + blocks.members[block]++;
        memcpy(moved + place * padded, centroid(blocks, list), padded * sizeof(float));
        build->vacant[place] = false;
    }
    for (uint32 place = 0; place < places; place++)
        if (build->vacant[place])
            memset(moved + place * padded, 0, padded * sizeof(float));
    pfree(build->centroids);
    build->centroids = moved;
    build->meta.page.lists = places;
}

void
place_lists(BuildState *build)
{
    Blocks blocks = begin_blocks(build);
    if (build->sample_count == 0) { // random ones
        for (uint32 list = 0; list < blocks.lists; list++)
            blocks.block_of[list] = list / kListsPerBlock;
    } else {
        cluster_centroids(&blocks);
        for (int i = 0; i < kBalancedIterations; i++) {
            measure_blocks(&blocks);
            fill_blocks(&blocks);
            average_blocks(&blocks);
        }
    }
    move_centroids(build, blocks);
    free_blocks(&blocks);
}

/// The mean of a block's lists. False: it has none.
static bool
average_block(const BuildState *build, uint32 block, float *centre, float *scratch)
{
    const uint32 padded = build->padded();
    uint32 members = 0;
    memset(centre, 0, padded * sizeof(float));
    for (uint32 place = block * kPlaces; place < (block + 1) * kPlaces; place++) {
        if (build->vacant[place])
            continue;
        members++;
        kernel::dequantize_centroid(centroid_codes(build->centres, static_cast<int32>(place)),
                                    build->centres.scales[place], padded, scratch);
        for (uint32 i = 0; i < padded; i++)
            centre[i] += scratch[i];
    }
    for (uint32 i = 0; i < padded; i++)
        centre[i] /= static_cast<float>(Max(members, 1U));
    return members > 0;
}

void
make_block_centres(BuildState *build)
{
    const uint32 padded = build->padded();
    const Size count = kernel::centroid_blocks(build->centres.capacity / kPlaces);
    const Size bytes = mul_size(count, kernel::tiles_per_block(padded) * kernel::kTileBytes);
    build->block_centres = static_cast<uint8 *>(allocate(bytes, 1));
    kernel::clear_centroids(build->block_centres, count, padded);
    auto *centre = static_cast<float *>(palloc(padded * sizeof(float)));
    auto *scratch = static_cast<float *>(palloc(padded * sizeof(float)));
    auto *codes = static_cast<int8 *>(palloc(padded));
    for (uint32 block = 0; block < build->lists() / kPlaces; block++) {
        CHECK_FOR_INTERRUPTS();
        if (!average_block(build, block, centre, scratch))
            continue;
        kernel::CentroidFactors factors;
        factors.scale = kernel::quantize_centroid(centre, padded, codes, &factors.norm2);
        kernel::put_centroid(block, padded, codes, factors, [build](Size tile) {
            return build->block_centres + tile * kernel::kTileBytes;
        });
    }
    pfree(centre);
    pfree(scratch);
    pfree(codes);
}

} // namespace vx::ivfrabitq
