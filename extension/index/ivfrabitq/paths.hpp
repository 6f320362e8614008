// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace vx::ivfrabitq
{

/// Chains itself into the planner; from _PG_init.
void install_paths_hook();

} // namespace vx::ivfrabitq
