// SPDX-License-Identifier: PostgreSQL
//
// A part of vecmesh_kernel_bench.
#pragma once

void add_centroid_benchmarks();
