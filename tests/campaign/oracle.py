# SPDX-License-Identifier: PostgreSQL
"""Is what the server has what it acknowledged, and does every index say the same as its table?"""
from contextlib import nullcontext

import psycopg2

from workload import OPERATORS, ROW_HASH

ALL_LISTS = 32768  # the bound of the settings
EXACT_SETTINGS = 'SET enable_indexscan = off; SET enable_seqscan = on; '
INDEX_SETTINGS = ('SET enable_indexscan = on; SET enable_seqscan = off; SET enable_sort = off; '
                  f'SET ivfflat.probes = {ALL_LISTS}; SET ivfrabitq.probes = {ALL_LISTS}; '
                  'SET ivfrabitq.recall_target = 1; ')
SAMPLE_SETTINGS = 'SET enable_seqscan = off; SET enable_sort = off; SET jit = off'

INDEXES = """
    SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, am.amname, oc.opcname,
           i.indnatts > 1, c.relpersistence = 'u'
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
           JOIN pg_opclass oc ON oc.oid = i.indclass[0]
     WHERE am.amname IN ('ivfflat', 'ivfrabitq') AND i.indisvalid ORDER BY 1"""


def verify(connection, ledger, after_crash=False, deep=True):
    """A list of problems; empty when all is well. The server must be at rest. A standby has no unlogged tables."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute('SET jit = off')  # a disabled scan looks so dear that plans would be compiled
        cursor.execute('SELECT pg_is_in_recovery()')
        standby = cursor.fetchone()[0]
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u'")
        unlogged = [table for (table,) in cursor.fetchall() if table in ledger.rows]
        if after_crash:
            for table in unlogged:
                ledger.forget_rows(table)
        problems = compare_ledger(cursor, ledger, unlogged if standby else [])
        for index, table, method, opclass, filtered in indexes(cursor, standby):
            problems += attempt(f'{index}: verifier', check_index, cursor, index, deep)
            problems += attempt(index, compare_answers, cursor, index, table, method, OPERATORS[opclass], filtered,
                                standby)
    return problems


def compare_ledger(cursor, ledger, without=()):
    problems = ledger.settle(lambda table, ids: table_rows(cursor, table, ids))
    for table, expected in ledger.rows.items():
        if table not in without:
            problems += compare_table(cursor, table, expected)
    return problems


def attempt(what, ask, cursor, *arguments):
    """An unsound index may end in an error: one problem more, and the rest is asked, too."""
    try:
        return ask(cursor, *arguments)
    except psycopg2.Error as error:
        if cursor.connection.closed:
            raise
        cursor.execute('ROLLBACK')
        return [f'{what}: {error.pgcode} {str(error).strip()}']


def indexes(cursor, standby):
    cursor.execute(INDEXES)
    return [row for *row, unlogged in cursor.fetchall() if not (standby and unlogged)]


def table_rows(cursor, table, ids=None):
    condition, parameters = ('', None) if ids is None else ('WHERE id = ANY (%s)', (ids,))
    cursor.execute(f'SELECT id, {ROW_HASH} FROM {table} {condition}', parameters)
    return dict(cursor.fetchall())


def compare_table(cursor, table, expected):
    found = table_rows(cursor, table)
    problems = []
    for what, rows in [('lost', [row for row in expected if row not in found]),
                       ('invented', [row for row in found if row not in expected]),
                       ('changed', [row for row in found if row in expected and found[row] != expected[row]])]:
        if rows:
            problems.append(f'{table}: {len(rows)} rows {what}: {sorted(rows)[:5]}')
    return problems


def check_index(cursor, index, deep):
    cursor.execute('SELECT * FROM index_check(%s, true, %s) LIMIT 10', (index, deep))
    return [f'{index}: verifier: {row}' for row in cursor.fetchall()]


def compare_answers(cursor, index, table, method, operator, filtered, standby):
    """All rows in the order of their distance, by the index and without it. On a standby no other index can be put
    away: there the planner's choice is asked."""
    cursor.execute(f'SELECT v FROM {table} WHERE v IS NOT NULL ORDER BY md5(id::text) LIMIT 1')
    query = cursor.fetchone()
    if query is None:
        return []
    problems = []
    for condition in ['true', 'kind = 3'] if filtered else ['true']:
        distance = f"v {operator} '{query[0]}'"
        cursor.execute(EXACT_SETTINGS + exact_query(table, distance, condition))
        exact = dict(cursor.fetchall())
        cursor.execute(INDEX_SETTINGS)
        with nullcontext() if standby else only_index(cursor, table, index):
            select = f'SELECT id, {distance} FROM {table} WHERE {condition} ORDER BY {distance}'
            cursor.execute('EXPLAIN ' + select)
            plan = '\n'.join(line for (line,) in cursor.fetchall())
            if standby and f' on {table} ' in plan and f'Index Scan using {table}_' in plan and index not in plan:
                continue
            if f'Index Scan using {index} ' not in plan:
                problems.append(f'{index}: the query by index does not use it:\n{plan}')
            cursor.execute(select)
            answers = cursor.fetchall()
        problems += difference(f'{index}, {condition}', exact, answers, ordered=method == 'ivfflat')
    return problems


