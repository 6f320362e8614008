# SPDX-License-Identifier: PostgreSQL
"""Kills processes of a coordinator and its workers while distributed tables are written."""
import os
import random
import time

import oracle
import report
from client_errors import EXPECTED_ERRORS, WORKER_ERRORS
from crash_random import CONF
from housekeeper import Focus
from ledger import Ledger
from server import Server, wait_until
from workload import Table, Workload

WORKERS = 4
SHARDS = 8
KINDS = {'postmaster and children': 5, 'postmaster': 3, 'backend': 4}
TABLES = [Table('grown', filters=('kind',), rows=5000),
          Table('cosine', opclass='vector_cosine_ops', dims=16, lists=5, spill=0.2, rows=3000),
          Table('flat', method='ivfflat', lists=4, dims=16, rows=3000)]
FOCUS = Focus(only=('vacuum', 'reindex', 'create'))  # the rest is not there for distributed tables


class ClusterCrash:
    def __init__(self, options):
        self.options = options
        self.report = report.Report('crash', options)
        self.rng = random.Random(options.seed)
        conf = {**CONF, 'vector.wal_mode': options.wal_mode, 'max_prepared_transactions': 50}
        self.coordinator = Server(f'{options.state}/coordinator', options.port,
                                  {**conf, 'shared_preload_libraries': 'vector,vecmesh'})
        self.workers = [Server(f'{options.state}/worker{i}', options.port + i, conf) for i in range(1, WORKERS + 1)]
        self.nodes = [self.coordinator, *self.workers]
        self.ledger = Ledger(f'{options.state}/ledger')
        self.workload = Workload(self.coordinator, options.seed, options.clients, TABLES, self.ledger,
                                 expected=EXPECTED_ERRORS | WORKER_ERRORS)

    def run(self):
        try:
            self.make()
            while not self.report.problems and self.report.more():
                self.cycle()
                self.report.progress(f'{self.ledger.acknowledged:,} transactions')
        finally:
            for node in self.nodes:
                node.close()
        self.report.count('transactions acknowledged', self.ledger.acknowledged)
        self.report.count('changed rows in them', self.ledger.acknowledged_changes)
        return self.report.finish()

    def make(self):
        for node in self.nodes:
            node.init()
            node.start()
            node.sql('CREATE EXTENSION vector')
        self.coordinator.sql('CREATE EXTENSION vecmesh')
        for worker in self.workers:
            self.coordinator.sql("SELECT vecmesh.add_node(%s, %s, 'postgres')", (worker.sockets, worker.port))
        for table in TABLES:
            self.coordinator.sql(table.create())
            self.coordinator.sql(f"SELECT vecmesh.create_distributed_table('{table.name}', 'id', {SHARDS})")
            self.coordinator.sql(table.index(f'{table.name}_v'))

    # ---- a cycle

    def cycle(self):
        self.workload.start(FOCUS)
        time.sleep(self.rng.uniform(0.2, 2 * self.options.load_seconds))
        # No transaction begins after the first kill: what a client committed may stay prepared until recovery, and
        # the client would not see its own rows. Those that run meet the kill wherever they are.
        self.workload.stopping.set()
        killed = self.rng.sample(self.nodes, self.rng.choice([1, 1, 1, 2]))
        for node in killed:
            self.kill(node)
        for node in self.nodes:
            if not node.running():
                node.start()
        self.recover()
        self.workload.join()
        for node in self.nodes:
            node.wait_ready()
        self.recover()
        for problem in self.problems():
            self.report.problem(problem)

    def kill(self, node):
        kind = self.rng.choices(list(KINDS), list(KINDS.values()))[0]
        backends = node.children('[local]')
        if kind == 'backend' and backends:
            node.kill_child(self.rng.choice(backends))
        else:
            node.kill(with_children=kind != 'postmaster')
        self.report.count(f'kills on {"the coordinator" if node is self.coordinator else "a worker"}')

    def recover(self):
        """Ends what is prepared and in doubt: locks of it may be what clients wait for."""
        def ended():
            try:
                self.coordinator.sql('SELECT vecmesh.recover_prepared_transactions()')
                return self.idle() and not any(worker.sql('SELECT 1 FROM pg_prepared_xacts')
                                               for worker in self.workers)
            except oracle.psycopg2.Error:  # a node still restarts
                return False
        wait_until(ended, 'a transaction stays prepared')

    def idle(self):
        return not any(thread.is_alive() for thread in self.workload.threads)

    # ---- what is found

    def problems(self):
        problems = self.on(self.coordinator, self.compare_coordinator)
        for worker in self.workers:
            name = worker.folder.name
            problems += [f'{name}: {problem}' for problem in
                         self.on(worker, lambda connection: oracle.verify(connection, Ledger(os.devnull)))]
        for node in self.nodes:
            problems += [f'{node.folder.name}: log: {line}' for line in node.crashed()]
        return problems + [f'client: {error}' for error in self.workload.errors]

    def on(self, node, ask):
        connection = node.connect()
        try:
            return ask(connection)
        finally:
            connection.close()

    def compare_coordinator(self, connection):
        """Ledger and table; and the same rows in the same order from the shards' indexes as without them."""
        connection.autocommit = True
        with connection.cursor() as cursor:
            problems = oracle.compare_ledger(cursor, self.ledger)
            for table in TABLES:
                problems += oracle.attempt(table.name, oracle.compare_distributed, cursor, table)
        return problems
