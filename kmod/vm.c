// SPDX-License-Identifier: GPL-2.0
/*
 * privvmpages: private writable address space and stacks
 *
 * The kernel keeps exact figures per address space, mm->data_vm and
 * mm->stack_vm, and asks may_expand_vm() before it enlarges them. That function
 * is hooked, and nothing on the way down: an address space that shrinks is
 * noticed when it next grows, when a limit or a new maxheld is about to be
 * reached, or when somebody reads the accounts. What is charged for an address
 * space is therefore an upper bound of what it has, and exact after a recount.
 *
 *	charged = data_vm + stack_vm + pages being asked for
 *
 * A loop of mmap and munmap thus finds its own pages still charged and touches
 * no counter at all.
 *
 * Severities: BC_HARD for mappings, BC_SOFT (the limit) for stack growth, which
 * cannot be refused without killing. A fork charges the copy at BC_HARD.
 *
 * may_expand_vm() is called with the mmap lock held, for writing except for
 * stacks on 6.1, until the figures are updated. A recount that finds the lock
 * taken leaves the pages last asked for charged, because they may not be in the
 * figures yet.
 *
 * Some callers ask twice. mmap_region() of 6.1 does when it was refused once;
 * the second question, from a place shortly behind the first, is not counted as
 * another failure. mprotect() that changes writable memory to writable memory
 * asks first for the new and then for the old state, and goes on when both are
 * refused: at the barrier that leaves one failure counted that did no harm.
 *
 * Lock order: bc_vm_move_lock, bc_pool.vm_lock (source, then target), bc_mm.lock.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>

#include <asm/syscall.h>
#include <asm/unistd.h>

#include "bind.h"
#include "hook.h"
#include "member.h"
#include "refusal.h"
#include "vm.h"

/* Two questions of one system call are asked from places this close, in bytes. */
#define BC_VM_SAME_CALL	1024

/**
 * struct bc_mm - record of a charged address space
 * @node: key is the mm_struct, alive while the record is on @link
 * @lock: protects what follows up to @refused_ip, but for the lockless read and
 *	the store of @pending in bc_vm_unchanged()
 * @pool: what it is charged to, with a reference; NULL once uncharged. Changed
 *	under @lock, bc_vm_move_lock and both pools' vm_lock
 * @charged: pages charged
 * @pending: pages last asked for
 * @refused_ip: where the last refused question came from, 0 after a second one
 * @refused_pages: what it asked for
 * @link: in @pool->mms, under its vm_lock
 * @rcu: for the free
 */
struct bc_mm {
	struct bc_ptrmap_node	node;
	spinlock_t		lock;
	struct bc_pool		*pool;
	u64			charged;
	u64			pending;
	unsigned long		refused_ip;
	unsigned long		refused_pages;
	struct list_head	link;
	struct rcu_head		rcu;
};

static struct bc_ptrmap bc_mm_map __read_mostly;
static DEFINE_SPINLOCK(bc_vm_move_lock);

static __always_inline struct bc_mm *bc_mm_find(const struct mm_struct *mm)
{
	struct bc_ptrmap_node *node = bc_ptrmap_find(&bc_mm_map, mm);

	return node ? container_of(node, struct bc_mm, node) : NULL;
}

static __always_inline u64 bc_mm_figure(const struct mm_struct *mm)
{
	return READ_ONCE(mm->data_vm) + READ_ONCE(mm->stack_vm);
}

static __always_inline u64 bc_mm_pages(const struct bc_mm *rec)
{
	return bc_mm_figure(rec->node.key);
}

/*
 * The record of an address space that cannot go away, made if need be. A new one
 * has so many pages charged; it may be recounted as soon as it is in the map.
 */
static struct bc_mm *bc_mm_get(struct mm_struct *mm, struct bc_pool *pool, u64 charged)
{
	struct bc_mm *rec = bc_mm_find(mm);
	struct bc_ptrmap_node *node;

