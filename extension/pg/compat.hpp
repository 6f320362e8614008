// SPDX-License-Identifier: PostgreSQL
//
// Every test of PG_VERSION_NUM in the project is in this header. PostgreSQL 15 is what is tested;
// 16 to 18 are what the code compiles for.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#if PG_VERSION_NUM < 150000
#error "PostgreSQL 15 or later is required"
#endif
