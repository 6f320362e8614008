// SPDX-License-Identifier: PostgreSQL
//
// The tables that this processor gets, for the files that share work among them.
#pragma once

#include "kernel/centroid_tables.hpp"

namespace vx::kernel
{

const AssignKernels &assign_kernels() noexcept;
const ListOrderKernels &list_order_kernels() noexcept;

} // namespace vx::kernel
