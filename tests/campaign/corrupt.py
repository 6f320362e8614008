#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Damages files of indexes at random, and asks for errors or right answers: no crash, no hang, nothing outside a page."""
import os
import resource
import sys

import report
from corrupt_files import Corrupt
from corrupt_standby import CorruptStandby


def arguments():
    parser = report.options(__doc__.splitlines()[0], cycles=500)
    parser.add_argument('--files', type=int, dest='cycles', help='as --cycles: a cycle is a damaged file')
    parser.add_argument('--first', type=int, default=0, help='number of the first file, to repeat one')
    parser.add_argument('--go-on', action='store_true', help='after problems, too')
    parser.add_argument('--checksums', action='store_true', help='of pages: they tell most damage, so no answer is wrong')
    parser.add_argument('--standby', action='store_true', help='files of a standby are damaged, not of its primary')
    parser.add_argument('--sanitized', action='store_true', help='vector.so has the sanitizers in it')
    return parser.parse_args()


if __name__ == '__main__':
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    options = arguments()
    sys.exit((CorruptStandby if options.standby else Corrupt)(options).run())
