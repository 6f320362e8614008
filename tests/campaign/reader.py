# SPDX-License-Identifier: PostgreSQL
"""Reads in one snapshot what a table has, by a sequential scan, and what its index says; the two must be the same."""
import random
import threading
import time
from dataclasses import dataclass

import psycopg2

import oracle
from workload import new_row

LIMITS = (1, 10, 40, 150, 1000)


@dataclass
class Question:
    """REQUIRES: exact holds the rows of the condition and their distances, in the snapshot."""
    table: object
    distance: str
    condition: str
    exact: dict

    def sql(self, limit=None):
        return (f'SELECT id, {self.distance} FROM {self.table.name} WHERE {self.condition} '
                f'ORDER BY {self.distance}' + (f' LIMIT {limit}' if limit else ''))


class Reader(threading.Thread):
    def __init__(self, workload, number, pause):
        super().__init__(name=f'reader {number}', daemon=True)
        self.workload, self.pause = workload, pause
        self.rng = random.Random(f'{workload.seed}/{workload.generation}/reader {number}')
        self.figures = {'snapshots': 0, 'answers': 0, 'of cursors': 0, 'rows in them': 0}
        self.slowest = 0     # ms of an answer
        self.problems = []
        self.pid = None

    def run(self):
        try:
            self.connection = self.workload.server.connect()
            self.pid = self.connection.info.backend_pid
            self.connection.set_session('repeatable read')
            while not self.workload.stopping.wait(self.rng.uniform(0, 2 * self.pause)) and not self.problems:
                self.snapshot()
            self.connection.close()
        except psycopg2.Error as error:
            self.problems.append(f'{error.pgcode} {str(error).strip()}')
        except Exception as error:  # a thread's traceback would be lost
            self.problems.append(repr(error))

    def snapshot(self):
        self.figures['snapshots'] += 1
        with self.connection.cursor() as cursor:
            cursor.execute('SET jit = off')
            question = self.question(cursor, self.rng.choice(self.workload.tables))
            if question:
                self.ask_some(cursor, question)
                if self.rng.random() < 0.3:
                    self.read_slowly(cursor, question)
        self.connection.commit()

    def question(self, cursor, table):
        """About a random row; None while the table has none. Its exact answer begins the snapshot."""
        cursor.execute(oracle.EXACT_SETTINGS + f'SELECT v FROM {table.name} WHERE v IS NOT NULL ORDER BY id '
                       f'OFFSET (SELECT floor({self.rng.random()} * count(v)) FROM {table.name}) LIMIT 1')
        found = cursor.fetchone()
        if found is None:
            return None
        distance = f"v {oracle.OPERATORS[table.opclass]} '{found[0]}'"
        # of filter columns, and one that only the executor knows
        condition = self.rng.choice(['true', 'true', 'kind = 3', 'price < 300', 'id % 3 = 1'])
        cursor.execute(oracle.exact_query(table.name, distance, condition))
        return Question(table, distance, condition, dict(cursor.fetchall()))

    def ask_some(self, cursor, question):
        cursor.execute(oracle.INDEX_SETTINGS)
        self.check_plan(cursor, question)
        for limit in self.rng.sample(LIMITS, 2):
            self.ask(cursor, question, limit)

    def check_plan(self, cursor, question):
        cursor.execute('EXPLAIN ' + question.sql(10))
        plan = '\n'.join(line for (line,) in cursor.fetchall())
        if f'Index Scan using {question.table.name}_' not in plan:
            self.problems.append(f'{question.table.name}: the query does not use the index:\n{plan}')

    def ask(self, cursor, question, limit):
        begin = time.monotonic()
        cursor.execute(question.sql(limit))
        self.slowest = max(self.slowest, 1000 * (time.monotonic() - begin))
        self.compare(question, cursor.fetchall(), limit)

    def read_slowly(self, cursor, question):
        """A cursor whose index changes between its rows; often closed before its end."""
        cursor.execute(f'DECLARE slow NO SCROLL CURSOR FOR {question.sql()}')
        wanted = self.rng.choice([20, 200, 10**6])
        answers, ended = [], False
        while len(answers) < wanted and not ended:
            step = self.rng.choice([1, 10, 100, 500])
            cursor.execute(f'FETCH {step} FROM slow')
            rows = cursor.fetchall()
            answers += rows
            ended = len(rows) < step
            time.sleep(self.rng.uniform(0, 2 * self.pause))
            if self.rng.random() < 0.2:
                self.ask(cursor, question, self.rng.choice(LIMITS))
        cursor.execute('CLOSE slow')
        self.figures['of cursors'] += 1
        self.compare(question, answers, None if ended else len(answers))

    def compare(self, question, answers, limit):
        """Rows of equal distance may change places: so the distances are to be the smallest ones, and each its row's."""
        self.figures['answers'] += 1
        self.figures['rows in them'] += len(answers)
        expected = sorted(question.exact.values())[:limit]
        found = [distance for _, distance in answers]
        wrong = [row for row, distance in answers if question.exact.get(row) != distance]
        twice = len(answers) - len(dict(answers))
        if wrong or twice or sorted(found) != expected:
            nearest = sorted(question.exact, key=question.exact.get)[:limit]
            missed = [row for row in nearest if row not in dict(answers)]
            self.problems.append(
                f'{question.sql(limit)}: {len(answers)} rows for {len(expected)}, {twice} twice; not found: {missed[:5]}; '
                f'not there, or with another distance: {wrong[:5]}')
        elif question.table.method == 'ivfflat' and found != expected:
            self.problems.append(f'{question.sql(limit)}: the rows do not come in order')


