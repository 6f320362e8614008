# SPDX-License-Identifier: PostgreSQL
"""The log of recorder.cpp: what a server did to its files, in order, and the marks that the campaign made in it."""
import mmap
import os
import struct
from collections import namedtuple

CREATE, WRITE, TRUNCATE, RENAME, LINK, UNLINK, MKDIR, RMDIR, SYNC_BEGIN, SYNC_END, MARK = range(1, 12)
HEAD = struct.Struct('=IHHIIQQ')
MAGIC = 0x64726f77

# data: (begin, length) in the log.
Event = namedtuple('Event', 'kind process inode offset path data')


class Marks:
    """Writes marks into the log while a server is recorded."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def put(self, text):
        data = text.encode()
        os.write(self.file, HEAD.pack(MAGIC, MARK, 0, os.getpid(), len(data), 0, 0) + data)

    def close(self):
        os.close(self.file)


class Recording:
    def __init__(self, path):
        with open(path, 'rb') as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.events = list(self._read())

    def _read(self):
        at = 0
        while at + HEAD.size <= len(self.map):
            magic, kind, path_length, process, length, inode, offset = HEAD.unpack_from(self.map, at)
            if magic != MAGIC:
                raise ValueError(f'the recording is damaged at byte {at}')
            at += HEAD.size
            path = self.map[at:at + path_length].decode()
            at += path_length
            if at + length > len(self.map):
                return  # the process was killed while it wrote
            yield Event(kind, process, inode, offset, path, (at, length))
            at += length

    def data(self, event):
        begin, length = event.data
        return self.map[begin:begin + length]

    def close(self):
        self.map.close()
