#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""How much WAL does an index cost, by access method and vector.wal_mode, beside a peer's with pgvector?

The same rows go into the same table of every server, once with an index of nothing and once with the index
that is measured; the index's share is the difference. (With an index of nothing rather than none, because
VACUUM goes over a table without indexes once, over one with them twice.)

The first change of a page after a checkpoint logs the page as a whole. So every figure is taken twice after
a checkpoint: a first batch, which brings the images, and a second one, which counts. How many images came in
the second one is told, and, with pg_walinspect, what its rows cost without them.
"""
import argparse
import io
import json
import math
import random
import re
import struct
import sys

import psycopg2

DIMS = 384
SCHEMA = 'bench_wal'
# What WAL depends on; servers that differ in one of them are not compared.
SETTINGS = ['block_size', 'data_checksums', 'full_page_writes', 'synchronous_commit', 'wal_compression',
            'wal_init_zero', 'wal_level', 'wal_log_hints', 'wal_recycle']
METHODS = [('ivfrabitq', 'custom'), ('ivfrabitq', 'generic'), ('ivfflat', 'custom'), ('ivfflat', 'generic'),
           ('hnsw', 'generic')]
OPTIONS = {'ivfflat': 'lists = {lists}', 'hnsw': 'm = 16, ef_construction = 64'}
BASELINE = ('an index of nothing', None)
COLUMNS = [('build', 'build, MB'), ('insert_first', 'first rows'), ('insert', 'per row'), ('images', 'images'),
           ('insert_records', 'without'), ('vacuum_first', 'first rows'), ('vacuum', 'per row')]


def arguments():
    parser = argparse.ArgumentParser(prog='./run bench wal', description=__doc__.splitlines()[0])
    parser.add_argument('--url', help='a server with this extension, preloaded (default: one made for this)')
    parser.add_argument('--peer', action='append', default=[], help='a server with pgvector; may be repeated')
    parser.add_argument('--glosses', help='folder with docs.f16 (default: the 20,000 rows of tests/data/glosses)')
    parser.add_argument('--rows', type=int, help='how many of them (default: all)')
    parser.add_argument('--batch', type=int, help='rows of a batch of inserts (default: a tenth)')
    parser.add_argument('--json', help='write the figures to this file')
    parser.add_argument('--commit', default='unknown', help='(given by ./run)')
    options = parser.parse_args()
    if not options.url:
        parser.error('no --url')
    return options


def read_rows(folder, wanted):
    """Rows of docs.f16 in an order of chance (neighbours in the file are related), as COPY's binary form."""
    with open(f'{folder}/docs.f16', 'rb') as file:
        data = file.read()
    count = len(data) // (2 * DIMS)
    order = list(range(count))
    random.Random(1).shuffle(order)
    order = order[:wanted or count]
    halves, floats = struct.Struct(f'<{DIMS}e'), struct.Struct(f'>hiiihh{DIMS}f')
    rows = [floats.pack(2, 4, row, 4 + 4 * DIMS, DIMS, 0, *halves.unpack_from(data, 2 * DIMS * source))
            for row, source in enumerate(order)]
    return len(rows), b'PGCOPY\n\xff\r\n\0' + bytes(8) + b''.join(rows) + b'\xff\xff'


