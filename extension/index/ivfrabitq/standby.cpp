// SPDX-License-Identifier: PostgreSQL
//
// Rounds of a search while the server recovers.
//
// On the primary the pages of a list that was split stay as they are while a snapshot is held that
// is older than the split. The primary knows nothing of a standby's snapshots: replay may free them
// and give them, and the list's number, to other lists while a scan reads them. Only within a
// round, though: each begins with the structure as it is then, and every row is in its lists. So a
// round looks at its end whether a list that it knew was given up meanwhile, and is run again if
// so. What it had found was shown to nobody yet. WRITE.md, section Standby.
#include "pg/postgres.hpp"

#include "index/ivfrabitq/search.hpp"

extern "C" {
#include "access/xlog.h"
#include "miscadmin.h"
}

#include "index/ivfrabitq/lists.hpp"

namespace vx::ivfrabitq
{

void
read_structure(Search *search)
{
    Relation index = search->index;
    search->outdated = false;
    search->is_in_recovery = RecoveryInProgress();
    search->meta = read_meta(index);
    while (search->is_in_recovery) {
        CHECK_FOR_INTERRUPTS();
        const DirectoryCache *directory = read_directory(index, search->meta);
        search->known_lists = directory->count - directory->unused_count;
        // the directory came after the metapage, and must be of its version
        if (read_structure_version(index) == search->meta.page.structure_version)
            return;
        search->meta = read_meta(index);
    }
}

bool
is_outdated(const Search *search)
{
    const uint32 version = search->meta.page.structure_version;
    if (!search->is_in_recovery || read_structure_version(search->index) == version)
        return false;
    // A list is given up before the first of its slices is, and a place that is used again is not
    // that list's any more. (`outdated`: a primary with an older library gave up none.)
    return search->outdated || count_lists(search->index, search->meta) < search->known_lists;
}

void
report_outdated(const Search *search)
{
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("canceling statement due to conflict with recovery"),
                    errdetail("Lists of index \"%s\" are split faster than it is searched.",
                              RelationGetRelationName(search->index))));
    pg_unreachable();
}

} // namespace vx::ivfrabitq
