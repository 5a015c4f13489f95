/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_WATCH_H
#define _BC_WATCH_H

#include "tree.h"

void bc_watch_set(struct bc_pool *pool, enum bc_res res, u32 rise, u32 fall);
void bc_watch_start(void);
void bc_watch_stop(void);

#endif /* _BC_WATCH_H */
