# SPDX-License-Identifier: PostgreSQL
"""A primary and the standby that follows it; their roles change hands."""
import time

import oracle
from server import Server, wait_until


def catch_up(primary, standby):
    primary.sql("SELECT pg_logical_emit_message(true, '', '')")  # its commit flushes what is before
    [(target,)] = primary.sql('SELECT pg_current_wal_lsn()')

    def reached():
        if not standby.running():
            raise RuntimeError(f'the standby ended:\n{standby.log_tail()}')
        return standby.sql('SELECT pg_last_wal_replay_lsn() >= %s', (target,))[0][0]
    wait_until(reached, f'the standby does not reach {target}')


class Pair:
    def __init__(self, state, port, conf):
        self.state, self.port = state, port
        self.primary = Server(f'{state}/server-0', port, conf)
        self.standby = None
        self.made = 1  # servers so far

    def follow(self):
        """A standby of the primary, from a base backup taken now."""
        self.standby = self.primary.standby(f'{self.state}/server-{self.made}', self.port + self.made % 2)
        self.made += 1
        self.standby.start()

    def rest(self):
        """Nothing writes any more, and the standby has all of it."""
        self.primary.reload(autovacuum='off')
        wait_until(lambda: not self.primary.children('autovacuum'), 'autovacuum does not end')
        self.catch_up()

    def catch_up(self):
        catch_up(self.primary, self.standby)

    def promote(self, answers):
        """Stops the primary, promotes the standby; returns the seconds of PostgreSQL's own promotion, of the first
        answer after it, of all of them, and the queries answered in another way than before."""
        old, new = self.primary, self.standby
        control = new.connect()
        control.autocommit = True
        old.stop('immediate')
        with control.cursor() as cursor:
            begin = time.monotonic()
            cursor.execute('SELECT pg_promote(false)')
            while True:
                cursor.execute('SELECT pg_is_in_recovery()')
                if not cursor.fetchone()[0]:
                    break
                time.sleep(0.001)
        promoted = time.monotonic()
        control.close()
        first, different = None, []
        client = new.connect()
        with client.cursor() as cursor:
            cursor.execute(oracle.SAMPLE_SETTINGS)
            for query, expected in answers.items():
                cursor.execute(query)
                if cursor.fetchall() != expected:
                    different.append(query)
                first = first or time.monotonic()
        client.close()
        self.primary, self.standby = new, None
        return promoted - begin, first - promoted, time.monotonic() - promoted, different

    def servers(self):
        return [server for server in (self.primary, self.standby) if server]

    def close(self):
        for server in self.servers():
            server.close()
