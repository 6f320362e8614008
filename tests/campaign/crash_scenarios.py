# SPDX-License-Identifier: PostgreSQL
"""Faults that once left an unsound index: each is met in the same way every time, before the random ones."""
import psycopg2

VACUUM = 'VACUUM (INDEX_CLEANUP ON) scenario'
TABLE = """
    DROP TABLE IF EXISTS scenario;
    CREATE TABLE scenario (id int, v vector(8)) WITH (autovacuum_enabled = off);
    INSERT INTO scenario SELECT i, (SELECT array_agg(sin(i * k * 7.919)) FROM generate_series(1, 8) k)
      FROM generate_series(1, 1000) i;
    CREATE INDEX scenario_v ON scenario USING ivfrabitq (v vector_l2_ops) WITH (lists = 8);"""


def insert(rows):
    """Equal rows: all into one list."""
    return f'INSERT INTO scenario SELECT i, array_fill(7, ARRAY[8]) FROM generate_series(1, {rows}) i'


# what happens | statements, and the faults that some of them meet
SCENARIOS = [
    ('a split fails when its list is frozen; vacuum, which lets it take rows again, fails after that',
     [(TABLE, None), (insert(1500), None), (VACUUM, 'ivfrabitq_split_frozen'), (VACUUM, 'ivfrabitq_list_thawed')]),
    ('an insert finds the last slice full and fails; vacuum empties that slice and fails; an insert finds no other',
     [(TABLE, None), (insert(1500), 'ivfrabitq_free_popped:3'), (VACUUM, 'ivfrabitq_vacuum_cleaned'),
      (insert(1), 'ivfrabitq_tail_stored'), (insert(1), None)]),
    ('an insert fails when it has made the file longer; vacuum gives the pages to the index and fails',
     [(TABLE, None), (insert(1500), 'ivfrabitq_extent_extended'), (VACUUM, 'ivfrabitq_vacuum_adopted'),
      (insert(1500), None)]),
]


def run_scenarios(server):
    """Problems."""
    problems = []
    for what, statements in SCENARIOS:
        connection = server.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement, fault in statements:
                cursor.execute('SET vector.fault = %s', (f'{fault}:error' if ':' in (fault or '') else
                                                         f'{fault}:1:error' if fault else '',))
                if raises(cursor, statement) != bool(fault):
                    problems.append(f'scenario "{what}": {fault} is not met')
            cursor.execute("SET vector.fault = ''; SELECT * FROM index_check('scenario_v', true, true)")
            problems += [f'scenario "{what}": verifier: {row}' for row in cursor.fetchall()]
            cursor.execute('DROP TABLE scenario')
        connection.close()
    return problems


def raises(cursor, statement):
    try:
        cursor.execute(statement)
        return False
    except psycopg2.Error as error:
        if error.pgcode != 'VXFLT':
            raise
        return True
