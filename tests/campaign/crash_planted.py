# SPDX-License-Identifier: PostgreSQL
"""Plants a bug that loses or moves data in recovery, crashes the server, and shows what catches it.

Each try is a fresh server: load, checkpoint, the bug, load, crash, recovery. The campaign catches a bug by what the
ledger, the answers and the log say, the verifier by the rows of index_check(). Without a bug nothing may be caught.
"""
import random
import time

import oracle
import report
from crash_random import CONF
from housekeeper import CHORES, Focus
from ledger import Ledger
from server import Server
from torn_pages import Torn
from workload import DEFAULT_TABLES, Workload

BUGS = ['none', 'skipped_record', 'missing_page_image', 'wrong_redo_offset', 'unlogged_bit_flip']
TRIES = 5

# Nothing is written but by eviction, and little is evicted: recovery has all to do.
SETTINGS = {**CONF, 'autovacuum': 'off', 'checkpoint_timeout': '1h', 'max_wal_size': '1GB', 'shared_buffers': '64MB',
            'bgwriter_lru_maxpages': 0}
# Pages are written all the time, and are torn: what a page image is for.
TORN = {'shared_buffers': '1MB', 'bgwriter_lru_maxpages': 100}
SHOWN = 3  # of what was caught, by either


class Planted:
    def __init__(self, options):
        self.options = options
        self.report = report.Report('crash', options)
        self.rng = random.Random(options.seed)
        self.made = Server(f'{options.state}/made', options.port)

    def run(self):
        self.made.init()
        for bug in BUGS if self.options.planted == 'all' else [self.options.planted]:
            by_campaign, by_verifier = self.catch(bug)
            show(bug, by_campaign, by_verifier)
            self.report.count('planted bugs caught by the campaign', bool(by_campaign) and bug != 'none')
            self.report.count('by the verifier', bool(by_verifier) and bug != 'none')
            if bug == 'none' and (by_campaign or by_verifier):
                self.report.problem('without a bug something is caught')
            elif bug != 'none' and not (by_campaign and by_verifier):
                self.report.problem(f'{bug} is not caught')
        self.made.close()
        return self.report.finish()

    def catch(self, bug):
        by_campaign, by_verifier = [], []
        for _ in range(1 if bug == 'none' else TRIES):
            self.report.cycles += 1
            for problem in self.one_try(bug):
                (by_verifier if ': verifier: ' in problem else by_campaign).append(problem)
            if by_campaign and by_verifier:
                break
        return by_campaign, by_verifier

    def one_try(self, bug):
        torn = bug in ('none', 'missing_page_image')
        server = Server(f'{self.options.state}/planted', self.options.port,
                        {**SETTINGS, **(TORN if torn else {}), 'vector.wal_mode': self.options.wal_mode})
        ledger = Ledger(f'{self.options.state}/ledger')
        tables = [table for table in DEFAULT_TABLES if not table.unlogged]
        workload = Workload(server, self.rng.randrange(10**6), self.options.clients, tables, ledger)
        # another checkpoint would make the pages that are torn older than what recovery begins with
        focus = Focus(('vacuum',), only=tuple(chore for chore in CHORES if chore != 'checkpoint'))
        try:
            server.copy_of(self.made)
            server.start()
            workload.create()
            workload.start(focus)
            time.sleep(self.options.load_seconds)
            workload.stop()
            server.sql('CHECKPOINT')
            pages = Torn(server) if torn else None
            server.reload(**{'vector.planted_bug': bug})
            workload.start(focus)
            time.sleep(2 * self.options.load_seconds)
            server.kill()
            workload.join()
            if torn:
                self.report.count('pages torn', pages.tear(self.rng))
            return self.after_recovery(server, ledger)
        finally:
            server.close()

    def after_recovery(self, server, ledger):
        """The bug is there in recovery, and then no more."""
        try:
            server.start()
        except RuntimeError:
            return [f'log: {line}' for line in server.crashed()]
        server.reload(**{'vector.planted_bug': 'none'})
        connection = server.connect()
        try:
            problems = oracle.verify(connection, ledger, after_crash=True)
        finally:
            connection.close()
        return problems + [f'log: {line}' for line in server.crashed()]


def show(bug, by_campaign, by_verifier):
    print(f'planted: {bug}')
    for who, caught in ('campaign', by_campaign), ('verifier', by_verifier):
        print(f'  caught by the {who}: {len(caught) or "nothing"}')
        for problem in caught[:SHOWN]:
            print(f'    {problem}')
