# SPDX-License-Identifier: PostgreSQL
"""Kills a server, or one of its processes, at random moments."""
import random
import time

import oracle
import report
from ledger import Ledger
from server import Server, wait_until
from workload import Workload

CONF = {
    'fsync': 'off',
    'shared_buffers': '16MB',  # pages are written while they are worked on
    'maintenance_work_mem': '64MB',
    'min_parallel_table_scan_size': 0,  # builds have a parallel worker
    'max_parallel_maintenance_workers': 1,
    'max_wal_size': '48MB',
    'min_wal_size': '32MB',
    'checkpoint_timeout': '30s',
    'autovacuum_naptime': '1s',
    'shared_preload_libraries': 'vector',
    'jit': 'off',
}
KINDS = {'postmaster and children': 9, 'postmaster': 4, 'backend': 5, 'other process': 2}


class Crash:
    def __init__(self, options):
        self.options = options
        self.report = report.Report('crash', options)
        self.rng = random.Random(options.seed)
        self.server = Server(f'{options.state}/server', options.port, {**CONF, 'vector.wal_mode': options.wal_mode})
        self.ledger = Ledger(f'{options.state}/ledger')
        self.workload = Workload(self.server, options.seed, options.clients, ledger=self.ledger)

    def run(self):
        try:
            self.server.init()
            self.server.start()
            self.workload.create()
            self.prepare()
            while not self.report.problems and self.report.more():
                self.cycle()
                self.report.progress(f'{self.ledger.acknowledged:,} transactions')
        finally:
            self.server.close()
        self.report.count('transactions acknowledged', self.ledger.acknowledged)
        self.report.count('changed rows in them', self.ledger.acknowledged_changes)
        self.conclude()
        return self.report.finish()

    def prepare(self):
        """Before the first cycle."""

    def conclude(self):
        """After the last."""

    def cycle(self):
        self.workload.start()
        time.sleep(self.rng.uniform(0.05, self.options.load_seconds))
        kind = self.rng.choices(list(KINDS), list(KINDS.values()))[0]
        self.report.count(f'kills of {kind}')
        if kind.startswith('postmaster'):
            self.server.kill(with_children=kind != 'postmaster')
            self.workload.join()
            self.kill_recovery()
            self.server.start()
            crashed = True
        else:
            crashed = self.kill_one(kind)
            if not crashed:
                self.workload.stop()
            self.workload.join()
            self.server.wait_ready()
        self.verify(crashed)

    def kill_one(self, kind):
        """SIGKILL for one process; False when there was none to kill."""
        backends = self.server.children('[local]')
        others = [pid for word in ('checkpointer', 'background writer', 'walwriter', 'autovacuum', 'parallel worker')
                  for pid in self.server.children(word)]
        pids = backends if kind == 'backend' else others
        return bool(pids) and self.server.kill_child(self.rng.choice(pids))

    def kill_recovery(self):
        """Sometimes recovery does not get to its end either."""
        while self.rng.random() < 0.3:
            self.server.launch()
            startup = []
            wait_until(lambda: startup.extend(self.server.children('startup')) or startup
                       or not self.server.running() or self.server.children('checkpointer'), 'no startup process')
            time.sleep(self.rng.uniform(0, 0.1))
            if startup and self.rng.random() < 0.5 and self.server.kill_child(startup[0]):
                self.report.count('kills of the startup process')
                try:
                    self.server.process.wait(20)  # the postmaster gives up, unless recovery was over
                except Exception:
                    pass
            if self.server.running():
                self.report.count('kills while starting')
                self.server.kill()

    def verify(self, crashed):
        connection = self.server.connect()
        try:
            problems = oracle.verify(connection, self.ledger, after_crash=crashed)
        finally:
            connection.close()
        problems += [f'log: {line}' for line in self.server.crashed()]
        problems += [f'client: {error}' for error in self.workload.errors]
        for problem in problems:
            self.report.problem(problem)
        if not problems:
            self.workload.drop_leftovers()
