// SPDX-License-Identifier: PostgreSQL
//
// A record's bytes taken apart as PostgreSQL's reader does: what it refuses, redo never sees. Every
// part that redo may read lies in memory of its exact size, so that the address sanitizer notices a
// read beyond it.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/xlogreader.h"
}

#include "record.hpp"

#include <memory>

namespace vx::fuzz
{

/// A record as redo gets it.
class Decoded
{
  public:
    /// False: the reader refuses it, and the log ends before it.
    bool decode(const Bytes &bytes);

    XLogReaderState *reader() { return &reader_; }

    const DecodedBkpBlock &block(int id) const { return decoded_->blocks[id]; }

    int blocks() const { return decoded_->max_block_id + 1; }

  private:
    struct Cursor;

    bool decode_headers(Cursor *cursor);
    bool decode_block(Cursor *cursor, uint8 id);
    void take_data(Cursor *cursor);
    char *keep(Cursor *cursor, std::size_t bytes);

    XLogReaderState reader_ = {};
    std::unique_ptr<std::uint8_t[]> memory_; // of *decoded_
    DecodedXLogRecord *decoded_ = nullptr;
    std::vector<std::unique_ptr<char[]>> parts_;
};

} // namespace vx::fuzz
