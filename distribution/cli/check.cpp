// SPDX-License-Identifier: PostgreSQL
//
// vecmesh check: whether the vector indexes of a database are sound, by index_check() on each.
#include "cli/check_pool.hpp"
#include "cli/commands.hpp"
#include "cli/error.hpp"
#include "cli/name_pattern.hpp"
#include "cli/progress.hpp"

#include <csignal>
#include <cstdio>

namespace cli
{

namespace
{

const std::vector<OptionSpec> kOptions = {
    {"index", "PATTERN", "only indexes of this name, [SCHEMA.]NAME with * and ?;\nmay be repeated"},
    {"heapallindexed", nullptr, "also look up every row of the tables"},
    {"deep", nullptr, "also compare what is stored with the rows of the tables"},
    {"jobs", "N", "check so many indexes at a time (default 1)"},
    {"quiet", nullptr, "print problems and nothing else"},
    kDsnOption,
    kHelpOption,
};

void
print_help()
{
    std::printf("usage: vecmesh check [OPTION...]\n\n%s\n"
                "Checks the ivfflat and ivfrabitq indexes of a database, on a standby too. Reads "
                "and writes "
                "go on\nmeanwhile. The exit status is 0 when all are sound, 1 when one is not, 2 "
                "when there "
                "is one that could\nnot be checked.\n",
                describe_options(kOptions).c_str());
}

volatile std::sig_atomic_t interrupted = 0;

void
note_interrupt(int /* signal */)
{
    interrupted = 1;
}

/// The call of index_check() for the index $1.
std::string
check_statement(Database &database, const Options &options)
{
    pqxx::nontransaction work(database);
    const auto found = work.exec(
        "SELECT pg_catalog.quote_ident(n.nspname),"
        "       pg_catalog.to_regprocedure(pg_catalog.quote_ident(n.nspname) ||"
        "           '.index_check(regclass, boolean, boolean)') IS NOT NULL"
        "  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'vector'");
    if (found.empty() || !found[0][1].as<bool>())
        throw StatusError(2,
                          "database " + database.label() +
                              (found.empty() ? " has no extension vector"
                                             : " has an extension vector without index_check()"));
    const auto flag = [&](const char *name) { return options.has(name) ? "true" : "false"; };
    return "SELECT block, list, kind, detail FROM " + found[0][0].as<std::string>() +
           ".index_check($1::pg_catalog.oid::pg_catalog.regclass, " + flag("heapallindexed") +
           ", " + flag("deep") + ")";
}

/// The largest first, so that none of them is left to the end alone. What only its own session can
/// read, and what is empty during recovery, is left out.
std::deque<IndexToCheck>
find_indexes(Database &database, const NamePattern &pattern)
{
    pqxx::nontransaction work(database);
    std::deque<IndexToCheck> indexes;
    for (const auto &row : work.exec_params(
             "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname),"
             "       coalesce(pg_catalog.pg_relation_size(c.oid), 0), i.indisvalid"
             "  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
             "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
             "  JOIN pg_catalog.pg_am a ON a.oid = c.relam"
             " WHERE a.amname IN ('ivfflat', 'ivfrabitq') AND c.relkind = 'i'"
             "   AND c.relpersistence <> 't'"
             "   AND (c.relpersistence <> 'u' OR NOT pg_catalog.pg_is_in_recovery())"
             "   AND ($1 = '' OR n.nspname ~ $1) AND c.relname ~ $2"
             " ORDER BY 3 DESC, 2",
             pattern.schema, pattern.name)) {
        const auto name = row[1].as<std::string>();
        if (row[3].as<bool>())
            indexes.push_back({row[0].as<std::string>(), name, row[2].as<int64_t>()});
        else
            std::fprintf(stderr, "vecmesh: %s is not valid: REINDEX makes it so\n", name.c_str());
    }
    return indexes;
}

std::deque<IndexToCheck>
find_indexes(Database &database, const Options &options)
{
    if (!options.has("index"))
        return find_indexes(database, {"", ".*"});
    std::deque<IndexToCheck> all;
    for (const std::string &pattern : options.all("index")) {
        const auto found = find_indexes(database, parse_name_pattern(pattern));
        if (found.empty())
            throw StatusError(2,
                              "no index of database " + database.label() + " is called " + pattern);
        for (const IndexToCheck &index : found) {
            bool known = false;
            for (const IndexToCheck &other : all)
                known |= other.oid == index.oid;
            if (!known)
                all.push_back(index);
        }
    }
    return all;
}

void
print_verdict(const Verdict &verdict, CheckSum &sum)
{
    if (verdict.outcome == Verdict::Outcome::failed) {
        sum.not_checked++;
        std::string error = verdict.error;
        error.erase(error.find_last_not_of('\n') + 1);
        std::fprintf(stderr, "vecmesh: %s: %s\n", verdict.index.name.c_str(), error.c_str());
        return;
    }
    for (const Problem &problem : verdict.problems)
        std::puts(problem_line(verdict.index.name, problem).c_str());
    std::fflush(stdout);
    sum.indexes += verdict.outcome == Verdict::Outcome::checked;
    sum.bytes += verdict.outcome == Verdict::Outcome::checked ? verdict.index.bytes : 0;
    sum.problems += static_cast<int64_t>(verdict.problems.size());
    sum.with_problems += !verdict.problems.empty();
}

CheckSum
run_checks(CheckPool &pool, int64_t bytes, bool quiet)
{
    constexpr int64_t kMegabyte = 1'000'000;
    constexpr std::chrono::milliseconds kPatience(100);
    CheckSum sum;
    int64_t done = 0;
    Progress progress(Progress::style_for_stderr(quiet), "checking", "MB");
    while (!pool.finished()) {
        if (interrupted)
            pool.cancel();
        if (const auto verdict = pool.next(kPatience)) {
            progress.hide();
            print_verdict(*verdict, sum);
            done += verdict->index.bytes;
        }
        progress.update(done / kMegabyte, static_cast<double>(done) /
                                              static_cast<double>(std::max(bytes, int64_t{1})));
    }
    sum.not_checked += static_cast<int64_t>(pool.left());
    sum.seconds = progress.seconds();
    return sum;
}

} // namespace

int
check(const std::vector<std::string> &arguments)
{
    const Options options(kOptions, arguments);
    if (options.has("help")) {
        print_help();
        return 0;
    }
    if (!options.positional().empty())
        throw UsageError("check: unexpected argument " + options.positional()[0]);
    const auto jobs = static_cast<size_t>(options.number("jobs", 1, 1, 1000));
    for (const std::string &pattern : options.all("index"))
        parse_name_pattern(pattern);

    try {
        std::string statement;
        std::deque<IndexToCheck> indexes;
        {
            Database database(options.get("dsn"));
            statement = check_statement(database, options);
            indexes = find_indexes(database, options);
        }
        int64_t bytes = 0;
        for (const IndexToCheck &index : indexes)
            bytes += index.bytes;
        std::signal(SIGINT, note_interrupt);
        std::signal(SIGTERM, note_interrupt);
        CheckPool pool(options.get("dsn"), statement, indexes, jobs);
        const CheckSum sum = run_checks(pool, bytes, options.has("quiet"));
        if (!options.has("quiet"))
            std::puts(summary_line(sum).c_str());
        return exit_status(sum);
    } catch (const pqxx::failure &e) {
        throw StatusError(2, e.what());
    }
}

} // namespace cli
