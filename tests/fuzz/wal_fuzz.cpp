// SPDX-License-Identifier: PostgreSQL
//
// vecmesh_wal_fuzz SEED RECORDS [FIRST]: gives damaged WAL records to redo. Record i of a seed is
// always the same, so that a finding can be repeated alone (FIRST = its number, RECORDS = 1).
//
// Prints a line of JSON: how many records PostgreSQL's reader refused, redo replayed and redo
// refused, and with which words. Ends with 1 after the first that redo did something wrong with,
// and as the sanitizers end a program.
#include "mutate.hpp"
#include "server.hpp"

#undef printf
#undef fprintf
#include <cstdio>
#include <cstdlib>
#include <map>

using namespace vx::fuzz;

/// What is said of a page names it; the rest is one of few sentences.
static std::string
kind_of(const std::string &text)
{
    return text.substr(text.rfind(": ") + 2);
}

struct Counts {
    unsigned long unreadable = 0;
    unsigned long replayed = 0;
    std::map<std::string, unsigned long> refused;
};

/// One of sixteen is sound; most have damaged deltas in a sound frame, the rest is damaged
/// anywhere.
static Bytes
record_number(unsigned long seed, unsigned long number, Random *random)
{
    random->seed(seed * 0x9e3779b97f4a7c15 + number);
    const std::uint32_t kind = below(random, 16);
    Bytes record = make_record(random, kind > 5);
    if (kind > 0 && kind <= 5)
        damage_record(random, &record, make_record(random, false));
    return record;
}

static bool
run_one(unsigned long seed, unsigned long number, Counts *counts)
{
    Random random;
    const Bytes bytes = record_number(seed, number, &random);
    Decoded record;
    if (!record.decode(bytes)) {
        counts->unreadable++;
        return true;
    }
    const Verdict result = replay(&random, &record);
    switch (result.outcome) {
    case Outcome::replayed:
        counts->replayed++;
        return true;
    case Outcome::refused:
        counts->refused[kind_of(result.text)]++;
        return true;
    case Outcome::wrong:
        std::fprintf(stderr, "record %lu of seed %lu: %s\n", number, seed, result.text.c_str());
        return false;
    }
    return false;
}

static void
print(const Counts &counts)
{
    std::printf("{\"unreadable\": %lu, \"replayed\": %lu, \"refused\": {", counts.unreadable,
                counts.replayed);
    const char *separator = "";
    for (const auto &[text, count] : counts.refused) {
        std::printf("%s\"%s\": %lu", separator, text.c_str(), count);
        separator = ", ";
    }
    std::printf("}}\n");
}

int
main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        std::fprintf(stderr, "usage: vecmesh_wal_fuzz SEED RECORDS [FIRST]\n");
        return 2;
    }
    const unsigned long seed = std::strtoul(argv[1], nullptr, 10);
    const unsigned long records = std::strtoul(argv[2], nullptr, 10);
    const unsigned long first = argc == 4 ? std::strtoul(argv[3], nullptr, 10) : 0;
    start_server();
    Counts counts;
    for (unsigned long i = first; i < first + records; i++)
        if (!run_one(seed, i, &counts))
            return 1;
    print(counts);
    return 0;
}
