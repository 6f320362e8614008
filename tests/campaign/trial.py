# SPDX-License-Identifier: PostgreSQL
"""What is asked of one damaged index, and which answers are lawful: README.md, "./run corrupt"."""
import signal
import threading

import psycopg2

from oracle import ALL_LISTS, OPERATORS
from server import send_signal

SECONDS = 60      # of a statement, on a machine that others use, too
PATIENCE = 900    # of a session that does not even notice that a statement takes too long
SETTINGS = ('SET jit = off; SET enable_sort = off; SET ivfflat.iterative_scan = off; '
            'SET ivfrabitq.iterative_scan = strict_order; ')
EVERYTHING = (f'SET ivfflat.probes = {ALL_LISTS}; SET ivfrabitq.probes = {ALL_LISTS}; '
              'SET ivfrabitq.recall_target = 1; ')
USUAL = 'RESET ivfflat.probes; RESET ivfrabitq.probes; RESET ivfrabitq.recall_target; '
INDEX = 'SET enable_indexscan = on; SET enable_seqscan = off; '
TABLE = 'SET enable_indexscan = off; SET enable_seqscan = on; '
DAMAGED = 'XX002'

# What PostgreSQL says of a page before our code sees it, and what we say of an index of another format.
FOREIGN_ERRORS = {'XX001': 'invalid page in block', '0A000': 'format'}


