// SPDX-License-Identifier: PostgreSQL
//
// Refinement: the fine codes of the rows that the scan left over, in batches, so that the memory of
// one row is fetched while others are computed.
//
// Fine pages are read with a pin and without a lock: a record is written before its row can be
// seen, and a slot that is reused meanwhile belongs to a row that no snapshot of ours needs. A torn
// record costs at most a wrong estimate of a row that the rerank would drop.
#include "pg/postgres.hpp"

#include "index/common/index_cache.hpp"
#include "index/ivfrabitq/search.hpp"

extern "C" {
#include "storage/bufmgr.h"
}

#include <cmath>

namespace vx::ivfrabitq
{

void
add_pending(Search *search, BlockNumber block, uint32 record, const kernel::Survivor &survivor,
            const ItemPointerData &tid, float g, float spread)
{
    if (search->returned.contains(tid))
        return;
    const page::MetaPage &meta = search->meta.page;
    if (record >= meta.fine_per_page) {
        block += record / meta.fine_per_page;
        record %= meta.fine_per_page;
    }
    Pending *pending = &search->pending[search->pending_count++];
    pending->block = block;
    pending->offset = page::kFineOffset + record * meta.fine_bytes;
    pending->lower = survivor.lower;
    pending->ip = survivor.ip;
    pending->g = g;
    pending->spread = spread;
    pending->tid = tid;
    const char *page = index::expect_page(search->index, block);
    if (page != nullptr) {
        const char *bytes = page + pending->offset;
        __builtin_prefetch(page + page::kContentEnd); // its kind is checked
        for (uint32 byte = 0; byte < meta.fine_bytes; byte += page::kCacheLine)
            __builtin_prefetch(bytes + byte);
        __builtin_prefetch(bytes + meta.fine_bytes - 1);
    }
    if (search->pending_count == kBatch)
        refine_pending(search);
}

static void
take_estimate(Search *search, const Pending &pending, const uint8 *code, int32 dot)
{
    float factors[2];
    static_assert(sizeof(factors) == page::kFineFactorBytes);
    memcpy(factors, code - sizeof(factors), sizeof(factors));
    const float distance =
        kernel::fine_estimate(search->fine, dot, pending.ip, factors[0], factors[1], pending.g);
    const float deviation = std::fabs(factors[1]) * pending.spread;
    const float lower = distance - search->rerank * deviation;
    const float threshold = search->threshold.value();
    search->counts.refined++;
    if (!(lower < threshold))
        return;
    if (search->meta.page.spill_ratio > 0 && !search->met.add(pending.tid))
        return;
    search->threshold.show(distance + search->slack * deviation);
    search->estimates.add({lower, pending.tid}, search->threshold.value());
}

/// The pages of a batch, pinned together. Neighbours in a list share one.
struct FinePages {
    Buffer buffers[kBatch];
    uint32 count;
    BlockNumber last;
};

static Page
pin_fine_page(Search *search, BlockNumber block, FinePages *pages)
{
    if (pages->count == 0 || pages->last != block) {
        const Buffer buffer = read_page(search->index, block);
        pages->buffers[pages->count++] = buffer;
        pages->last = block;
        if (!page::has_kind(BufferGetPage(buffer), page::Kind::fine))
            report_corrupted(search->index, block, "not a fine page");
    }
    return BufferGetPage(pages->buffers[pages->count - 1]);
}

void
refine_pending(Search *search)
{
    const uint8 *codes[kBatch];
    uint32 chosen[kBatch];
    int32 dots[kBatch];
    uint32 count = 0;
    FinePages pages;
    pages.count = 0;
    const float threshold = search->threshold.value();
    for (uint32 i = 0; i < search->pending_count; i++) {
        const Pending &pending = search->pending[i];
        if (!(pending.lower < threshold))
            continue;
        const char *record = pin_fine_page(search, pending.block, &pages) + pending.offset;
        codes[count] = reinterpret_cast<const uint8 *>(record) + page::kFineFactorBytes;
        chosen[count++] = i;
    }
    kernel::rabitq_kernels().fine_dots(search->fine, codes, count, dots);
    for (uint32 i = 0; i < count; i++)
        take_estimate(search, search->pending[chosen[i]], codes[i], dots[i]);
    for (uint32 i = 0; i < pages.count; i++)
        ReleaseBuffer(pages.buffers[i]);
    search->pending_count = 0;
}

} // namespace vx::ivfrabitq
