// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/spill.hpp"

#include <limits>

namespace vx::ivfrabitq
{

void
make_spill_chooser(uint32 padded, ReadCentre read_centre, const void *argument, SpillChooser *out)
{
    out->padded = padded;
    out->read_centre = read_centre;
    out->argument = argument;
    out->codes = static_cast<int8 *>(palloc(padded));
    out->centre = static_cast<float *>(palloc(padded * sizeof(float)));
    out->first_residual = static_cast<float *>(palloc(padded * sizeof(float)));
}

/// The residual of the row in the list, in chooser->centre.
static void
residual(SpillChooser *chooser, const float *row, int32 list)
{
    float scale;
    chooser->read_centre(chooser->argument, list, chooser->codes, &scale);
    kernel::dequantize_centroid(chooser->codes, scale, chooser->padded, chooser->centre);
    for (uint32 i = 0; i < chooser->padded; i++)
        chooser->centre[i] = row[i] - chooser->centre[i];
}

static float
product(const float *a, const float *b, uint32 n)
{
    return kernel::distance_kernels().inner_product(a, b, n);
}

SpillChoice
choose_second(SpillChooser *chooser, const float *row, const int32 *lists)
{
    const uint32 n = chooser->padded;
    residual(chooser, row, lists[0]);
    memcpy(chooser->first_residual, chooser->centre, n * sizeof(float));
    const float first = product(chooser->first_residual, chooser->first_residual, n);

    SpillChoice best = {-1, std::numeric_limits<float>::infinity()};
    for (uint32 i = 1; i < kSpillCandidates && lists[i] >= 0; i++) {
        residual(chooser, row, lists[i]);
        const float along = product(chooser->centre, chooser->first_residual, n);
        const float loss = product(chooser->centre, chooser->centre, n) + along * along / first;
        if (loss / first < best.ratio) // not for NaN: a row that is its centre needs no second list
            best = {lists[i], loss / first};
    }
    return best;
}

} // namespace vx::ivfrabitq
