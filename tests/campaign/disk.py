# SPDX-License-Identifier: PostgreSQL
"""What a disk may hold after a power failure, by what was done to the files before it.

Data: what was written to a file before a sync of it began is there once the sync ended. Of what came later each
sector is there or not, whatever the others do: so writes are lost, torn, and take effect out of order.

Names and sizes (created, renamed, removed, truncated, extended) go through a journal, as those of ext4, XFS and
btrfs: after a failure those up to some point are there and none after it. A sync of a file takes the journal at
least to that file's last change, one of a folder to the folder's. A file whose new size arrived and whose data did
not has zeroes there; one whose data arrived and whose size did not ends where it ended.

A disk may lie, to see whether that is noticed: one that forgets `everything` does not sync at all; one that
forgets `builds` does not sync files of relations unless the checkpointer asks for it, so that what a backend
wrote past shared buffers is not safe.
"""
import os
import re
from collections import deque
from pathlib import Path

from recording import CREATE, LINK, MKDIR, RENAME, RMDIR, SYNC_BEGIN, SYNC_END, TRUNCATE, UNLINK, WRITE

SECTORS = [512, 4096]
# How much of what was not synced is there.
FATES = ['nothing', 'everything', 'recent lost', 'whole writes', 'whole files', 'torn writes', 'torn writes']


class File:
    __slots__ = ('path', 'folder', 'content', 'size', 'pending', 'journalled')

    def __init__(self, path, content=b'', folder=False):
        self.path, self.folder = path, folder
        self.content = bytearray(content)  # that is safe
        self.size = len(content)           # as the server sees it
        self.pending = []     # since the last sync: (index, offset, data) of writes, (index, size, None) of truncations
        self.journalled = []  # indexes of its changes in the journal

    def settle(self, index):
        """What is pending from before that index is on the disk."""
        later = [change for change in self.pending if change[0] >= index]
        for change in self.pending:
            if change[0] < index:
                apply(self.content, change)
        self.pending = later
        self.journalled = [at for at in self.journalled if at >= index]


def apply(content, change):
    _, offset, data = change
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset:offset + len(data)] = data


class Names:
    """Which file, or folder, has which name."""

    def __init__(self, files=()):
        self.files = dict(files)

    def change(self, kind, path, file=None):
        if kind in (CREATE, MKDIR):
            self.files[path] = file
        elif kind in (UNLINK, RMDIR):
            self.files.pop(path, None)
        else:
            old, new = path.split('\0')
            self.files[new] = self.files[old]
            if kind == RENAME:
                del self.files[old]


