// SPDX-License-Identifier: PostgreSQL
//
// k-means over the rows of one list: some hundred rows for each of a few parts.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/split.hpp"

extern "C" {
#include "miscadmin.h"
}

#include <limits>

namespace vx::ivfrabitq
{

static float
distance(const float *a, const float *b, uint32 padded)
{
    return kernel::distance_kernels().l2_squared(a, b, padded);
}

uint32
nearest_part(const float *row, const float *centres, uint32 parts, uint32 padded)
{
    uint32 best = 0;
    float least = std::numeric_limits<float>::infinity();
    for (uint32 i = 0; i < parts; i++) {
        const float d = distance(row, centres + Size{i} * padded, padded);
        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

/// Spreads the first centres: each is the row farthest from those before it (Gonzalez, "Clustering
/// to minimize the maximum intercluster distance", TCS 38, 1985). Returns how many differ.
static uint32
seed(const float *rows, uint32 count, uint32 padded, uint32 parts, float *centres)
{
    auto *least = static_cast<float *>(palloc(count * sizeof(float)));
    for (uint32 i = 0; i < count; i++)
        least[i] = std::numeric_limits<float>::infinity();
    memcpy(centres, rows, padded * sizeof(float));
    for (uint32 part = 1; part < parts; part++) {
        CHECK_FOR_INTERRUPTS();
        uint32 far = 0;
        for (uint32 i = 0; i < count; i++) {
            const float d =
                distance(rows + Size{i} * padded, centres + Size{part - 1} * padded, padded);
            least[i] = Min(least[i], d);
            if (least[i] > least[far])
                far = i;
        }
        if (!(least[far] > 0))
            return part;
        memcpy(centres + Size{part} * padded, rows + Size{far} * padded, padded * sizeof(float));
    }
    return parts;
}

/// One iteration: every centre becomes the mean of the rows nearest to it.
static void
improve(const float *rows, uint32 count, uint32 padded, uint32 parts, float *centres, float *sums,
        uint32 *counts)
{
    memset(sums, 0, Size{parts} * padded * sizeof(float));
    memset(counts, 0, parts * sizeof(uint32));
    for (uint32 i = 0; i < count; i++) {
        CHECK_FOR_INTERRUPTS();
        const float *row = rows + Size{i} * padded;
        const uint32 part = nearest_part(row, centres, parts, padded);
        float *sum = sums + Size{part} * padded;
        for (uint32 k = 0; k < padded; k++)
            sum[k] += row[k];
        counts[part]++;
    }
    for (uint32 part = 0; part < parts; part++) {
        if (counts[part] == 0)
            continue; // stays where it was
        const float share = 1.0f / static_cast<float>(counts[part]);
        for (uint32 k = 0; k < padded; k++)
            centres[Size{part} * padded + k] = sums[Size{part} * padded + k] * share;
    }
}

uint32
cluster_rows(const float *rows, uint32 count, uint32 padded, uint32 parts, float *centroids)
{
    constexpr int kIterations = 10;
    if (count < 2)
        return count;
    parts = seed(rows, count, padded, Min(parts, count), centroids);
    auto *sums = static_cast<float *>(palloc(Size{parts} * padded * sizeof(float)));
    auto *counts = static_cast<uint32 *>(palloc(parts * sizeof(uint32)));
    for (int i = 0; i < kIterations && parts > 1; i++)
        improve(rows, count, padded, parts, centroids, sums, counts);
    return parts;
}

} // namespace vx::ivfrabitq
