#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Compares every replayed page with the primary's under a mixed load; promotes, backs up, recovers."""
import os
import shutil
import sys
import time

import backup
import oracle
import report
from ledger import Ledger
from pair import Pair
from readers import AT_REST, Readers
from workload import Workload

CONF = {
    'fsync': 'off',
    'shared_preload_libraries': 'vector',
    'wal_consistency_checking': 'all',  # every record carries the pages as they are after it
    'shared_buffers': '64MB',
    'maintenance_work_mem': '32MB',
    'max_wal_size': '512MB',
    'min_wal_size': '128MB',
    'wal_keep_size': '256MB',
    'archive_mode': 'on',
    'archive_command': 'true',  # until a backup is taken
    'checkpoint_timeout': '60s',
    'autovacuum_naptime': '5s',
    **AT_REST,  # the oracle's long queries end
    'max_parallel_maintenance_workers': 1,
    'jit': 'off',
}
OUR_RECORDS = 'vector'
SAMPLE_BYTES = 8 * 2**20


def arguments():
    parser = report.options(__doc__.splitlines()[0], wal_mode='both', wal_modes=['both'])
    parser.add_argument('--cycle-seconds', type=float, default=45, help='load before each verification')
    parser.add_argument('--rate', type=float, default=15, help='transactions a second, about; 0: all it can')
    parser.add_argument('--every', type=int, default=10, help='cycles from one promotion, backup and recovery to the next')
    parser.add_argument('--go-on', action='store_true', help='do not end after a problem while both servers run')
    options = parser.parse_args()
    if options.minutes is None and options.cycles is None:
        options.minutes = 10
    return options


class Walcheck:
    def __init__(self, options):
        self.options = options
        self.report = report.Report('walcheck', options)
        self.pair = Pair(options.state, options.port, CONF)
        self.ledger = Ledger(f'{options.state}/ledger')
        pause = options.clients / options.rate if options.rate else 0
        self.workload = Workload(self.pair.primary, options.seed, options.clients, ledger=self.ledger, pause=pause)
        self.readers = Readers(self.workload.tables, options.seed, self.report)

    def run(self):
        try:
            self.pair.primary.init()
            self.pair.primary.start()
            self.workload.create()
            self.pair.primary.sql('CREATE EXTENSION pg_walinspect')
            self.pair.follow()
            while self.sound() and self.report.more():
                self.cycle()
                if self.sound() and self.report.cycles % self.options.every == 0:
                    self.drill()
                self.report.progress(f'{self.ledger.acknowledged_changes:,} rows changed, '
                                     f'{self.report.figures["WAL records"]:,} WAL records')
            if self.sound() and self.report.cycles % self.options.every:
                self.drill()
        except (RuntimeError, TimeoutError) as error:  # a server ended, or hangs
            self.report.problem(str(error))
        finally:
            self.pair.close()
        self.report.count('transactions', self.ledger.acknowledged)
        self.report.count('changed rows', self.ledger.acknowledged_changes)
        return self.report.finish()

    def sound(self):
        """True while there is a point in going on."""
        return not self.report.problems or (
            self.options.go_on and all(server.running() for server in self.pair.servers()))

    def cycle(self):
        before = self.records()
        self.load(self.options.cycle_seconds)
        self.rest()
        records, wal = (now - then for now, then in zip(self.records(), before))
        self.report.count('WAL records', int(records))
        self.report.count('megabytes of WAL', int(wal) // 2**20)
        self.count_images()
        self.verify(self.pair.primary)
        self.verify(self.pair.standby)
        with self.pair.primary.connect() as primary, self.pair.standby.connect() as standby:
            ours, theirs = oracle.sample(primary), oracle.sample(standby)
        self.report.count('answers of primary and standby compared', len(ours))
        for query in ours:
            if ours[query] != theirs.get(query):
                self.report.problem(f'primary and standby differ: {query}')
        self.workload.drop_leftovers()

    def load(self, seconds):
        mode = self.options.wal_mode
        if mode == 'both':
            mode = ['custom', 'generic'][self.report.cycles % 2]
        self.pair.primary.reload(autovacuum='on', **{'vector.wal_mode': mode})
        self.workload.start()
        if self.pair.standby:
            self.readers.start(self.pair.standby)
        time.sleep(seconds)

    def rest(self):
        self.readers.stop()
        self.workload.stop()
        for error in self.workload.errors:
            self.report.problem(f'client: {error}')
        self.workload.errors = []
        self.pair.rest()

    def records(self):
        return self.pair.primary.sql("SELECT wal_records, pg_current_wal_lsn() - '0/0' FROM pg_stat_wal")[0]

    def count_images(self):
        """Of the last records: those of our indexes, and that they brought pages to compare."""
        for manager, images, records in self.pair.primary.sql(
                "SELECT resource_manager, count(*) FILTER (WHERE fpi_length > 0), count(*) "
                f"FROM pg_get_wal_records_info(pg_current_wal_lsn() - {SAMPLE_BYTES}, pg_current_wal_lsn()) "
                "WHERE resource_manager IN ('Generic', %s) GROUP BY 1", (OUR_RECORDS,)):
            self.report.count(f'records of {manager} with pages, in the samples', images)
            if images < records:
                self.report.problem(f'{records - images} records of {manager} bring no page')

    def verify(self, server, ledger=None, promoted=False):
        connection = server.connect()
        try:
            problems = oracle.verify(connection, ledger or self.ledger, after_crash=promoted)
        finally:
            connection.close()
        problems += [f'log: {line}' for line in server.crashed()]
        for problem in problems:
            self.report.problem(f'{server.folder.name}: {problem}')
        self.report.count('verifications')

    def drill(self):
        self.promotion()
        backup.start_backup(self)
        backup.recover_to_point(self)

    def promotion(self):
        """The servers are at rest."""
        old, files = self.pair.primary, self.files(self.pair.standby)
        with self.pair.primary.connect() as connection:
            answers = oracle.sample(connection)
        own, first, everything, different = self.pair.promote(answers)
        for query in different:
            self.report.problem(f'the promoted standby answers otherwise: {query}')
        if self.files(self.pair.primary) != files:
            self.report.problem('the promotion made indexes anew')
        self.report.count('promotions')
        self.report.highest('ms of the longest promotion by PostgreSQL', round(1000 * own))
        self.report.highest('ms to the first answer after it', round(1000 * first, 1))
        self.report.highest(f'ms to {len(answers)} answers', round(1000 * everything, 1))
        self.workload.server = self.pair.primary
        self.verify(self.pair.primary, promoted=True)
        old.close()
        if not self.report.problems:
            shutil.rmtree(old.folder)
        self.load(0)
        self.pair.follow()  # from a base backup under load
        self.rest()
        self.verify(self.pair.standby)

    def files(self, server):
        """Files of the indexes, which a rebuild would change."""
        return server.sql("SELECT oid::regclass::text, pg_relation_filenode(oid) FROM pg_class "
                          "WHERE relkind = 'i' AND relpersistence = 'p' ORDER BY 1")


if __name__ == '__main__':
    os.umask(0o077)
    sys.exit(Walcheck(arguments()).run())
