# SPDX-License-Identifier: PostgreSQL
"""Budgets of bytes for what a server writes (full_disk.c)."""
import mmap
import os
import struct
import subprocess
from pathlib import Path

LAYOUT = struct.Struct('5q')  # struct budgets: left of data and WAL, refusals of them, overwriting
AREAS = ('data', 'WAL')
NO_LIMIT = -1


class FullDisk:
    def __init__(self, state, folder):
        source = Path(__file__).with_name('full_disk.c')
        library, file = f'{state}/full_disk.so', f'{state}/budgets'
        subprocess.run(['cc', '-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'], check=True)
        with open(file, 'w+b') as out:
            out.write(bytes(LAYOUT.size))
            out.flush()
            self.memory = mmap.mmap(out.fileno(), LAYOUT.size)
        self.lift()
        self.environment = {'LD_PRELOAD': library, 'FULL_DISK_BUDGETS': file, 'FULL_DISK_FOLDER': os.path.realpath(folder)}

    def limit(self, area, budget, overwriting):
        left = [budget if name == area else NO_LIMIT for name in AREAS]
        LAYOUT.pack_into(self.memory, 0, *left, 0, 0, overwriting)

    def refused(self):
        return sum(LAYOUT.unpack_from(self.memory)[2:4])

    def lift(self):
        """(bytes left, calls that were refused) of the area that had a limit."""
        left, refused = max(LAYOUT.unpack_from(self.memory)[:2]), self.refused()
        LAYOUT.pack_into(self.memory, 0, NO_LIMIT, NO_LIMIT, 0, 0, 0)
        return left, refused
