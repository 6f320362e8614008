#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Lets the disk of the data or of the WAL be full at a random byte of a build, a change or a vacuum."""
import os
import random
import resource
import sys
import time

import psycopg2

import oracle
import report
from full_disk import AREAS, FullDisk
from ledger import Ledger
from server import PATIENCE, Server
from workload import Client, Plan, Table, Workload, broken

CONF = {
    'fsync': 'off',
    'shared_preload_libraries': 'vector',
    'shared_buffers': '1MB',  # pages are written while they are worked on
    'maintenance_work_mem': '1MB',  # builds write temporary files
    'max_wal_size': '4MB',
    'min_wal_size': '2MB',
    'autovacuum': 'off',
    'bgwriter_delay': '20ms',
    'max_parallel_maintenance_workers': 1,
    'jit': 'off',
}
TABLES = [
    Table('grown', filters=('kind',), dims=96, rows=1200),
    Table('cosine', opclass='vector_cosine_ops', dims=64, lists=8, filters=('kind', 'price'), rows=1200),
    Table('flat', method='ivfflat', lists=6, dims=96, rows=1200),
]
OPERATIONS = ['build', 'build concurrently', 'reindex', 'insert', 'copy', 'update', 'vacuum', 'recovery']
DISK_FULL = '53100'
LOST = 'the connection'
DOWN = 'no server'


def arguments():
    parser = report.options(__doc__.splitlines()[0], cycles=100, wal_mode='both', wal_modes=['both'])
    return parser.parse_args()


