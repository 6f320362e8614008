#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Records what a server writes and syncs under a mixed load, and starts a server on what a disk may hold of it when
power fails at a random moment: what was not synced is lost, torn, or there out of order.

A round is a recording and as many power failures in it as --cycles or the time allow, --failures at most.
"""
import copy
import os
import random
import re
import shutil
import sys
import time
from pathlib import Path

import oracle
import report
from disk import FATES, Disk
from ledger import Ledger
from recording import MARK, SYNC_END, Marks, Recording
from server import Server
from workload import Workload

CONF = {
    'fsync': 'on',
    'wal_sync_method': 'fdatasync',  # others sync with every write, which the recorder does not see
    'synchronous_commit': 'on',
    'full_page_writes': 'on',
    'shared_buffers': '16MB',
    'maintenance_work_mem': '32MB',
    'max_wal_size': '48MB',
    'min_wal_size': '32MB',
    'autovacuum_naptime': '1s',
    'shared_preload_libraries': 'vector',
    'jit': 'off',
}
# At wal_level = minimal an index that a transaction makes is not in WAL but synced at its end.
WAL_LEVELS = {'replica': {'wal_level': 'replica', 'max_wal_senders': 4},
              'minimal': {'wal_level': 'minimal', 'max_wal_senders': 0, 'wal_skip_threshold': 0}}
UNRECORDED = {'pg_internal.init', 'pgstat.stat', 'postmaster.opts'}
# An unlogged relation is made: its file, then its init fork, which is logged, then synced. Power that fails with the
# first name on the disk, the second not, and the record of it flushed by somebody else's commit leaves a server that
# recovers and then cannot make the file again.
UNLOGGED = re.compile(r'could not create file "base/\d+/\d+": File exists')


def arguments():
    parser = report.options(__doc__.splitlines()[0], cycles=40, wal_mode=None)
    parser.add_argument('--seconds', type=float, default=6, help='length of a recording')
    parser.add_argument('--failures', type=int, default=20, help='power failures of a recording')
    parser.add_argument('--sync-time', type=int, default=300, help='microseconds that a sync takes')
    parser.add_argument('--wal-level', choices=['minimal', 'replica'], help='default: by turns')
    parser.add_argument('--forget', choices=['everything', 'builds'],
                        help='a disk that lies: there must be problems')
    parser.add_argument('--recorder', default=f'{os.environ.get("VECMESH_BUILDS")}/release/tests/campaign/recorder.so',
                        help='the library that records (given by ./run)')
    options = parser.parse_args()
    if options.minutes is not None and '--cycles' not in sys.argv:
        options.cycles = None
    return options


class MarkedLedger(Ledger):
    """Marks in the recording when COMMIT is sent and when it has returned."""
    marks = None

    def __init__(self, path):
        super().__init__(path)
        self.sent = {}  # transaction → changes

    def sending(self, transaction, changes):
        with self.lock:
            self.sent[transaction] = changes
        self._mark('sent', transaction)

    def refused(self, transaction):
        self._mark('refused', transaction)

    def acknowledge(self, transaction, changes):
        self._mark('acknowledged', transaction)
        super().acknowledge(transaction, changes)

    def _mark(self, what, transaction):
        if self.marks:
            self.marks.put(f'{what} {transaction}')


class Moment:
    """What was acknowledged at a moment of a recording."""

    def __init__(self, rows, sent):
        self.rows, self.sent = copy.deepcopy(rows), sent
        self.waiting = {}  # COMMIT was sent and has not returned: transaction → changes

    def mark(self, text):
        what, transaction = text.split(' ', 1)
        changes = self.sent[transaction]
        if what == 'sent':
            self.waiting[transaction] = changes
            return
        del self.waiting[transaction]
        for change in changes if what == 'acknowledged' else []:
            if change.hash is None:
                self.rows[change.table].pop(change.id, None)
            else:
                self.rows[change.table][change.id] = change.hash

    def ledger(self, path):
        ledger = Ledger(path)
        ledger.rows = copy.deepcopy(self.rows)
        ledger.doubtful = list(self.waiting.items())
        return ledger


class PowerLoss:
    def __init__(self, options):
        self.options = options
        self.report = report.Report('powerloss', options)
        self.rng = random.Random(options.seed)
        self.state = Path(options.state)
        self.server = Server(self.state / 'server', options.port, CONF)
        self.ledger = MarkedLedger(self.state / 'ledger')
        self.workload = Workload(self.server, options.seed, options.clients, ledger=self.ledger)
        self.round = self.failures = 0

    def run(self):
        try:
            self.prepare()
            while not self.report.problems and self.report.more():
                self.report.cycles -= 1  # its failures are counted
                self.one_round()
        finally:
            self.server.close()
        self.report.count('transactions acknowledged', self.ledger.acknowledged)
        return self.report.finish()

    def prepare(self):
        """What recordings begin with: tables that were worked on, a server that was shut down."""
        self.server.init()
        self.server.start()
        self.workload.create()
        self.workload.start()
        time.sleep(min(2, self.options.seconds))
        self.workload.stop()
        self.server.stop()

    def one_round(self):
        self.round += 1
        mode = self.options.wal_mode or ['custom', 'generic'][self.round % 2]
        level = self.options.wal_level or ['replica', 'minimal'][self.round // 2 % 2]
        self.server.write_conf(**{'vector.wal_mode': mode, **WAL_LEVELS[level]})
        disk = Disk(self.server.folder, self.options.forget)
        liar = copy.deepcopy(disk) if self.round == 1 else None
        rows = copy.deepcopy(self.ledger.rows)
        disk.checkpointer = self.record()
        recording = Recording(self.state / 'recording')
        self.report.count('recordings')
        self.report.count('writes and syncs recorded', len(recording.events))
        moment = Moment(rows, self.ledger.sent)
        if liar:
            self.check_vigilance(recording, liar, copy.deepcopy(moment))
        self.fail_often(recording, disk, moment, f'round {self.round}, {mode}, wal_level {level}')
        recording.close()

    # ---- recording ----------------------------------------------------------------------------------

    def record(self):
        """Load, recorded, with checkpoints; then a clean shutdown, not recorded. Returns the checkpointer's pid."""
        log = self.state / 'recording'
        log.unlink(missing_ok=True)
        self.server.environment = {
            'LD_PRELOAD': self.options.recorder, 'VECMESH_RECORDER_ROOT': str(self.server.folder),
            'VECMESH_RECORDER_LOG': str(log), 'VECMESH_RECORDER_SYNC': str(self.options.sync_time)}
        self.server.start()
        checkpointer = self.server.children('checkpointer')[0]
        self.ledger.marks = Marks(log)
        end = time.monotonic() + self.options.seconds
        self.workload.start()
        while time.monotonic() < end:
            time.sleep(self.rng.uniform(0.1, 1))
            self.server.sql('CHECKPOINT')
        self.workload.stop()
        self.ledger.marks.close()
        self.ledger.marks = None
        self.server.stop()
        for line in self.server.crashed() + self.workload.errors:
            self.report.problem(f'while recording: {line}')
        return checkpointer

    # ---- failures -----------------------------------------------------------------------------------

    def moments(self, events):
        """Where power fails: half of them anywhere, half just after a COMMIT returned or a sync ended.
        Before the server is shut down: after that no recovery is needed, and unlogged tables keep their rows."""
        end = max(index for index, event in enumerate(events) if event.kind == MARK) + 1
        telling = [index for index, event in enumerate(events[:end]) if event.kind in (MARK, SYNC_END)]
        return sorted({self.rng.choice(telling) + 1 if self.rng.random() < 0.5 else self.rng.randrange(end) + 1
                       for _ in range(self.options.failures)})

    def play(self, recording, disk, moment, begin, end):
        for index in range(begin, end):
            event = recording.events[index]
            if event.kind == MARK:
                moment.mark(recording.data(event).decode())
            else:
                disk.feed(index, event, lambda: recording.data(event))

    def fail_often(self, recording, disk, moment, what):
        at = 0
        for point in self.moments(recording.events):
            if self.report.problems or not self.report.more():
                return
            self.play(recording, disk, moment, at, point)
            at = point
            self.fail(disk, moment, f'{what}, after event {point}')
            self.report.progress()

    def fail(self, disk, moment, where):
        fate = FATES[self.failures % len(FATES)]
        self.failures += 1
        decisions = self.rng.getstate()
        how, counts = self.make_image(disk, fate)
        self.report.count('power failures')
        for name, number in counts.items():
            self.report.count(name, number)
        problems = self.verify(moment)
        for problem in problems:
            self.report.problem(f'{where}, {how}: {problem}')
        if problems:  # what the server found, before it worked on it
            self.rng.setstate(decisions)
            self.make_image(disk, fate, 'image.failed')

    def make_image(self, disk, fate, name='image'):
        folder = self.state / name
        shutil.rmtree(folder, ignore_errors=True)
        how = disk.fail(self.rng, folder, fate)
        (folder / 'postmaster.pid').unlink(missing_ok=True)
        return how

    def check_vigilance(self, recording, disk, moment):
        """On a disk that synced nothing rows are lost: if that is not noticed, nothing would be."""
        disk.forget = 'everything'
        self.play(recording, disk, moment, 0, len(recording.events))
        self.check_recorder(disk)
        self.make_image(disk, 'nothing')
        if not any(' lost: ' in problem for problem in self.verify(moment)):
            self.report.problem('rows that a disk forgot were not missed')

    def check_recorder(self, disk):
        """All that was recorded, and nothing lost, is what the server left, but for what it wrote by fopen()."""
        self.make_image(disk, 'everything')
        image, server = files_of(self.state / 'image'), files_of(self.server.folder)
        for path in sorted(image.keys() | server.keys()):
            if path.name in UNRECORDED:
                continue
            if path not in image or path not in server:
                self.report.problem(f'recorder: {path} is in one of recording and server')
            elif image[path].read_bytes() != server[path].read_bytes():
                self.report.problem(f'recorder: {path} is not as the server left it')

    def verify(self, moment):
        server = Server(self.state / 'image', self.options.port, {**self.server.conf, 'fsync': 'off'})
        server.log.write_text('')
        server.write_conf()
        try:
            server.start()
            connection = server.connect()
            problems = oracle.verify(connection, moment.ledger(self.state / 'ledger.image'), after_crash=True)
            connection.close()
            return problems + [f'log: {line}' for line in server.crashed()]
        except Exception as error:
            if UNLOGGED.search(str(error)):
                self.report.count('unlogged relations without their init fork')
                return []
            return [f'{type(error).__name__}: {error}']
        finally:
            server.close()


def files_of(folder):
    """Path in the folder → path."""
    return {path.relative_to(folder): path for path in folder.rglob('*') if path.is_file()}


if __name__ == '__main__':
    os.umask(0o077)
    sys.exit(PowerLoss(arguments()).run())
