# SPDX-License-Identifier: PostgreSQL
"""A PostgreSQL server that a campaign may kill, and what it left behind.

It runs as the user who runs us, as our direct child (so that whoever stops us can stop it too), and
listens on a Unix socket in a folder that only this user can enter: so it needs no password.
PG_BIN names the folder of its programs.
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

PATIENCE = 120  # seconds for what takes a moment unless something hangs

# What a log may not contain: crashes, what the server itself calls damage (XX001, XX002), and a page that replay
# made other than the primary had it (wal_consistency_checking).
TROUBLE = re.compile(r'PANIC:|TRAP:|terminated by signal|\] XX00[12] |inconsistent page found')

# A process that killed itself because the campaign wanted it to (vector.fault).
FAULT = re.compile(r'vector\.fault: process (\d+) killed')


def bin_path(program):
    return os.path.join(os.environ['PG_BIN'], program)


def process_state(pid):
    """(state, parent) of a process, or None when it is gone."""
    try:
        text = Path(f'/proc/{pid}/stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = text[text.rindex(')') + 2:].split()[:2]
    return None if state == 'Z' else (state, int(parent))


def process_title(pid):
    try:
        return Path(f'/proc/{pid}/cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace')
    except (FileNotFoundError, ProcessLookupError):
        return ''


def send_signal(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def wait_until(condition, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f'{what}: not within {patience} s')
        time.sleep(0.005)


class Server:
    def __init__(self, folder, port, conf=None, user='postgres', environment=None, trouble=TROUBLE):
        self.folder = Path(folder)
        self.port = port
        self.conf = dict(conf or {})
        self.user = user
        self.environment = dict(environment or {})  # of the server's processes, e.g. LD_PRELOAD
        self.log = self.folder.with_name(self.folder.name + '.log')
        self.process = None
        self.own_kills = set()     # pids that the campaign killed
        self.trouble = trouble     # lines of the log that are a problem
        self.allowed_panic = None  # pattern of PANICs that the campaign asked for
        self.log_seen = 0
        self.sockets = tempfile.mkdtemp(prefix='vecmesh-')

    # ---- making ---------------------------------------------------------------------------------

    def init(self, *options):
        self._remove_stale()
        subprocess.run([bin_path('initdb'), '-D', self.folder, '-U', self.user, '-A', 'trust',
                        '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync', *options],
                       check=True, stdout=subprocess.DEVNULL)
        self.write_conf()
        self.log.write_text('')

    def copy_of(self, made):
        """Instead of init(): as another server that was made and has not been started yet."""
        self._remove_stale()
        shutil.copytree(made.folder, self.folder)
        self.write_conf()
        self.log.write_text('')

    def write_conf(self, **changes):
        """What the next start reads (and a reload, for what it can change)."""
        self.conf.update(changes)
        settings = {'listen_addresses': '', 'unix_socket_directories': self.sockets, 'port': self.port,
                    'max_prepared_transactions': 20, 'log_line_prefix': '%m [%p] %e ', **self.conf}
        text = ''.join(f"{name} = '{value}'\n" for name, value in settings.items())
        (self.folder / 'campaign.conf').write_text(text)
        main = self.folder / 'postgresql.conf'
        if 'campaign.conf' not in main.read_text():
            with main.open('a') as out:
                out.write("include 'campaign.conf'\n")

    def reload(self, **changes):
        self.write_conf(**changes)
        send_signal(self.postmaster(), signal.SIGHUP)

    def _remove_stale(self):
        """A killed campaign may have left its server here, running."""
        pid = self.postmaster()
        if pid and 'postgres' in process_title(pid):
            self._kill_tree(pid)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- running --------------------------------------------------------------------------------

    def launch(self):
        """Starts the postmaster and does not wait until it accepts connections."""
        out = self.log.open('ab')
        self.process = subprocess.Popen([bin_path('postgres'), '-D', self.folder], stdin=subprocess.DEVNULL,
                                        stdout=out, stderr=out, env={**os.environ, **self.environment})
        out.close()

    def start(self):
        self.launch()
        self.wait_ready()

    def accepts(self, database='postgres'):
        try:
            self.connect(database).close()
            return True
        except psycopg2.OperationalError:
            return False

    def wait_ready(self, database='postgres'):
        """Waits until it accepts connections; raises when it ended instead."""
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f'the server ended with status {self.process.returncode}:\n{self.log_tail()}')
            return self.accepts(database)
        wait_until(ready, 'the server accepts no connections')

    def stop(self, mode='fast'):
        number = {'smart': signal.SIGTERM, 'fast': signal.SIGINT, 'immediate': signal.SIGQUIT}[mode]
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self.process = None

    def close(self):
        """Ends it in any way, at the end of a campaign; the files stay as they are. A postmaster that is not killed
        takes its shared memory with it."""
        if self.running():
            self.stop('immediate')
        shutil.rmtree(self.sockets, ignore_errors=True)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def connect(self, database='postgres', **options):
        return psycopg2.connect(host=self.sockets, port=self.port, user=self.user, dbname=database,
                                connect_timeout=PATIENCE, **options)

    def sql(self, statement, parameters=None, database='postgres'):
        """Runs statements in a session of their own, without a transaction block; rows of the last."""
        connection = self.connect(database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    # ---- killing --------------------------------------------------------------------------------

    def postmaster(self):
        """Its process id, or None."""
        try:
            return int((self.folder / 'postmaster.pid').read_text().split('\n')[0])
        except (FileNotFoundError, ValueError):
            return None

    def children(self, title=''):
        """Process ids of the postmaster's children whose title contains a word."""
        postmaster = self.process.pid if self.process else self.postmaster()
        pids = (int(name) for name in os.listdir('/proc') if name.isdigit())
        return [pid for pid in pids if (process_state(pid) or ('', 0))[1] == postmaster
                and title in process_title(pid)]

    def kill_child(self, pid):
        """SIGKILL for one process; the postmaster then restarts the rest by itself."""
        self.own_kills.add(pid)
        return send_signal(pid)

    def kill(self, with_children=True):
        """SIGKILL for the postmaster, and for its children unless they are to notice by themselves.
        Returns when all are gone, so that shared memory can be taken by the next start."""
        self._kill_tree(self.process.pid, with_children)
        self.process.wait()
        self.process = None

    def _kill_tree(self, postmaster, with_children=True):
        send_signal(postmaster, signal.SIGSTOP)  # it must not start others, nor clean up
        wait_until(lambda: (process_state(postmaster) or ('T', 0))[0] == 'T', 'a stopped postmaster')
        pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]
        children = [pid for pid in pids if (process_state(pid) or ('', 0))[1] == postmaster]
        if with_children:
            for pid in children:
                send_signal(pid)
        send_signal(postmaster)
        self.own_kills.update(children, [postmaster])
        wait_until(lambda: not any(process_state(pid) for pid in children), 'children of a killed postmaster')
        if not self.process or self.process.pid != postmaster:
            wait_until(lambda: not process_state(postmaster), 'a killed postmaster')

    # ---- the log --------------------------------------------------------------------------------

    def log_tail(self, lines=30):
        return '\n'.join(self.log.read_text(errors='replace').splitlines()[-lines:])

    def crashed(self):
        """New lines of the log that speak of a crash or of damage which the campaign did not cause."""
        with self.log.open('rb') as log:
            log.seek(self.log_seen)
            text = log.read()
        text = text[:text.rfind(b'\n') + 1]
        self.log_seen += len(text)
        found = []
        for line in text.decode(errors='replace').splitlines():
            fault = FAULT.search(line)
            if fault:
                self.own_kills.add(int(fault[1]))
            if not re.search(self.trouble, line):
                continue
            pid = re.search(r'\(PID (\d+)\) was terminated by signal', line)
            if pid and int(pid[1]) in self.own_kills:
                continue
            if self.allowed_panic and 'PANIC:' in line and re.search(self.allowed_panic, line):
                self.own_kills.add(int(re.search(r'\[(\d+)\]', line)[1]))  # it ends by SIGABRT
                continue
            found.append(line)
        return found

    # ---- copies ---------------------------------------------------------------------------------

    def base_backup(self, folder, *options):
        """pg_basebackup into a folder, with the WAL it needs."""
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([bin_path('pg_basebackup'), '-h', self.sockets, '-p', str(self.port), '-U', self.user,
                        '-D', folder, '--checkpoint=fast', '--no-sync', *options], check=True,
                       env={**os.environ, 'PGOPTIONS': '-c client_min_messages=warning'})
        return Path(folder)

    def standby(self, folder, port, conf=None):
        """A server that follows this one, from a backup taken now; not started yet."""
        self.base_backup(folder)
        primary = f'host={self.sockets} port={self.port} user={self.user}'
        return self.restored(folder, port, {**(conf or {}), 'primary_conninfo': primary}, 'standby.signal')

    def restored(self, folder, port, conf=None, signal_file=None):
        """The server that a backup of this one is; not started yet. The file says what it begins as."""
        server = Server(folder, port, {**self.conf, **(conf or {})}, self.user)
        server.write_conf()
        server.log.write_text('')
        if signal_file:
            (server.folder / signal_file).touch()
        return server
