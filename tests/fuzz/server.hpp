// SPDX-License-Identifier: PostgreSQL
//
// As much of a server as redo needs: pages, locks, errors. The pages lie apart, with poisoned
// memory between them, where a page of a server has other pages.
#pragma once

#include "decode.hpp"

#include <string>

namespace vx::fuzz
{

enum class Outcome {
    replayed,
    refused, // PANIC with a message of ours
    wrong,   // anything else that redo must not do; the text says what
};

struct Verdict {
    Outcome outcome;
    std::string text; // of the error
};

/// Lets PostgreSQL's part of the process register our resource manager.
void start_server();

/// Shows the record to identify, desc and redo, the pages afterwards to mask.
Verdict replay(Random *random, Decoded *record);

} // namespace vx::fuzz