class ChangingReader(Reader):
    """Reads what its own transaction has changed so far, and what it has after ROLLBACK TO SAVEPOINT. In the end
    nothing of it stays."""

    def __init__(self, workload, number, pause):
        super().__init__(workload, number, pause)
        self.name = f'changing {self.name}'
        self.number, self.inserted = number, 0
        self.figures = {'transactions with own changes': 0, 'that gave way to others': 0, 'answers': 0, 'of cursors': 0,
                        'of cursors older than changes': 0, 'rows in them': 0, 'rollbacks to savepoints': 0}

    def snapshot(self):
        self.figures['transactions with own changes'] += 1
        table = self.rng.choice(self.workload.tables)
        try:
            with self.connection.cursor() as cursor:
                cursor.execute('SET jit = off')
                self.change(cursor, table)
                self.verify(cursor, table)
                for _ in range(self.rng.choice([1, 1, 2])):
                    cursor.execute('SAVEPOINT s')
                    for _ in range(self.rng.choice([1, 2, 4])):
                        self.change(cursor, table)
                    self.verify(cursor, table)
                    if self.rng.random() < 0.7:
                        cursor.execute('ROLLBACK TO s')
                        self.figures['rollbacks to savepoints'] += 1
                        self.verify(cursor, table)
                if self.rng.random() < 0.5:
                    self.change_beside_cursor(cursor, table)
        except psycopg2.errors.SerializationFailure:  # somebody changed the row first
            self.figures['that gave way to others'] += 1
        self.connection.rollback()

    def verify(self, cursor, table):
        question = self.question(cursor, table)
        if question:
            self.ask_some(cursor, question)

    def change_beside_cursor(self, cursor, table):
        """An open cursor does not see what its transaction changes later."""
        question = self.question(cursor, table)
        if not question:
            return
        cursor.execute(f'{oracle.INDEX_SETTINGS}DECLARE old NO SCROLL CURSOR FOR {question.sql()}; '
                       f'FETCH {self.rng.choice([1, 20, 200])} FROM old')
        answers = cursor.fetchall()
        for _ in range(self.rng.choice([1, 2, 4])):
            self.change(cursor, table)
        cursor.execute(f'{oracle.INDEX_SETTINGS}FETCH ALL FROM old')
        answers += cursor.fetchall()
        cursor.execute('CLOSE old')
        self.figures['of cursors older than changes'] += 1
        self.compare(question, answers, None)

    def change(self, cursor, table):
        kind = self.rng.choice(['insert', 'insert', 'insert', 'delete', 'update', 'touch'])
        if kind == 'insert':
            rows = [self.new_row(table) for _ in range(self.rng.choice([1, 3, 40]))]
            cursor.execute(f"INSERT INTO {table.name} VALUES {', '.join(['(%s, %s, %s, %s)'] * len(rows))}",
                           [value for row in rows for value in row])
            return
        # own rows and others'; those that others are changing are not waited for
        cursor.execute(f'SELECT id FROM {table.name} ORDER BY id < 0 AND {self.rng.random()} < 0.5 DESC, '
                       f'md5(id::text || {self.rng.random()}) LIMIT {self.rng.choice([1, 5, 20])} FOR UPDATE SKIP LOCKED')
        ids = [row for (row,) in cursor.fetchall()]
        if kind == 'delete':
            cursor.execute(f'DELETE FROM {table.name} WHERE id = ANY (%s)', (ids,))
        elif kind == 'touch':  # a heap-only update, where price is no column of the index
            cursor.execute(f'UPDATE {table.name} SET price = price + 1 WHERE id = ANY (%s)', (ids,))
        else:
            for row in ids:
                cursor.execute(f'UPDATE {table.name} SET v = %s, kind = %s, price = %s WHERE id = %s',
                               (*self.new_row(table)[1:], row))

    def new_row(self, table):
        """Its id is nobody else's."""
        self.inserted += 1
        centre = f'{self.workload.seed}/{self.workload.generation // 5 + self.rng.randrange(4)}'
        return (-(100 * self.inserted + self.number), *new_row(self.rng, table.dims, centre)[:3])
