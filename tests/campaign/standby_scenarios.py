# SPDX-License-Identifier: PostgreSQL
"""What is to be met on a standby on purpose, the same way every time.

A search whose lists are given up in each of its rounds: it searches again nine times, and no more. It stops at the end
of each round, and goes on when replay has taken away a list that the round knew. No snapshot of the standby is in the
way of that: the rows that make lists grow are never committed.

Pages that an error left unused, and that vacuum gave to the index: the standby has all of them when it is promoted."""
import random
import signal
import threading

import psycopg2

import oracle
from crash_scenarios import TABLE as SCENARIO_TABLE, VACUUM, insert, raises
from pair import catch_up
from server import process_state, send_signal, wait_until

ATTEMPTS = 10  # README of the index, WRITE.md, section Standby
ROWS = 4000
TABLE = f"""
    CREATE TABLE watched (id int, v vector(32)) WITH (autovacuum_enabled = off, vacuum_truncate = off);
    CREATE FUNCTION watched_row(i int, n int) RETURNS vector LANGUAGE sql IMMUTABLE AS
        'SELECT array_agg(sin(i * k * 7.919 + k) + sin(n * k * 3.7) / 80) FROM generate_series(1, 32) k';
    CREATE INDEX watched_v ON watched USING ivfrabitq (v vector_l2_ops);
    INSERT INTO watched SELECT i, watched_row(i, 0) FROM generate_series(1, {ROWS}) i"""
ANSWER = 'SELECT id FROM watched ORDER BY v <-> watched_row(77, 0) LIMIT 20'
CANCELED = ('40001', 'canceling statement due to conflict with recovery',
            'Lists of index "watched_v" are split faster than it is searched.')


def run_standby_scenarios(server, options):
    """Problems. REQUIRES: nothing else works on the server."""
    standby = server.standby(f'{options.state}/standby', options.port + 1)
    try:
        standby.start()
        problems = disturbed_searches(server, standby, random.Random(options.seed)) + adopted_pages(server, standby)
        return problems + [f'standby: {line}' for line in standby.crashed()]
    finally:
        standby.close()


def disturbed_searches(server, standby, rng):
    problems = []
    for disturbed in (ATTEMPTS - 1, ATTEMPTS):
        server.sql(TABLE)
        server.sql('VACUUM watched')  # makes its lists
        catch_up(server, standby)
        wanted = CANCELED if disturbed == ATTEMPTS else standby.sql(oracle.EXACT_SETTINGS + ANSWER)
        found = Search(standby).result(server, disturbed, rng)
        if found != wanted:
            problems.append(f'standby: lists were given up in {disturbed} rounds of a search, which gave {found}')
        server.sql('DROP TABLE watched; DROP FUNCTION watched_row')
    return problems


def adopted_pages(server, standby):
    connection = server.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(SCENARIO_TABLE + "SET vector.fault = 'ivfrabitq_extent_extended:1:error'")
        if not raises(cursor, insert(1500)):
            return ['standby: ivfrabitq_extent_extended is not met']
        cursor.execute(VACUUM)
    connection.close()
    catch_up(server, standby)
    problems = []
    sizes = [one.sql("SELECT pg_relation_size('scenario_v')")[0][0] for one in (server, standby)]
    if sizes[0] != sizes[1]:
        problems.append(f'standby: vacuum has made the index {sizes[0]} bytes long, its replay {sizes[1]}')
    standby.sql('SELECT pg_promote()')
    standby.sql(insert(1500))
    problems += [f'promoted: verifier: {row}' for row in standby.sql("SELECT * FROM index_check('scenario_v', true, true) LIMIT 3")]
    server.sql('DROP TABLE scenario')
    return problems


def give_lists_up(server, rng):
    """Splits lists, and frees what they were. A few parts each time: an index has places for 128 lists."""
    with server.connect() as writer, writer.cursor() as cursor:
        cursor.execute(f'INSERT INTO watched SELECT i, watched_row({rng.randrange(ROWS)}, i) FROM generate_series(1, 600) i')
        server.sql('VACUUM watched')
        writer.rollback()
    writer.close()
    server.sql('SELECT txid_current()')
    [(before,)] = server.sql("SELECT retired_lists FROM index_stats('watched_v')")
    server.sql('VACUUM watched')
    [(after,)] = server.sql("SELECT retired_lists FROM index_stats('watched_v')")
    if after >= before:
        raise RuntimeError(f'no list was given up: {before} retired, {after} after vacuum')


class Search(threading.Thread):
    """A session of the standby, which stops itself after each round."""

    def __init__(self, standby):
        super().__init__(name='search', daemon=True)
        self.standby, self.found = standby, None
        self.connection = standby.connect()
        self.connection.autocommit = True

    def run(self):
        with self.connection.cursor() as cursor:
            cursor.execute(oracle.INDEX_SETTINGS + "SET vector.fault = 'ivfrabitq_round_walked:1:stop'")
            try:
                cursor.execute(ANSWER)
                self.found = cursor.fetchall()
            except psycopg2.Error as error:
                self.found = error.pgcode, error.diag.message_primary, error.diag.message_detail

    def result(self, primary, disturbed, rng):
        """Its rows, or the error, when so many rounds met lists that were given up."""
        self.start()
        for _ in range(disturbed):
            self.wait_stopped()
            give_lists_up(primary, rng)
            catch_up(primary, self.standby)
            self.go_on()
        if self.wait_stopped():  # a round that nothing disturbs
            self.go_on()
        self.join()
        self.connection.close()
        return self.found

    def wait_stopped(self):
        """False when it has ended instead."""
        pid = self.connection.info.backend_pid
        wait_until(lambda: not self.is_alive() or process_state(pid)[0] == 'T', 'the search does not stop')
        return self.is_alive()

    def go_on(self):
        send_signal(self.connection.info.backend_pid, signal.SIGCONT)
