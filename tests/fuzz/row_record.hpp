// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "record.hpp"

namespace vx::fuzz
{

struct RowRecord {
    Bytes main_data;
    bool new_fine_page; // before it was damaged
};

/// The main data of a vector/ROW record (wal_hooks/row.hpp).
RowRecord make_row(Random *random, bool damaged);

} // namespace vx::fuzz
