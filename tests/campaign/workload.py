# SPDX-License-Identifier: PostgreSQL
"""A seeded mixed load over indexed tables, whose acknowledged changes go to a ledger.

Each client owns the rows whose id it is modulo the number of clients, so clients never wait for each
other and the ledger knows the order of the changes to a row. Rows are integers, whose text is the
same here and in the server: so a row's hash can be computed on either side.
"""
import hashlib
import random
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from client_errors import EXPECTED_ERRORS, UNKNOWN_OUTCOME, broken
from housekeeper import ANYTHING, Housekeeper
from ledger import Change

# A row's hash, by the server.
ROW_HASH = "left(md5(concat_ws('|', v::text, kind, price)), 16)"

OPERATORS = {'vector_l2_ops': '<->', 'vector_ip_ops': '<#>', 'vector_cosine_ops': '<=>'}


@dataclass
class Table:
    name: str
    method: str = 'ivfrabitq'
    opclass: str = 'vector_l2_ops'
    dims: int = 32
    lists: int = 0           # 0: none named, or 1 for ivfflat
    spill: float = 0         # share of the rows that ivfrabitq keeps in two lists
    unlogged: bool = False
    filters: tuple = ()      # columns of the index besides v: ('kind',), ('kind', 'price')
    rows: int = 2000         # about as many are kept

    def create(self):
        return (f"CREATE {'UNLOGGED ' if self.unlogged else ''}TABLE {self.name} "
                f'(id bigint PRIMARY KEY, v vector({self.dims}), kind int, price int)')

    def index(self, name, options=''):
        columns = ', '.join([f'v {self.opclass}', *self.filters])
        wanted = ', '.join(f'{key} = {value}' for key, value in [('lists', self.lists), ('spill', self.spill)] if value)
        storage = f' WITH ({wanted})' if wanted else ''
        return f'CREATE INDEX {options} {name} ON {self.name} USING {self.method} ({columns}){storage}'

    def nearest(self, limit):
        return (f'SELECT id FROM {self.name} ORDER BY v {OPERATORS[self.opclass]} '
                f'(SELECT v FROM {self.name} WHERE v IS NOT NULL LIMIT 1) LIMIT {limit}')


DEFAULT_TABLES = [
    Table('grown', filters=('kind',)),
    Table('cosine', opclass='vector_cosine_ops', dims=16, lists=8, spill=0.2, filters=('kind', 'price')),
    Table('flat', method='ivfflat', lists=6),
    Table('flat_ip', method='ivfflat', opclass='vector_ip_ops', dims=16, lists=3),
    Table('passing', lists=5, unlogged=True, rows=500),
    Table('flat_passing', method='ivfflat', lists=3, dims=16, unlogged=True, rows=500),
]


def new_row(rng, dims, centre):
    """(text of the vector or None, kind, price, hash); rows come in clusters, so that lists are uneven."""
    where = random.Random(centre)
    values = [round(where.uniform(-90, 90) + rng.gauss(0, 6)) for _ in range(dims)]
    text = None if rng.random() < 0.02 else '[' + ','.join(map(str, values)) + ']'
    kind, price = rng.randrange(8), rng.randrange(1000)
    joined = '|'.join(([text] if text else []) + [str(kind), str(price)])
    return text, kind, price, hashlib.md5(joined.encode()).hexdigest()[:16]


