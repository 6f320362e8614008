// SPDX-License-Identifier: PostgreSQL
//
// Building indexes: seconds, bytes, memory; and the comparison of all figures.
#include "bench/ann/bench.hpp"

#include <cstdio>

namespace bench
{

static void
note_build(Run *run, const Method &method, const Json &built, double seconds, double bytes,
           bool filtered)
{
    run->of(method)[filtered ? "build_with_filter_columns" : "build"] = built;
    std::printf("build %-32s%s %8.1f s  %8.1f MB\n", method.label().c_str(),
                filtered ? ", filter columns," : "", seconds, bytes / 1048576);
    std::fflush(stdout);
    if (!filtered) {
        run->figures[method.name()]["build seconds"] = seconds;
        run->figures[method.name()]["index bytes"] = bytes;
    }
}

Table
make_ready(Run *run, const Method &method, bool filtered)
{
    Connection connection(method.server.url);
    const Table table = table_of(*run->data, method, filtered);
    load_table(&connection, *run->data, table);
    if (!has_index(&connection, table)) {
        double seconds, bytes;
        const Json built = build_index(&connection, *run->data, method, table, &seconds, &bytes);
        note_build(run, method, built, seconds, bytes, filtered);
    }
    warm_up(&connection, table);
    return table;
}

void
bench_build(Run *run)
{
    for (const Method &method : run->methods) {
        Connection connection(method.server.url);
        const Table table = table_of(*run->data, method, false);
        load_table(&connection, *run->data, table);
        Json &json = run->of(method);
        json["index"] = create_index_sql(*run->data, method, table);
        if (has_index(&connection, table) && !run->config.rebuild)
            continue;
        double seconds, bytes;
        const Json built = build_index(&connection, *run->data, method, table, &seconds, &bytes);
        note_build(run, method, built, seconds, bytes, false);
    }
}

void
compare(Run *run)
{
    std::printf("\n%-44s %12s %12s %8s\n", "", "ours", "theirs", "ratio");
    for (const Method &ours : run->methods) {
        if (ours.server.name != "ours" || ours.access_method != "ivfrabitq")
            continue;
        for (const Method &theirs : run->methods) {
            if (theirs.name() == ours.name())
                continue;
            std::printf("against %s\n", theirs.label().c_str());
            for (const auto &[name, value] : run->figures[ours.name()]) {
                const auto &others = run->figures[theirs.name()];
                const auto other = others.find(name);
                if (other == others.end() || other->second == 0)
                    continue;
                run->report["ours_over"][theirs.name()][name] = value / other->second;
                std::printf("  %-42s %12.5g %12.5g %8.3g\n", name.c_str(), value, other->second,
                            value / other->second);
            }
        }
    }
    std::fflush(stdout);
}

} // namespace bench
