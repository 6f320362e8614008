// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivfrabitq/options.hpp"

extern "C" {
#include "access/reloptions.h"
#include "utils/guc.h"
}

#include "index/ivfrabitq/callbacks.hpp"
#include "pg/entry.hpp"

namespace vx::ivfrabitq
{

// .98 of queries that are like the rows: questions that are not (a sentence against definitions)
// still find .95 of their neighbours; SEARCH.md, "Recall".
constexpr double kDefaultRecallTarget = 0.98;
constexpr double kDefaultEpsilon = 2.2;
constexpr double kDefaultRerank = 2.0;

static double recall_target_setting;
static int probes_setting;
static double epsilon_setting;
static double rerank_setting;
static int max_probes_setting;
static int iterative_scan_setting;
static relopt_kind option_kind;

static const config_enum_entry iterative_scan_values[] = {
    {"off", static_cast<int>(IterativeScan::off), false},
    {"relaxed_order", static_cast<int>(IterativeScan::relaxed_order), false},
    {"strict_order", static_cast<int>(IterativeScan::strict_order), false},
    {nullptr, 0, false},
};

struct Options {
    int32 varlena_header;
    int lists;
    double spill;
    int queries_offset; // 0: not given
};

static void
define_settings()
{
    DefineCustomRealVariable("ivfrabitq.recall_target",
                             "Sets the share of the true nearest rows that a search is to find",
                             "The index reads as many lists as its calibration says this needs.",
                             &recall_target_setting, kDefaultRecallTarget, 0.01, 1.0, PGC_USERSET,
                             0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("ivfrabitq.probes", "Sets the number of probes",
                            "0 means as many as ivfrabitq.recall_target needs.", &probes_setting, 0,
                            0, kMaxLists, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomRealVariable(
        "ivfrabitq.epsilon",
        "Sets how uncertain a one-bit estimate is taken to be, in standard deviations", nullptr,
        &epsilon_setting, kDefaultEpsilon, 0.0, 10.0, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomRealVariable(
        "ivfrabitq.rerank",
        "Sets how uncertain a five-bit estimate is taken to be, in standard deviations",
        "Rows that may be among the nearest by that much are compared exactly.", &rerank_setting,
        kDefaultRerank, 0.0, 10.0, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable(
        "ivfrabitq.iterative_scan", "Sets the mode for iterative scans",
        "Whether and in what order a scan goes on when more rows are wanted than it found first.",
        &iterative_scan_setting, static_cast<int>(IterativeScan::relaxed_order),
        iterative_scan_values, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "ivfrabitq.max_probes", "Sets the max number of probes for iterative scans",
        "0 means all lists. If this is less than the probes of the first round, "
        "those are used.",
        &max_probes_setting, 0, 0, kMaxLists, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("ivfrabitq");
}

void
initialise_options()
{
    option_kind = add_reloption_kind();
    add_int_reloption(option_kind, "lists", "Number of inverted lists; 0: chosen by the build", 0,
                      0, kMaxLists, AccessExclusiveLock);
    add_real_reloption(option_kind, "spill", "Share of rows that are kept in two lists", 0.0, 0.0,
                       1.0, AccessExclusiveLock);
    add_string_reloption(option_kind, "queries",
                         "Table, or table(column), of queries to calibrate with", nullptr, nullptr,
                         AccessExclusiveLock);
    define_settings();
}

static const Options *
options_of(Relation index)
{
    return reinterpret_cast<const Options *>(index->rd_options);
}

int
get_lists(Relation index)
{
    const Options *options = options_of(index);
    return options != nullptr ? options->lists : 0;
}

double
get_spill(Relation index)
{
    const Options *options = options_of(index);
    return options != nullptr ? options->spill : 0.0;
}

const char *
get_queries(Relation index)
{
    const Options *options = options_of(index);
    if (options == nullptr || options->queries_offset == 0)
        return nullptr;
    return reinterpret_cast<const char *>(options) + options->queries_offset;
}

double
recall_target()
{
    return recall_target_setting;
}

int
probes()
{
    return probes_setting;
}

double
epsilon()
{
    return epsilon_setting;
}

double
rerank()
{
    return rerank_setting;
}

int
max_probes()
{
    return max_probes_setting;
}

IterativeScan
iterative_scan()
{
    return static_cast<IterativeScan>(iterative_scan_setting);
}

VX_CALLBACK(bytea *, ivfrabitq_options, (Datum reloptions, bool validate), (reloptions, validate))
{
    static const relopt_parse_elt table[] = {
        pg::option_field("lists", RELOPT_TYPE_INT, offsetof(Options, lists)),
        pg::option_field("spill", RELOPT_TYPE_REAL, offsetof(Options, spill)),
        pg::option_field("queries", RELOPT_TYPE_STRING, offsetof(Options, queries_offset)),
    };
    return static_cast<bytea *>(build_reloptions(reloptions, validate, option_kind, sizeof(Options),
                                                 table, lengthof(table)));
}

void
install_options(IndexAmRoutine *routine)
{
    routine->amoptions = ivfrabitq_options;
}

} // namespace vx::ivfrabitq
