// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/ivf/options.hpp"

extern "C" {
#include "access/reloptions.h"
#include "utils/guc.h"
}

#include "index/ivf/callbacks.hpp"
#include "pg/entry.hpp"

namespace vx::ivf
{

static int probes_setting;
static int iterative_scan_setting;
static int max_probes_setting;
static relopt_kind option_kind;

static const config_enum_entry iterative_scan_values[] = {
    {"off", static_cast<int>(IterativeScan::off), false},
    {"relaxed_order", static_cast<int>(IterativeScan::relaxed_order), false},
    {nullptr, 0, false},
};

struct Options {
    int32 varlena_header;
    int lists;
};

void
initialise_options()
{
    option_kind = add_reloption_kind();
    add_int_reloption(option_kind, "lists", "Number of inverted lists", kDefaultLists, kMinLists,
                      kMaxLists, AccessExclusiveLock);

    DefineCustomIntVariable("ivfflat.probes", "Sets the number of probes",
                            "Valid range is 1..lists.", &probes_setting, 1, kMinLists, kMaxLists,
                            PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable("ivfflat.iterative_scan", "Sets the mode for iterative scans", nullptr,
                             &iterative_scan_setting, static_cast<int>(IterativeScan::off),
                             iterative_scan_values, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "ivfflat.max_probes", "Sets the max number of probes for iterative scans",
        "If this is less than probes, probes is used.", &max_probes_setting, kMaxLists, kMinLists,
        kMaxLists, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("ivfflat");
}

int
get_lists(Relation index)
{
    const auto *options = reinterpret_cast<const Options *>(index->rd_options);
    return options != nullptr ? options->lists : kDefaultLists;
}

int
probes()
{
    return probes_setting;
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

VX_CALLBACK(bytea *, ivf_options, (Datum reloptions, bool validate), (reloptions, validate))
{
    static const relopt_parse_elt table[] = {
        pg::option_field("lists", RELOPT_TYPE_INT, offsetof(Options, lists)),
    };
    return static_cast<bytea *>(build_reloptions(reloptions, validate, option_kind, sizeof(Options),
                                                 table, lengthof(table)));
}

void
install_options(IndexAmRoutine *routine)
{
    routine->amoptions = ivf_options;
}

} // namespace vx::ivf
