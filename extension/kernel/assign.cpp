// SPDX-License-Identifier: PostgreSQL
//
// The part of assign_rows() that every instruction set shares: chunks of rows that stay in the
// second-level cache, all blocks of centroids past each, a block in the first-level cache while the
// rows of the chunk are multiplied with it (Goto, van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication", ACM TOMS 34(3), 2008).
#include "kernel/assign.hpp"

#include "kernel/centroid_tables.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace vx::kernel
{

namespace
{

constexpr std::size_t kChunkBytes = 32 * 1024; // of codes
constexpr std::size_t kRowMultiple = 12;       // of the rows that a kernel takes at a time
constexpr std::size_t kMostRows = 16 * kRowMultiple;

std::size_t
chunk_rows(std::size_t padded) noexcept
{
    const std::size_t rows = kChunkBytes / padded / kRowMultiple * kRowMultiple;
    return std::clamp(rows, kRowMultiple, kMostRows);
}

/// The workspace, cut in pieces.
struct Workspace {
    BestSlots *best;
    std::int8_t *codes;
    RowFactors *factors;

    Workspace(void *memory, std::size_t padded) noexcept
        : best(static_cast<BestSlots *>(memory)),
          codes(reinterpret_cast<std::int8_t *>(best + chunk_rows(padded))),
          factors(reinterpret_cast<RowFactors *>(codes + chunk_rows(padded) * padded))
    {
    }
};

/// Rows of less than that magnitude count as zero: the inverse of their scale could be infinite.
constexpr float kSmallestRow = 1e-30f;

/// |row|^2 is at most that, so that no sum of it and a score is NaN.
constexpr float kLargestNorm = 1e38f;

/// Of non-negative floats the order is that of their bits, and integers need no care for NaN: the
/// compiler makes vectors of this loop.
float
largest_magnitude(const float *row, std::size_t n) noexcept
{
    std::int32_t largest = 0;
    for (std::size_t i = 0; i < n; i++) {
        std::int32_t bits;
        std::memcpy(&bits, row + i, sizeof(bits));
        bits &= 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    float x;
    std::memcpy(&x, &largest, sizeof(x));
    return x;
}

void
quantize_row(const float *row, std::size_t padded, std::int8_t *codes, RowFactors *factors) noexcept
{
    const float largest = largest_magnitude(row, padded);
    if (largest < kSmallestRow) {
        std::memset(codes, 0, padded);
        *factors = {0, 0, 0};
        return;
    }
    // Adding 3 * 2^22 leaves a small number's nearest integer in the low bits: it needs no rounding
    // instruction, which the baseline lacks.
    constexpr float kRound = 12582912.0f;
    constexpr std::int32_t kRoundBits = 0x4b400000;
    const float inverse = 127.0f / largest;
    std::int32_t sum = 0;
    std::int32_t square = 0;
    for (std::size_t i = 0; i < padded; i++) {
        const float shifted = row[i] * inverse + kRound;
        std::int32_t code;
        std::memcpy(&code, &shifted, sizeof(code));
        code -= kRoundBits;
        codes[i] = std::int8_t(code);
        sum += code;
        square += code * code;
    }
    const float scale = largest / 127.0f;
    *factors = {scale, sum, std::min(scale * scale * float(square), kLargestNorm)};
}

struct Target {
    const std::uint8_t *blocks;
    std::size_t list_count;
    std::size_t nearest;
    std::int32_t *lists;
    float *distances;
};

void
take(const BestSlots &best, std::size_t slot, const RowFactors &factors, std::int32_t *list,
     float *distance) noexcept
{
    *list = best.list[slot];
    if (distance != nullptr)
        *distance = std::max(factors.norm2 + best.score[slot], 0.0f);
}

/// A row's results. Where every score is infinite, the first list stands for all.
void
take_row(const BestSlots &best, const RowFactors &factors, const Target &target,
         std::size_t row) noexcept
{
    std::int32_t *lists = target.lists + row * target.nearest;
    float *distances =
        target.distances != nullptr ? target.distances + row * target.nearest : nullptr;
    if (target.nearest == 1) {
        std::size_t least = 0;
        for (std::size_t slot = 1; slot < BestSlots::kSlots; slot++)
            if (best.score[slot] < best.score[least] ||
                (best.score[slot] == best.score[least] && best.list[slot] < best.list[least]))
                least = slot;
        take(best, least, factors, lists, distances);
    } else {
        for (std::size_t i = 0; i < target.nearest; i++)
            take(best, i, factors, lists + i, distances != nullptr ? distances + i : nullptr);
    }
    if (lists[0] < 0 && target.list_count > 0)
        lists[0] = 0;
}

void
assign_chunk(const AssignKernels &kernels, const AssignChunk &chunk, const Target &target) noexcept
{
    for (std::size_t r = 0; r < chunk.rows; r++)
        for (std::size_t slot = 0; slot < BestSlots::kSlots; slot++) {
            chunk.best[r].score[slot] = std::numeric_limits<float>::infinity();
            chunk.best[r].list[slot] = -1;
        }
    const std::size_t block_bytes = tiles_per_block(chunk.padded) * kTileBytes;
    for (std::size_t block = 0; block < centroid_blocks(target.list_count); block++)
        kernels.keep_nearest(chunk, target.blocks + block * block_bytes,
                             std::int32_t(block * kBlockCentroids));
    for (std::size_t r = 0; r < chunk.rows; r++)
        take_row(chunk.best[r], chunk.factors[r], target, r);
}

Target
advance(const Target &target, std::size_t row) noexcept
{
    Target next = target;
    next.lists += row * target.nearest;
    next.distances += target.distances != nullptr ? row * target.nearest : 0;
    return next;
}

void
assign_with(const AssignKernels &kernels, const float *rows, std::size_t count, std::size_t padded,
            const Target &target, void *memory) noexcept
{
    const Workspace work(memory, padded);
    for (std::size_t row = 0; row < count; row += chunk_rows(padded)) {
        const std::size_t now = std::min(chunk_rows(padded), count - row);
        for (std::size_t r = 0; r < now; r++)
            quantize_row(rows + (row + r) * padded, padded, work.codes + r * padded,
                         work.factors + r);
        assign_chunk(kernels, {work.codes, work.factors, now, padded, target.nearest, work.best},
                     advance(target, row));
    }
}

template <const AssignKernels &kKernels>
void
assign_on(const float *rows, std::size_t count, std::size_t padded, const std::uint8_t *blocks,
          std::size_t list_count, std::size_t nearest, void *workspace, std::int32_t *lists,
          float *distances) noexcept
{
    assign_with(kKernels, rows, count, padded, {blocks, list_count, nearest, lists, distances},
                workspace);
}

} // namespace

std::size_t
assign_workspace(std::size_t padded) noexcept
{
    const std::size_t row = sizeof(BestSlots) + padded + sizeof(RowFactors);
    return (chunk_rows(padded) * row + 63) / 64 * 64;
}

void
quantize_rows(const float *rows, std::size_t count, std::size_t padded, std::int8_t *codes,
              RowFactors *factors) noexcept
{
    for (std::size_t r = 0; r < count; r++)
        quantize_row(rows + r * padded, padded, codes + r * padded, factors + r);
}

void
assign_rows(const float *rows, std::size_t count, std::size_t padded, const std::uint8_t *blocks,
            std::size_t list_count, std::size_t nearest, void *workspace, std::int32_t *lists,
            float *distances) noexcept
{
    assign_with(assign_kernels(), rows, count, padded,
                {blocks, list_count, nearest, lists, distances}, workspace);
}

void
assign_codes(const std::int8_t *codes, const RowFactors *factors, std::size_t count,
             std::size_t padded, const std::uint8_t *blocks, std::size_t list_count,
             std::size_t nearest, void *workspace, std::int32_t *lists, float *distances) noexcept
{
    const Workspace work(workspace, padded);
    const Target target = {blocks, list_count, nearest, lists, distances};
    for (std::size_t row = 0; row < count; row += chunk_rows(padded)) {
        const std::size_t now = std::min(chunk_rows(padded), count - row);
        assign_chunk(assign_kernels(),
                     {codes + row * padded, factors + row, now, padded, nearest, work.best},
                     advance(target, row));
    }
}

AssignRows
assign_rows_for(Isa isa, bool vnni) noexcept
{
    if (centroid_kernels_for(isa, vnni) == nullptr)
        return nullptr;
    switch (isa) {
    case Isa::scalar:
        return assign_on<kScalarAssignKernels>;
    case Isa::avx2:
        return assign_on<kAvx2AssignKernels>;
    case Isa::avx512:
        if (vnni && has_vnni())
            return assign_on<kAvx512VnniAssignKernels>;
        return assign_on<kAvx512AssignKernels>;
    }
    return nullptr;
}

} // namespace vx::kernel
