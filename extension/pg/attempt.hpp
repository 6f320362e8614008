// SPDX-License-Identifier: PostgreSQL
//
// attempt(): runs PostgreSQL code whose errors of some kinds are an answer and not the end: reading
// a page that may be damaged. It opens an internal subtransaction, which alone may swallow an error
// (rule B6); what the body locked and pinned is released with it.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

namespace pg
{

/// What went wrong: the primary message, cut to fit.
struct Failure {
    int sqlstate;
    char message[256];
};

/// Runs body(argument), which is plain. False: it raised an error that forgives() accepts; others
/// are raised again. REQUIRES: no lock of a page is held, no parallel operation runs. About 1 us.
bool attempt(void (*body)(void *argument), void *argument, bool (*forgives)(int sqlstate),
             Failure *failure);

} // namespace pg
