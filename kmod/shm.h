/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_SHM_H
#define _BC_SHM_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>

#include "ptrmap.h"
#include "tree.h"

/* What is charged for a shared memory object. */
enum bc_shm_kind {
	BC_SHM_SIZE,
	BC_SHM_LOCKED,
	BC_SHM_KINDS,
};

/**
 * struct bc_shm - one resource of a charged shared memory object
 * @node: key is the inode, alive while the record is on @link
 * @lock: protects @charged and @seen, but for the lockless read in bc_shm_unchanged()
 * @pool: what it is charged to, with a reference; changed only while charge
 *	sections are excluded
 * @charged: pages charged
 * @seen: when @charged was last made what it should be, ticks
 * @kind: of what
 * @dirty: WO: the inode's figure may have changed since the last recount; set
 *	and cleared under the pool's shm_lock
 * @refused_by: WO: task that was last refused, never followed
 * @refused_index: WO: what page it wanted
 * @link: in @pool->shms, under its shm_lock
 * @rcu: for the free
 */
struct bc_shm {
	struct bc_ptrmap_node	node;
	spinlock_t		lock;
	struct bc_pool		*pool;
	u64			charged;
	u64			seen;
	enum bc_shm_kind	kind;
	bool			dirty;
	const void		*refused_by;
	pgoff_t			refused_index;
	struct list_head	link;
	struct rcu_head		rcu;
};

bool __must_check bc_shm_take(struct inode *inode, enum bc_shm_kind kind, u64 pages);
void bc_shm_drop(struct inode *inode, enum bc_shm_kind kind);

/**
 * bc_shm_size() - size of a shared memory object
 * @inode: its inode
 *
 * Return: pages.
 */
static inline u64 bc_shm_size(const struct inode *inode)
{
	return PAGE_ALIGN(i_size_read(inode)) >> PAGE_SHIFT;
}

#endif /* _BC_SHM_H */
