// SPDX-License-Identifier: PostgreSQL
//
// Rows into a table with its index: how many in a second, one commit each and by COPY, and how many
// bytes of WAL. The first rows after a checkpoint write images of the pages they touch; those are
// reported by themselves, and what counts is the second half. The index's share is what the same
// rows take less without it.
#include "bench/ann/bench.hpp"
#include "bench/ann/clock.hpp"
#include "bench/ann/scratch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

namespace bench
{

namespace
{

constexpr std::int32_t kFirstNewId = 100000000;
constexpr std::size_t kCopyRows = 2000; // of one COPY
constexpr double kSingleSeconds = 5;

/// Rows like those of the set: each one of them, moved a little.
class NewRows
{
  public:
    explicit NewRows(const Dataset &data) : data_(data), row_(data.dim)
    {
        double sum = 0, squares = 0;
        const std::size_t values = std::min<std::size_t>(data.rows.size(), 100000);
        for (std::size_t i = 0; i < values; i++) {
            sum += data.rows[i];
            squares += double(data.rows[i]) * data.rows[i];
        }
        const double mean = sum / double(values);
        deviation_ = float(0.1 * std::sqrt(std::max(0.0, squares / double(values) - mean * mean)));
    }

    /// The fields of the next row in binary form.
    std::vector<std::string> next(bool with_columns)
    {
        const std::size_t base = random_() % data_.row_count();
        for (std::size_t d = 0; d < data_.dim; d++)
            row_[d] = data_.row(base)[d] + deviation_ * normal_(random_);
        std::vector<std::string> fields = {int_field(next_id_++)};
        if (with_columns) {
            fields.push_back(int_field(data_.buckets[base]));
            fields.push_back(data_.kinds[base]);
        }
        fields.push_back(vector_field(row_.data(), data_.dim));
        return fields;
    }

  private:
    const Dataset &data_;
    std::vector<float> row_;
    float deviation_;
    std::int32_t next_id_ = kFirstNewId;
    std::mt19937 random_{3};
    std::normal_distribution<float> normal_;
};

struct Inserted {
    double rows = 0, seconds = 0, wal = 0;

    double rate() const { return rows / seconds; }

    double wal_per_row() const { return wal / rows; }
};

double
wal_position(Connection *connection)
{
    return connection->number("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')");
}

Inserted
copy_in(Connection *connection, const Table &table, NewRows *rows, std::size_t wanted,
        double most_seconds)
{
    Inserted done;
    const double wal = wal_position(connection);
    while (done.rows < double(wanted) && done.seconds < most_seconds) {
        const std::size_t count = std::min(kCopyRows, wanted - std::size_t(done.rows));
        std::vector<std::vector<std::string>> chunk;
        for (std::size_t i = 0; i < count; i++)
            chunk.push_back(rows->next(table.with_columns));
        const auto start = Clock::now();
        connection->begin_copy("COPY " + table.name + " FROM STDIN (FORMAT binary)");
        for (const auto &fields : chunk)
            connection->copy_row(fields);
        connection->end_copy();
        done.seconds += seconds_since(start);
        done.rows += double(count);
    }
    done.wal = wal_position(connection) - wal;
    return done;
}

Inserted
insert_singly(Connection *connection, const Table &table, NewRows *rows, double most_seconds)
{
    const std::string name = table.with_columns ? "insert4" : "insert2";
    connection->prepare(name, "INSERT INTO " + table.name + " VALUES (" +
                                  (table.with_columns ? "$1, $2, $3, $4)" : "$1, $2)"));
    Inserted done;
    const double wal = wal_position(connection);
    while (done.seconds < most_seconds) {
        std::vector<Parameter> parameters;
        for (std::string &field : rows->next(table.with_columns))
            parameters.push_back({std::move(field)});
        const auto start = Clock::now();
        connection->execute(name, parameters);
        done.seconds += seconds_since(start);
        done.rows++;
    }
    done.wal = wal_position(connection) - wal;
    connection->run("DEALLOCATE " + name);
    return done;
}

struct Halves {
    Inserted first, second;
};

Halves
copy_twice(Connection *connection, const Table &table, NewRows *rows, const Config &config)
{
    connection->run("CHECKPOINT");
    const Inserted first =
        copy_in(connection, table, rows, config.insert_rows, config.insert_seconds);
    return {first, copy_in(connection, table, rows, config.insert_rows, config.insert_seconds)};
}

void
measure_inserts(Run *run, const Method &method)
{
    const Table table = make_ready(run, method, false);
    const ScratchDatabase scratch(method.server, true);
    Connection connection = scratch.connect();
    warm_up(&connection, table);
    NewRows rows(*run->data);
    const double single_seconds = std::min(kSingleSeconds, run->config.insert_seconds);
    const Inserted single = insert_singly(&connection, table, &rows, single_seconds);
    connection.run("SET synchronous_commit = off");
    const Inserted unsynced = insert_singly(&connection, table, &rows, single_seconds);
    connection.run("RESET synchronous_commit");
    const Halves with = copy_twice(&connection, table, &rows, run->config);
    connection.run("DROP INDEX " + table.index());
    const Halves without = copy_twice(&connection, table, &rows, run->config);

    const double share = with.second.wal_per_row() - without.second.wal_per_row();
    Json &json = run->of(method)["insert"];
    json["single_commit_rows_per_second"] = single.rate();
    json["single_commit_asynchronous_rows_per_second"] = unsynced.rate();
    json["copy_rows_per_second"] = with.second.rate();
    json["copy_rows"] = with.second.rows;
    json["copy_first_rows_per_second"] = with.first.rate();
    json["copy_without_index_rows_per_second"] = without.second.rate();
    json["wal_bytes_per_row"] = with.second.wal_per_row();
    json["wal_bytes_per_row_first"] = with.first.wal_per_row();
    json["wal_bytes_per_row_without_index"] = without.second.wal_per_row();
    json["wal_bytes_per_row_of_index"] = share;
    auto &figures = run->figures[method.name()];
    figures["rows/s inserted, single commits"] = single.rate();
    figures["rows/s inserted, asynchronous commits"] = unsynced.rate();
    figures["rows/s inserted by COPY"] = with.second.rate();
    figures["WAL bytes per row of the index"] = share;
    figures["WAL bytes per row"] = with.second.wal_per_row();
    std::printf("%-34s single %8.0f rows/s (%.0f asynchronous), COPY %8.0f rows/s (without the "
                "index %.0f); WAL %.0f bytes a row, the index's %.0f (first %zu rows: %.0f)\n",
                method.label().c_str(), single.rate(), unsynced.rate(), with.second.rate(),
                without.second.rate(), with.second.wal_per_row(), share,
                std::size_t(with.first.rows), with.first.wal_per_row());
    std::fflush(stdout);
}

} // namespace

void
bench_insert(Run *run)
{
    std::printf("\ninserts\n");
    for (const Method &method : run->methods)
        measure_inserts(run, method);
}

} // namespace bench
