// SPDX-License-Identifier: PostgreSQL
//
// Settings that travel. Each connection remembers what was last sent on it; before a statement the
// difference to what the session wants now goes out as SET commands, in the same message as BEGIN.
// Three kinds are wanted:
//   - a fixed base, so that values read the same on both sides;
//   - every search setting (hnsw.*, ivfflat.*, ivfrabitq.*, vector.*) that is not at its built-in
//     default: what a user sets here must govern the scan there;
//   - those listed in vecmesh.propagated_settings that were set for the session, role or database.
//     A value from the server's own configuration file describes this machine, so it stays here.
//
// SET inside a transaction that is rolled back is undone on the worker: the abort path then clears
// settings_known, and the next claim sends everything again.
#include "pg/postgres.hpp"

#include "pg/compat.hpp"
#include "remote/connection_state.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/memutils.h"
}

namespace vecmesh
{

namespace
{

struct BaseSetting {
    const char *name;
    const char *value; // nullptr: the session's own
};

// The interval is how soon a worker notices that its coordinator is gone.
constexpr BaseSetting kBaseSettings[] = {
    {"search_path", "pg_catalog"},
    {"datestyle", "ISO"},
    {"intervalstyle", "postgres"},
    {"extra_float_digits", "3"},
    {"bytea_output", "hex"},
    {"standard_conforming_strings", "on"},
    {"client_min_messages", "error"},
    {"client_connection_check_interval", "500"},
    {"statement_timeout", "0"},
    {"idle_in_transaction_session_timeout", "0"},
    {"idle_session_timeout", "0"},
    {"lock_timeout", nullptr},
    {"timezone", nullptr},
};

constexpr const char *kSearchPrefixes[] = {"hnsw.", "ivfflat.", "ivfrabitq.", "vector."};

bool
is_search_setting(const char *name)
{
    for (const char *prefix : kSearchPrefixes) {
        if (pg_strncasecmp(name, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

/// Looks `name` up in a comma-separated list without allocating: this runs for every statement.
bool
is_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *p = list; p != nullptr && *p != '\0';) {
        p += strspn(p, " \t\n,\"");
        const size_t n = strcspn(p, " \t\n,\"");
        if (n == length && pg_strncasecmp(p, name, n) == 0)
            return true;
        p += n;
    }
    return false;
}

/// SET takes dotted names: each part quoted by itself.
void
append_name(StringInfo sql, const char *name)
{
    char *copy = pstrdup(name);
    for (char *part = strtok(copy, "."); part != nullptr; part = strtok(nullptr, "."))
        appendStringInfo(sql, "%s%s", part == copy ? "" : ".", quote_identifier(part));
    pfree(copy);
}

SentSetting *
find_sent(Connection *connection, const char *name)
{
    for (int i = 0; i < connection->setting_count; i++) {
        if (strcmp(connection->settings[i].name, name) == 0)
            return &connection->settings[i];
    }
    return nullptr;
}

SentSetting *
add_sent(Connection *connection, const char *name)
{
    if (connection->setting_count == connection->setting_capacity) {
        const int capacity = Max(32, connection->setting_capacity * 2);
        auto *grown = static_cast<SentSetting *>(
            MemoryContextAllocZero(connection->context, sizeof(SentSetting) * capacity));
        if (connection->setting_count > 0)
            memcpy(grown, connection->settings, sizeof(SentSetting) * connection->setting_count);
        connection->settings = grown; // the old array goes with the connection: it grows rarely
        connection->setting_capacity = capacity;
    }
    char *copy = MemoryContextStrdup(connection->context, name);
    SentSetting *setting = &connection->settings[connection->setting_count++];
    *setting = {copy, nullptr, false};
    return setting;
}

void
want(Connection *connection, const char *name, const char *value, StringInfo sql)
{
    SentSetting *sent = find_sent(connection, name);
    if (sent == nullptr)
        sent = add_sent(connection, name);
    sent->wanted = true;
    if (connection->settings_known && sent->value != nullptr && strcmp(sent->value, value) == 0)
        return;
    char *copy = MemoryContextStrdup(connection->context, value);
    if (sent->value != nullptr)
        pfree(sent->value);
    sent->value = copy;
    appendStringInfoString(sql, "SET ");
    append_name(sql, name);
    appendStringInfo(sql, " = %s; ", quote_literal_cstr(value));
}

void
want_session_settings(Connection *connection, StringInfo sql)
{
    int count;
    config_generic **variables = pg::guc_variables(&count);
    for (int i = 0; i < count; i++) {
        const config_generic *v = variables[i];
        if (v->source == PGC_S_DEFAULT)
            continue;
        if (is_search_setting(v->name) ||
            (v->source > PGC_S_ARGV && is_listed(propagated_settings, v->name))) {
            if (const char *value = GetConfigOption(v->name, true, false))
                want(connection, v->name, value, sql);
        }
    }
}

/// What was sent before and is at its default here again goes back to the worker's default.
void
reset_unwanted(Connection *connection, StringInfo sql)
{
    for (int i = 0; i < connection->setting_count; i++) {
        SentSetting *s = &connection->settings[i];
        if (s->wanted || (connection->settings_known && s->value == nullptr))
            continue;
        if (s->value != nullptr)
            pfree(s->value);
        s->value = nullptr;
        appendStringInfoString(sql, "RESET ");
        append_name(sql, s->name);
        appendStringInfoString(sql, "; ");
    }
}

} // namespace

void
append_settings(Connection *connection, StringInfo sql)
{
    for (int i = 0; i < connection->setting_count; i++)
        connection->settings[i].wanted = false;
    for (const BaseSetting &base : kBaseSettings) {
        const char *value = base.value ? base.value : GetConfigOption(base.name, true, false);
        if (value != nullptr)
            want(connection, base.name, value, sql);
    }
    want_session_settings(connection, sql);
    reset_unwanted(connection, sql);
    connection->settings_known = true; // if the message fails, its transaction does: see above
}

} // namespace vecmesh
