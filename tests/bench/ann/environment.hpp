// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "bench/ann/json.hpp"
#include "bench/ann/method.hpp"

namespace bench
{

/// Machine, time, commit, and of each server what bears on its speed. Printed, and returned.
Json describe_environment(const std::vector<Server> &servers, const std::string &commit);

} // namespace bench
