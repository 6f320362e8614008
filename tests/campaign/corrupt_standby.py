# SPDX-License-Identifier: PostgreSQL
"""Damages files of a standby: it is searched, replays what its primary then writes to the same indexes, is searched again."""
import re
from concurrent.futures import ThreadPoolExecutor

import psycopg2

from corrupt_files import CRASHES, Corrupt
from pair import catch_up
from server import wait_until
from trial import ReadingTrial, WritingTrial

# Without full-page images replay changes damaged pages; with them it would put sound ones in their place.
CONF = {'full_page_writes': 'off', 'wal_keep_size': '512MB', 'max_standby_streaming_delay': '-1'}

# How replay may end at a damaged page: as PostgreSQL says it, of a page that it refuses or that is not there; or as we
# do, of one that no change makes a page. Lines that come of this, beside.
ENDS = re.compile(r'invalid page in block \d+ of relation (\S+)|invalid vector/\w+ record: change of block'
                  r'|WAL contains references to invalid pages')
TROUBLE = CRASHES + r'|\] (?!57P)\w{5} FATAL:'  # 57P: a session meets a server that starts or stops
FOLLOWS = re.compile(r'startup process \(PID \d+\) was terminated by signal 6')


class CorruptStandby(Corrupt):
    def batch(self):
        chosen = self.choose()
        if not chosen:
            return False
        self.server.copy_of(self.made)
        self.server.write_conf(**CONF)
        self.server.start()
        self.standby = self.server.standby(f'{self.options.state}/standby', self.options.port + 1)
        self.standby.trouble = TROUBLE
        try:
            self.try_out_all(chosen)
        finally:
            self.standby.close()
            self.server.stop('immediate')
        for line in self.server.crashed():
            self.report.problem(f'log of the primary: {line}')
        return True

    def try_out_all(self, chosen):
        damages = {number: self.harm(number, self.standby) for number in chosen}
        self.standby.start()
        trials = {number: ReadingTrial(self.standby, *self.place(number)) for number in chosen}
        self.ask_all(trials)
        self.no_trouble()
        healed = {number for number in chosen if self.replay(number)}
        self.ask_all({number: trial for number, trial in trials.items() if number not in healed})
        for number, trial in trials.items():
            self.account(trial, number, damages[number])
        self.cure(trials)
        self.no_trouble()

    def ask_all(self, trials):
        with ThreadPoolExecutor(self.options.clients) as pool:
            list(pool.map(lambda number: trials[number].run(self.rng(number)), trials))

    def no_trouble(self):
        for line in self.standby.crashed():
            self.report.problem(f'log of the standby: {line}')

    # ---- replay

    def replay(self, number):
        """The primary, which is sound, writes to the index. Whether replay of that ended, and the file was put right."""
        shape, copy = self.place(number)
        trial = WritingTrial(self.server, shape, copy)
        trial.run(self.rng(number))
        if trial.problems or trial.errors:
            self.report.problem(f'file {number}, {shape.name}, the primary: {trial.errors} errors, {trial.problems[:3]}')
        if self.catch_up():
            self.report.count('replays that went on')
            return False
        self.judge_end(number)
        self.heal(number)
        if not self.catch_up():
            raise RuntimeError(f'file {number}: replay ends with a sound file, too:\n{self.standby.log_tail()}')
        return True

    def catch_up(self):
        """False when the standby ends instead."""
        try:
            catch_up(self.server, self.standby)
            return True
        except (RuntimeError, psycopg2.Error):
            wait_until(lambda: not self.standby.running(), 'a standby that does not catch up ends')
            return False

    def judge_end(self, number):
        """Replay ended for a reason, and that was the damaged file."""
        lines = [line for line in self.standby.crashed() if not FOLLOWS.search(line)]
        ends = [ENDS.search(line) for line in lines]
        path = self.paths[self.key(number)]
        for line, end in zip(lines, ends):
            if not end or (end[1] and end[1] != path):
                self.report.problem(f'log of the standby, file {number}: {line}')
        if not lines:
            self.report.problem(f'file {number}: replay ended, and the log does not say why')
        self.report.count('replays that ended')

    def heal(self, number):
        """As whoever copies one file from the primary: its pages are newer than the records that come."""
        path = self.paths[self.key(number)]
        self.server.sql('CHECKPOINT')
        for name in (path, path + '_fsm'):
            source = self.server.folder / name
            if source.exists():
                (self.standby.folder / name).write_bytes(source.read_bytes())
        self.standby.process = None
        self.standby.start()

    # ---- REINDEX

    def cure(self, trials):
        for trial in trials.values():
            self.server.sql(f'REINDEX INDEX {trial.index}')
        catch_up(self.server, self.standby)
        again = {number: ReadingTrial(self.standby, *self.place(number)) for number in trials}
        self.ask_all(again)
        for number, trial in again.items():
            if trial.problems or trial.outcome() != 'right answers':
                self.report.problem(f'file {number}: REINDEX of the primary does not cure it: {trial.outcome()}, '
                                    f'{trial.problems[:3]}')
