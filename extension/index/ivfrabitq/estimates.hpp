// SPDX-License-Identifier: PostgreSQL
//
// What a search keeps of the rows it has estimated: the distance that the k-th nearest has at most
// (the threshold), and the rows that may be among the k nearest.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/itemptr.h"
#include "utils/memutils.h"
}

#include <algorithm>
#include <limits>

namespace vx::ivfrabitq
{

/// The k-th smallest of the numbers shown to it: a heap of k, the largest in front.
struct Threshold {
    float *heap;
    uint32 capacity; // floats allocated
    uint32 k;
    uint32 count;

    float value() const noexcept
    {
        return count < k ? std::numeric_limits<float>::infinity() : heap[0];
    }

    void show(float x)
    {
        if (count < k) {
            if (count == capacity)
                grow();
            heap[count++] = x;
            std::push_heap(heap, heap + count);
        } else if (x < heap[0]) {
            std::pop_heap(heap, heap + count);
            heap[count - 1] = x;
            std::push_heap(heap, heap + count);
        }
    }

    void restart(uint32 new_k) noexcept
    {
        k = new_k;
        count = 0;
    }

  private:
    void grow()
    {
        capacity *= 2;
        heap = static_cast<float *>(repalloc_huge(heap, capacity * sizeof(float)));
    }
};

/// A row whose distance is known up to the error of its fine code.
struct Estimate {
    float lower; // it is hardly nearer than that
    ItemPointerData tid;
};

static_assert(sizeof(Estimate) == 12);

/// Rows that were below the threshold when they came; compacted when the threshold has fallen.
struct Estimates {
    Estimate *rows;
    uint32 capacity;
    uint32 count;

    void add(const Estimate &estimate, float threshold)
    {
        if (count == capacity)
            make_room(threshold);
        rows[count++] = estimate;
    }

    /// Drops what is not below the threshold.
    void drop_above(float threshold) noexcept
    {
        count = static_cast<uint32>(
            std::remove_if(rows, rows + count,
                           [threshold](const Estimate &e) { return !(e.lower < threshold); }) -
            rows);
    }

  private:
    void make_room(float threshold)
    {
        drop_above(threshold);
        if (count > capacity / 2) {
            capacity *= 2;
            rows = static_cast<Estimate *>(
                repalloc_huge(rows, static_cast<Size>(capacity) * sizeof(Estimate)));
        }
    }
};

} // namespace vx::ivfrabitq
