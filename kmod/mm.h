/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_MM_H
#define _BC_MM_H

#include <linux/mm_types.h>
#include <linux/mman.h>
#include <linux/sched/task_stack.h>

#include <asm/syscall.h>
#include <asm/unistd.h>

#include "hook.h"
#include "ptrmap.h"
#include "tree.h"

/* What is charged for an address space. */
enum bc_mm_kind {
	BC_MM_PRIVATE,
	BC_MM_LOCKED,
	BC_MM_KINDS,
};

/**
 * struct bc_mm_charge - one resource of one address space
 * @charged: pages charged
 * @pending: pages last asked for
 * @seen: when @charged was last made what it should be, ticks
 */
struct bc_mm_charge {
	u64	charged;
	u64	pending;
	u64	seen;
};

/**
 * struct bc_mm - record of a charged address space
 * @node: key is the mm_struct, alive while the record is on @link
 * @lock: protects what follows up to @refused_pages, but for the lockless read and
 *	the store of pending in bc_mm_unchanged()
 * @pool: what it is charged to, with a reference; NULL once uncharged. Changed
 *	under @lock, bc_mm_move_lock and both pools' vm_lock
 * @cost: what is charged
 * @refused_ip: where the last refused question came from, 0 after a second one
 * @refused_pages: what it asked for
 * @link: in @pool->mms, under its vm_lock
 * @rcu: for the free, when it is no longer there
 */
struct bc_mm {
	struct bc_ptrmap_node	node;
	spinlock_t		lock;
	struct bc_pool		*pool;
	struct bc_mm_charge	cost[BC_MM_KINDS];
	unsigned long		refused_ip;
	unsigned long		refused_pages;
	union {
		struct list_head	link;
		struct rcu_head		rcu;
	};
};

extern struct bc_ptrmap bc_mm_map;

bool __must_check bc_mm_fork(struct mm_struct *mm, struct bc_pool *pool);
void bc_mm_fix(struct mm_struct *mm, struct bc_pool *pool);
bool __must_check bc_mm_ask(struct mm_struct *mm, enum bc_mm_kind kind, u64 npages,
			    enum bc_severity sev, unsigned long ip);
void bc_mm_forget(struct mm_struct *mm);
void bc_mm_may_recount(struct bc_pool *root);
void bc_mm_recount_pool(struct bc_pool *pool);
void bc_mm_leave(struct bc_pool *pool, struct bc_pool *to);
void bc_mm_purge(void);
int bc_mm_init(unsigned int bits);
void bc_mm_exit(void);

static __always_inline enum bc_res bc_mm_res(enum bc_mm_kind kind)
{
	return kind == BC_MM_LOCKED ? BC_LOCKEDPAGES : BC_PRIVVMPAGES;
}

/**
 * bc_mm_figure() - what the kernel says that an address space has
 * @mm: address space
 * @kind: of what
 *
 * Return: pages; 0 of a resource that is not counted.
 */
static __always_inline u64 bc_mm_figure(const struct mm_struct *mm, enum bc_mm_kind kind)
{
	if (kind == BC_MM_LOCKED)
		return bc_res_active(BC_LOCKEDPAGES) ? READ_ONCE(mm->locked_vm) : 0;
	return READ_ONCE(mm->data_vm) + READ_ONCE(mm->stack_vm);
}

/**
 * bc_mm_find() - the record of an address space
 * @mm: address space
 *
 * Context: inside a charge section.
 * Return: record or NULL.
 */
static __always_inline struct bc_mm *bc_mm_find(const struct mm_struct *mm)
{
	struct bc_ptrmap_node *node = bc_ptrmap_find(&bc_mm_map, mm);

	return node ? container_of(node, struct bc_mm, node) : NULL;
}

/**
 * bc_mm_unchanged() - is what an address space asks for charged already?
 * @mm: address space
 * @kind: what it asks for
 * @npages: how much more of it
 *
 * The common case of a program that maps what it unmapped before: nothing to
 * charge, so neither lock nor counter is touched. A recount on another CPU that
 * read the pending pages just before may take them away although they are being
 * mapped: one request of this address space is then uncounted until its next
 * one or the next recount.
 *
 * Context: with the mmap lock held.
 * Return: true when it is; false to ask bc_mm_ask().
 */
static __always_inline bool bc_mm_unchanged(const struct mm_struct *mm, enum bc_mm_kind kind,
					    unsigned long npages)
{
	struct bc_mm *rec;
	bool same = false;

	if (bc_fast_enter()) {
		rec = bc_mm_find(mm);
		if (likely(rec)) {
			WRITE_ONCE(rec->cost[kind].pending, npages);
			same = bc_mm_figure(mm, kind) + npages ==
			       READ_ONCE(rec->cost[kind].charged) && READ_ONCE(rec->pool);
		}
	}
	bc_fast_leave();
	return same;
}

/* Is the current task in this system call? Not for the compatible old mmap of i386. */
#define bc_in_syscall(name)						\
	(syscall_get_nr(current, current_pt_regs()) ==			\
	 (in_ia32_syscall() ? __NR_ia32_##name : __NR_##name))

/**
 * bc_mm_maps_fixed() - is the current task in mmap(2) with MAP_FIXED?
 *
 * Return: true when it is.
 */
static __always_inline bool bc_mm_maps_fixed(void)
{
	struct pt_regs *regs = current_pt_regs();
	unsigned long args[6];

	if (syscall_get_nr(current, regs) != (in_ia32_syscall() ? __NR_ia32_mmap2 : __NR_mmap))
		return false;
	syscall_get_arguments(current, regs, args);
	return args[3] & MAP_FIXED;
}

#endif /* _BC_MM_H */
