// SPDX-License-Identifier: PostgreSQL
//
// The commands, one file each. The arguments are those behind the command's own words.
#pragma once

#include <string>
#include <vector>

namespace cli
{

void load(const std::vector<std::string> &arguments);
void search(const std::vector<std::string> &arguments);
void cluster_status(const std::vector<std::string> &arguments);

} // namespace cli
