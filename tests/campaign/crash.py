#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Kills a server, or one of its processes, under a mixed load; restarts it; asks the oracle.

fsync is off: what is killed is a process, and what it wrote the kernel has. (Power loss is another campaign.)
"""
import os
import sys

import report
from crash_cluster import ClusterCrash
from crash_faults import Faults
from crash_planted import BUGS, Planted
from crash_random import Crash


def arguments():
    parser = report.options(__doc__.splitlines()[0], cycles=20)
    parser.add_argument('--load-seconds', type=float, default=0.8, help='longest load before a kill')
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument('--faults', action='store_true', help='at named points of the code; errors there, too')
    mode.add_argument('--planted', choices=[*BUGS, 'all'], help='plant a bug, show that it is caught')
    mode.add_argument('--cluster', action='store_true', help='of a coordinator and four workers')
    return parser.parse_args()


def campaign(options):
    if options.faults:
        return Faults(options)
    if options.cluster:
        return ClusterCrash(options)
    if options.planted:
        return Planted(options)
    return Crash(options)


if __name__ == '__main__':
    os.umask(0o077)
    sys.exit(campaign(arguments()).run())