	if (likely(rec))
		return rec;
	rec = kzalloc(sizeof(*rec), BC_GFP_HOOK);
	if (!rec)
		return NULL;
	if (!bc_pool_tryget(pool)) {
		kfree(rec);
		return NULL;
	}
	spin_lock_init(&rec->lock);
	rec->pool = pool;
	rec->charged = charged;
	spin_lock(&pool->vm_lock);
	node = bc_ptrmap_insert(&bc_mm_map, &rec->node, mm);
	if (node == &rec->node) {
		list_add_tail(&rec->link, &pool->mms);
		spin_unlock(&pool->vm_lock);
		return rec;
	}
	spin_unlock(&pool->vm_lock);
	bc_pool_put(pool);
	kfree(rec);
	return container_of(node, struct bc_mm, node);
}

/* Uncharges and frees a record that was taken out of the map. */
static void bc_mm_release(struct bc_mm *rec)
{
	struct bc_pool *pool;

	for (;;) {
		pool = READ_ONCE(rec->pool);
		spin_lock(&pool->vm_lock);
		if (pool == rec->pool)
			break;
		spin_unlock(&pool->vm_lock);
	}
	list_del_init(&rec->link);
	spin_lock(&rec->lock);
	bc_counter_uncharge(&pool->cnt[BC_PRIVVMPAGES], NULL, rec->charged);
	rec->charged = 0;
	rec->pool = NULL;
	spin_unlock(&rec->lock);
	spin_unlock(&pool->vm_lock);
	bc_pool_put(pool);
	kfree_rcu(rec, rcu);
}

/*
 * Corrects one record to the kernel's figures. The lock is looked at before the
 * figures: when it is free, whatever was charged before is in the figures.
 */
static void bc_mm_recount(struct bc_mm *rec)
{
	struct mm_struct *mm = (struct mm_struct *)rec->node.key;
	u64 want, floor;
	bool busy;

	spin_lock(&rec->lock);
	busy = rwsem_is_locked(&mm->mmap_lock);
	smp_rmb();	/* the lock first, then the figures */
	want = bc_mm_pages(rec);
	floor = max(want, rec->charged);
	if (busy)
		want = min(want + READ_ONCE(rec->pending), floor);
	else
		WRITE_ONCE(rec->pending, 0);
	if (want < rec->charged)
		bc_counter_uncharge(&rec->pool->cnt[BC_PRIVVMPAGES], NULL, rec->charged - want);
	else if (want > rec->charged)
		bc_counter_charge(&rec->pool->cnt[BC_PRIVVMPAGES], NULL, want - rec->charged);
	rec->charged = want;
	spin_unlock(&rec->lock);
}

/* Costs some tens of instructions for each address space. Inside a charge section. */
static void bc_vm_recount_one(struct bc_pool *pool)
{
	struct bc_mm *rec;

	spin_lock(&pool->vm_lock);
	list_for_each_entry(rec, &pool->mms, link)
		bc_mm_recount(rec);
	spin_unlock(&pool->vm_lock);
}

static void bc_vm_recount(struct bc_pool *root)
{
	struct bc_pool *pos;

	for (pos = root; pos; pos = bc_pool_next_pre(pos, root))
		bc_vm_recount_one(pos);
}

/* For hooks; see bc_recount_begin(). */
static void bc_vm_may_recount(struct bc_pool *root)
{
	u64 start;

	if (!bc_recount_begin(&root->vm_next, &start))
		return;
	bc_vm_recount(root);
	bc_recount_end(&root->vm_next, start);
}

/*
 * What is charged is an upper bound, so a new peak may be false. Before one is
 * recorded, the subtree is recounted, if that was not done only just now:
 * maxheld may exceed the true peak by what was unmapped in that short time.
 */
static void bc_vm_check_peak(struct bc_pool *pool, u64 amount)
{
	struct bc_counter *top = bc_counter_new_peak(&pool->cnt[BC_PRIVVMPAGES], amount);

	if (!top)
		return;
	bc_vm_may_recount(bc_counter_pool(top, BC_PRIVVMPAGES));
}

static void bc_mm_check_peak(struct bc_mm *rec, u64 npages)
{
	struct bc_pool *pool = READ_ONCE(rec->pool);
	u64 want = bc_mm_pages(rec) + npages, charged = READ_ONCE(rec->charged);

	if (pool && want > charged)
		bc_vm_check_peak(pool, want - charged);
}

