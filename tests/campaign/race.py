#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Readers compare every answer with the exact one of their snapshot while others write, vacuum and build indexes."""
import os
import random
import sys
import time

import psycopg2

import oracle
import report
from housekeeper import Focus
from ledger import Ledger
from lock_waits import LockWaits
from reader import ChangingReader, Reader
from server import Server
from workload import DEFAULT_TABLES, Table, Workload

CONF = {
    'fsync': 'off',
    'shared_preload_libraries': 'vector',
    'shared_buffers': '256MB',
    'wal_buffers': '64MB',  # who changes a page must not wait for the disk with it
    'maintenance_work_mem': '64MB',
    'min_parallel_table_scan_size': 0,  # builds have a parallel worker
    'max_parallel_maintenance_workers': 1,
    'autovacuum_naptime': '1s',
    'jit': 'off',
}
TABLES = [
    *(table for table in DEFAULT_TABLES if not table.unlogged),
    # small integers in two dimensions: many rows have the same distance
    Table('ties', dims=2, filters=('price',)),
    Table('flat_ties', method='ivfflat', lists=4, dims=2),
]
# What needs AccessExclusiveLock would stop readers, as PostgreSQL has it.
CHORES = Focus(only=('vacuum', 'create concurrently', 'reindex concurrently', 'calibrate', 'checkpoint'))


def arguments():
    parser = report.options(__doc__, minutes=10)
    parser.add_argument('--readers', type=int, default=8)
    parser.add_argument('--changing', type=int, default=3, help='readers that see changes of their own')
    parser.add_argument('--cycle-seconds', type=float, default=30)
    parser.add_argument('--blocked-ms', type=int, default=100, help='how long a reader may wait for a lock')
    parser.add_argument('--pause', type=float, default=0.02, help='mean pause of a reader, seconds')
    return parser.parse_args()


class Splits:
    """Lists that were split, as far as they are seen before vacuum takes them away."""

    def __init__(self, server):
        self.connection = server.connect()
        self.connection.autocommit = True
        self.retired = {}
        self.seen = 0

    def look(self):
        with self.connection.cursor() as cursor:
            for table in TABLES:
                if table.method == 'ivfrabitq':
                    try:
                        cursor.execute(f"SELECT retired_lists FROM index_stats('{table.name}_v')")
                    except psycopg2.Error:
                        continue  # it was just replaced by REINDEX
                    retired = cursor.fetchone()[0]
                    self.seen += max(0, retired - self.retired.get(table.name, 0))
                    self.retired[table.name] = retired

    def close(self):
        self.connection.close()
        return self.seen


class Race:
    def __init__(self, options):
        self.options = options
        self.report = report.Report('race', options)
        self.rng = random.Random(options.seed)
        self.waits = LockWaits(options.state, options.blocked_ms)
        self.server = Server(f'{options.state}/server', options.port,
                             {**CONF, **self.waits.conf, 'vector.wal_mode': options.wal_mode},
                             environment=self.waits.environment)
        self.ledger = Ledger(f'{options.state}/ledger')
        self.workload = Workload(self.server, options.seed, options.clients, TABLES, self.ledger, housekeepers=2,
                                 pause=0.01)

    def run(self):
        try:
            self.server.init()
            self.server.start()
            self.report.details['assertions'] = self.server.sql('SHOW debug_assertions')[0][0]
            self.workload.create()
            while not self.report.problems and self.report.more():
                self.cycle()
                self.report.progress(f'{self.report.figures["answers"]:,} answers')
        finally:
            self.server.close()
        self.report.count('transactions acknowledged', self.ledger.acknowledged)
        self.report.count('changed rows in them', self.ledger.acknowledged_changes)
        return self.report.finish()

    def cycle(self):
        self.empty_tables()
        self.workload.start(CHORES)
        readers = [Reader(self.workload, number, self.options.pause) for number in range(self.options.readers)]
        changing = [ChangingReader(self.workload, number, self.options.pause) for number in range(self.options.changing)]
        for reader in readers + changing:
            reader.start()
        end = time.monotonic() + self.options.cycle_seconds
        splits = Splits(self.server)
        while time.monotonic() < end and not any(reader.problems for reader in readers + changing):
            time.sleep(0.2)
            splits.look()
        self.report.count('lists split, at least', splits.close())
        self.workload.stop()
        for reader in readers + changing:
            reader.join()
            self.sum_up(reader)
        # those that change rows, too, may wait as writers do
        self.judge_waits({reader.pid for reader in readers})
        self.verify()

    def empty_tables(self):
        """Some begin anew: their indexes get all of their lists by splits, while they are read."""
        for table in TABLES:
            if self.report.cycles > 1 and self.rng.random() < 0.5:
                self.server.sql(f'TRUNCATE {table.name}')
                self.ledger.forget_rows(table.name)

    def sum_up(self, reader):
        for name, number in reader.figures.items():
            self.report.count(name, number)
        self.report.highest('ms of the slowest answer', round(reader.slowest))
        for problem in reader.problems:
            self.report.problem(f'{reader.name}: {problem}')

    def judge_waits(self, readers):
        """Time in which a reader could go on, but other processes had the processors, is not a lock's. Who held the lock
        may have been kept from them, too: for as long as it is known of any process in this cycle."""
        waits = self.waits.since(self.server.log)
        starved = max((wait.ready for wait in waits), default=0)
        self.report.highest('ms that a process was kept from the processors', round(starved, 1))
        for wait in waits:
            if wait.pid in readers:
                blocked = wait.ms - wait.ready
                self.report.count('waits of readers for locks, of 1 ms or more')
                self.report.highest('ms of the longest', round(blocked, 1))
                if blocked - starved > self.options.blocked_ms:
                    self.report.problem(f'a reader waited {blocked:.1f} ms for a lock: {wait.what}')

    def verify(self):
        connection = self.server.connect()
        try:
            problems = oracle.verify(connection, self.ledger)
        finally:
            connection.close()
        problems += [f'log: {line}' for line in self.server.crashed()]
        problems += [f'client: {error}' for error in self.workload.errors]
        for problem in problems:
            self.report.problem(problem)
        for chore, number in self.workload.chores.items():
            self.report.figures[chore] = number
        if not problems:
            self.workload.drop_leftovers()


if __name__ == '__main__':
    os.umask(0o077)
    sys.exit(Race(arguments()).run())
