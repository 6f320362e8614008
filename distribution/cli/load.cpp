// SPDX-License-Identifier: PostgreSQL
//
// vecmesh load: one COPY from a file of vectors (with columns beside it from a TSV file, and row
// numbers), or from CSV as it is. One COPY is one transaction: all rows arrive, or none.
#include "cli/commands.hpp"
#include "cli/copy_rows.hpp"
#include "cli/database.hpp"
#include "cli/error.hpp"
#include "cli/progress.hpp"
#include "cli/vector_file.hpp"

#include <cstdio>
#include <memory>

namespace cli
{

namespace
{

constexpr size_t kChunk = 1 << 18; // bytes handed to libpq at a time

const std::vector<OptionSpec> kOptions = {
    {"table", "NAME", "the table to fill (required)"},
    {"column", "NAME", "its vector column (default: the only one)"},
    {"format", "NAME",
     "fvecs, bvecs, fp16, fp32, npy or csv\n(default: by the file's name; .gz is fine)"},
    {"dim", "N", "dimension of the vectors; needed for fp16 and fp32"},
    {"tsv", "FILE", "more columns, row by row: tab-separated, with their\nnames in the first line"},
    {"id", "COLUMN", "write the number of each row into this column"},
    {"first-id", "N", "number of the first row (default 0)"},
    {"limit", "N", "stop after this many rows"},
    {"quiet", nullptr, "no progress"},
    kDsnOption,
    kHelpOption,
};

void
print_help()
{
    std::printf("usage: vecmesh load FILE --table NAME [OPTION...]\n\n%s\n"
                "  vecmesh load docs.f16 --dim 384 --tsv docs.tsv.gz --table docs\n"
                "  vecmesh load sift.fvecs --table items --id id\n"
                "  vecmesh load rows.csv.gz --table docs      (column names in its first line)\n",
                describe_options(kOptions).c_str());
}

std::optional<double>
share_of(const ByteSource &source)
{
    if (source.file_size() == 0)
        return std::nullopt;
    return static_cast<double>(source.file_position()) / static_cast<double>(source.file_size());
}

void
report(const std::string &table, int64_t rows, const Progress &progress)
{
    const double seconds = progress.seconds();
    std::printf("loaded %s rows into %s in %.1f s (%s rows/s)\n", with_thousands(rows).c_str(),
                table.c_str(), seconds,
                with_thousands(static_cast<int64_t>(static_cast<double>(rows) / seconds)).c_str());
}

/// The server reads CSV itself; the first line tells which columns there are.
void
load_csv(Database &database, const std::string &path, const std::string &table, Progress &progress)
{
    ByteSource source(path);
    std::string header;
    if (!source.read_line(header) || header.empty())
        throw CommandError(path + ": no header line with the names of the columns");
    const auto columns = table_columns(database, table);
    std::string list;
    size_t start = 0;
    for (size_t comma = 0; comma != std::string::npos; start = comma + 1) {
        comma = header.find(',', start);
        std::string name = header.substr(start, comma == std::string::npos ? comma : comma - start);
        if (name.size() > 1 && name.front() == '"' && name.back() == '"')
            name = name.substr(1, name.size() - 2);
        if (!find_column(columns, name))
            throw CommandError(path + ": table " + table + " has no column \"" + name + "\"");
        list += (list.empty() ? "" : ", ") + database.quote_name(name);
    }
    database.begin_copy("COPY " + table + " (" + list + ") FROM STDIN (FORMAT csv)");
    std::string chunk;
    int64_t lines = 0;
    for (;;) {
        chunk.resize(kChunk);
        chunk.resize(source.read(chunk.data(), kChunk));
        if (chunk.empty())
            break;
        for (const char c : chunk)
            lines += c == '\n';
        database.put_copy_data(chunk);
        progress.update(lines, share_of(source));
    }
    report(table, database.end_copy(), progress);
}

/// What a load of vectors writes, and from where.
struct VectorLoad {
    VectorFile vectors;
    std::unique_ptr<TsvFile> tsv;
    bool numbered;
    int64_t first_id;
    int64_t limit;
};

std::vector<CopyColumn>
choose_columns(Database &database, const VectorLoad &load, const std::string &table,
               const Options &options)
{
    const auto columns = table_columns(database, table);
    const TableColumn &target = find_vector_column(columns, options.get("column"), table);
    if (target.type_modifier > 0 && load.vectors.dim() > 0 &&
        target.type_modifier != load.vectors.dim())
        throw CommandError(load.vectors.source().path() + " has " +
                           std::to_string(load.vectors.dim()) + " dimensions, but column \"" +
                           target.name + "\" is " + target.type + "(" +
                           std::to_string(target.type_modifier) + ")");
    std::vector<CopyColumn> chosen;
    const auto add = [&](const std::string &name) {
        const TableColumn *column = find_column(columns, name);
        if (!column)
            throw CommandError("table " + table + " has no column \"" + name + "\"");
        chosen.push_back({name, column_kind(column->type)});
    };
    if (load.numbered)
        add(options.get("id"));
    if (load.tsv)
        for (const std::string &name : load.tsv->columns())
            add(name);
    add(target.name);
    return chosen;
}

std::string
copy_statement(Database &database, const std::string &table, const std::vector<CopyColumn> &columns,
               bool binary)
{
    std::string list;
    for (const CopyColumn &column : columns)
        list += (list.empty() ? "" : ", ") + database.quote_name(column.name);
    return "COPY " + table + " (" + list + ") FROM STDIN" + (binary ? " (FORMAT binary)" : "");
}

/// The next row of the file and of what stands beside it; false at the end of both.
bool
encode_row(VectorLoad &load, CopyRows &rows, std::vector<float> &values, std::vector<Field> &fields)
{
    const bool more = load.vectors.rows_read() < load.limit && load.vectors.next(values);
    if (load.tsv && load.tsv->next(fields) != more &&
        (more || load.vectors.rows_read() < load.limit))
        throw CommandError(more ? "the TSV file ends before the file of vectors, after " +
                                      std::to_string(load.vectors.rows_read() - 1) + " rows"
                                : "the file of vectors ends before the TSV file, after " +
                                      std::to_string(load.vectors.rows_read()) + " rows");
    if (!more)
        return false;
    rows.begin_row();
    if (load.numbered)
        rows.put_number(load.first_id + load.vectors.rows_read() - 1);
    if (load.tsv)
        for (const Field &field : fields)
            rows.put_field(field);
    rows.put_vector(values);
    rows.end_row();
    return true;
}

void
load_vectors(Database &database, VectorLoad &load, const std::string &table, const Options &options,
             Progress &progress)
{
    const auto columns = choose_columns(database, load, table, options);
    CopyRows rows(columns);
    database.begin_copy(copy_statement(database, table, columns, rows.binary()));
    std::vector<float> values;
    std::vector<Field> fields;
    while (encode_row(load, rows, values, fields)) {
        if (rows.data().size() < kChunk)
            continue;
        database.put_copy_data(rows.data());
        rows.clear();
        progress.update(load.vectors.rows_read(), share_of(load.vectors.source()));
    }
    rows.finish();
    if (!rows.data().empty())
        database.put_copy_data(rows.data());
    report(table, database.end_copy(), progress);
}

} // namespace

void
load(const std::vector<std::string> &arguments)
{
    const Options options(kOptions, arguments);
    if (options.has("help"))
        return print_help();
    if (options.positional().size() != 1)
        throw UsageError("load: name one file");
    const std::string path = options.positional()[0];
    const std::string wanted = options.require("table");
    const bool csv = options.has("format")
                         ? options.get("format") == "csv"
                         : path.find(".csv") != std::string::npos && !vector_format_of(path);
    const auto format = csv                     ? std::nullopt
                        : options.has("format") ? vector_format_named(options.get("format"))
                                                : vector_format_of(path);
    if (!csv && !format)
        throw UsageError(path + ": what is in it? say so with --format");

    // Everything about the file that can be wrong is looked at before the server is troubled.
    std::unique_ptr<VectorLoad> vectors;
    if (!csv)
        vectors.reset(new VectorLoad{
            {path, *format, static_cast<int>(options.number("dim", 0, 1, 16000))},
            options.has("tsv") ? std::make_unique<TsvFile>(options.get("tsv")) : nullptr,
            options.has("id"),
            options.number("first-id", 0, INT64_MIN, INT64_MAX),
            options.number("limit", INT64_MAX, 0, INT64_MAX)});

    Database database(options.get("dsn"));
    const std::string table = resolve_table(database, wanted);
    Progress progress(Progress::style_for_stderr(options.has("quiet")), "loading");
    if (csv)
        load_csv(database, path, table, progress);
    else
        load_vectors(database, *vectors, table, options, progress);
}

} // namespace cli
