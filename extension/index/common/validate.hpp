// SPDX-License-Identifier: PostgreSQL
//
// amvalidate for operator classes that order by distance, as all access methods here have them.
// Complaints are INFO messages, as of PostgreSQL's own access methods.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

extern "C" {
#include "utils/catcache.h"
}

namespace vx::index
{

/// An operator class, opened to be checked.
struct ClassParts {
    const char *method; // the access method's name
    const char *name;
    const char *family;
    Oid type;
    CatCList *operators;  // of the whole family
    CatCList *procedures; // of the whole family
};

/// Pins catalog lists until close_class().
ClassParts open_class(Oid operator_class, const char *method);
void close_class(const ClassParts &parts);

/// Whether the class has all that ordering by distance needs, and its family nothing else.
bool validate_ordering_class(const ClassParts &parts);

/// "<method> operator family <family> contains <object> with <what> <number>"; returns false.
bool complain(const ClassParts &parts, const char *object, int number, const char *what);

} // namespace vx::index
