# SPDX-License-Identifier: PostgreSQL
"""What is done to indexes while clients write: vacuum, reindexing, indexes made and dropped, calibration."""
import random
import threading
from dataclasses import dataclass

import psycopg2

from client_errors import broken

CHORES = {'vacuum': 10, 'reindex': 1, 'reindex concurrently': 1, 'create concurrently': 1, 'create': 1,
          'calibrate': 1, 'checkpoint': 1, 'search': 1}


@dataclass
class Focus:
    """What there is to be more of: chores, and indexes of one method. Only: no other chores at all."""
    chores: tuple = ()
    method: str = ''
    only: tuple = ()

    def weights(self):
        return [0 if self.only and chore not in self.only else 20 * weight if chore in self.chores else weight
                for chore, weight in CHORES.items()]

    def tables(self, tables):
        return [table for table in tables if table.method == self.method] if self.method else tables


ANYTHING = Focus()


class Housekeeper(threading.Thread):
    def __init__(self, workload):
        super().__init__(name='housekeeper', daemon=True)
        self.workload = workload
        self.rng = random.Random(f'{workload.seed}/{workload.generation}/housekeeper')
        self.connection = None

    def run(self):
        try:
            self.connection = self.workload.server.connect()
        except psycopg2.OperationalError:
            return
        self.connection.autocommit = True
        focus = self.workload.focus
        while not self.workload.stopping.wait(8 * self.workload.pause) and not self.connection.closed:
            table = self.rng.choice(focus.tables(self.workload.tables))
            chore = self.rng.choices(list(CHORES), focus.weights())[0]
            for statement in statements(chore, table):
                try:
                    with self.connection.cursor() as cursor:
                        cursor.execute(statement)
                except psycopg2.Error as error:
                    if broken(self.connection, error):
                        return
                    self.workload.note_error(error)
                    break
            else:
                self.workload.chores[chore] += 1
        self.connection.close()


def statements(chore, table):
    name, again = table.name, f'{table.name}_again'
    return {
        'vacuum': [f'VACUUM (INDEX_CLEANUP ON) {name}'],
        'reindex': [f'REINDEX INDEX {name}_v'],
        'reindex concurrently': [f'REINDEX INDEX CONCURRENTLY {name}_v'],
        'create concurrently': [f'DROP INDEX CONCURRENTLY IF EXISTS {again}', table.index(again, 'CONCURRENTLY')],
        'create': [f'DROP INDEX IF EXISTS {again}', table.index(again)],
        'calibrate': [f"SELECT ivfrabitq_calibrate('{name}_v')"] if table.method == 'ivfrabitq' else [],
        'checkpoint': ['CHECKPOINT'],
        'search': ['SET enable_sort = off', table.nearest(10)],
    }[chore]
