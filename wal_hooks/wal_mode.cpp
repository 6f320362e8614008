// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "wal_hooks/wal_mode.hpp"

extern "C" {
#include "utils/guc.h"
}

#include "pg/entry.hpp"
#include "wal_hooks/carrier.hpp"
#include "wal_hooks/fault.hpp"
#include "wal_hooks/resource_manager.hpp"

namespace vx::wal
{

enum class WalMode : int { automatic, generic, custom };

static int wal_mode_setting;

static const config_enum_entry wal_mode_values[] = {
    {"auto", static_cast<int>(WalMode::automatic), false},
    {"generic", static_cast<int>(WalMode::generic), false},
    {"custom", static_cast<int>(WalMode::custom), false},
    {nullptr, 0, false},
};

VX_CALLBACK(bool, check_wal_mode, (int *value, void **, GucSource), (value, nullptr, PGC_S_DEFAULT))
{
    if (static_cast<WalMode>(*value) != WalMode::custom || resource_manager_registered())
        return true;
    GUC_check_errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE);
    GUC_check_errdetail("The library \"vector\" was not loaded when the server started, so that "
                        "the server could not replay its records.");
    GUC_check_errhint("Add \"vector\" to \"shared_preload_libraries\" and restart the server.");
    return false;
}

void
initialise()
{
    register_resource_manager();
    DefineCustomEnumVariable(
        "vector.wal_mode", "Sets how changes of vector indexes are written to the WAL",
        "custom: compact records of our own, which only a server with \"vector\" in "
        "shared_preload_libraries can replay; generic: records for any server; auto: custom if "
        "this server can replay them.",
        &wal_mode_setting, static_cast<int>(WalMode::automatic), wal_mode_values, PGC_SUSET, 0,
        check_wal_mode, nullptr, nullptr);
    define_fault_settings();
    MarkGUCPrefixReserved("vector");
}

Carrier
choose_carrier(Relation relation)
{
    if (!RelationNeedsWAL(relation) || is_edit_unlogged())
        return apply_without_wal;
    const auto mode = static_cast<WalMode>(wal_mode_setting);
    return mode != WalMode::generic && resource_manager_registered() ? apply_with_custom_wal
                                                                     : apply_with_generic_wal;
}

} // namespace vx::wal
