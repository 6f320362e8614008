// SPDX-License-Identifier: PostgreSQL
//
// The commands, one file each. The arguments are those behind the command's own words. What returns
// a number returns the exit status.
#pragma once

#include <string>
#include <vector>

namespace cli
{

void load(const std::vector<std::string> &arguments);
void search(const std::vector<std::string> &arguments);
int check(const std::vector<std::string> &arguments);
void cluster_status(const std::vector<std::string> &arguments);

} // namespace cli
