// SPDX-License-Identifier: PostgreSQL
#include "bench/ann/offline_encode.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace bench
{

namespace k = vx::kernel;

namespace
{

void
read_centre(const OfflineIndex &index, std::size_t list, float *out)
{
    const std::size_t padded = index.shape.padded;
    const std::uint8_t *block =
        index.tiles + list / k::kBlockCentroids * k::tiles_per_block(padded) * k::kTileBytes;
    const std::size_t place = list % k::kBlockCentroids;
    std::vector<std::int8_t> codes(padded);
    float scale;
    std::memcpy(&scale, block + 4 * place, 4);
    for (std::size_t d = 0; d < padded; d++)
        codes[d] =
            std::int8_t(block[(k::kFactorTiles + d / 4) * k::kTileBytes + place * 4 + d % 4] - 128);
    k::dequantize_centroid(codes.data(), scale, padded, out);
}

/// What encoding measures on the way, to become kappa: the mean of the squared relative errors.
struct Errors {
    double scan = 0, fine = 0;
    std::size_t count = 0;
};

/// The part of |x|^2 that is across the residual, which is what makes estimates uncertain: the
/// estimate's standard deviation is |rescale| |q - c| sqrt(that / dimensions).
double
across(double x2, double residual2, double rescale)
{
    const double along = 2 / -rescale; // <r, x> / |r|^2
    return std::max(0.0, x2 - along * along * residual2);
}

class ListEncoder
{
  public:
    explicit ListEncoder(OfflineIndex *index)
        : index_(*index), centre_(index->shape.padded), row_(index->shape.padded),
          bits_(k::scan_code_bytes(index->shape)), fine_(k::fine_code_bytes(index->shape))
    {
    }

    void encode(std::size_t list, const std::uint32_t *rows)
    {
        read_centre(index_, list, centre_.data());
        const List &l = index_.lists[list];
        std::size_t done = 0;
        for (std::size_t s = 0; s < l.slices; s++) {
            const Slice &slice = index_.slices[l.first_slice + s];
            for (std::size_t i = 0; i < slice.groups * k::kGroupRows; i++, done++)
                put(slice, i, done < l.rows ? &rows[done] : nullptr);
        }
    }

    Errors errors;

  private:
    void put(const Slice &slice, std::size_t i, const std::uint32_t *row)
    {
        const std::size_t slot = i % k::kGroupRows;
        const std::size_t number = slice.first_group + i / k::kGroupRows;
        std::uint8_t *group = index_.scan_pages.page(slice.page) + index_.layout.groups_offset +
                              number * index_.layout.group_bytes;
        auto *add = reinterpret_cast<std::uint16_t *>(group + k::group_code_bytes(index_.shape));
        if (row == nullptr) {
            add[slot] = k::kNoRowAdd;
            return;
        }
        k::CodeFactors factors;
        index_.prepare(index_.data->row(*row), row_.data());
        k::encode(index_.shape, k::CodeMetric::l2, row_.data(), centre_.data(), bits_.data(),
                  fine_.data(), &factors);
        k::put_scan_code(index_.shape, group, slot, bits_.data());
        add[slot] = factors.scan_add;
        add[k::kGroupRows + slot] = factors.scan_rescale;
        const std::size_t place =
            std::size_t(slice.page) * index_.layout.rows_per_page() + number * k::kGroupRows + slot;
        std::uint8_t *record = index_.fine_record(place);
        std::memcpy(record, &factors.fine_add, 4);
        std::memcpy(record + 4, &factors.fine_rescale, 4);
        std::memcpy(record + 8, fine_.data(), fine_.size());
        index_.row_numbers[place] = *row;
        if (*row % 16 == 0)
            learn(factors);
    }

    void learn(const k::CodeFactors &factors)
    {
        const std::size_t n = index_.shape.padded, covered = index_.shape.scan_dimensions;
        double all2 = 0, covered2 = 0, x2 = 0;
        for (std::size_t i = 0; i < n; i++) {
            const double r = double(row_[i]) - centre_[i];
            const int nibble = i < n / 2 ? fine_[i] & 15 : fine_[i - n / 2] >> 4;
            const bool bit = i < covered && (bits_[i / 8] >> i % 8 & 1);
            const double x =
                index_.shape.fine_uses_scan_code() ? 16 * bit + nibble - 15.5 : nibble - 7.5;
            all2 += r * r;
            covered2 += i < covered ? r * r : 0;
            x2 += x * x;
        }
        const double rescale = k::float_from_half(factors.scan_rescale);
        if (all2 == 0 || rescale == 0)
            return;
        const double s = double(n) / double(covered);
        errors.scan += across(double(covered) / 4, covered2, rescale / s) / double(covered);
        errors.fine += across(x2, all2, factors.fine_rescale) / double(n);
        errors.count++;
    }

    OfflineIndex &index_;
    std::vector<float> centre_, row_;
    std::vector<std::uint8_t> bits_, fine_;
};

} // namespace

void
encode_offline(OfflineIndex *index, const Members &members, int threads)
{
    const auto count = std::size_t(threads);
    std::vector<Errors> errors(count);
    parallel(count, threads, [&](std::size_t first, std::size_t) {
        ListEncoder encoder(index);
        for (std::size_t l = first; l < index->list_count; l += count)
            encoder.encode(l, members.rows.data() + members.starts[l]);
        errors[first] = encoder.errors;
    });
    Errors sum;
    for (const Errors &e : errors) {
        sum.scan += e.scan;
        sum.fine += e.fine;
        sum.count += e.count;
    }
    const auto learnt = double(std::max<std::size_t>(1, sum.count));
    index->scan_kappa = float(std::sqrt(sum.scan / learnt));
    index->fine_kappa = float(std::sqrt(sum.fine / learnt));
}

} // namespace bench