/* Charges what an address space has and asks for; false if @fail refuses. */
static bool bc_mm_charge(struct bc_mm *rec, u64 npages, enum bc_severity sev,
			 struct bc_counter **fail)
{
	struct bc_pool *pool;
	u64 want;
	bool ok = true;

	spin_lock(&rec->lock);
	pool = rec->pool;
	want = bc_mm_pages(rec) + npages;
	if (pool && want > rec->charged)
		ok = bc_counter_try_charge(&pool->cnt[BC_PRIVVMPAGES], want - rec->charged,
					   sev, fail);
	else if (pool && want < rec->charged)
		bc_counter_uncharge(&pool->cnt[BC_PRIVVMPAGES], NULL, rec->charged - want);
	if (pool && ok) {
		rec->charged = want;
		rec->pending = npages;
	}
	spin_unlock(&rec->lock);
	return ok;
}

/* Is this the second question of a call whose first one was counted? */
static bool bc_mm_asked_before(struct bc_mm *rec, u64 npages, unsigned long ip)
{
	unsigned long last = rec->refused_ip;

	if (last && ip > last && ip - last < BC_VM_SAME_CALL && npages <= rec->refused_pages) {
		rec->refused_ip = 0;
		return true;
	}
	rec->refused_ip = ip;
	rec->refused_pages = npages;
	return false;
}

static bool bc_mm_expand(struct bc_mm *rec, u64 npages, enum bc_severity sev, unsigned long ip)
{
	struct bc_counter *fail;
	struct bc_pool *pool;

	bc_mm_check_peak(rec, npages);
	if (likely(bc_mm_charge(rec, npages, sev, &fail)))
		return true;
	bc_vm_may_recount(bc_counter_pool(fail, BC_PRIVVMPAGES));
	if (bc_mm_charge(rec, npages, sev, &fail))
		return true;
	pool = READ_ONCE(rec->pool);
	if (pool && !bc_mm_asked_before(rec, npages, ip))
		bc_refused(pool, fail, BC_PRIVVMPAGES, npages);
	return false;
}

/* Which bound applies to a mapping: -1 when it is not counted at all. */
static __always_inline int bc_vm_severity(unsigned long flags)
{
	if ((flags & (VM_WRITE | VM_SHARED | VM_STACK)) == VM_WRITE)
		return BC_HARD;
	return flags & VM_STACK ? BC_SOFT : -1;
}

/* Is the current task in mmap(2) with MAP_FIXED? */
static __always_inline bool bc_vm_maps_fixed(void)
{
	struct pt_regs *regs = current_pt_regs();
	unsigned long args[6];
	int nr = syscall_get_nr(current, regs);

	if (nr != (in_ia32_syscall() ? __NR_ia32_mmap2 : __NR_mmap))
		return false;
	syscall_get_arguments(current, regs, args);
	return args[3] & MAP_FIXED;
}

/*
 * What a mapping at a fixed address adds to the figures. Not what is asked for:
 * that leaves out, or on 6.1 at first includes, all that is replaced, but what
 * is replaced need not have been counted. Somebody who reserves addresses
 * without access and maps memory there later asks for nothing at all.
 */
static u64 bc_vm_fixed_growth(struct mm_struct *mm)
{
	unsigned long args[6], addr, end;
	struct vm_area_struct *vma;
	u64 replaced = 0, pages;

	syscall_get_arguments(current, current_pt_regs(), args);
	addr = args[0];
	end = addr + PAGE_ALIGN(args[1]);
	pages = (end - addr) >> PAGE_SHIFT;
	for (vma = find_vma(mm, addr); vma && vma->vm_start < end;
	     vma = find_vma(mm, vma->vm_end))
		if (bc_vm_severity(vma->vm_flags) >= 0)
			replaced += min(end, vma->vm_end) - max(addr, vma->vm_start);
	replaced >>= PAGE_SHIFT;
	return pages > replaced ? pages - replaced : 0;
}