class Disk:
    def __init__(self, folder, forget=None, checkpointer=None):
        self.forget, self.checkpointer = forget, checkpointer
        self.inodes = {}
        self.names = Names()    # that are safe
        self.seen = Names()     # as the server sees them
        self.journal = deque()  # (index, kind, path, file): not safe yet
        self.safe = -1        # the journal is, up to this index
        self.begun = {}       # (process, inode) → index
        for where, folders, files in os.walk(folder):
            for name in folders + files + (['.'] if where == str(folder) else []):
                path = Path(where, name)
                file = File(os.path.normpath(path.relative_to(folder)), b'' if path.is_dir() else path.read_bytes(),
                            path.is_dir())
                self.inodes[path.stat().st_ino] = file
                self.names.files[file.path] = self.seen.files[file.path] = file

    # ---- what happens -----------------------------------------------------------------------------

    def feed(self, index, event, data):
        """Takes in the event of that index; data() fetches its bytes."""
        kind, inode = event.kind, event.inode
        if kind == WRITE:
            self.write(index, self.inodes[inode], event.offset, data())
        elif kind == SYNC_BEGIN:
            self.begun[event.process, inode] = index
        elif kind == SYNC_END:
            self.sync(self.begun.pop((event.process, inode)), inode, event.process)
        elif kind == TRUNCATE:
            self.truncate(index, self.inodes[inode], event.offset)
        elif kind == MKDIR or (kind == CREATE and not self.known(event)):
            self.inodes[inode] = File(event.path, folder=kind == MKDIR)
            self.rename(index, kind, event.path, self.inodes[inode])
        elif kind in (RENAME, LINK, UNLINK, RMDIR):
            self.rename(index, kind, event.path, self.seen.files.get(event.path.split('\0')[0]))

    def known(self, event):
        """The file was there when it was opened so that it would be made."""
        file = self.seen.files.get(event.path)
        return file is not None and self.inodes.get(event.inode) is file

    def write(self, index, file, offset, data):
        file.pending.append((index, offset, data))
        if offset + len(data) > file.size:
            file.size = offset + len(data)
            self.log(index, WRITE, None, file)

    def truncate(self, index, file, size):
        file.pending.append((index, size, None))
        file.size = size
        self.log(index, TRUNCATE, None, file)

    def rename(self, index, kind, path, file):
        """A change of names: it is one of the file and of the folders."""
        self.seen.change(kind, path, file)
        self.log(index, kind, path, file)
        for name in path.split('\0'):
            folder = self.seen.files.get(os.path.dirname(name) or '.')
            if folder is not None:
                folder.journalled.append(index)

    def log(self, index, kind, path, file):
        self.journal.append((index, kind, path, file))
        if file is not None:
            file.journalled.append(index)

    def sync(self, begun, inode, process):
        file = self.inodes[inode]
        if self.forget == 'everything' or (self.forget == 'builds' and process != self.checkpointer
                                           and re.fullmatch(r'base/\d+/\d+', file.path)):
            return
        changes = [index for index in file.journalled if index < begun]
        if changes:
            self.commit(max(changes))
        file.settle(begun)

    def commit(self, index):
        """The journal is safe up to that index."""
        self.safe = max(self.safe, index)
        while self.journal and self.journal[0][0] <= index:
            _, kind, path, file = self.journal.popleft()
            if path is not None:
                self.names.change(kind, path, file)

    # ---- what is left of it -----------------------------------------------------------------------

    def fail(self, rng, folder, fate):
        """Power fails now: writes what the disk holds into a folder. Returns how that was decided, and counts."""
        points = [self.safe] + [index for index, *_ in self.journal]
        end = {'nothing': points[0], 'everything': points[-1]}.get(fate, rng.choice(points))
        names = Names(self.names.files)
        for index, kind, path, file in self.journal:
            if index <= end and path is not None:
                names.change(kind, path, file)
        keep = Keeper(rng, fate, [change[0] for file in names.files.values() for change in file.pending])
        written = {}
        for path, file in sorted(names.files.items()):
            target = Path(folder, path)
            if file.folder:
                target.mkdir(mode=0o700)
            elif file in written:
                os.link(written[file], target)
            else:
                written[file] = target
                target.write_bytes(self.left(file, end, keep))
        return f'{fate}, names up to {end}', keep.counts

    def left(self, file, journal_end, keep):
        if not file.pending:
            return file.content
        content, size = bytearray(file.content), len(file.content)
        keep.next_file()
        for change in file.pending:
            index, offset, data = change
            if data is None:
                if index <= journal_end:
                    apply(content, change)
                    size = offset
                continue
            arrived = False
            for at, length in keep.parts(index, offset, len(data)):
                apply(content, (index, at, data[at - offset:at - offset + length]))
                arrived = True
            if index <= journal_end and (arrived or keep.size()):
                size = max(size, offset + len(data))
        del content[size:]
        content.extend(bytes(size - len(content)))
        return content


class Keeper:
    """Decides which part of what was not synced arrived."""

    def __init__(self, rng, fate, indexes):
        self.rng, self.fate = rng, fate
        self.share = rng.random()
        self.sector = rng.choice(SECTORS)
        self.last = rng.choice(sorted(indexes)) if indexes else 0
        self.whole = True  # the file at hand, if whole files are kept or lost
        self.counts = {'unsynced writes kept': 0, 'unsynced writes lost': 0, 'unsynced writes torn': 0}

    def next_file(self):
        self.whole = self.rng.random() < self.share

    def size(self):
        return self.fate != 'nothing' and self.rng.random() < 0.5

    def parts(self, index, offset, length):
        """(offset, length) of what arrived of a write."""
        parts = self.choose(index, offset, length)
        arrived = sum(part for _, part in parts)
        self.counts['unsynced writes ' + ('kept' if arrived == length else 'torn' if parts else 'lost')] += 1
        return parts

    def choose(self, index, offset, length):
        if self.fate == 'everything' or (self.fate == 'recent lost' and index < self.last) or \
                (self.fate == 'whole files' and self.whole) or \
                (self.fate == 'whole writes' and self.rng.random() < self.share):
            return [(offset, length)]
        if self.fate == 'torn writes' or (self.fate == 'recent lost' and index == self.last):
            return self.sectors(offset, length)
        return []

    def sectors(self, offset, length):
        at, kept = offset, []
        while at < offset + length:
            end = min(offset + length, at - at % self.sector + self.sector)
            if self.rng.random() < self.share:
                kept.append((at, end - at))
            at = end
        return kept
