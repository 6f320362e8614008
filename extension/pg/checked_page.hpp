// SPDX-License-Identifier: PostgreSQL
//
// In builds with sanitizers the index access methods read pages from copies, each in an allocation
// of its own: so what is read beyond a page is found, where in shared buffers it would be the next
// page. The order of things is that of the real page: a copy is what the page was when
// BufferGetPage() was called, and code that changes a page (always by a wal::PageEdit) asks for it
// again afterwards.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "storage/bufmgr.h"
}

namespace pg
{

/// A copy of the buffer's page. Valid until many more have been asked for.
Page checked_page(Buffer buffer);

} // namespace pg

#ifdef VECTOR_CHECKED_PAGES
#undef BufferGetPage
#define BufferGetPage(buffer) pg::checked_page(buffer)
#endif