def exact_query(table, distance, condition='true'):
    """What has no distance is not indexed: NULL, and for the cosine distance the zero vector."""
    return f"SELECT id, {distance} FROM {table} WHERE {condition} AND {distance} <> 'NaN'"


def compare_distributed(cursor, table):
    """All rows of a distributed table in the order of their distance, by the shards' indexes and without them."""
    cursor.execute(f'SELECT v FROM {table.name} WHERE v IS NOT NULL ORDER BY id LIMIT 1')
    query = cursor.fetchone()
    if query is None:
        return []
    distance = f"v {OPERATORS[table.opclass]} '{query[0]}'"
    cursor.execute(EXACT_SETTINGS + exact_query(table.name, distance))
    exact = dict(cursor.fetchall())
    cursor.execute(INDEX_SETTINGS + f'SELECT id, {distance} FROM {table.name} ORDER BY {distance} LIMIT 1000000')
    return difference(f'{table.name} from the coordinator', exact, cursor.fetchall(), ordered=False)


def sample(connection, queries=3):
    """{query: (index used, ids and distances)} with the settings a client has; the same where pages are the same."""
    connection.autocommit = True
    answers = {}
    with connection.cursor() as cursor:
        cursor.execute(SAMPLE_SETTINGS)
        for _, table, _, opclass in {row[1]: row[:4] for row in indexes(cursor, True)}.values():
            cursor.execute(f'SELECT v FROM {table} WHERE v IS NOT NULL ORDER BY md5(id::text) LIMIT %s', (queries,))
            for (vector,) in cursor.fetchall():
                query = sample_query(table, OPERATORS[opclass], vector)
                cursor.execute(query)
                answers[query] = cursor.fetchall()
    return answers


def sample_query(table, operator, vector):
    return f"SELECT id, v {operator} '{vector}' FROM {table} ORDER BY v {operator} '{vector}' LIMIT 10"


class only_index:
    """No other index of ours on the table, for a moment: in a transaction that is rolled back."""

    def __init__(self, cursor, table, index):
        self.cursor, self.table, self.index = cursor, table, index

    def __enter__(self):
        self.cursor.execute('BEGIN')
        self.cursor.execute(INDEXES)
        for index, table, *_ in self.cursor.fetchall():
            if table == self.table and index != self.index:
                self.cursor.execute(f'DROP INDEX {index}')

    def __exit__(self, *_):
        self.cursor.execute('ROLLBACK')


def difference(what, exact, answers, ordered):
    """Not ordered: ivfrabitq's relaxed order, where a later round may find a nearer row."""
    found = dict(answers)
    problems = []
    if len(found) != len(answers):
        problems.append(f'{what}: {len(answers) - len(found)} rows come twice')
    missing = sorted(row for row in exact if row not in found)
    if missing:
        problems.append(f'{what}: the index does not find {len(missing)} rows: {missing[:5]}')
    extra = sorted(row for row in found if row not in exact)
    if extra:
        problems.append(f'{what}: the index finds {len(extra)} rows that are not there: {extra[:5]}')
    distances = [distance for _, distance in answers]
    if ordered and distances != sorted(distances, key=lambda distance: (distance is None, distance)):
        problems.append(f'{what}: the rows do not come in order')
    wrong = [row for row in found if row in exact and found[row] != exact[row]]
    if wrong:
        problems.append(f'{what}: {len(wrong)} rows have another distance: {wrong[:5]}')
    return problems
