/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libarchive, loaded when it is first needed: see late.c
 *
 * ct_arc->read_new() is archive_read_new(), and so on.
 */
#ifndef CT_LATE_ARCHIVE_H
#define CT_LATE_ARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

/* "errno" is a macro. */
#define archive_last_errno archive_errno

#define CT_ARC_CALLS(X) \
	X(entry_filetype) X(entry_free) X(entry_hardlink) X(entry_linkify) \
	X(entry_linkresolver_free) X(entry_linkresolver_new) X(entry_linkresolver_set_strategy) \
	X(entry_new) X(entry_pathname) X(entry_rdevmajor) X(entry_rdevminor) \
	X(entry_set_filetype) X(entry_set_gname) X(entry_set_mtime) X(entry_set_pathname) \
	X(entry_set_perm) X(entry_set_size) X(entry_set_symlink) X(entry_set_uname) \
	X(entry_size) X(entry_size_is_set) X(entry_sourcepath) X(entry_xattr_add_entry) \
	X(entry_xattr_clear) X(entry_xattr_next) X(entry_xattr_reset) X(error_string) \
	X(filter_bytes) X(last_errno) X(read_data_block) X(read_disk_descend) X(read_disk_new) \
	X(read_disk_open) X(read_disk_set_behavior) X(read_disk_set_symlink_physical) \
	X(read_free) X(read_new) X(read_next_header) X(read_next_header2) X(read_open_filename) \
	X(read_support_filter_all) X(read_support_format_raw) X(read_support_format_tar) \
	X(write_add_filter_zstd) X(write_close) X(write_data) X(write_data_block) \
	X(write_disk_new) X(write_disk_set_options) X(write_finish_entry) X(write_free) \
	X(write_header) X(write_new) X(write_open_filename) X(write_set_format_pax_restricted) \
	X(write_set_format_raw)

#define CT_ARC_CALL(name) typeof(archive_##name) *name;
struct ct_arc_calls { CT_ARC_CALLS(CT_ARC_CALL) };
#undef CT_ARC_CALL

const struct ct_arc_calls *ct_arc_calls(void);

#define ct_arc ct_arc_calls()

#endif /* CT_LATE_ARCHIVE_H */
