# SPDX-License-Identifier: PostgreSQL
"""A server whose vector.so has the address and undefined-behaviour sanitizers in it."""
import subprocess
from pathlib import Path

# What they write into the server's log.
FINDINGS = 'AddressSanitizer|runtime error:'


def environment(state):
    """The sanitizers' library must be in the process before vector.so is."""
    compiler = ['gcc', '-print-file-name=libasan.so']
    library = subprocess.run(compiler, check=True, capture_output=True, text=True).stdout.strip()
    first = f'{state}/sanitizer_first.so'
    source = Path(__file__).with_name('sanitizer_first.c')
    subprocess.run(['gcc', '-shared', '-fPIC', '-Wl,-z,initfirst', '-o', first, source], check=True)
    return {'LD_PRELOAD': f'{library}:{first}',
            'ASAN_OPTIONS': 'detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0',
            'UBSAN_OPTIONS': 'print_stacktrace=1:abort_on_error=1'}
