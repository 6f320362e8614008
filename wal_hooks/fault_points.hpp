// SPDX-License-Identifier: PostgreSQL
//
// The fault points, in one table: enum, names and descriptions are made from it (fault.hpp).
#pragma once

/// X(name, whether an error is lawful there, what has just happened)
///
/// An error is not lawful in a critical section (it would be a PANIC) and in redo.
#define VX_FAULT_POINTS(X)                                                                         \
    X(edit_begun, true, "an edit is complete, nothing has changed")                                \
    X(edit_page_changed, false, "one page of an edit is changed, nothing is logged")               \
    X(edit_logged, false, "the record of an edit is made, its pages do not have its position")     \
    X(edit_stamped, false, "the pages of an edit have the position of its record")                 \
    X(edit_applied, true, "an edit is applied, its pages are still locked")                        \
    X(bulk_batch_logged, true, "images of a batch of pages are logged, none is in the file")       \
    X(bulk_page_written, true, "one page of a batch is in the file")                               \
    X(bulk_batch_written, true, "all pages of a batch are in the file")                            \
    X(bulk_synced, true, "all pages of a bulk writer are in the file, which is synced")            \
    X(redo_begun, false, "a record is checked, no page is locked")                                 \
    X(redo_locked, false, "all pages of a record are locked, none is changed")                     \
    X(redo_page_changed, false, "one page of a record is replayed")                                \
    X(redo_done, false, "a record is replayed, its pages are unlocked")                            \
    X(ivfflat_row_stored, true, "a row is in a page that had room")                                \
    X(ivfflat_page_allocated, true, "a list has a page to grow by, and no link to it")             \
    X(ivfflat_page_appended, true, "a new page is linked to its list and the free chain")          \
    X(ivfflat_free_popped, true, "a full page is out of the free chain, the row is not stored")    \
    X(ivfflat_free_offered, true, "a page with room is in the free chain again")                   \
    X(ivfflat_vacuum_cleaned, true, "the dead rows of a page are removed")                         \
    X(ivfflat_vacuum_found, true, "a page that a crash left over is in the free space map")        \
    X(ivfflat_vacuum_passed, true, "all pages are cleaned")                                        \
    X(ivfflat_build_sampled, true, "a sample of the table is taken")                               \
    X(ivfflat_build_trained, true, "centroids are trained")                                        \
    X(ivfflat_build_assigned, true, "rows are assigned to lists and sorted")                       \
    X(ivfflat_build_metapage, true, "the bulk writer has the metapage")                            \
    X(ivfflat_build_centroids, true, "the bulk writer has the centroids")                          \
    X(ivfflat_build_directory, true, "the bulk writer has the directory")                          \
    X(ivfflat_build_list, true, "the bulk writer has one list")                                    \
    X(ivfflat_build_loaded, true, "the index is written")                                          \
    X(ivfrabitq_row_stored, true, "a row is in a slice that had room")                             \
    X(ivfrabitq_first_stored, true, "a row is in the first of its two lists")                      \
    X(ivfrabitq_free_popped, true, "a full slice is out of the free chain, the row not stored")    \
    X(ivfrabitq_free_offered, true, "a slice with room is in the free chain again")                \
    X(ivfrabitq_tail_stored, true, "a row is in the last slice, which is in the chain again")      \
    X(ivfrabitq_tail_extended, true, "the last slice of a list has more groups")                   \
    X(ivfrabitq_extent_begun, true, "the file has the scan page of a new extent, no fine page")    \
    X(ivfrabitq_extent_extended, true, "the file has all pages of an extent, none is logged")      \
    X(ivfrabitq_extent_logged, true, "the last page of an extent is logged, no list has it")       \
    X(ivfrabitq_slice_added, true, "a new slice is linked to its list")                            \
    X(ivfrabitq_slice_recorded, true, "the free space map knows what a new slice left")            \
    X(ivfrabitq_list_thawed, true, "a list that was left frozen takes rows again")                 \
    X(ivfrabitq_vacuum_given_up, true, "a directory page says which lists are being freed")        \
    X(ivfrabitq_vacuum_cleaned, true, "a scan page is without its dead rows and slices")           \
    X(ivfrabitq_vacuum_adopted, true, "pages that a crash left over are an extent")                \
    X(ivfrabitq_vacuum_counted, true, "slices with room on a page are in the free chain")          \
    X(ivfrabitq_vacuum_passed, true, "all scan pages are cleaned, no entry is changed")            \
    X(ivfrabitq_vacuum_entries, true, "the entries of a directory page have their counts")         \
    X(ivfrabitq_split_frozen, true, "a list to be split is marked, its free chain is still there") \
    X(ivfrabitq_split_unchained, true, "its free chain is taken apart")                            \
    X(ivfrabitq_split_clustered, true, "the centres of the new lists are known")                   \
    X(ivfrabitq_split_centre, true, "one page has its part of a new centre")                       \
    X(ivfrabitq_split_entry, true, "a new list has its entry")                                     \
    X(ivfrabitq_split_moved, true, "one row is in its new list")                                   \
    X(ivfrabitq_split_filled, true, "all rows are in new lists, which nobody sees")                \
    X(ivfrabitq_split_appended, true, "entries behind the last list in use are born")              \
    X(ivfrabitq_split_published, true, "the new lists are born, the old one is dead")              \
    X(ivfrabitq_round_walked, true, "a round of a search has been through its lists")              \
    X(ivfrabitq_calibrated, true, "a new calibration is in the metapage")                          \
    X(ivfrabitq_build_sampled, true, "a sample of the table is taken")                             \
    X(ivfrabitq_build_trained, true, "centroids are trained")                                      \
    X(ivfrabitq_build_worker, true, "a parallel worker has sorted its share of the rows")          \
    X(ivfrabitq_build_sorted, true, "rows are coded and sorted")                                   \
    X(ivfrabitq_build_planned, true, "calibration and the place of every page are known")          \
    X(ivfrabitq_build_metapage, true, "the bulk writer has the metapage")                          \
    X(ivfrabitq_build_centroids, true, "the bulk writer has mean and centroids")                   \
    X(ivfrabitq_build_directory, true, "the bulk writer has the directory")                        \
    X(ivfrabitq_build_page, true, "the bulk writers have a scan page and its fine records")        \
    X(ivfrabitq_build_fine, true, "all fine pages are written, not all scan pages")                \
    X(ivfrabitq_build_loaded, true, "the index is written")
