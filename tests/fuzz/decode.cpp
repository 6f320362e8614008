// SPDX-License-Identifier: PostgreSQL
#include "decode.hpp"

extern "C" {
#include "access/xlogrecord.h"
}

namespace vx::fuzz
{

struct Decoded::Cursor {
    const std::uint8_t *at;
    std::size_t left;       // bytes of the record not yet read
    std::size_t data_bytes; // that the headers so far announce
    const RelFileNode *last_relation;

    template <class T> bool read(T *value)
    {
        if (left < sizeof(T))
            return false;
        memcpy(value, at, sizeof(T));
        at += sizeof(T);
        left -= sizeof(T);
        return true;
    }
};

static bool
is_image(const DecodedBkpBlock &block)
{
    const bool has_hole = (block.bimg_info & BKPIMAGE_HAS_HOLE) != 0;
    if (has_hole && (block.hole_offset == 0 || block.hole_length == 0 || block.bimg_len == BLCKSZ))
        return false;
    if (!has_hole && (block.hole_offset != 0 || block.hole_length != 0))
        return false;
    if (BKPIMAGE_COMPRESSED(block.bimg_info))
        return block.bimg_len < BLCKSZ;
    return has_hole || block.bimg_len == BLCKSZ;
}

bool
Decoded::decode_block(Cursor *cursor, uint8 id)
{
    if (id <= decoded_->max_block_id || id > XLR_MAX_BLOCK_ID)
        return false;
    DecodedBkpBlock &block = decoded_->blocks[id];
    decoded_->max_block_id = id;
    block.in_use = true;
    if (!cursor->read(&block.flags) || !cursor->read(&block.data_len))
        return false;
    block.has_image = (block.flags & BKPBLOCK_HAS_IMAGE) != 0;
    block.has_data = (block.flags & BKPBLOCK_HAS_DATA) != 0;
    if (block.has_data != (block.data_len > 0))
        return false;
    cursor->data_bytes += block.data_len;

    if (block.has_image) {
        if (!cursor->read(&block.bimg_len) || !cursor->read(&block.hole_offset) ||
            !cursor->read(&block.bimg_info))
            return false;
        block.apply_image = (block.bimg_info & BKPIMAGE_APPLY) != 0;
        if (!BKPIMAGE_COMPRESSED(block.bimg_info))
            block.hole_length = static_cast<uint16>(BLCKSZ - block.bimg_len);
        else if ((block.bimg_info & BKPIMAGE_HAS_HOLE) && !cursor->read(&block.hole_length))
            return false;
        if (!is_image(block))
            return false;
        cursor->data_bytes += block.bimg_len;
    }
    if (!(block.flags & BKPBLOCK_SAME_REL)) {
        if (!cursor->read(&block.rnode))
            return false;
        cursor->last_relation = &block.rnode;
    } else if (cursor->last_relation == nullptr) {
        return false;
    }
    block.rnode = *cursor->last_relation;
    return cursor->read(&block.blkno);
}

bool
Decoded::decode_headers(Cursor *cursor)
{
    while (cursor->left > cursor->data_bytes) {
        uint8 id;
        if (!cursor->read(&id))
            return false;
        if (id == XLR_BLOCK_ID_DATA_SHORT || id == XLR_BLOCK_ID_DATA_LONG) {
            uint8 short_length = 0;
            if (id == XLR_BLOCK_ID_DATA_SHORT ? !cursor->read(&short_length)
                                              : !cursor->read(&decoded_->main_data_len))
                return false;
            if (id == XLR_BLOCK_ID_DATA_SHORT)
                decoded_->main_data_len = short_length;
            cursor->data_bytes += decoded_->main_data_len;
            break; // always the last header
        }
        if (id == XLR_BLOCK_ID_ORIGIN) {
            if (!cursor->read(&decoded_->record_origin))
                return false;
        } else if (id == XLR_BLOCK_ID_TOPLEVEL_XID) {
            if (!cursor->read(&decoded_->toplevel_xid))
                return false;
        } else if (!decode_block(cursor, id)) {
            return false;
        }
    }
    return cursor->left == cursor->data_bytes;
}

char *
Decoded::keep(Cursor *cursor, std::size_t bytes)
{
    parts_.emplace_back(new char[bytes]);
    memcpy(parts_.back().get(), cursor->at, bytes);
    cursor->at += bytes;
    cursor->left -= bytes;
    return parts_.back().get();
}

/// REQUIRES: what is left is as long as the headers say.
void
Decoded::take_data(Cursor *cursor)
{
    for (int i = 0; i <= decoded_->max_block_id; i++) {
        DecodedBkpBlock &block = decoded_->blocks[i];
        if (block.has_image)
            block.bkp_image = keep(cursor, block.bimg_len);
        if (block.has_data)
            block.data = keep(cursor, block.data_len);
    }
    if (decoded_->main_data_len > 0)
        decoded_->main_data = keep(cursor, decoded_->main_data_len);
}

bool
Decoded::decode(const Bytes &bytes)
{
    const std::size_t size =
        offsetof(DecodedXLogRecord, blocks) + kMaxBlocks * sizeof(DecodedBkpBlock);
    memory_.reset(new std::uint8_t[size]());
    decoded_ = reinterpret_cast<DecodedXLogRecord *>(memory_.get());
    decoded_->max_block_id = -1;
    reader_.record = decoded_;
    reader_.EndRecPtr = 0x1000000;

    Cursor cursor = {bytes.data(), bytes.size(), 0, nullptr};
    static_assert(sizeof(XLogRecord) == kRecordHeaderBytes);
    if (!cursor.read(&decoded_->header) || decoded_->header.xl_tot_len != bytes.size())
        return false;
    if (!decode_headers(&cursor))
        return false;
    take_data(&cursor);
    return true;
}

} // namespace vx::fuzz
