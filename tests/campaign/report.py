# SPDX-License-Identifier: PostgreSQL
"""What a campaign is told, says while it runs, and leaves: options, progress, JSON, exit status."""
import argparse
import json
import random
import signal
import sys
import time


def options(description, **defaults):
    """The parser with what every campaign takes; add your own, then parse_args()."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--state', required=True, help='folder for servers and logs (given by ./run)')
    parser.add_argument('--port', type=int, required=True, help='first free port (given by ./run)')
    parser.add_argument('--minutes', type=float, default=defaults.get('minutes'), help='stop after this time')
    parser.add_argument('--cycles', type=int, default=defaults.get('cycles'), help='stop after this many')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(10**6),
                        help='of all decisions (default: a random one, printed)')
    parser.add_argument('--clients', type=int, default=defaults.get('clients', 4))
    parser.add_argument('--json', help='write the result to this file')
    parser.add_argument('--wal-mode', choices=['auto', 'generic', 'custom', *defaults.get('wal_modes', [])],
                        default=defaults.get('wal_mode', 'custom'))
    return parser


class Report:
    def __init__(self, name, arguments):
        self.name, self.arguments = name, arguments
        self.begin = time.monotonic()
        self.cycles = 0
        self.figures = {}   # counts by name, for the last line and the JSON
        self.details = {}   # for the JSON alone
        self.problems = []
        self.terminal = sys.stdout.isatty()
        self.last_line = self.begin
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
        shown = {key: value for key, value in vars(arguments).items()
                 if value is not None and key not in ('state', 'port', 'json')}
        print(f'{name}: seed {arguments.seed}   ' + ' '.join(f'{key}={value}' for key, value in shown.items()
                                                            if key != 'seed'), flush=True)

    def count(self, name, number=1):
        self.figures[name] = self.figures.get(name, 0) + number

    def highest(self, name, value):
        self.figures[name] = max(self.figures.get(name, value), value)

    def seconds(self):
        return time.monotonic() - self.begin

    def more(self):
        """True while another cycle is to be run; counts it."""
        minutes, cycles = self.arguments.minutes, self.arguments.cycles
        if (cycles is not None and self.cycles >= cycles) or (minutes is not None and self.seconds() > 60 * minutes):
            return False
        self.cycles += 1
        return True

    def progress(self, text=''):
        """A line that is written over (terminal), or one line a minute."""
        line = f'{self.name}: cycle {self.cycles}, {self.seconds():.0f} s, {len(self.problems)} problems {text}'
        now = time.monotonic()
        if self.terminal:
            print(f'\r\x1b[K{line[:150]}', end='', flush=True)
        elif now - self.last_line >= 60:
            print(line, flush=True)
            self.last_line = now

    def problem(self, text):
        self.problems.append(f'cycle {self.cycles}: {text}')
        print(f'{chr(10) if self.terminal else ""}PROBLEM in cycle {self.cycles}: {text}', flush=True)

    def finish(self):
        """The last lines and the exit status: 0 only without a problem."""
        if self.terminal:
            print()
        figures = ', '.join(f'{value:,} {name}' for name, value in self.figures.items())
        print(f'{self.name}: {self.cycles} cycles in {self.seconds():.0f} s: {figures}; '
              f'{len(self.problems)} problems', flush=True)
        if self.arguments.json:
            with open(self.arguments.json, 'w') as out:
                json.dump({'campaign': self.name, 'seed': self.arguments.seed, 'cycles': self.cycles,
                           'seconds': round(self.seconds(), 1), 'figures': self.figures, **self.details,
                           'problems': self.problems}, out, indent=1)
        return 1 if self.problems else 0
