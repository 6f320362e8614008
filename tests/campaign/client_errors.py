# SPDX-License-Identifier: PostgreSQL
"""Which errors a load meets by itself, and which say that the server is gone."""

# Errors that a load of this kind meets by itself: undefined object (an index dropped meanwhile), lock
# timeout, deadlock, serialization, cancelled, duplicate object, no rows to calibrate with, a fault injected.
EXPECTED_ERRORS = {'42704', '42P07', '42P01', '55P03', '40P01', '40001', '57014', '55006', 'P0002', 'VXFLT'}

# A distributed table's, beside: the connection to a worker is lost or cannot be made, or the worker ends it.
WORKER_ERRORS = {'08006', '08001', '57P01', '57P02', '57P03'}

UNKNOWN_OUTCOME = '08007'  # a worker was to commit, and its answer did not come


def broken(connection, error):
    """True when no more is to be had from a connection: the server, or its process, is gone or going."""
    severity = error.diag.severity_nonlocalized if error.pgcode else 'FATAL'
    return connection.closed or severity in ('FATAL', 'PANIC')
