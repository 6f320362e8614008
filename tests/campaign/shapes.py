# SPDX-License-Identifier: PostgreSQL
"""Small indexes of every shape that pages take: as built, grown, split, emptied, with filters, in wide rows."""
from dataclasses import dataclass

from workload import Table

# Equal numbers give equal rows: vectors of small integers, nearer to some rows than to others.
ROW_OF = """
    CREATE FUNCTION row_of(i bigint, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
        'SELECT array_agg(hashint8(i * 4096 + k) % 50 + 40 * (hashint8(i % 7 * 4096 + k) % 2))::vector
           FROM generate_series(1, dims) k'"""


@dataclass
class Shape(Table):
    built: int = 600    # rows when the index is made
    grown: int = 0      # rows that come later
    deleted: int = 0    # every so manieth row goes, and vacuum runs; 0: none
    distinct: int = 0   # so many different vectors; 0: all differ

    def make(self, server, copy):
        """The table and its index; what pages were before the rows that came later is to be read between both steps."""
        table = self.of(copy)
        server.sql(f'CREATE TABLE {table} (id bigint, v vector({self.dims}), kind int, price int) '
                   'WITH (autovacuum_enabled = off)')
        server.sql(self.rows_sql(table, 1, self.built))
        server.sql(self.index(f'{table}_v').replace(f' ON {self.name} ', f' ON {table} '))

    def age(self, server, copy):
        table = self.of(copy)
        server.sql(self.rows_sql(table, self.built + 1, self.built + self.grown))
        if self.deleted:
            server.sql(f'DELETE FROM {table} WHERE id % {self.deleted} = 0')
            server.sql(f'VACUUM (INDEX_CLEANUP ON) {table}')
            more = self.built + self.grown
            server.sql(self.rows_sql(table, more + 1, more + 20))

    def of(self, copy):
        return f'{self.name}_{copy}'

    def vector(self, number):
        return f'row_of({number} % {self.distinct}, {self.dims})' if self.distinct else f'row_of({number}, {self.dims})'

    def rows_sql(self, table, first, last):
        return (f"INSERT INTO {table} SELECT i, {self.vector('i')}, i % 8, hashint8(i) & 1023 "
                f'FROM generate_series({first}, {last}) i')


SHAPES = [
    Shape('flat', method='ivfflat', lists=4, dims=16),
    Shape('flat_grown', method='ivfflat', opclass='vector_ip_ops', lists=3, dims=48, built=200, grown=400),
    Shape('flat_aged', method='ivfflat', opclass='vector_cosine_ops', lists=12, dims=24, grown=300, deleted=3),
    Shape('codes', lists=4, dims=64),
    Shape('filtered', lists=5, dims=32, filters=('kind', 'price'), grown=200),
    Shape('spilled', opclass='vector_cosine_ops', lists=12, spill=0.3, dims=32, grown=100, deleted=7),
    Shape('product', opclass='vector_ip_ops', lists=8, dims=100, grown=200, deleted=2),
    Shape('small_lists', lists=64, dims=32, grown=300),
    Shape('split', dims=64, built=0, grown=1500, deleted=9),
    Shape('empty', dims=32, built=0),
    Shape('equal', lists=3, dims=32, built=300, grown=300, distinct=5),
    Shape('wide', lists=3, dims=1024, built=150, grown=60, deleted=5),
]
