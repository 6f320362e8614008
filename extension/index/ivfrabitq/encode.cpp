// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/encode.hpp"

#include "index/common/rows.hpp"
#include "kernel/rotation.hpp"

#include <cmath>

namespace vx::ivfrabitq
{

void
make_encoder(const Meta *meta, const float *mean, Encoder *out)
{
    const Size padded = meta->page.padded;
    out->meta = meta;
    out->mean = mean;
    out->signs = static_cast<uint64 *>(palloc(kernel::rotation_words(padded) * sizeof(uint64)));
    out->row = static_cast<float *>(palloc(meta->page.dimensions * sizeof(float)));
    out->centre = static_cast<float *>(palloc(padded * sizeof(float)));
    kernel::make_rotation(meta->page.rotation_seed, padded, out->signs);
}

bool
prepare_row(Encoder *encoder, Datum value, float *out)
{
    const page::MetaPage &meta = encoder->meta->page;
    if (!index::make_row(value, static_cast<int32>(meta.dimensions),
                         encoder->meta->metric() == index::Metric::cosine, encoder->row))
        return false;
    kernel::rotate(encoder->row, meta.dimensions, encoder->signs, meta.padded, meta.scale, out);
    // the sum of so many numbers times zero is zero, unless one of them is not finite
    float wrong = 0;
    for (uint32 i = 0; i < meta.padded; i++) {
        out[i] -= encoder->mean[i];
        wrong += 0.0f * out[i];
    }
    return wrong == 0.0f;
}

void
encode_row(Encoder *encoder, const float *row, const int8 *codes, float scale, RowCode *out)
{
    const Meta &meta = *encoder->meta;
    kernel::dequantize_centroid(codes, scale, meta.page.padded, encoder->centre);
    kernel::encode(meta.shape(), meta.code_metric(), row, encoder->centre, scan_code(out),
                   fine_code(meta, out), &out->factors);
}

} // namespace vx::ivfrabitq
