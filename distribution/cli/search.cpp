// SPDX-License-Identifier: PostgreSQL
//
// vecmesh search: the k rows nearest to a vector, which is given as text, taken from a row of the
// table, or from a file of vectors.
#include "cli/commands.hpp"
#include "cli/database.hpp"
#include "cli/error.hpp"
#include "cli/table_text.hpp"
#include "cli/vector_file.hpp"

#include <charconv>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cli
{

namespace
{

const std::vector<OptionSpec> kOptions = {
    {"table", "NAME", "the table to search (required)"},
    {"column", "NAME", "its vector column (default: the only one)"},
    {"vector", "'[...]'", "search for what is near this vector"},
    {"row", "ID", "... near this row of the table (which is left out)"},
    {"from", "FILE", "... near row --number of this file of vectors"},
    {"number", "N", "row of the file, from 0 (default 0)"},
    {"dim", "N", "dimension of the file, when it has no header"},
    {"id", "COLUMN", "what --row means (default: id)"},
    {"k", "N", "how many rows (default 10)"},
    {"metric", "NAME", "cosine (default), l2, ip or l1"},
    {"show", "COLUMNS", "columns to show, comma-separated\n(default: all but vectors)"},
    {"where", "CONDITION", "SQL that a row must fulfil"},
    {"set", "NAME=VALUE", "setting for this search, e.g. ivfflat.probes=10;\nmay be repeated"},
    {"format", "NAME", "table (default) or tsv"},
    kDsnOption,
    kHelpOption,
};

void
print_help()
{
    std::printf("usage: vecmesh search --table NAME --vector '[...]' | --row ID | --from FILE "
                "[OPTION...]\n\n"
                "%s\n"
                "  vecmesh search --table docs --row 17 -k 5 --show lemmas,definition\n",
                describe_options(kOptions).c_str());
}

std::string
operator_of(const std::string &metric)
{
    if (metric == "cosine")
        return "<=>";
    if (metric == "l2")
        return "<->";
    if (metric == "ip")
        return "<#>";
    if (metric == "l1")
        return "<+>";
    throw UsageError("unknown metric \"" + metric + "\": cosine, l2, ip or l1");
}

std::string
vector_text(const std::vector<float> &values)
{
    std::string text;
    for (const float value : values) {
        char digits[32];
        text += text.empty() ? '[' : ',';
        text.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
    }
    return text + "]";
}

std::string
vector_from_file(const Options &options)
{
    const std::string path = options.get("from");
    const auto format = vector_format_of(path);
    if (!format)
        throw UsageError(path + ": not a file of vectors by its name");
    VectorFile file(path, *format, static_cast<int>(options.number("dim", 0, 1, 16000)));
    const int64_t number = options.number("number", 0, 0, INT64_MAX);
    std::vector<float> values;
    while (file.next(values))
        if (file.rows_read() > number)
            return vector_text(values);
    throw CommandError(path + " has " + std::to_string(file.rows_read()) +
                       " rows: there is no row " + std::to_string(number));
}

/// The statement's pieces that depend on the options.
struct Query {
    std::string table;
    std::string column; // quoted
    std::string id;     // quoted
    std::string target; // the vector, as text
};

std::string
vector_of_row(pqxx::transaction_base &work, const Query &query, const std::string &row)
{
    const auto found = work.exec_params("SELECT " + query.column + "::text FROM " + query.table +
                                            " WHERE " + query.id + " = $1",
                                        row);
    if (found.empty() || found[0][0].is_null())
        throw CommandError("table " + query.table + " has no vector in a row with " + query.id +
                           " = " + row);
    return found[0][0].as<std::string>();
}

/// Comma-separated names of --show, checked and quoted; or every column that is no vector.
std::string
shown_columns(Database &database, const std::vector<TableColumn> &columns, const Options &options)
{
    std::string list;
    const auto add = [&](const std::string &name) { list += ", " + database.quote_name(name); };
    if (!options.has("show")) {
        for (const TableColumn &column : columns)
            if (column.type != "vector" && column.type != "halfvec" && column.type != "sparsevec")
                add(column.name);
        return list;
    }
    const std::string names = options.get("show");
    for (size_t start = 0, comma = 0; comma != std::string::npos; start = comma + 1) {
        comma = names.find(',', start);
        const std::string name =
            names.substr(start, comma == std::string::npos ? comma : comma - start);
        if (!find_column(columns, name))
            throw CommandError("there is no column \"" + name + "\"");
        add(name);
    }
    return list;
}

size_t
terminal_width()
{
    winsize size = {};
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

void
print_result(const pqxx::result &result, const std::string &format)
{
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;
    for (pqxx::row::size_type i = 0; i < result.columns(); i++)
        header.emplace_back(result.column_name(i));
    for (const auto &row : result) {
        rows.emplace_back();
        for (const auto &field : row)
            rows.back().emplace_back(field.is_null() ? "" : field.c_str());
    }
    if (format == "table") {
        std::fputs(table_text(header, rows, terminal_width()).c_str(), stdout);
        return;
    }
    rows.insert(rows.begin(), header);
    for (const auto &row : rows)
        for (size_t i = 0; i < row.size(); i++)
            std::printf("%s%c", row[i].c_str(), i + 1 < row.size() ? '\t' : '\n');
}

} // namespace

void
search(const std::vector<std::string> &arguments)
{
    const Options options(kOptions, arguments);
    if (options.has("help"))
        return print_help();
    if (!options.positional().empty())
        throw UsageError("search: unexpected argument " + options.positional()[0]);
    if (options.has("vector") + options.has("row") + options.has("from") != 1)
        throw UsageError("search: give one of --vector, --row and --from");
    const std::string wanted = options.require("table");
    const std::string distance = operator_of(options.get("metric", "cosine"));
    const std::string format = options.get("format", "table");
    if (format != "table" && format != "tsv")
        throw UsageError("unknown format \"" + format + "\": table or tsv");
    const int64_t k = options.number("k", 10, 1, 1000000);
    Query query;
    if (options.has("from"))
        query.target = vector_from_file(options);
    else
        query.target = options.get("vector");

    Database database(options.get("dsn"));
    query.table = resolve_table(database, wanted);
    const auto columns = table_columns(database, query.table);
    const TableColumn &column = find_vector_column(columns, options.get("column"), query.table);
    query.column = database.quote_name(column.name);
    query.id = database.quote_name(options.get("id", "id"));

    pqxx::work work(database);
    for (const std::string &setting : options.all("set")) {
        const size_t equals = setting.find('=');
        if (equals == std::string::npos)
            throw UsageError("--set wants NAME=VALUE, not " + setting);
        work.exec_params("SELECT set_config($1, $2, true)", setting.substr(0, equals),
                         setting.substr(equals + 1));
    }
    if (options.has("row"))
        query.target = vector_of_row(work, query, options.get("row"));

    const std::string order = query.column + " " + distance + " $1::" + column.type;
    std::string statement = "SELECT round((" + order + ")::numeric, 4) AS distance" +
                            shown_columns(database, columns, options) + " FROM " + query.table;
    std::string condition = options.has("where") ? "(" + options.get("where") + ")" : "";
    if (options.has("row"))
        condition +=
            (condition.empty() ? "" : " AND ") + query.id + " <> " + work.quote(options.get("row"));
    if (!condition.empty())
        statement += " WHERE " + condition;
    statement += " ORDER BY " + order + " LIMIT " + std::to_string(k);
    print_result(work.exec_params(statement, query.target), format);
}

} // namespace cli
