/* SPDX-License-Identifier: GPL-2.0 */
/* Archives: unpack.c, and pack.c for the other way. */
#ifndef BCTL_CT_UNPACK_H
#define BCTL_CT_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "ct.h"

struct archive;
struct archive_entry;

int ct_unpack_to(const struct ct_run *run, const char *what, const char *archive, const char *dir,
		 bool layer);
bool ct_has_init(int dir);
void ct_xattrs_filter(struct archive_entry *entry);
int ct_room(const struct ct_run *run, const char *what, const char *dir, uint64_t bytes,
	    uint64_t inodes);

/* pack.c */
int ct_pack_open(const struct ct_run *run, const char *path, bool raw, struct archive **out);
int ct_pack_close(const struct ct_run *run, const char *path, struct archive *out, int status);
int ct_pack_stream(const struct ct_run *run, const char *path, int from);
int ct_pack_tree(const struct ct_run *run, const char *path, const char *dir);

#endif /* BCTL_CT_UNPACK_H */
