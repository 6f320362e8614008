#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Kills a server, or one of its processes, under a mixed load; restarts it; asks the oracle.

fsync is off: what is killed is a process, and what it wrote the kernel has. (Power loss is another campaign.)
"""
import os
import sys

import report


def arguments():
    parser = report.options(__doc__.splitlines()[0], cycles=20)
    parser.add_argument('--load-seconds', type=float, default=0.8, help='longest load before a kill')
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument('--faults', action='store_true', help='at named points of the code; errors there, too')
    return parser.parse_args()


def campaign(options):
    if options.faults:
        from crash_faults import Faults
        return Faults(options)
    from crash_random import Crash
    return Crash(options)


if __name__ == '__main__':
    os.umask(0o077)
    sys.exit(campaign(arguments()).run())
