# SPDX-License-Identifier: PostgreSQL
"""Kills processes, or has them raise an error, at named points of the code: wal_hooks/fault_points.hpp."""
import re
import textwrap
import time
from collections import Counter

import psycopg2

from crash_random import Crash
from crash_scenarios import run_scenarios
from housekeeper import ANYTHING, Focus
from server import wait_until
from standby_scenarios import run_standby_scenarios

KILLED = re.compile(r'vector\.fault: process \d+ killed at (\w+)')
RAISED = re.compile(r'fault injected at "(\w+)"')

# Points on the way of every change: the arrival to be killed at is found in a longer range from the start.
EVERYWHERE = ('edit_', 'redo_', 'ivfflat_row_', 'ivfrabitq_row_', 'ivfrabitq_first_')

# What is reached after a crash at another point only, which leaves pages that vacuum finds.
FOLLOWED_BY = {'ivfflat_page_allocated': 'ivfflat_vacuum_found',
               'ivfrabitq_extent_extended': 'ivfrabitq_vacuum_adopted',
               'ivfrabitq_extent_logged': 'ivfrabitq_vacuum_adopted',
               'ivfrabitq_split_frozen': 'ivfrabitq_list_thawed'}

# Words in a point's name, and what leads there.
CHORES = [('_build_', ('reindex', 'create')), ('bulk_', ('reindex', 'create')), ('_vacuum_', ('vacuum',)),
          ('_split_', ('vacuum',)), ('_offered', ('vacuum',)), ('_thawed', ('vacuum',)),
          ('_calibrated', ('calibrate',)), ('_round_', ('search',))]

REFUSED = [('nowhere', 'There is no such fault point; vector.fault_points shows them.'),
           ('edit_begun:0', 'The number of the arrival must be at least 1.'),
           ('edit_begun:1:panic', 'After the number of the arrival there may be ":error" or ":stop".'),
           ('edit_logged:1:error', 'An error is not lawful at this point.')]


class Faults(Crash):
    def __init__(self, options):
        super().__init__(options)
        self.server.conf['autovacuum'] = 'off'  # its workers would be killed, too, and again after a restart
        self.log_read = 0
        self.kills, self.errors, self.misses = Counter(), Counter(), Counter()
        self.next = []

    def prepare(self):
        table = self.server.sql('SHOW vector.fault_points')[0][0]
        lines = [line.split('\t') for line in table.splitlines()]
        self.may_raise = {name: may_raise == 'true' for name, may_raise, _ in lines
                          if self.options.wal_mode == 'custom' or not name.startswith('redo_')}
        self.range = {name: 64 if name.startswith(EVERYWHERE) else 4 for name in self.may_raise}
        for value, detail in REFUSED:
            self.expect_refusal(value, detail)
        for problem in run_scenarios(self.server) + run_standby_scenarios(self.server, self.options):
            self.report.problem(problem)

    def expect_refusal(self, value, detail):
        try:
            self.server.sql('SET vector.fault = %s', (value,))
            self.report.problem(f'vector.fault = {value} is accepted')
        except psycopg2.Error as error:
            if error.diag.message_detail != detail:
                self.report.problem(f'vector.fault = {value}: {error}')

    # ---- a cycle

    def cycle(self):
        point = self.choose()
        arrival = self.rng.randint(1, self.range[point])
        error = self.may_raise[point] and self.rng.random() < 0.25
        demand = f'{point}:{arrival}{":error" if error else ""}'
        self.read_log()  # two processes may have been killed in the last cycle
        before = self.kills[point] + self.errors[point]
        crashed = self.replay(demand) if point.startswith('redo_') else self.load(point, demand, error)
        if self.kills[point] + self.errors[point] > before:
            self.range[point] = min(2 * self.range[point], 512)
            self.next += [FOLLOWED_BY[point]] if crashed and point in FOLLOWED_BY else []
        else:
            self.misses[point] += 1
            self.range[point] = max(self.range[point] // 2, 1)
        self.verify(crashed)

    def choose(self):
        if self.next:
            return self.next.pop()
        points = list(self.may_raise)
        weights = [1 / (1 + 4 * (self.kills[point] + self.errors[point]) + self.misses[point]) for point in points]
        return self.rng.choices(points, weights)[0]

    def load(self, point, demand, error):
        """Sessions that begin now arrive there, until one is killed or nobody gets there in time."""
        self.server.sql(f"ALTER DATABASE postgres SET vector.fault = '{demand}'")
        self.workload.start(focus_on(point))
        end = time.monotonic() + 6 * self.options.load_seconds
        crashed = met = False
        while not met and time.monotonic() < end:
            time.sleep(0.02)
            crashed, met = self.read_log()
        if met and not crashed:
            time.sleep(self.rng.uniform(0, self.options.load_seconds))  # work goes on after the error
        if not crashed:
            self.workload.stop()
            crashed, _ = self.read_log()
        self.workload.join()
        self.server.wait_ready()
        wait_until(self.disarm, 'the server takes no ALTER DATABASE')
        return crashed

    def disarm(self):
        try:
            self.server.sql('ALTER DATABASE postgres RESET vector.fault')
            return True
        except psycopg2.OperationalError:  # it still restarts
            return False

    def replay(self, demand):
        """Recovery is killed at the point, perhaps more than once."""
        self.workload.start()
        time.sleep(self.rng.uniform(0.05, self.options.load_seconds))
        self.server.kill()
        self.workload.join()
        while True:
            self.server.write_conf(**{'vector.fault': demand})
            self.server.launch()
            wait_until(lambda: not self.server.running() or self.server.accepts(), 'recovery does not end')
            self.read_log()
            if self.server.running() or self.rng.random() < 0.7:
                break
        self.server.write_conf(**{'vector.fault': ''})
        if self.server.running():
            self.server.kill()
        self.server.start()
        return True

    def read_log(self):
        """Counts what was met since the last time: (whether a process was killed, whether anything was met)."""
        with self.server.log.open('rb') as log:
            log.seek(self.log_read)
            text = log.read()
        text = text[:text.rfind(b'\n') + 1]
        self.log_read += len(text)
        killed, raised = (expression.findall(text.decode(errors='replace')) for expression in (KILLED, RAISED))
        self.kills.update(killed)
        self.errors.update(raised)
        return bool(killed), bool(killed or raised)

    # ---- the end

    def conclude(self):
        met = [f'{point} {self.kills[point]}+{self.errors[point]}' for point in self.may_raise
               if self.kills[point] + self.errors[point]]
        unmet = [point for point in self.may_raise if not self.kills[point] + self.errors[point]]
        print(textwrap.fill('kills+errors: ' + ', '.join(met), 120, break_on_hyphens=False))
        print(textwrap.fill('not reached: ' + (', '.join(unmet) or 'none'), 120))
        self.report.count('kills at fault points', sum(self.kills.values()))
        self.report.count('errors at them', sum(self.errors.values()))
        self.report.count('points reached', len(self.may_raise) - len(unmet))
        self.report.details['fault points'] = {point: [self.kills[point], self.errors[point]]
                                               for point in self.may_raise}
        if unmet and self.report.cycles >= 4 * len(self.may_raise):
            self.report.problem(f'never reached: {", ".join(unmet)}')


def focus_on(point):
    chores = next((chores for word, chores in CHORES if word in point), None)
    if chores is None:
        return ANYTHING
    return Focus(chores, next((method for method in ('ivfflat', 'ivfrabitq') if point.startswith(method)), ''))
