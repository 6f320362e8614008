// SPDX-License-Identifier: PostgreSQL
//
// Recall after the table has doubled by inserts, and after half of it was deleted and inserted
// again, beside the recall of an index built anew over the same rows.
#include "bench/ann/bench.hpp"
#include "bench/ann/clock.hpp"
#include "bench/ann/scratch.hpp"

#include <algorithm>
#include <cstdio>

namespace bench
{

namespace
{

constexpr std::size_t kNeighbours = 10;

/// So many rows of the set, evenly spread.
Dataset
part_of(const Dataset &data, std::size_t wanted)
{
    const std::size_t count = std::min(wanted, data.row_count());
    Dataset part = data;
    part.name = "growth";
    part.rows.resize(count * data.dim);
    part.buckets.clear();
    part.kinds.clear();
    for (std::size_t i = 0; i < count; i++)
        std::copy_n(data.row(i * data.row_count() / count), data.dim, &part.rows[i * data.dim]);
    return part;
}

double
recall_now(Connection *connection, const Dataset &data, const Table &table, const Setting &setting,
           const std::vector<std::int32_t> &truth)
{
    connection->run("BEGIN");
    for (const auto &[name, value] : setting.values)
        connection->run("SET LOCAL " + name + " = " + value);
    connection->run("SET LOCAL enable_seqscan = off");
    prepare_search(connection, data, table, "q", kNeighbours);
    double sum = 0;
    for (std::size_t q = 0; q < data.query_count(); q++) {
        const Result result = connection->execute("q", {vector_parameter(data.query(q), data.dim)});
        const auto found = ids_of(result.get());
        sum += recall(truth.data() + q * kNeighbours, found.data(), found.size(), kNeighbours);
    }
    connection->run("DEALLOCATE q; COMMIT");
    return sum / double(data.query_count());
}

class Growth
{
  public:
    Growth(Run *run, const Method &method, const Dataset &data,
           const std::vector<std::int32_t> &truth)
        : json_(run->of(method)["growth"]), method_(method), data_(data), truth_(truth),
          table_(table_of(data, method, false)), scratch_(method.server, false),
          connection_(scratch_.connect())
    {
    }

    void measure()
    {
        const std::size_t rows = data_.row_count();
        json_["rows"] = rows;
        create_table(&connection_, data_, table_);
        copy_rows(&connection_, data_, table_, 0, rows, 2);
        connection_.run("VACUUM ANALYZE " + table_.name);
        connection_.run(create_index_sql(data_, method_, table_));
        const auto start = Clock::now();
        copy_rows(&connection_, data_, table_, 1, rows, 2);
        json_["insert_rows_per_second"] = double(rows / 2) / seconds_since(start);
        note("after_doubling");
        connection_.run("VACUUM ANALYZE " + table_.name);
        note("after_doubling_and_vacuum");

        connection_.run("DELETE FROM " + table_.name + " WHERE id % 2 = 0");
        const auto vacuum = Clock::now();
        connection_.run("VACUUM " + table_.name);
        json_["vacuum_seconds"] = seconds_since(vacuum);
        copy_rows(&connection_, data_, table_, 0, rows, 2);
        connection_.run("VACUUM ANALYZE " + table_.name);
        note("after_deleting_and_inserting_half");
        json_["bytes_grown"] = bytes();
        connection_.run("REINDEX INDEX " + table_.index());
        note("fresh");
        json_["bytes_fresh"] = bytes();
    }

  private:
    double bytes()
    {
        return connection_.number("SELECT pg_relation_size('" + table_.index() + "')");
    }

    void note(const char *when)
    {
        std::printf("%-34s %-36s", method_.label().c_str(), when);
        for (const Setting &setting : method_.everyday) {
            const double recall = recall_now(&connection_, data_, table_, setting, truth_);
            json_[when][setting.label] = recall;
            std::printf("  %s: %.4f", setting.label.c_str(), recall);
        }
        std::printf("\n");
        std::fflush(stdout);
    }

    Json &json_;
    const Method &method_;
    const Dataset &data_;
    const std::vector<std::int32_t> &truth_;
    const Table table_;
    const ScratchDatabase scratch_;
    Connection connection_;
};

} // namespace

void
bench_growth(Run *run)
{
    const Dataset data = part_of(*run->data, run->config.growth_rows);
    const auto truth = true_neighbours(data, kNeighbours);
    std::printf("\nrecall@%zu of a table that grew to %zu rows\n", kNeighbours, data.row_count());
    for (const Method &method : run->methods)
        Growth(run, method, data, truth).measure();
}

} // namespace bench