/*
 * The common case of a program that maps what it unmapped before: nothing to
 * charge, so neither lock nor counter is touched. A recount on another CPU that
 * read @pending just before may take the pages away although they are being
 * mapped: one request of this address space is then uncounted until its next
 * one or the next recount.
 */
static __always_inline bool bc_vm_unchanged(const struct mm_struct *mm, unsigned long npages)
{
	struct bc_mm *rec;
	bool same = false;

	if (bc_fast_enter()) {
		rec = bc_mm_find(mm);
		if (likely(rec)) {
			WRITE_ONCE(rec->pending, npages);
			same = bc_mm_pages(rec) + npages == READ_ONCE(rec->charged) &&
			       READ_ONCE(rec->pool);
		}
	}
	bc_fast_leave();
	return same;
}

static noinline void bc_may_expand_vm(struct ftrace_regs *fregs, enum bc_severity sev,
				      bool fixed, unsigned long parent_ip)
{
	struct mm_struct *mm = BC_ARG(fregs, 0, struct mm_struct *);
	u64 npages = fixed ? bc_vm_fixed_growth(mm) : BC_ARG(fregs, 2, unsigned long);
	struct bc_section sec;
	struct bc_pool *pool;
	struct bc_mm *rec;
	bool ok = true;

	bc_enter(&sec);
	rec = bc_mm_find(mm);
	pool = rec ? NULL : bc_task_pool(current);
	if (pool) {
		rec = bc_mm_get(mm, pool, 0);
		if (!rec)
			bc_note_untracked();
	}
	if (rec)
		ok = bc_mm_expand(rec, npages, sev, parent_ip);
	bc_leave(&sec);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_stub_zero);
}

BC_HANDLER(bc_on_may_expand_vm)
{
	bool fixed;
	int sev;

	if (bc_current_unknown())
		return;
	sev = bc_vm_severity(BC_ARG(fregs, 1, unsigned long));
	if (sev < 0)
		return;
	fixed = sev == BC_HARD && bc_vm_maps_fixed();
	if (!fixed && bc_vm_unchanged(BC_ARG(fregs, 0, struct mm_struct *),
				      BC_ARG(fregs, 2, unsigned long)))
		return;
	bc_may_expand_vm(fregs, sev, fixed, parent_ip);
}

BC_HANDLER(bc_on_exit_mmap)
{
	struct mm_struct *mm = BC_ARG(fregs, 0, struct mm_struct *);
	struct bc_ptrmap_node *node;
	struct bc_section sec;

	if (bc_ptrmap_unknown(&bc_mm_map, mm))
		return;
	bc_enter(&sec);
	node = bc_ptrmap_remove(&bc_mm_map, mm);
	if (node)
		bc_mm_release(container_of(node, struct bc_mm, node));
	bc_leave(&sec);
}

/**
 * bc_vm_fork() - charge the address space of a child
 * @mm: the child's own, not shared yet
 * @pool: the parent's pool
 *
 * If the fork fails later, the address space is freed and uncharged by its hook.
 *
 * Context: inside a charge section.
 * Return: false when it was refused, and counted as such.
 */
bool bc_vm_fork(struct mm_struct *mm, struct bc_pool *pool)
{
	struct bc_counter *cnt = &pool->cnt[BC_PRIVVMPAGES], *fail;
	u64 pages = bc_mm_figure(mm);

	/* Before there is a record, or a recount would charge the copy by force. */
	bc_vm_check_peak(pool, pages);
	if (unlikely(!bc_counter_try_charge(cnt, pages, BC_HARD, &fail))) {
		bc_vm_may_recount(bc_counter_pool(fail, BC_PRIVVMPAGES));
		if (!bc_counter_try_charge(cnt, pages, BC_HARD, &fail)) {
			bc_refused(pool, fail, BC_PRIVVMPAGES, pages);
			return false;
		}
	}
	if (likely(bc_mm_get(mm, pool, pages)))
		return true;
	bc_counter_uncharge(cnt, NULL, pages);
	return false;
}

