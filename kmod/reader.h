/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_READER_H
#define _BC_READER_H

#include "tree.h"

/* After so long without a taking a reader's place may be given to another. */
#define BC_READER_IDLE_NS	(3600ULL * NSEC_PER_SEC)

bool bc_reader_name_valid(const char *name);
int bc_reader_find(const struct bc_tree *tree, const char *name);
int bc_reader_open(struct bc_tree *tree, const char *name, u64 now);
void bc_reader_close(struct bc_tree *tree, int reader);
void bc_reader_take(struct bc_pool *pool, int reader, u64 peaks[BC_NR_RES]);

#endif /* _BC_READER_H */
