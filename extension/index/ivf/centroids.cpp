// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivf/centroids.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/bufmgr.h"
}

namespace vx::ivf
{

static uint32
page_distances(Relation index, const Meta &meta, BlockNumber block, uint32 first_list,
               const float *vector, float *out)
{
    const uint32 expected = Min(meta.page.centroids_per_page, meta.page.lists - first_list);

    Buffer buffer = read_page(index, block);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(buffer);
    const auto *header = page::content<page::CentroidPage>(page);
    if (!page::has_kind(page, page::Kind::centroids) || header->first_list != first_list ||
        header->count != expected)
        report_corrupted(index, block, "not the centroid page expected here");
    const auto *centroids = reinterpret_cast<const float *>(page + page::kCentroidsOffset);
    index::batch_distance(meta.metric())(vector, centroids, meta.page.dimensions, expected,
                                         meta.page.dimensions, out);
    UnlockReleaseBuffer(buffer);
    return expected;
}

void
list_distances(Relation index, const Meta &meta, const float *vector, float *out)
{
    uint32 list = 0;
    for (uint32 i = 0; i < meta.page.centroid_pages; i++) {
        CHECK_FOR_INTERRUPTS();
        list +=
            page_distances(index, meta, meta.page.first_centroids + i, list, vector, out + list);
    }
    if (index::is_similarity(meta.metric()))
        for (uint32 i = 0; i < meta.page.lists; i++)
            out[i] = -out[i];
}

uint32
nearest_list(Relation index, const Meta &meta, const float *vector)
{
    auto *distances = static_cast<float *>(palloc(meta.page.lists * sizeof(float)));
    list_distances(index, meta, vector, distances);
    uint32 nearest = 0;
    for (uint32 i = 1; i < meta.page.lists; i++)
        if (distances[i] < distances[nearest])
            nearest = i;
    pfree(distances);
    return nearest;
}

} // namespace vx::ivf
