# SPDX-License-Identifier: PostgreSQL
"""Faults that once left an unsound index: each is met in the same way every time, before the random ones."""
import psycopg2

# A list that grew far beyond the others is split by vacuum.
GROWN = """
    DROP TABLE IF EXISTS scenario;
    CREATE TABLE scenario (id int, v vector(8)) WITH (autovacuum_enabled = off);
    INSERT INTO scenario SELECT i, (SELECT array_agg(sin(i * k * 7.919)) FROM generate_series(1, 8) k)
      FROM generate_series(1, 1000) i;
    CREATE INDEX scenario_v ON scenario USING ivfrabitq (v) WITH (lists = 8);
    INSERT INTO scenario SELECT i, array_fill(i, ARRAY[8]) FROM generate_series(1, 1500) i;"""
VACUUM = 'VACUUM (INDEX_CLEANUP ON) scenario'

# what happens | how it begins | the fault | the statement that meets it | statements after it
SCENARIOS = [
    ('a split fails when its list is frozen; vacuum, which lets it take rows again, fails after that',
     GROWN, 'ivfrabitq_split_frozen:1:error', VACUUM, ["SET vector.fault = 'ivfrabitq_list_thawed:1:error'", VACUUM]),
]


def run_scenarios(server):
    """Problems."""
    problems = []
    for what, begin, fault, statement, after in SCENARIOS:
        connection = server.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(begin)
            cursor.execute('SET vector.fault = %s', (fault,))
            if not raises(cursor, statement):
                problems.append(f'scenario "{what}": {fault} is not met')
            for later in after:
                raises(cursor, later)
            cursor.execute("SELECT * FROM index_check('scenario_v', true, true)")
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