class Trial:
    """One session. problems: what must not be; outcome: which of the lawful ends it was."""

    def __init__(self, server, shape, copy):
        self.server, self.shape, self.table = server, shape, shape.of(copy)
        self.index = f'{self.table}_v'
        self.problems = []
        self.errors = 0
        self.different = False
        self.reported = set()   # kinds of problems that index_check() found

    def run(self, rng):
        try:
            self.connection = self.server.connect(options=f'-c statement_timeout={SECONDS}s')
        except psycopg2.OperationalError as error:
            self.problems.append(f'no connection: {error}')
            return
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        watch = threading.Timer(PATIENCE, self.hangs, (self.connection.get_backend_pid(),))
        try:
            watch.start()
            self.ask(rng)
        except psycopg2.Error as error:
            self.problems.append(f'the connection broke: {str(error).strip()}')
        finally:
            watch.cancel()
            self.connection.close()

    def hangs(self, process):
        self.problems.append(f'it took more than {PATIENCE} s')
        send_signal(process, signal.SIGABRT)

    def ask(self, rng):
        self.cursor.execute(f'{SETTINGS}SET vector.wal_mode = {rng.choice(["custom", "generic"])}')
        vectors = [self.shape.vector(n) for n in (7, 10 ** 6)]
        self.compare(vectors)
        self.describe()
        self.write(rng)
        self.compare(vectors)
        self.cure(vectors)

    # ---- answers

    def compare(self, vectors):
        """Answers before index_check(): it is to say why one differs."""
        differences = []
        for vector in vectors:
            for condition in ['true', 'kind = 3', 'price < 400 AND kind IN (1, 2)'] if self.shape.filters else ['true']:
                differences += self.answers(f'v {OPERATORS[self.shape.opclass]} {vector}', condition)
        reported = self.check()
        self.different |= bool(differences)
        self.reported |= {kind for _, _, kind, _ in reported}
        if differences and not reported:
            self.problems.append(f'index_check() does not tell why {differences[0]}')

    def answers(self, distance, condition):
        """Those that are not what the table says."""
        exact, differences = None, []
        for limit, setting in [(10, USUAL), (10, EVERYTHING), (100000, EVERYTHING)]:
            found = self.attempt(f'{INDEX}{setting}SELECT id, {distance} FROM {self.table} WHERE {condition} '
                                 f'ORDER BY {distance} LIMIT {limit}')
            if found is None:
                continue
            if exact is None:
                self.cursor.execute(f'{TABLE}SELECT id, {distance} FROM {self.table} WHERE {condition} '
                                    f"AND {distance} <> 'NaN' ORDER BY {distance}")
                exact = self.cursor.fetchall()
            what = f'{self.index}: {condition}, LIMIT {limit}, {"all" if setting is EVERYTHING else "usual"} lists'
            self.judge(what, found, dict(exact))
            if setting is EVERYTHING and [d for _, d in found] != [d for _, d in exact[:limit]]:
                differences.append(f'{what}: {len(found)} rows are not the nearest')
        return differences

    def judge(self, what, found, exact):
        """What no damage excuses. The order of ivfflat's rows is that of the vectors it has."""
        ids = [row for row, _ in found]
        if len(set(ids)) != len(ids):
            self.problems.append(f'{what}: a row comes twice')
        if any(exact.get(row) != distance for row, distance in found):
            self.problems.append(f'{what}: rows that must not come')
        distances = [distance for _, distance in found]
        if self.shape.method != 'ivfflat' and distances != sorted(distances):
            self.problems.append(f'{what}: not in order')

    def check(self):
        try:
            self.cursor.execute('SELECT * FROM index_check(%s, true, true) LIMIT 20', (self.index,))
            return self.cursor.fetchall()
        except psycopg2.Error as error:
            self.failed('index_check', error)
            self.problems.append(f'index_check() ends with {error.pgcode} {str(error).strip()}')
            return []

    # ---- statements

    def describe(self):
        self.attempt(f"SELECT * FROM index_stats('{self.index}')")
        self.attempt(f"SELECT * FROM index_pages('{self.index}')")
        if self.shape.method == 'ivfrabitq':
            self.attempt(f"SELECT * FROM ivfrabitq_calibration('{self.index}')")

    def write(self, rng):
        table, shape = self.table, self.shape
        more = shape.built + shape.grown + 1000
        self.attempt(f'UPDATE {table} SET v = {shape.vector("(id + 5000)")} WHERE id % 40 = {rng.randrange(40)}')
        self.attempt(f'DELETE FROM {table} WHERE id % 15 = {rng.randrange(15)}')
        for i in range(4):
            self.attempt(shape.rows_sql(table, more + i, more + i))
        self.attempt(f'VACUUM (INDEX_CLEANUP ON) {table}')
        if rng.random() < 0.3:
            self.attempt(shape.rows_sql(table, more + 1000, more + 1400))
            self.attempt(f'VACUUM (INDEX_CLEANUP ON) {table}')

    def cure(self, vectors):
        self.cursor.execute(f'REINDEX INDEX {self.index}')
        damaged = self.different, self.reported, self.errors
        self.different, self.reported = False, set()
        self.compare(vectors)
        if self.different or self.reported or self.errors != damaged[2]:
            self.problems.append(f'{self.index}: REINDEX does not cure it')
        self.different, self.reported, self.errors = damaged

    def attempt(self, statement):
        """Rows, or None where it ended with an error; of most errors that is a problem."""
        try:
            self.cursor.execute(statement)
            return self.cursor.fetchall() if self.cursor.description else []
        except psycopg2.Error as error:
            self.failed(statement, error)
            return None

    def failed(self, statement, error):
        if self.connection.closed or error.pgcode is None:
            self.problems.append(f'{statement}: {str(error).strip()}')
            raise error
        self.errors += 1
        if error.pgcode == DAMAGED:
            if self.index not in str(error) or 'REINDEX' not in (error.diag.message_hint or ''):
                self.problems.append(f'{statement}: {error.pgcode} without name or hint: {str(error).strip()}')
        elif error.pgcode not in FOREIGN_ERRORS or FOREIGN_ERRORS[error.pgcode] not in str(error):
            self.problems.append(f'{error.pgcode} {str(error).strip()} in {statement}')

    def outcome(self):
        if self.errors:
            return 'errors'
        if self.different:
            return 'other answers'
        return 'right answers, reported by index_check()' if self.reported else 'right answers'


class ReadingTrial(Trial):
    """Of a standby."""

    def ask(self, rng):
        self.cursor.execute(SETTINGS)
        self.compare([self.shape.vector(n) for n in (7, 10 ** 6)])
        self.describe()


class WritingTrial(Trial):
    """Of a primary whose standby reads."""

    def ask(self, rng):
        self.cursor.execute(f'{SETTINGS}SET vector.wal_mode = {rng.choice(["custom", "generic"])}')
        self.write(rng)
