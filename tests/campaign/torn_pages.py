# SPDX-License-Identifier: PostgreSQL
"""Pages of indexes as a power failure may leave them: half as they were at the last checkpoint, half as written since.

It is what full-page images are for: a page that was changed after a checkpoint has one in the WAL.
"""
from pathlib import Path

PAGE = 8192

FILES = """
    SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_am am ON am.oid = c.relam
     WHERE am.amname IN ('ivfflat', 'ivfrabitq') AND c.relkind = 'i' AND c.relpersistence = 'p'"""


class Torn:
    """REQUIRES: nothing was written since a checkpoint."""

    def __init__(self, server):
        paths = [Path(server.folder, path) for (path,) in server.sql(FILES)]
        self.files = {path: path.read_bytes() for path in paths}

    def tear(self, rng):
        """Of pages written since, each the half of it, or not at all. The server is down. How many."""
        torn = 0
        for path, before in self.files.items():
            if not path.exists():  # the index was dropped
                continue
            now = bytearray(path.read_bytes())
            for at in range(0, min(len(before), len(now)), PAGE):
                if now[at:at + PAGE] == before[at:at + PAGE] or rng.random() < 0.2:
                    continue
                half = at + rng.choice([0, PAGE // 2])
                now[half:half + PAGE // 2] = before[half:half + PAGE // 2]
                torn += 1
            path.write_bytes(now)
        return torn
