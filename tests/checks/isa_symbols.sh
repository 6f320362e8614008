#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
#
# Usage: isa_symbols.sh [OBJECT...]    (default: the kernel objects of the build folder $BUILD)
#
# An object compiled for an instruction set may define only its tables (k*Kernels): any other
# symbol that the linker can see, an inline function above all, might be chosen for the rest of
# the library and stop an older processor with an illegal instruction (extension/kernel/README.md).
[ $# -gt 0 ] || set -- "$BUILD"/extension/kernel/CMakeFiles/vx_kernel.dir/*_avx*.o
status=0
if [ $# = 0 ]; then
    mapfile -t objects < <(find "$BUILD/extension/kernel" -name '*_avx*.cpp.o')
    set -- "${objects[@]}"
fi
for object in "$@"; do
    stray=$(nm -C --defined-only --extern-only "$object" |
        grep -v ' vx::kernel::k[A-Za-z0-9]*Kernels$' | grep -v -e '^$' -e ' __odr_asan')
    if [ -n "$stray" ]; then
        echo "$object defines more than its tables:"
        echo "$stray"
        status=1
    fi
done
exit $status
