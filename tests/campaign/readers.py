# SPDX-License-Identifier: PostgreSQL
"""Sessions of a standby that search beside replay: in one snapshot an index finds what the table has.

A conflict with recovery may end any of them; it is counted, and no problem."""
import random
import re
import threading

import psycopg2

import oracle
from client_errors import EXPECTED_ERRORS

# While readers run: the primary frees what their snapshots see, and replay soon cancels those in its way.
BESIDE_REPLAY = {'hot_standby_feedback': 'off', 'max_standby_streaming_delay': '2s'}
AT_REST = {'hot_standby_feedback': 'on', 'max_standby_streaming_delay': '-1'}
SEARCHES = 4          # of a snapshot
MOST_PAUSE = 0.3      # seconds between the first rows of a search and the others


INDEX_USED = re.compile(r'Index Scan using (\S+) on')


def indexes(cursor, table):
    """The indexes of the table as the session's snapshot has them."""
    cursor.execute('SELECT c.oid, c.relfilenode FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid '
                   'WHERE i.indisvalid AND i.indrelid = to_regclass(%s) ORDER BY 1', (table.name,))
    return cursor.fetchall()


class Reader(threading.Thread):
    def __init__(self, readers, number):
        super().__init__(name=f'reader {number}', daemon=True)
        self.readers = readers
        self.rng = random.Random(f'{readers.seed}/{readers.report.cycles}/reader/{number}')

    def run(self):
        connection = None
        while not self.readers.stopping.is_set():
            try:
                connection = connection or self.readers.server.connect()
                self.read(connection)
            except psycopg2.Error as error:
                self.readers.note(error)
                if connection:
                    connection.close()
                connection = None
                self.readers.stopping.wait(0.05)
        if connection:
            connection.close()

    def read(self, connection):
        """A snapshot: the rows of a table by their distance, without the index once, then with it."""
        table = self.rng.choice(self.readers.tables)
        connection.set_session(isolation_level='REPEATABLE READ')
        with connection.cursor() as cursor:
            cursor.execute(f'SET jit = off; SELECT v FROM {table.name} WHERE v IS NOT NULL ORDER BY md5(id::text) LIMIT 1')
            row = cursor.fetchone()
            if row:
                distance = f"v {oracle.OPERATORS[table.opclass]} '{row[0]}'"
                cursor.execute(oracle.EXACT_SETTINGS + oracle.exact_query(table.name, distance))
                exact = dict(cursor.fetchall())
                for _ in range(SEARCHES):
                    self.search(cursor, table, distance, exact)
        connection.rollback()

    def search(self, cursor, table, distance, exact):
        query = f'SELECT id, {distance} FROM {table.name} ORDER BY {distance}'
        cursor.execute(f'{oracle.INDEX_SETTINGS} EXPLAIN {query}')
        used = INDEX_USED.search('\n'.join(line for (line,) in cursor.fetchall()))
        if not used:
            return
        cursor.execute(f'DECLARE c CURSOR FOR {query}; FETCH {self.rng.choice([1, 30, 200])} FROM c')
        answers = cursor.fetchall()
        self.readers.stopping.wait(self.rng.uniform(0, MOST_PAUSE))
        cursor.execute('FETCH ALL FROM c')
        answers += cursor.fetchall()
        cursor.execute('CLOSE c')
        if self.made_since(cursor, table):
            return
        problems = oracle.difference(f'{used[1]}, beside replay', exact, answers, ordered=table.method == 'ivfflat')
        self.readers.found(problems and problems + self.evidence(cursor, table, distance, exact, answers))

    def made_since(self, cursor, table):
        """Whether an index is younger than the snapshot, and may have been used: such a one lacks the rows that were dead
        on the primary when it was made, PostgreSQL's own too, and a standby uses it all the same."""
        with self.readers.server.connect() as connection, connection.cursor() as now:
            younger = not set(indexes(now, table)) <= set(indexes(cursor, table))
        connection.close()
        if younger:
            self.readers.report.count('searches beside an index younger than the snapshot')
        return younger

    def evidence(self, cursor, table, distance, exact, answers):
        """What the table says, asked again in the same snapshot."""
        rows = sorted(set(exact) ^ set(dict(answers)))
        cursor.execute(oracle.EXACT_SETTINGS + oracle.exact_query(table.name, distance))
        again = set(dict(cursor.fetchall())) ^ set(exact)
        cursor.execute(f'SELECT pg_current_snapshot(), id, xmin, xmax, ctid FROM {table.name} WHERE id = ANY (%s)', (rows,))
        return [f'the table, read again, differs from itself in {sorted(again)}; of these rows it has {cursor.fetchall()}']


class Readers:
    def __init__(self, tables, seed, report, count=2):
        self.tables = [table for table in tables if not table.unlogged]
        self.seed, self.report, self.count = seed, report, count
        self.server, self.threads = None, []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.noted = []  # problems, for the main thread

    def start(self, server):
        self.server = server
        server.reload(**BESIDE_REPLAY)
        self.stopping.clear()
        self.threads = [Reader(self, number) for number in range(self.count)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Ends them, and reports what they found."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
            if thread.is_alive():
                raise TimeoutError(f'{thread.name} does not end')
        if self.threads:
            self.server.reload(**AT_REST)
        self.threads = []
        for problem in self.noted:
            self.report.problem(problem)
        self.noted = []

    def found(self, problems):
        with self.lock:
            self.report.count('searches beside replay')
            self.noted += [f'standby: {problem}' for problem in problems]

    def note(self, error):
        """A session that waits for us is ended without a code; if it was the server that ended, its log tells."""
        with self.lock:
            if error.pgcode in (None, '40001'):
                self.report.count('snapshots ended by replay')
            elif error.pgcode not in EXPECTED_ERRORS:
                self.noted.append(f'reader: {error.pgcode} {str(error).strip()}')
