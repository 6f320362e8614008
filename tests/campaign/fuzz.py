#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Gives damaged WAL records to redo, in processes that are thrown away, under the sanitizers."""
import json
import os
import subprocess
import sys
from collections import Counter

import report

PER_PROCESS = 25_000  # records; a process lives for seconds
PATIENCE = 600        # seconds for one of them
PROGRAM = os.path.join(os.environ['VECMESH_BUILDS'], 'sanitize-server/tests/fuzz/vecmesh_wal_fuzz')
SANITIZERS = {'ASAN_OPTIONS': 'abort_on_error=0:exitcode=99', 'UBSAN_OPTIONS': 'print_stacktrace=1:exitcode=99'}


def arguments():
    parser = report.options(__doc__.splitlines()[0])
    parser.add_argument('--records', type=int, default=200_000, help='stop after this many')
    return parser.parse_args()


def run(seed, count, first):
    """(what the program counted, None) or (None, what went wrong)."""
    command = [PROGRAM, str(seed), str(count), str(first)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE,
                              env={**os.environ, **SANITIZERS}, check=False)
    except subprocess.TimeoutExpired:
        return None, f'{" ".join(command)}: not done within {PATIENCE} s'
    if done.returncode == 0:
        return json.loads(done.stdout), None
    said = '\n'.join(done.stderr.splitlines()[:40])
    return None, f'{" ".join(command)}: status {done.returncode}\n{said}'


def main():
    options = arguments()
    result = report.Report('fuzz', options)
    refused, done = Counter(), 0
    while done < options.records and not result.problems and result.more():
        count = min(PER_PROCESS, options.records - done)
        counts, problem = run(options.seed, count, done)
        if problem:
            result.problem(problem)
            break
        done += count
        result.count('records', count)
        result.count('refused by the reader', counts['unreadable'])
        result.count('replayed', counts['replayed'])
        result.count('refused by redo', sum(counts['refused'].values()))
        refused.update(counts['refused'])
        result.progress(f'{done:,} records')
    for reason, count in refused.most_common():
        print(f'  {count:>9,}  {reason}')
    return result.finish()


if __name__ == '__main__':
    sys.exit(main())
