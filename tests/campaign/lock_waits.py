# SPDX-License-Identifier: PostgreSQL
"""How long processes of a server waited for locks: lightweight ones (lock_waits.c), and by its log all others."""
import re
import subprocess
from collections import namedtuple
from pathlib import Path

# ms: all of it; ready: of these, waiting for a processor and for no lock any more
Wait = namedtuple('Wait', 'pid ms ready what')

# PostgreSQL writes it after deadlock_timeout.
STILL_WAITING = re.compile(r'process (\d+) still waiting for (.*) after ([\d.]+) ms')
SHORTEST = 1  # ms


class LockWaits:
    def __init__(self, state, limit):
        """Limit: ms, from which on every wait is known, whatever the lock."""
        source, library = Path(__file__).with_name('lock_waits.c'), f'{state}/lock_waits.so'
        subprocess.run(['cc', '-shared', '-fPIC', '-O2', '-Wall', '-o', library, source, '-ldl'], check=True)
        self.file = Path(state) / 'lock_waits'
        self.file.write_text('')
        self.environment = {'LD_PRELOAD': library, 'LOCK_WAITS': str(self.file),
                            'LOCK_WAITS_MICROSECONDS': str(1000 * SHORTEST)}
        self.conf = {'log_lock_waits': 'on', 'deadlock_timeout': f'{limit}ms'}
        self.seen = {self.file: 0}

    def since(self, log):
        """All of lightweight locks of a ms or more, and of others of the limit or more, since it was asked last."""
        waits = []
        for line in self._new_lines(self.file):
            pid, waited, ready, what = line.split(maxsplit=3)
            waits.append(Wait(int(pid), int(waited) / 1000, int(ready) / 1000, what))
        for line in self._new_lines(log):
            found = STILL_WAITING.search(line)
            if found:
                waits.append(Wait(int(found[1]), float(found[3]), 0, found[2]))
        return waits

    def _new_lines(self, file):
        with file.open('rb') as source:
            source.seek(self.seen.get(file, 0))
            text = source.read()
        text = text[:text.rfind(b'\n') + 1]
        self.seen[file] = self.seen.get(file, 0) + len(text)
        return text.decode(errors='replace').splitlines()
