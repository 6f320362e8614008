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

/// Pages pinned together: no more than PostgreSQL counts pins of without a hash table (8, of which
/// the walk and the executor have some).
constexpr uint32 kMostPinned = 4;

/// The pages of some pending rows, and what is in them. Neighbours in a list share a page.
struct FineBatch {
    Buffer buffers[kMostPinned];
    uint32 pinned;
    BlockNumber last;
    const uint8 *codes[kBatch];
    const Pending *rows[kBatch];
    uint32 count;
};

/// Estimates the rows of the batch, and lets its pages go.
static void
refine_batch(Search *search, FineBatch *batch)
{
    int32 dots[kBatch];
    kernel::rabitq_kernels().fine_dots(search->fine, batch->codes, batch->count, dots);
    for (uint32 i = 0; i < batch->count; i++)
        take_estimate(search, *batch->rows[i], batch->codes[i], dots[i]);
    for (uint32 i = 0; i < batch->pinned; i++)
        ReleaseBuffer(batch->buffers[i]);
    batch->pinned = batch->count = 0;
}

static Page
pin_fine_page(Search *search, BlockNumber block, FineBatch *batch)
{
    if (batch->pinned > 0 && batch->last == block)
        return BufferGetPage(batch->buffers[batch->pinned - 1]);
    if (batch->pinned == kMostPinned)
        refine_batch(search, batch);
    bool known; // then its kind, which is in another line of memory, is not looked at again
    const Buffer buffer = index::read_known_page(search->index, block, &known);
    batch->buffers[batch->pinned++] = buffer;
    batch->last = block;
    Page page = BufferGetPage(buffer);
    if (!known && !page::has_kind(page, page::Kind::fine))
        report_corrupted(search->index, block, "not a fine page");
    return page;
}

void
refine_pending(Search *search)
{
    FineBatch batch;
    batch.pinned = batch.count = 0;
    for (uint32 i = 0; i < search->pending_count; i++) {
        const Pending &pending = search->pending[i];
        if (!(pending.lower < search->threshold.value()))
            continue;
        const char *record = pin_fine_page(search, pending.block, &batch) + pending.offset;
        batch.codes[batch.count] = reinterpret_cast<const uint8 *>(record) + page::kFineFactorBytes;
        batch.rows[batch.count++] = &pending;
    }
    refine_batch(search, &batch);
    search->pending_count = 0;
}

} // namespace vx::ivfrabitq