class DiskFull:
    def __init__(self, options):
        self.options = options
        self.report = report.Report('diskfull', options)
        self.rng = random.Random(options.seed)
        folder = f'{options.state}/server'
        self.disk = FullDisk(options.state, folder)
        self.server = Server(folder, options.port, CONF, environment=self.disk.environment)
        self.ledger = Ledger(f'{options.state}/ledger')
        self.workload = Workload(self.server, options.seed, clients=1, tables=TABLES, ledger=self.ledger)
        self.costs = {}  # (operation, area, overwriting) → bytes it took when there was room
        self.attempts = 0
        self.mode = 'custom'

    def run(self):
        try:
            self.server.init('--wal-segsize=1', '--data-checksums')
            self.server.start()
            self.workload.create()
            for table in TABLES:
                self.attempt(lambda client, table=table: client.copy(table, table.rows))
            while not self.report.problems and self.report.more():
                self.cycle()
                self.report.progress()
        finally:
            self.server.close()
        return self.report.finish()

    def cycle(self):
        self.mode = self.options.wal_mode
        if self.mode == 'both':
            self.mode = ['custom', 'generic'][self.report.cycles % 2]
        table, operation = self.rng.choice(TABLES), self.rng.choice(OPERATIONS)
        area = self.rng.choice(AREAS)
        overwriting = self.rng.random() < 0.5 or self.costs.get((operation, area, False)) == 0
        self.server.allowed_panic = 'No space left on device' if area == 'WAL' else None
        if operation == 'recovery':
            self.recovery(table, area, overwriting)
        else:
            self.operation(table, operation, area, overwriting)

    def operation(self, table, operation, area, overwriting):
        budget = self.budget(operation, area, overwriting)
        self.prepare(table, operation)
        outcome = self.attempt(lambda client: self.plan(client, table, operation),
                               lambda: self.disk.limit(area, budget, overwriting))
        if outcome == LOST and self.rng.random() < 0.3:  # it stays full while the server recovers
            self.report.count('recoveries on a full disk')
            time.sleep(self.rng.uniform(0.1, 1))
        left, refused = self.disk.lift()
        self.judge(table, operation, area, outcome, refused)
        if outcome is None and not refused:
            self.costs[operation, area, overwriting] = budget - left
        self.bring_back()
        if outcome is not None:
            self.again(table, operation)

    def recovery(self, table, area, overwriting):
        """The server is killed and recovers on a full disk: it works, or it ends and works when there is room."""
        self.prepare(table, 'copy')
        self.attempt(lambda client: client.copy(table, 300))
        self.attempt(lambda client: client.update(table, client.rng.sample(client.mine[table.name], 200)))
        self.server.kill()
        budget = self.budget('recovery', area, overwriting)
        self.disk.limit(area, budget, overwriting)
        self.server.launch()
        outcome = None if self.comes_up() else DOWN
        left, refused = self.disk.lift()
        self.judge(table, 'recovery', area, outcome, refused)
        if outcome is None and not refused:
            self.costs['recovery', area, overwriting] = budget - left
        self.bring_back()

    def comes_up(self):
        """False when the server ended, or tries again and again because of the full disk."""
        begin = time.monotonic()
        while self.server.running():
            try:
                self.server.connect().close()
                return True
            except psycopg2.OperationalError:
                waited = time.monotonic() - begin
            if waited > PATIENCE or (waited > 2 and self.disk.refused()):
                return False
            time.sleep(0.02)
        return False

    def budget(self, *what):
        """What it took when there was room says how much is not enough; until that is known, a guess."""
        if what in self.costs:
            return self.rng.randrange(self.costs[what] + 1)
        return round(2 ** self.rng.uniform(9, 17))

    def judge(self, table, operation, area, outcome, refused):
        what = f'{operation} of {table.name}, {area} full'
        if not refused:
            self.report.count('rounds with room enough')
            if outcome is not None:
                self.report.problem(f'{what}: nothing was refused and it ended with {outcome}')
            return
        self.report.count(f'rounds {self.mode}, {area} full')
        self.report.count(f'in {operation}')
        if outcome is None:
            self.report.count('successes without the room')
        elif outcome == DISK_FULL:
            self.report.count('errors')
        elif outcome == DOWN or (outcome == LOST and area == 'WAL'):
            self.report.count('restarts')
        else:
            self.report.problem(f'{what}: it ended with {outcome}')

    def again(self, table, operation):
        """There is room: now it succeeds, and stays when the server is killed."""
        self.prepare(table, operation)
        outcome = self.attempt(lambda client: self.plan(client, table, operation))
        if outcome is not None:
            self.report.problem(f'{operation} of {table.name}, with room again: it ended with {outcome}')
        self.report.count('repetitions that succeeded', outcome is None)
        if self.rng.random() < 0.25:
            self.server.kill()
            self.server.start()
            self.report.count('kills afterwards')
        self.verify()

    # ---- operations -----------------------------------------------------------------------------

    def prepare(self, table, operation):
        if operation.startswith('build'):
            self.server.sql(f'DROP INDEX IF EXISTS {table.name}_more')
        rows = len(self.ledger.rows[table.name])
        if rows > table.rows or operation == 'vacuum':
            self.attempt(lambda client: client.copy(table, 300))
            self.attempt(lambda client: client.delete(
                table, client.rng.sample(client.mine[table.name], len(client.mine[table.name]) // 3)))

    def plan(self, client, table, operation):
        statement = {
            'build': table.index(f'{table.name}_more'),
            'build concurrently': table.index(f'{table.name}_more', 'CONCURRENTLY'),
            'reindex': f'REINDEX INDEX {table.name}_v',
            'vacuum': f'VACUUM (INDEX_CLEANUP ON) {table.name}',
        }.get(operation)
        if statement:
            return Plan(lambda cursor: cursor.execute(statement), [])
        if operation == 'update':
            return client.update(table, client.rng.sample(client.mine[table.name], 200))
        return {'insert': client.insert, 'copy': client.copy}[operation](table, 300)

    def attempt(self, make_plan, when_ready=lambda: None):
        """Runs what a client plans as one transaction: None, or the error's code, or LOST."""
        self.workload.generation = self.attempts = self.attempts + 1
        client = Client(self.workload, 0)
        plan = make_plan(client)
        connection = self.server.connect()
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(f'SET vector.wal_mode = {self.mode}')
                when_ready()
                plan.run(cursor)
        except psycopg2.Error as error:
            if not broken(connection, error):
                return error.pgcode
            self.ledger.doubt(self.attempts, plan.changes)
            return LOST
        finally:
            connection.close()
        self.ledger.acknowledge(self.attempts, plan.changes)
        return None

    # ---- afterwards -----------------------------------------------------------------------------

    def bring_back(self):
        """A process that met the full disk may take the server down only now: then once more."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if not self.server.running():
                    self.server.start()
                self.server.wait_ready()
                self.workload.drop_leftovers()
                self.verify()
                return
            except psycopg2.OperationalError:
                if not self.server.allowed_panic or time.monotonic() > deadline:
                    raise

    def verify(self):
        connection = self.server.connect()
        try:
            problems = oracle.verify(connection, self.ledger)
        finally:
            connection.close()
        for problem in problems + [f'log: {line}' for line in self.server.crashed()]:
            self.report.problem(problem)


if __name__ == '__main__':
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a PANIC leaves none
    sys.exit(DiskFull(arguments()).run())
