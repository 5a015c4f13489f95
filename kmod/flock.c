// SPDX-License-Identifier: GPL-2.0
/*
 * numflock: POSIX, OFD and flock locks
 *
 * What is counted is what stands in /proc/locks as held. A lock of these kinds
 * enters the kernel's lists in no other way than by locks_copy_lock() from the
 * request into a lock allocated before, and is freed by locks_free_lock(),
 * whoever unlocks it. That one is inlined where it matters; what it calls first,
 * locks_release_private(), is not. A lock that waits is not in the lists.
 *
 * Refused is early, in security_file_lock(), where it is ENOLCK for the
 * application. Charged is late and by force, to the task that locks. Between
 * the two others may take the room, and unlocking the middle of a range adds a
 * lock: it is never refused. So the barrier can be exceeded by the threads that
 * are locking at the same instant, and by the splits.
 *
 * At the barrier a lock is refused even if it would merge with one that is
 * held or replace it, since this is known only when the lists have been searched.
 * So are leases, which are not counted.
 *
 * NFS and other network filesystems make copies of their own with the same
 * function, and free them in their ways. They are modules; the lock that counts
 * is copied in the kernel proper.
 */
#include <linux/fcntl.h>
#include <linux/pgtable.h>
#include <linux/spinlock.h>

#include "charge.h"
#include "file.h"
#include "filelock.h"
#include "hook.h"

static struct bc_objects bc_flocks __read_mostly = { .res = BC_NUMFLOCK };

static bool bc_in_module(unsigned long ip)
{
	return ip >= MODULES_VADDR && ip < MODULES_END;
}

BC_HANDLER(bc_on_lock_ask)
{
	unsigned int cmd = BC_ARG(fregs, 1, unsigned int);
	struct bc_section sec;
	struct bc_counter *fail;
	struct bc_pool *pool;
	bool ok = true;

	if (cmd == F_UNLCK || bc_current_unknown())
		return;
	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool)
		ok = bc_counter_has_room(&pool->cnt[BC_NUMFLOCK], 1, BC_HARD, &fail);
	if (unlikely(!ok))
		bc_refused(pool, fail, BC_NUMFLOCK, 1);
	bc_leave(&sec);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_instead_enolck);
}

/* A lock is about to be put into the lists, under their spinlock. */
BC_HANDLER(bc_on_lock_copy)
{
	if (!bc_current_unknown() && !bc_in_module(parent_ip))
		bc_current_charge(&bc_flocks, BC_ARG(fregs, 0, void *), BC_FORCE);
}

BC_HANDLER(bc_on_lock_free)
{
	bc_object_gone(&bc_flocks, BC_ARG(fregs, 0, void *));
}

static void bc_flock_adopt_list(struct list_head *list, struct file *file, struct bc_pool *pool)
{
	struct bc_section sec;
	struct file_lock *fl;
	bool ok;

	bc_for_each_lock(fl, list) {
		if (bc_lock_file(fl) != file)
			continue;
		bc_enter(&sec);
		ok = bc_object_adopt(&bc_flocks, fl, pool);
		bc_leave(&sec);
		if (!ok)
			bc_note_untracked();
	}
}

/**
 * bc_flock_adopt() - take the locks that were made through a file into the books
 * @file: file that cannot be freed meanwhile
 * @pool: pool that was just bound
 *
 * Context: under the tree mutex; atomic.
 */
void bc_flock_adopt(struct file *file, struct bc_pool *pool)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));

	if (!ctx || !bc_res_active(BC_NUMFLOCK))
		return;
	/* A lock is out of the lists before it is freed. */
	spin_lock(&ctx->flc_lock);
	bc_flock_adopt_list(&ctx->flc_posix, file, pool);
	bc_flock_adopt_list(&ctx->flc_flock, file, pool);
	spin_unlock(&ctx->flc_lock);
}

static struct bc_hook bc_flock_hooks[] = {
	{ .func = "locks_release_private", .handler = bc_on_lock_free },
	{ .func = "locks_copy_lock", .handler = bc_on_lock_copy },
	{ .func = "security_file_lock", .handler = bc_on_lock_ask, .refuses = true },
	{}
};

static void bc_flock_leave(struct bc_pool *pool, struct bc_pool *to)
{
	bc_objects_leave(&bc_flocks, pool, to);
}

static int bc_flock_init(unsigned int bits)
{
	return bc_objects_init(&bc_flocks, bits);
}

static void bc_flock_exit(void)
{
	bc_objects_exit(&bc_flocks);
}

static void bc_flock_purge(void)
{
	bc_objects_purge(&bc_flocks);
}

struct bc_source bc_source_flock = {
	.name = "numflock",
	.resources = BIT(BC_NUMFLOCK),
	.needs = &bc_source_member,
	.hooks = bc_flock_hooks,
	.init = bc_flock_init,
	.exit = bc_flock_exit,
	.leave = bc_flock_leave,
	.purge = bc_flock_purge,
};
