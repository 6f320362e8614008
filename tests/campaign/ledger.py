# SPDX-License-Identifier: PostgreSQL
"""What a server acknowledged, kept outside of it.

A transaction's changes are in the file from the moment COMMIT returned. One whose COMMIT did not return
is *in doubt*: the server may have done all of it or nothing, and which of the two is found out after
recovery. Every row belongs to one client, so that the order of the changes to it is known.

A line: transaction, outcome, then per change: table, row id, operation, hash of the row.
"""
import os
import threading
from collections import namedtuple

# operation: 'insert', 'update', 'delete'; hash: of the row as it is then (None: there is none).
Change = namedtuple('Change', 'table id operation hash')


class Ledger:
    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self.lock = threading.Lock()
        self.rows = {}      # table → {row id: hash}
        self.doubtful = []  # (transaction, changes)
        self.acknowledged = 0
        self.acknowledged_changes = 0

    def add_table(self, table):
        self.rows[table] = {}

    def sending(self, transaction, changes):
        """COMMIT is about to be sent: for who must know when that was."""

    def refused(self, transaction):
        """COMMIT returned with an error: nothing of it was done."""

    def acknowledge(self, transaction, changes):
        """COMMIT has returned."""
        with self.lock:
            self._write(transaction, 'acknowledged', changes)
            self._apply(changes)
            self.acknowledged += 1
            self.acknowledged_changes += len(changes)

    def doubt(self, transaction, changes):
        """COMMIT was sent, or might have been, and nothing came back."""
        with self.lock:
            self._write(transaction, 'in doubt', changes)
            self.doubtful.append((transaction, changes))

    def copy(self):
        """What is known now, for a server that is taken back to this moment."""
        with self.lock:
            copy = Ledger(os.devnull)
            copy.rows = {table: dict(rows) for table, rows in self.rows.items()}
            return copy

    def forget_rows(self, table):
        """The table is known to be empty: truncated, or unlogged and there was a crash."""
        with self.lock:
            self._write('-', 'empty', [Change(table, '-', '-', None)])
            self.rows[table] = {}
            kept = [(transaction, [c for c in changes if c.table != table]) for transaction, changes in self.doubtful]
            self.doubtful = [(transaction, changes) for transaction, changes in kept if changes]

    def settle(self, found):
        """Decides the transactions in doubt by what a recovered server has: found(table, ids) → {id: hash}.
        Returns problems: transactions that are there in part."""
        problems = []
        for transaction, changes in self.doubtful:
            after, before, now = {}, {}, {}
            for change in changes:
                key = (change.table, change.id)
                before[key] = self.rows[change.table].get(change.id)
                after[key] = change.hash
            for table in {change.table for change in changes}:
                ids = [change.id for change in changes if change.table == table]
                there = found(table, ids)
                now.update({(table, row): there.get(row) for row in ids})
            if now == after:
                self._write(transaction, 'was committed', [])
                self._apply(changes)
            elif now == before:
                self._write(transaction, 'was not committed', [])
            else:
                odd = [key for key in now if now[key] != after[key] and after[key] != before[key]]
                problems.append(f'transaction {transaction} of {len(now)} rows is there in part: '
                                f'missing {sorted(map(str, odd))[:5]}')
        self.doubtful = []
        return problems

    def _apply(self, changes):
        for change in changes:
            if change.hash is None:
                self.rows[change.table].pop(change.id, None)
            else:
                self.rows[change.table][change.id] = change.hash

    def _write(self, transaction, outcome, changes):
        fields = [str(transaction), outcome]
        for change in changes:
            fields += [change.table, str(change.id), change.operation, change.hash or '-']
        os.write(self.file, ('\t'.join(fields) + '\n').encode())
