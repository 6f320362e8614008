// SPDX-License-Identifier: PostgreSQL
//
// Candidates: collects (distance, heap tid) pairs and gives them back nearest first, ties by tid.
//
// A query wants k of the n rows it looked at, and the access method does not know k. So the order
// is made lazily. While rows come in, a small *near* part holds the nearest ones; full, it is cut
// by selection to kNearTarget. Everything beyond the cut goes to the *far* part: one comparison,
// one store, no order. pop() takes from a heap made of the near part; only when that is used up,
// the far part becomes a heap in its turn. n candidates and k results cost O(n + k log k), and O(n)
// once more if k exceeds kNearTarget.
//
// Memory is bounded: when the far part may not grow any more, the owner calls forget_farthest(),
// after which lost_some() holds. The owner can then, when pop() has no more, collect the same rows
// again: resume_after_last() refuses what has been popped already, so the next ones come out, in
// exact order, and nothing is ever written to a temporary file.
//
// Pure C++ over memory that the owner provides: nothing here allocates or raises.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace vx::index
{

struct Candidate {
    float distance;
    std::uint32_t block;
    std::uint16_t offset;
    std::uint16_t unused;
};

static_assert(sizeof(Candidate) == 12);

inline bool
operator<(const Candidate &a, const Candidate &b) noexcept
{
    if (a.distance != b.distance)
        return a.distance < b.distance;
    if (a.block != b.block)
        return a.block < b.block;
    return a.offset < b.offset;
}

class Candidates
{
  public:
    static constexpr std::size_t kNearTarget = 256;
    static constexpr std::size_t kNearCapacity = 2 * kNearTarget;
    static constexpr std::size_t kMinFarCapacity = 16 * kNearTarget; // several pages of rows

    /// REQUIRES: near has room for kNearCapacity pairs.
    void initialise(Candidate *near, Candidate *far, std::size_t far_capacity) noexcept
    {
        near_ = near;
        set_far(far, far_capacity);
        restart();
    }

    /// The far part moved or grew (its contents too).
    void set_far(Candidate *far, std::size_t capacity) noexcept
    {
        far_ = far;
        far_capacity_ = capacity;
    }

    Candidate *far() const noexcept { return far_; }

    std::size_t far_capacity() const noexcept { return far_capacity_; }

    /// Empties it, for new rows.
    void restart() noexcept
    {
        floor_ = kLowest;
        clear();
    }

    /// Empties it, for the same rows again: what was popped is refused from now on.
    void resume_after_last() noexcept
    {
        floor_ = last_;
        clear();
    }

    /// REQUIRES before add(): room for that many more pairs.
    bool has_room(std::size_t rows) const noexcept
    {
        return far_count_ + rows + kNearTarget <= far_capacity_;
    }

    /// Makes room by giving up the farther half of the far part.
    void forget_farthest() noexcept
    {
        Candidate *middle = far_ + far_count_ / 2;
        std::nth_element(far_, middle, far_ + far_count_);
        ceiling_ = *middle;
        far_count_ /= 2;
        lost_some_ = true;
    }

    void add(float distance, std::uint32_t block, std::uint16_t offset) noexcept
    {
        if (!(distance <= kFarthest)) // NaN: an overflow cancelled another; beyond everything
            distance = kFarthest;
        const Candidate candidate{distance, block, offset, 0};
        if (candidate < near_limit_) {
            if (floor_ < candidate) {
                near_[near_count_++] = candidate;
                if (near_count_ == kNearCapacity)
                    cut_near();
            }
        } else if (candidate < ceiling_) {
            if (floor_ < candidate)
                far_[far_count_++] = candidate;
        } else {
            lost_some_ = true;
        }
    }

    /// The next nearest. False when none is left (see lost_some()).
    bool pop(Candidate *out) noexcept
    {
        if (!ordered_) {
            heap_ = near_;
            heap_count_ = near_count_;
            std::make_heap(heap_, heap_ + heap_count_, farther);
            ordered_ = true;
        }
        if (heap_count_ == 0) {
            heap_ = far_;
            heap_count_ = far_count_;
            far_count_ = 0;
            std::make_heap(heap_, heap_ + heap_count_, farther);
        }
        if (heap_count_ == 0)
            return false;
        std::pop_heap(heap_, heap_ + heap_count_, farther);
        last_ = *out = heap_[--heap_count_];
        return true;
    }

    /// Rows were refused for want of memory.
    bool lost_some() const noexcept { return lost_some_; }

  private:
    static constexpr float kFarthest = std::numeric_limits<float>::infinity();
    static constexpr Candidate kLowest{-kFarthest, 0, 0, 0}; // offsets of heap tids start at 1
    static constexpr Candidate kHighest{kFarthest, UINT32_MAX, UINT16_MAX, 0};

    static bool farther(const Candidate &a, const Candidate &b) noexcept { return b < a; }

    void clear() noexcept
    {
        near_count_ = far_count_ = heap_count_ = 0;
        near_limit_ = ceiling_ = kHighest;
        last_ = floor_;
        ordered_ = lost_some_ = false;
    }

    void cut_near() noexcept
    {
        std::nth_element(near_, near_ + kNearTarget, near_ + kNearCapacity);
        near_limit_ = near_[kNearTarget];
        std::copy(near_ + kNearTarget, near_ + kNearCapacity, far_ + far_count_);
        far_count_ += kNearTarget;
        near_count_ = kNearTarget;
    }

    // Invariant: floor_ < near pairs < near_limit_ <= far pairs < ceiling_.
    Candidate floor_;
    Candidate near_limit_;
    Candidate ceiling_;
    Candidate last_; // popped last
    Candidate *near_;
    Candidate *far_;
    std::size_t near_count_;
    std::size_t far_count_;
    std::size_t far_capacity_;
    Candidate *heap_; // what pop() takes from: near, later far
    std::size_t heap_count_;
    bool ordered_;
    bool lost_some_;
};

} // namespace vx::index
