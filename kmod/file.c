// SPDX-License-Identifier: GPL-2.0
/*
 * numfile: open files
 *
 * What is counted is the kernel's struct file, as in /proc/sys/fs/file-nr: one
 * for each open(), pipe end, socket, memory file and so on, however many
 * descriptors, processes or mappings share it. It is charged to the opener and
 * stays there when it is inherited or sent to somebody else.
 *
 * security_file_alloc() is the one place that all files pass, and lets security
 * modules refuse. When one of them does so after us, it calls
 * security_file_free() itself, as the final close does. There is one exception:
 * if security_file_alloc() finds no memory for the modules' own data, it returns
 * without a word. The charge is then held until the memory is used for another
 * file. The kernel grants such small requests except to a task that it kills
 * for want of memory.
 *
 * Files that the kernel opens for itself, like the one below each file on an
 * overlay, are not counted by the kernel, nor here. That they are of this kind
 * is only noted in them when they have passed our hook. So the functions that
 * make them are hooked, too, and leave a mark for the task. Two tasks may use
 * the same slot for it at once; then one such file is charged, and uncharged
 * when it is freed.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "charge.h"
#include "file.h"
#include "file_hooks.h"
#include "hook.h"

#define BC_MARK_BITS	6

static struct bc_objects bc_files __read_mostly = { .res = BC_NUMFILE };
static struct task_struct *bc_file_marks[1 << BC_MARK_BITS];

static struct task_struct **bc_file_mark(void)
{
	return &bc_file_marks[hash_ptr(current, BC_MARK_BITS)];
}

/* The next file that this task makes is the kernel's own. */
BC_HANDLER(bc_on_internal_file)
{
	if (!bc_current_unknown())
		WRITE_ONCE(*bc_file_mark(), current);
}

/* The allocation between the mark and this may have failed: it then hides another file. */
static bool bc_file_is_internal(void)
{
	struct task_struct **mark = bc_file_mark();

	return unlikely(READ_ONCE(*mark) == current) && cmpxchg(mark, current, NULL) == current;
}

BC_HANDLER(bc_on_file_alloc)
{
	if (bc_current_unknown() || bc_file_is_internal())
		return;
	if (unlikely(!bc_current_charge(&bc_files, BC_ARG(fregs, 0, void *), BC_HARD)))
		bc_refuse_call(fregs, bc_instead_enfile);
}

BC_HANDLER(bc_on_file_free)
{
	bc_object_gone(&bc_files, BC_ARG(fregs, 0, void *));
}

static int bc_file_adopt(const void *data, struct file *file, unsigned int fd)
{
	struct bc_pool *pool = (struct bc_pool *)data;
	struct bc_section sec;
	bool ok;

	if (bc_res_active(BC_NUMFILE)) {
		bc_enter(&sec);
		ok = bc_object_adopt(&bc_files, file, pool);
		bc_leave(&sec);
		if (!ok)
			bc_note_untracked();
	}
	bc_flock_adopt(file, pool);
	bc_pty_adopt(file, pool);
	return 0;
}

/**
 * bc_file_adopt_process() - take what a process has open into the books
 * @leader: process that cannot be freed meanwhile
 * @pool: pool that was just bound, and that the process is in
 *
 * A file cannot go while its table is locked, which has a reference: a file
 * whose last reference is being dropped is in no table any more.
 *
 * Context: under the tree mutex and rcu_read_lock().
 */
void bc_file_adopt_process(struct task_struct *leader, struct bc_pool *pool)
{
	const struct files_struct *last = NULL;
	struct task_struct *task;

	for_each_thread(leader, task) {
		task_lock(task);
		/* Threads nearly always share one table. */
		if (task->files && (task->files != last || atomic_read(&task->files->count) == 1))
			iterate_fd(task->files, 0, bc_file_adopt, pool);
		last = task->files;
		task_unlock(task);
	}
}

static struct bc_hook bc_file_hooks[] = {
	{ .func = "security_file_free", .handler = bc_on_file_free },
	{ .func = "alloc_empty_file_noaccount", .handler = bc_on_internal_file },
#ifdef BC_HAVE_BACKING_FILES
	{ .func = "alloc_empty_backing_file", .handler = bc_on_internal_file },
#endif
	{ .func = "security_file_alloc", .handler = bc_on_file_alloc, .refuses = true },
	{}
};

static void bc_file_leave(struct bc_pool *pool, struct bc_pool *to)
{
	bc_objects_leave(&bc_files, pool, to);
}

static int bc_file_init(unsigned int bits)
{
	/* There are many more of them than of other objects. */
	return bc_objects_init(&bc_files, bits + 2);
}

static void bc_file_exit(void)
{
	bc_objects_exit(&bc_files);
}

static void bc_file_purge(void)
{
	bc_objects_purge(&bc_files);
}

struct bc_source bc_source_file = {
	.name = "numfile",
	.resources = BIT(BC_NUMFILE),
	.needs = &bc_source_member,
	.hooks = bc_file_hooks,
	.init = bc_file_init,
	.exit = bc_file_exit,
	.leave = bc_file_leave,
	.purge = bc_file_purge,
};
