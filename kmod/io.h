/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_IO_H
#define _BC_IO_H

#include "tree.h"

struct bc_snapshot;

void bc_io_read(struct bc_pool *pool, struct bc_io *io, struct bc_io_times *times);
bool bc_io_read_device(struct bc_pool *pool, u32 dev, struct bc_io *io, struct bc_io_times *times);
bool bc_io_next_device(struct bc_pool *pool, u32 *dev);
void bc_io_read_all(struct bc_snapshot *all);
void bc_io_look(struct bc_pool *pool);
void bc_io_close(struct bc_pool *pool, struct bc_io *io);
bool bc_io_writeback_known(const struct bc_pool *pool);

#endif /* _BC_IO_H */
