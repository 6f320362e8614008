// SPDX-License-Identifier: PostgreSQL
//
// Damage: what bad memory, a bad disk and a bad program make of a WAL record.
#pragma once

#include "record.hpp"

namespace vx::fuzz
{

/// Changes the bytes in one to four ways; `other` lends some to splices.
void damage(Random *random, Bytes *bytes, const Bytes &other);

/// The same to a record, whose length is then right, mostly.
void damage_record(Random *random, Bytes *record, const Bytes &other);

} // namespace vx::fuzz