class Server:
    def __init__(self, name, url):
        self.name = name
        self.connection = psycopg2.connect(url)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.run('CREATE EXTENSION IF NOT EXISTS vector')
        self.run(f'DROP SCHEMA IF EXISTS {SCHEMA} CASCADE')
        self.run(f'CREATE SCHEMA {SCHEMA}')
        self.run(f'SET search_path = {SCHEMA}, public')
        self.run("SET client_min_messages = warning; LOAD 'vector'")
        self.inspects = bool(self.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_walinspect'"))
        if self.inspects:
            self.run('CREATE EXTENSION IF NOT EXISTS pg_walinspect')
        self.settings = {name: self.value(f'SHOW {name}') for name in SETTINGS}
        self.settings['server_version'] = self.value('SHOW server_version')
        self.settings['vector'] = self.value("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        self.has_modes = self.value("SELECT count(*) FROM pg_settings WHERE name = 'vector.wal_mode'") == 1
        self.may_customise = self.has_modes and self.value(
            "SELECT count(*) FROM pg_get_wal_resource_managers() WHERE rm_name = 'vector'") == 1

    def run(self, statement):
        self.cursor.execute(statement)

    def value(self, statement):
        self.run(statement)
        return self.cursor.fetchone()[0]

    def load(self, copy):
        self.run(f'CREATE UNLOGGED TABLE source (id int, v vector({DIMS}))')
        self.cursor.copy_expert('COPY source FROM STDIN (FORMAT binary)', io.BytesIO(copy))

    def methods(self):
        for method, mode in METHODS:
            there = self.value(f"SELECT count(*) FROM pg_am WHERE amname = '{method}'")
            if there and (mode == 'generic' or self.may_customise):
                yield method, mode if self.has_modes else None

    def wal_of(self, statement):
        """(bytes, page images, bytes of these) of WAL that the statement writes; the last is None if nothing tells.
        REQUIRES: nothing else is going on."""
        before, images = self.position()
        self.run(statement)
        after, images_after = self.position()
        return after - before, images_after - images, self.image_bytes(before, after)

    def image_bytes(self, start, end):
        if not self.inspects:
            return None
        self.run("SELECT pg_logical_emit_message(true, 'bench', '')")  # its commit flushes what came before
        return int(self.value(f"SELECT coalesce(sum(fpi_size), 0) FROM pg_get_wal_stats('0/0'::pg_lsn + {start}, "
                              f"'0/0'::pg_lsn + {end})"))

    def position(self):
        self.run('SELECT pg_stat_force_next_flush()')
        self.run("SELECT pg_current_wal_insert_lsn() - '0/0', wal_fpi FROM pg_stat_wal")
        bytes_written, images = self.cursor.fetchone()
        return int(bytes_written), int(images)

    def checkpoints(self):
        return self.value('SELECT checkpoint_lsn FROM pg_control_checkpoint()')

    def close(self):
        self.run(f'DROP SCHEMA {SCHEMA} CASCADE')
        self.connection.close()


def measure(server, method, mode, rows, batch):
    """Bytes of WAL of a build, of a row inserted, of a row vacuumed, with the table's own."""
    built = rows - 2 * batch
    server.run('DROP TABLE IF EXISTS rows')
    server.run(f"CREATE TABLE rows (id int, v vector({DIMS})) WITH (autovacuum_enabled = off)")
    server.run(f'INSERT INTO rows SELECT * FROM source WHERE id < {built} ORDER BY id')
    if mode:
        server.run(f'SET vector.wal_mode = {mode}')
    figures = {}
    server.run('CHECKPOINT')
    figures['build'], _, _ = server.wal_of(index_statement(method, built))

    inserts = [f'INSERT INTO rows SELECT * FROM source WHERE id >= {first} AND id < {first + batch} ORDER BY id'
               for first in (built, built + batch)]
    two_batches(server, figures, 'insert', batch, [('SELECT', insert) for insert in inserts])

    vacuum = 'VACUUM (INDEX_CLEANUP ON, PARALLEL 0, TRUNCATE OFF) rows'
    deletes = [f'DELETE FROM rows WHERE id % 10 = {digit}' for digit in (3, 7)]
    gone = [server.value(f'SELECT count(*) FROM rows WHERE id % 10 = {digit}') for digit in (3, 7)]
    two_batches(server, figures, 'vacuum', gone[1], [(delete, vacuum) for delete in deletes])
    server.run('DROP TABLE rows')
    return figures


def index_statement(method, rows):
    if method == BASELINE[0]:
        return 'CREATE INDEX ON rows (id) WHERE false'
    options = OPTIONS.get(method, '').format(lists=max(1, rows // 1000))
    return f"CREATE INDEX ON rows USING {method} (v vector_cosine_ops){f' WITH ({options})' if options else ''}"


def two_batches(server, figures, name, rows, steps):
    """Each step: a statement that prepares, and one that counts."""
    server.run('CHECKPOINT')
    checkpoint = server.checkpoints()
    for suffix, (prepare, statement) in zip(['_first', ''], steps):
        server.run(prepare)
        size, images, image_bytes = server.wal_of(statement)
        figures[name + suffix] = size / rows
        figures[name + suffix + '_images'] = images / rows
    # of the second batch, as the figure that it is beside
    figures[name + '_records'] = (size - image_bytes) / rows if image_bytes is not None else math.nan
    if server.checkpoints() != checkpoint:
        sys.exit(f'{server.name}: a checkpoint came between; raise max_wal_size and checkpoint_timeout')


def compare_settings(servers):
    for server in servers[1:]:
        for name in SETTINGS:
            if server.settings[name] != servers[0].settings[name]:
                sys.exit(f'{server.name} has {name} {server.settings[name]}, '
                         f'{servers[0].name} {servers[0].settings[name]}')


def print_head(rows, batch, servers):
    print(f'bytes of WAL of the index alone: {rows:,} rows of {DIMS} dimensions, {rows - 2 * batch:,} of them in the '
          f'build, batches of {batch:,}')
    for server in servers:
        print(f'{server.name}: ' + ', '.join(f'{key} {value}' for key, value in server.settings.items()))
    print(f"\n{'':34} {'':>10} {'inserted':^43} {'vacuumed':^21}")
    print(f"{'':34} " + ' '.join(f'{title:>10}' for _, title in COLUMNS), flush=True)


def print_line(name, figures):
    shown = {**figures, 'build': figures['build'] / 1e6, 'images': figures['insert_images']}
    print(f'{name:34} ' + ' '.join(f"{shown[key]:10{',.2f' if key == 'images' else ',.1f' if key == 'build' else ',.0f'}}"
                                   for key, _ in COLUMNS), flush=True)


def print_ratios(methods):
    for name in methods:
        for other in methods:
            match = re.match(r'ours/(\w+) custom$', name)
            if match and (other.startswith('peer') or other == f'ours/{match[1]} generic'):
                ratios = {key: methods[other][key] / methods[name][key] for key in ('build', 'insert', 'insert_records', 'vacuum')}
                print(f'{name} : {other}  ' + ', '.join(f'{key} 1 : {ratio:.2f}' for key, ratio in ratios.items()))


def known(figures_by_name):
    return {name: {key: figure for key, figure in figures.items() if not math.isnan(figure)}
            for name, figures in figures_by_name.items()}


def main():
    options = arguments()
    rows, copy = read_rows(options.glosses, options.rows)
    batch = options.batch or rows // 10
    if not 0 < batch < rows // 2:
        sys.exit(f'two batches of {batch} rows leave none of {rows} for the build')
    names = ['peer'] if len(options.peer) == 1 else [f'peer{number + 1}' for number in range(len(options.peer))]
    servers = [Server(name, url) for name, url in zip(['ours', *names], [options.url, *options.peer])]
    compare_settings(servers)
    print_head(rows, batch, servers)
    methods, tables = {}, {}
    for server in servers:
        server.load(copy)
        table = tables[server.name] = measure(server, *BASELINE, rows, batch)
        for method, mode in server.methods():
            whole = measure(server, method, mode, rows, batch)
            name = f'{server.name}/{method}' + (f' {mode}' if mode else '')
            methods[name] = {key: whole[key] - table[key] for key in whole}
            print_line(name, methods[name])
        server.close()
    print()
    for name, table in tables.items():
        print_line(f'{name}: the table, not in the above', table)
    print_ratios(methods)
    if options.json:
        with open(options.json, 'w') as out:
            json.dump({'benchmark': 'wal', 'commit': options.commit, 'rows': rows, 'dims': DIMS, 'batch': batch,
                       'servers': {server.name: server.settings for server in servers},
                       'methods': known(methods), 'tables': known(tables)}, out, indent=1)


if __name__ == '__main__':
    main()
