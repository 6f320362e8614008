// SPDX-License-Identifier: PostgreSQL
#pragma once

/// Registers the benchmarks of kernel/rabitq.hpp and kernel/rotation.hpp.
void add_rabitq_benchmarks();
