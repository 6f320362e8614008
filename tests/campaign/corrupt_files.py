# SPDX-License-Identifier: PostgreSQL
"""Damages files of indexes while the server is down."""
import random
from concurrent.futures import ThreadPoolExecutor

import report
import sanitizer
from checksum import is_told, tells
from damage import Sound, blocks, damage, page
from server import TROUBLE, Server
from shapes import ROW_OF, SHAPES
from trial import Trial

MOST_COPIES = 6  # of each shape in the server: so many files of it are damaged between two starts
CONF = {
    'fsync': 'off', 'autovacuum': 'off', 'shared_buffers': '16MB', 'max_wal_size': '1GB', 'checkpoint_timeout': '1h',
    'max_parallel_maintenance_workers': 0, 'shared_preload_libraries': 'vector', 'restart_after_crash': 'on',
}

# A server that has damage is to say so (XX001, XX002); it may not say this.
CRASHES = TROUBLE.pattern.replace(r'\] XX00[12] |', '') + '|' + sanitizer.FINDINGS


class Corrupt:
    def __init__(self, options):
        self.options = options
        self.report = report.Report('corrupt', options)
        self.kinds = self.report.details['outcomes by kind of damage'] = {}
        self.told = self.report.details['what index_check() tells of other answers'] = {}
        environment = sanitizer.environment(options.state) if options.sanitized else {}
        self.made = Server(f'{options.state}/made', options.port, CONF, environment=environment)
        self.server = Server(f'{options.state}/server', options.port, self.made.conf, environment=environment,
                             trouble=CRASHES)
        self.number = options.first
        files = options.cycles or MOST_COPIES * len(SHAPES)
        self.copies = min(MOST_COPIES, -(-files // len(SHAPES)))

    def run(self):
        try:
            self.make()
            while (self.options.go_on or not self.report.problems) and self.batch():
                self.report.progress()
        finally:
            self.made.close()
            self.server.close()
        return self.report.finish()

    # ---- the sound indexes

    def make(self):
        self.made.init('--wal-segsize=1', *['--data-checksums'] * self.options.checksums)
        self.made.start()
        self.made.sql(f'CREATE EXTENSION vector; {ROW_OF}')
        for shape in SHAPES:
            for copy in range(self.copies):
                shape.make(self.made, copy)
        self.made.sql('CHECKPOINT')
        stale = {shape.name: self.read(shape, 0) for shape in SHAPES}
        for shape in SHAPES:
            for copy in range(self.copies):
                shape.age(self.made, copy)
        self.made.sql('CHECKPOINT')
        self.paths = {(shape.name, copy): self.path(shape, copy) for shape in SHAPES for copy in range(self.copies)}
        pages = {shape.name: self.read(shape, 0) for shape in SHAPES}
        self.made.stop()
        self.sound = {
            shape.name: Sound(pages[shape.name], self.read_file(self.paths[shape.name, 0] + '_fsm'), stale[shape.name],
                              [page(file, block) for name, file in pages.items() if name != shape.name
                               for block in range(blocks(file))])
            for shape in SHAPES}
        if self.options.checksums and any(is_told(page(file, 0), 0) for file in pages.values()):
            raise RuntimeError('checksum.py is not what the server has')

    def path(self, shape, copy):
        return self.made.sql('SELECT pg_relation_filepath(%s)', (f'{shape.of(copy)}_v',))[0][0]

    def read(self, shape, copy):
        return self.read_file(self.path(shape, copy))

    def read_file(self, path):
        file = self.made.folder / path
        return file.read_bytes() if file.exists() else b''

    # ---- damaged ones

    def choose(self):
        """Numbers of as many files as there are copies; none when there were enough."""
        chosen = []
        while len(chosen) < self.copies * len(SHAPES) and self.report.more():
            chosen.append(self.number)
            self.number += 1
        return chosen

    def batch(self):
        """Files, each damaged in its own way. False when there were enough."""
        chosen = self.choose()
        if not chosen:
            return False
        self.server.copy_of(self.made)
        damages = {number: self.harm(number, self.server) for number in chosen}
        self.server.start()
        with ThreadPoolExecutor(self.options.clients) as pool:
            trials = list(pool.map(self.try_out, damages))
        for trial, number in zip(trials, damages):
            self.account(trial, number, damages[number])
        self.server.wait_ready()
        self.server.kill()  # what was written to damaged pages is replayed on them
        self.server.start()
        self.server.stop('immediate')
        for line in self.server.crashed():
            self.report.problem(f'log: {line}')
        return True

    def place(self, number):
        """Files of a seed are always the same, whichever others are tried out with them."""
        return SHAPES[number % len(SHAPES)], number // len(SHAPES) % self.copies

    def key(self, number):
        shape, copy = self.place(number)
        return shape.name, copy

    def harm(self, number, server):
        """The file of a server that is not running."""
        shape, _ = self.place(number)
        damaged = damage(random.Random(f'{self.options.seed}/{number}'), self.sound[shape.name])
        path = server.folder / self.paths[self.key(number)]
        path.write_bytes(damaged.main)
        if damaged.map:
            path.with_name(path.name + '_fsm').write_bytes(damaged.map)
        return damaged

    def try_out(self, number):
        shape, copy = self.place(number)
        trial = Trial(self.server, shape, copy)
        trial.run(self.rng(number))
        return trial

    def rng(self, number):
        return random.Random(f'{self.options.seed}/{number}/trial')

    def account(self, trial, number, damaged):
        shape = trial.shape
        self.report.count('files damaged')
        outcome = trial.outcome()
        self.report.count(outcome)
        kind = self.kinds.setdefault(damaged.kind, {})
        kind[outcome] = kind.get(outcome, 0) + 1
        if outcome == 'other answers':
            told = ', '.join(sorted(trial.reported))
            self.told.setdefault(told, []).append(f'file {number}, {shape.name}, {damaged.kind}: {damaged.where}')
        if self.options.checksums and tells(self.sound[shape.name].main, damaged.main):
            self.report.count('damages that checksums tell')
            if outcome == 'other answers':
                trial.problems.append('answers are wrong, though checksums tell of the damage')
        for problem in trial.problems[:3]:
            self.report.problem(f'file {number}, {shape.name}, {damaged.kind} ({damaged.where}): {problem}')