class Client(threading.Thread):
    """Writes transactions until it is stopped or its connection breaks."""

    def __init__(self, workload, number):
        super().__init__(name=f'client {number}', daemon=True)
        self.workload, self.number = workload, number
        self.rng = random.Random(f'{workload.seed}/{workload.generation}/{number}')
        self.mine = {table.name: [row for row in workload.ledger.rows[table.name]
                                  if row % workload.clients == number] for table in workload.tables}
        self.count = 0

    def run(self):
        try:
            self.connection = self.workload.server.connect()
        except psycopg2.OperationalError:
            return
        while not self.workload.stopping.wait(self.workload.pause) and not self.connection.closed:
            self.transaction()
        self.connection.close()

    def transaction(self):
        logged = [table for table in self.workload.tables if not table.unlogged]
        passing = [table for table in self.workload.tables if table.unlogged]
        # A transaction is over logged tables or over unlogged ones: what a crash leaves must be one of two states.
        choice = passing if passing and self.rng.random() < 0.15 else logged
        tables = self.rng.sample(choice, min(len(choice), self.rng.choice([1, 1, 1, 2, 4])))
        self.count += 1
        name = f'{self.workload.generation}.{self.number}.{self.count}'
        changes, sent = [], False
        single = len(tables) == 1 and self.rng.random() < 0.4
        try:
            self.connection.autocommit = single
            with self.connection.cursor() as cursor:
                for table in tables:
                    plan = self.plan(table)
                    if single:
                        changes, sent = plan.changes, True  # the statement commits by itself
                        self.workload.ledger.sending(name, changes)
                    elif self.rng.random() < 0.15:
                        self.undone(cursor, table)
                    plan.run(cursor)
                    if not single:
                        changes = changes + plan.changes
                if not single and self.rng.random() < 0.1:
                    self.connection.rollback()
                    return
                if not single:
                    sent = True
                    self.workload.ledger.sending(name, changes)
                    self.connection.commit()
        except psycopg2.Error as error:
            self.failed(error, name, changes if sent else [])
            return
        self.workload.ledger.acknowledge(name, changes)
        self.remember(changes)

    def failed(self, error, name, changes):
        if broken(self.connection, error) or error.pgcode == UNKNOWN_OUTCOME:
            if changes:
                self.workload.ledger.doubt(name, changes)
            self.connection.close()
            return
        if changes:
            self.workload.ledger.refused(name)
        self.workload.note_error(error)
        self.connection.rollback()

    def remember(self, changes):
        for change in changes:
            rows = self.mine[change.table]
            if change.operation == 'insert':
                rows.append(change.id)
            elif change.operation == 'delete':
                rows.remove(change.id)

    def undone(self, cursor, table):
        """A subtransaction that is rolled back."""
        cursor.execute('SAVEPOINT s')
        self.plan(table).run(cursor)
        cursor.execute('ROLLBACK TO s')

    # ---- statements -----------------------------------------------------------------------------

    def plan(self, table):
        mine = self.mine[table.name]
        full = len(mine) * self.workload.clients > table.rows
        kind = self.rng.random()
        if mine and full:
            return self.delete(table, self.rng.sample(mine, len(mine) // 3))
        if mine and kind < 0.15:
            return self.delete(table, self.rng.sample(mine, min(len(mine), self.rng.choice([1, 5]))))
        if mine and kind < 0.35:
            return self.update(table, self.rng.sample(mine, min(len(mine), self.rng.choice([1, 1, 8]))))
        if kind < 0.85:
            return self.insert(table, self.rng.choice([1, 1, 1, 10, 40]))
        return self.copy(table, self.rng.choice([20, 100]))

    def fresh(self, table, count):
        rows = []
        for _ in range(count):
            row = self.workload.next_id() * self.workload.clients + self.number
            rows.append((row, *new_row(self.rng, table.dims, self.centre())))
        return rows

    def centre(self):
        """Clusters come and go with the generations: lists fill up and are split."""
        return f'{self.workload.seed}/{self.workload.generation // 5 + self.rng.randrange(4)}'

    def insert(self, table, count):
        rows = self.fresh(table, count)
        values = [value for row in rows for value in row[:4]]
        sql = f"INSERT INTO {table.name} VALUES {', '.join(['(%s, %s, %s, %s)'] * count)}"
        return Plan(lambda cursor: cursor.execute(sql, values),
                    [Change(table.name, row[0], 'insert', row[4]) for row in rows])

    def copy(self, table, count):
        # From a file, which the server (being of the same user) can read: psycopg2's own COPY hangs when the
        # connection breaks in it.
        rows = self.fresh(table, count)
        text = ''.join(f'{row[0]}\t{row[1] or chr(92) + "N"}\t{row[2]}\t{row[3]}\n' for row in rows)
        file = Path(self.workload.server.sockets) / f'{self.number}.copy'

        def run(cursor):
            file.write_text(text)
            cursor.execute(f'COPY {table.name} FROM %s', (str(file),))
        return Plan(run, [Change(table.name, row[0], 'insert', row[4]) for row in rows])

    def update(self, table, ids):
        rows = [(row, *new_row(self.rng, table.dims, self.centre())) for row in ids]
        values = [value for row in rows for value in row[:4]]
        sql = (f'UPDATE {table.name} t SET v = n.v::vector, kind = n.kind::int, price = n.price::int '
               f"FROM (VALUES {', '.join(['(%s::bigint, %s, %s, %s)'] * len(rows))}) n (id, v, kind, price) "
               'WHERE t.id = n.id')
        return Plan(lambda cursor: cursor.execute(sql, values),
                    [Change(table.name, row[0], 'update', row[4]) for row in rows])

    def delete(self, table, ids):
        return Plan(lambda cursor: cursor.execute(f'DELETE FROM {table.name} WHERE id = ANY (%s)', (ids,)),
                    [Change(table.name, row, 'delete', None) for row in ids])


@dataclass
class Plan:
    """Statements to be run, and what they change."""
    run: object
    changes: list


class Workload:
    """REQUIRES: no two of them on one ledger at once."""

    def __init__(self, server, seed, clients=4, tables=None, ledger=None, housekeepers=1, pause=0,
                 expected=EXPECTED_ERRORS):
        self.server, self.seed, self.clients, self.ledger = server, seed, clients, ledger
        self.pause = pause  # seconds before each transaction of a client
        self.tables = list(DEFAULT_TABLES if tables is None else tables)
        self.housekeepers = housekeepers
        self.generation = 0
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.last_id = 0
        self.threads = []
        self.expected = expected
        self.errors = []  # that are not expected
        self.chores = Counter()  # of housekeepers, that ended without an error
        for table in self.tables:
            ledger.add_table(table.name)

    def create(self):
        self.server.sql('CREATE EXTENSION IF NOT EXISTS vector')
        for table in self.tables:
            self.server.sql(table.create())
            self.server.sql(table.index(f'{table.name}_v'))

    def start(self, focus=ANYTHING):
        """A new generation of clients; their decisions follow from the seed and its number."""
        self.generation += 1
        self.focus = focus
        self.stopping.clear()
        self.threads = [Client(self, number) for number in range(self.clients)]
        self.threads += [Housekeeper(self) for _ in range(self.housekeepers)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Ends it; with a server that works, after the transactions that run."""
        self.stopping.set()
        self.join()

    def join(self, patience=120):
        for thread in self.threads:
            thread.join(patience)
            if thread.is_alive():
                raise TimeoutError(f'{thread.name} does not end')

    def drop_leftovers(self):
        """Indexes that CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY did not finish."""
        names = self.server.sql('SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid')
        for (name,) in names:
            self.server.sql(f'DROP INDEX IF EXISTS {name}')

    def next_id(self):
        with self.lock:
            self.last_id += 1
            return self.last_id

    def note_error(self, error):
        if error.pgcode not in self.expected:
            with self.lock:
                self.errors.append(f'{error.pgcode} {str(error).strip()}')