/* Moves a record to another pool, charge and all; @to has a reference for it. */
static bool bc_mm_move(struct bc_mm *rec, struct bc_pool *to)
{
	struct bc_pool *from;
	bool moved = false;

	spin_lock(&bc_vm_move_lock);
	from = READ_ONCE(rec->pool);
	if (from && from != to) {
		spin_lock(&from->vm_lock);
		spin_lock_nested(&to->vm_lock, SINGLE_DEPTH_NESTING);
		spin_lock_nested(&rec->lock, 2);
		if (rec->pool) {
			bc_pool_move(from, to, BC_PRIVVMPAGES, rec->charged);
			rec->pool = to;
			list_move_tail(&rec->link, &to->mms);
			moved = true;
		}
		spin_unlock(&rec->lock);
		spin_unlock(&to->vm_lock);
		spin_unlock(&from->vm_lock);
	}
	spin_unlock(&bc_vm_move_lock);
	if (moved)
		bc_pool_put(from);
	return moved;
}

/**
 * bc_vm_fix() - make an address space belong to a pool
 * @mm: address space, with a reference of its user count
 * @pool: pool of its owner, or NULL
 *
 * Context: inside a charge section.
 */
void bc_vm_fix(struct mm_struct *mm, struct bc_pool *pool)
{
	struct bc_ptrmap_node *node;
	struct bc_counter *fail;
	struct bc_mm *rec;

	if (!bc_res_active(BC_PRIVVMPAGES))
		return;
	if (!pool) {
		node = bc_ptrmap_remove(&bc_mm_map, mm);
		if (node)
			bc_mm_release(container_of(node, struct bc_mm, node));
		return;
	}
	rec = bc_mm_get(mm, pool, 0);
	if (!rec) {
		bc_note_untracked();
		return;
	}
	if (READ_ONCE(rec->pool) != pool && bc_pool_tryget(pool) && !bc_mm_move(rec, pool))
		bc_pool_put(pool);
	if (!bc_mm_charge(rec, 0, BC_FORCE, &fail))
		bc_note_untracked();
}

/* Sends all address spaces of a pool elsewhere, or forgets them. */
static void bc_vm_leave(struct bc_pool *pool, struct bc_pool *to)
{
	struct bc_section sec;
	struct bc_mm *rec;

	for (;;) {
		bc_enter(&sec);
		spin_lock(&pool->vm_lock);
		rec = list_first_entry_or_null(&pool->mms, struct bc_mm, link);
		spin_unlock(&pool->vm_lock);
		if (rec && to) {
			bc_pool_get(to);
			if (!bc_mm_move(rec, to))
				bc_pool_put(to);
		} else if (rec && bc_ptrmap_remove_node(&bc_mm_map, &rec->node)) {
			bc_mm_release(rec);
		}
		bc_leave(&sec);
		if (!rec)
			return;
	}
}

static void bc_vm_purge(void)
{
	struct bc_ptrmap_node *node;
	struct hlist_node *next;
	unsigned long i;

	for (i = 0; i < 1UL << bc_mm_map.bits; i++)
		hlist_for_each_entry_safe(node, next, &bc_mm_map.buckets[i], link)
			if (bc_ptrmap_remove_node(&bc_mm_map, node))
				bc_mm_release(container_of(node, struct bc_mm, node));
}

static struct bc_hook bc_vm_hooks[] = {
	{ .func = "exit_mmap", .handler = bc_on_exit_mmap },
	{ .func = "may_expand_vm", .handler = bc_on_may_expand_vm, .refuses = true },
	{}
};

static int bc_vm_init(unsigned int bits)
{
	return bc_ptrmap_init(&bc_mm_map, bits);
}

static void bc_vm_exit(void)
{
	bc_ptrmap_destroy(&bc_mm_map);
}

/* A fork is charged by the hook of numproc. */
struct bc_source bc_source_vm = {
	.name = "privvmpages",
	.resources = BIT(BC_PRIVVMPAGES),
	.needs = &bc_source_proc,
	.hooks = bc_vm_hooks,
	.init = bc_vm_init,
	.exit = bc_vm_exit,
	.recount = bc_vm_recount_one,
	.leave = bc_vm_leave,
	.purge = bc_vm_purge,
};
