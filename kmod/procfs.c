// SPDX-License-Identifier: GPL-2.0
/*
 * The files of OpenVZ in /proc, for old monitoring: an option, off by default
 *
 *	/proc/user_beancounters		all pools, 24 rows each, newest first
 *	/proc/bc/resources		all pools, what is counted
 *	/proc/bc/ID/resources		one pool, what is counted
 *
 * Their mere presence makes installers take the machine for OpenVZ, hence the
 * module parameter "compat". Whoever can should use netlink: this format knows
 * neither names nor absence. In the 24 rows, which old clients count, what the
 * module does not count is 0 with no bounds, and so are the four dummy rows that
 * OpenVZ kept for resources it had dropped. /proc/bc leaves it out.
 *
 * A reader gets the snapshot that was taken when it opened the file, however
 * small the pieces it reads. Outside of containers that is all pools at one
 * instant, for who has the two capabilities that OpenVZ asked for. Inside it is
 * the pool of the reader, for the root of its user namespace.
 *
 * procfs removes an entry only when nobody is in its open, read or release any
 * more, and open takes the tree mutex. So nothing here removes an entry under that
 * mutex: the directories of pools follow the tree by a worker, which is the only
 * one to touch them while the files are there. They name a pool by number and
 * incarnation and keep no reference.
 */
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include "bind.h"
#include "iptent.h"
#include "member.h"
#include "procfs.h"
#include "snapshot.h"

/**
 * struct bc_layout - what a file shows of its pools
 * @header: the version and the names of the columns come first
 * @number: the number of a pool stands on the first of its rows
 * @fixed: the 24 rows that clients count on, else what is counted
 */
struct bc_layout {
	bool	header;
	bool	number;
	bool	fixed;
};

/**
 * struct bc_report - what one open file shows
 * @layout: in which form
 * @all: the pools, as they were when the file was opened
 * @nr: valid entries of @order
 * @order: those of @all that are shown
 */
struct bc_report {
	const struct bc_layout	*layout;
	struct bc_snapshot	*all;
	unsigned int		nr;
	const struct bc_snap	*order[];
};

/**
 * struct bc_procfs_dir - the directory of a pool
 * @id: number of the pool
 * @incarnation: of the pool
 * @entry: the directory
 */
struct bc_procfs_dir {
	u32			id;
	u64			incarnation;
	struct proc_dir_entry	*entry;
};

#define BC_ROWS_FIXED	24

/* By public number. The names of the module may grow, these cannot. */
static const char * const bc_rows[] = {
	[BC_RES_KMEMSIZE]	= "kmemsize",
	[BC_RES_LOCKEDPAGES]	= "lockedpages",
	[BC_RES_PRIVVMPAGES]	= "privvmpages",
	[BC_RES_SHMPAGES]	= "shmpages",
	[4]			= "dummy",
	[BC_RES_NUMPROC]	= "numproc",
	[BC_RES_PHYSPAGES]	= "physpages",
	[BC_RES_VMGUARPAGES]	= "vmguarpages",
	[BC_RES_OOMGUARPAGES]	= "oomguarpages",
	[BC_RES_NUMTCPSOCK]	= "numtcpsock",
	[BC_RES_NUMFLOCK]	= "numflock",
	[BC_RES_NUMPTY]		= "numpty",
	[BC_RES_NUMSIGINFO]	= "numsiginfo",
	[BC_RES_TCPSNDBUF]	= "tcpsndbuf",
	[BC_RES_TCPRCVBUF]	= "tcprcvbuf",
	[BC_RES_OTHERSOCKBUF]	= "othersockbuf",
	[BC_RES_DGRAMRCVBUF]	= "dgramrcvbuf",
	[BC_RES_NUMOTHERSOCK]	= "numothersock",
	[BC_RES_DCACHESIZE]	= "dcachesize",
	[BC_RES_NUMFILE]	= "numfile",
	[20]			= "dummy",
	[21]			= "dummy",
	[22]			= "dummy",
	[BC_RES_NUMIPTENT]	= "numiptent",
	[BC_RES_SWAPPAGES]	= "swappages",
};

static const struct bc_layout bc_layout_old = { .header = true, .number = true, .fixed = true };
static const struct bc_layout bc_layout_all = { .header = true, .number = true };
static const struct bc_layout bc_layout_one;

/* Outer to bc_tree.lock. Never taken by readers, for whom its holder may wait. */
static DEFINE_MUTEX(bc_procfs_lock);
static bool bc_compat;			/* the parameter; under bc_procfs_lock */
static bool bc_procfs_ready;		/* the module is up; under bc_procfs_lock */
static struct proc_dir_entry *bc_procfs_old, *bc_procfs_top;	/* under bc_procfs_lock */
static bool bc_procfs_on;		/* directories follow the pools; under the tree mutex */
static DEFINE_XARRAY(bc_procfs_dirs);	/* the worker's, by number of the pool */

/* ---- rows ---- */

static void bc_report_header(struct seq_file *m)
{
	seq_puts(m, "Version: 2.5\n");
	seq_printf(m, "%10s  %-12s %20s %20s %20s %20s %20s\n", "uid", "resource",
		   "held", "maxheld", "barrier", "limit", "failcnt");
}

/* "Unlimited" of this format is the largest number it can have. */
static u64 bc_report_amount(u64 amount)
{
	return min_t(u64, amount, LONG_MAX);
}

static void bc_report_row(struct seq_file *m, const char *number, const char *name,
			  const struct bc_record *rec)
{
	seq_printf(m, "%10s  %-12s %20llu %20llu %20llu %20llu %20llu\n", number, name,
		   bc_report_amount(rec->held), bc_report_amount(rec->maxheld),
		   bc_report_amount(rec->barrier), bc_report_amount(rec->limit),
		   bc_report_amount(rec->failcnt));
}

static void bc_report_pool(struct seq_file *m, const struct bc_layout *layout,
			   const struct bc_snap *snap)
{
	static const struct bc_record none = { .barrier = BC_UNLIMITED, .limit = BC_UNLIMITED };
	char number[16] = "";
	unsigned int row;
	bool counted;
	int res;

	if (layout->number)
		snprintf(number, sizeof(number), "%u:", snap->id);
	for (row = 0; row < ARRAY_SIZE(bc_rows); row++) {
		res = bc_resource_find(row);
		counted = res >= 0 && (snap->rows & BIT(res));
		if (layout->fixed ? row >= BC_ROWS_FIXED : !counted)
			continue;
		bc_report_row(m, number, bc_rows[row], counted ? &snap->table[res] : &none);
		number[0] = '\0';
	}
}

static void *bc_report_at(struct seq_file *m, loff_t pos)
{
	struct bc_report *rep = m->private;

	return pos < rep->nr ? &rep->order[pos] : NULL;
}

static void *bc_report_start(struct seq_file *m, loff_t *pos)
{
	return bc_report_at(m, *pos);
}

static void *bc_report_next(struct seq_file *m, void *v, loff_t *pos)
{
	return bc_report_at(m, ++*pos);
}

static void bc_report_stop(struct seq_file *m, void *v)
{
}

static int bc_report_show(struct seq_file *m, void *v)
{
	const struct bc_report *rep = m->private;
	const struct bc_snap * const *pos = v;

	if (rep->layout->header && pos == rep->order)
		bc_report_header(m);
	bc_report_pool(m, rep->layout, *pos);
	return 0;
}

static const struct seq_operations bc_report_seq_ops = {
	.start	= bc_report_start,
	.next	= bc_report_next,
	.stop	= bc_report_stop,
	.show	= bc_report_show,
};

/* ---- snapshots ---- */

static void bc_report_free(struct bc_report *rep)
{
	bc_snapshot_free(rep->all);
	kvfree(rep);
}

static int bc_report_newer(const void *a, const void *b)
{
	const struct bc_snap *x = *(const struct bc_snap **)a, *y = *(const struct bc_snap **)b;

	return x->incarnation > y->incarnation ? -1 : x->incarnation < y->incarnation;
}

/* Takes over @all, which may be NULL for "no memory". */
static struct bc_report *bc_report_new(struct bc_snapshot *all, const struct bc_layout *layout)
{
	struct bc_report *rep = NULL;
	unsigned int i;

	if (all)
		rep = kvzalloc(struct_size(rep, order, all->nr), GFP_KERNEL_ACCOUNT);
	if (!rep) {
		bc_snapshot_free(all);
		return ERR_PTR(-ENOMEM);
	}
	rep->layout = layout;
	rep->all = all;
	for (i = 0; i < all->nr; i++)
		if (all->snaps[i]->state == BC_POOL_LIVE)
			rep->order[rep->nr++] = all->snaps[i];
	/* The host is the oldest, so it comes last. */
	sort(rep->order, rep->nr, sizeof(rep->order[0]), bc_report_newer, NULL);
	return rep;
}

static struct bc_report *bc_report_all(const struct bc_layout *layout)
{
	struct bc_snapshot *all;

	bc_iptent_refresh();
	bc_bind_settle();
	if (mutex_lock_interruptible(&bc_tree.lock))
		return ERR_PTR(-ERESTARTSYS);
	all = bc_snapshot_take(true, -1, 0);
	mutex_unlock(&bc_tree.lock);
	return bc_report_new(all, layout);
}

/* Under the tree mutex. NULL when there is no memory. */
static struct bc_snapshot *bc_snapshot_one(struct bc_pool *pool)
{
	struct bc_snapshot *all = kvzalloc(struct_size(all, snaps, 1), GFP_KERNEL_ACCOUNT);

	if (!all)
		return NULL;
	all->snaps[0] = bc_snap_take(pool, true, -1, false);
	if (!all->snaps[0]) {
		kvfree(all);
		return NULL;
	}
	all->nr = 1;
	return all;
}

static struct bc_report *bc_report_dir(const struct bc_procfs_dir *dir)
{
	struct bc_snapshot *all;
	struct bc_pool *pool;

	bc_iptent_refresh();
	bc_bind_settle();
	if (mutex_lock_interruptible(&bc_tree.lock))
		return ERR_PTR(-ERESTARTSYS);
	pool = bc_tree_find_id(&bc_tree, dir->id);
	if (!pool || pool->incarnation != dir->incarnation || pool->state != BC_POOL_LIVE) {
		mutex_unlock(&bc_tree.lock);
		return ERR_PTR(-ENOENT);
	}
	all = bc_snapshot_one(pool);
	mutex_unlock(&bc_tree.lock);
	return bc_report_new(all, &bc_layout_one);
}

/* The pool that the reader is in, with a reference, or NULL. */
static struct bc_pool *bc_procfs_own_pool(void)
{
	struct bc_section sec;
	struct bc_pool *pool;

	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool && !bc_pool_tryget(pool))
		pool = NULL;
	bc_leave(&sec);
	return pool;
}

/*
 * The account of a container, for itself. Its recount has interrupts off and the
 * tree mutex held, so that those of one pool are kept apart by several times as
 * long as they take, and a container that reads in a loop waits. Charging is not
 * excluded: that would stop the others as well.
 */
static struct bc_report *bc_report_own(void)
{
	struct bc_snapshot *all = NULL;
	struct bc_pool *pool;
	bool done;
	u64 start;

	bc_iptent_refresh_seldom();
	for (;;) {
		pool = bc_procfs_own_pool();
		if (!pool)
			return ERR_PTR(-EACCES);
		if (mutex_lock_interruptible(&bc_tree.lock)) {
			bc_pool_put(pool);
			return ERR_PTR(-ERESTARTSYS);
		}
		/* One that was deleted meanwhile is not the reader's any more: look again. */
		done = pool->state == BC_POOL_LIVE && bc_recount_begin(&pool->read_next, &start);
		if (done) {
			all = bc_snapshot_one(pool);
			bc_recount_end(&pool->read_next, start);
		}
		mutex_unlock(&bc_tree.lock);
		bc_pool_put(pool);
		if (done)
			return bc_report_new(all, &bc_layout_old);
		if (msleep_interruptible(1) || signal_pending(current))
			return ERR_PTR(-ERESTARTSYS);
	}
}

/* ---- files ---- */

static bool bc_reader_outside(void)
{
	return task_active_pid_ns(current) == &init_pid_ns && current_user_ns() == &init_user_ns;
}

static bool bc_reader_may_see_all(void)
{
	return bc_reader_outside() && capable(CAP_DAC_OVERRIDE) && capable(CAP_DAC_READ_SEARCH);
}

static bool bc_reader_may_see_own(void)
{
	struct user_namespace *ns = current_user_ns();

	return !bc_reader_outside() && uid_eq(current_euid(), make_kuid(ns, 0)) &&
	       ns_capable(ns, CAP_DAC_OVERRIDE);
}

static int bc_procfs_open(struct file *file, struct bc_report *rep)
{
	int ret;

	if (IS_ERR(rep))
		return PTR_ERR(rep);
	ret = seq_open(file, &bc_report_seq_ops);
	if (ret)
		bc_report_free(rep);
	else
		((struct seq_file *)file->private_data)->private = rep;
	return ret;
}

static int bc_procfs_open_old(struct inode *inode, struct file *file)
{
	if (bc_reader_may_see_all())
		return bc_procfs_open(file, bc_report_all(&bc_layout_old));
	if (bc_reader_may_see_own())
		return bc_procfs_open(file, bc_report_own());
	return -EACCES;
}

static int bc_procfs_open_all(struct inode *inode, struct file *file)
{
	if (!bc_reader_may_see_all())
		return -EACCES;
	return bc_procfs_open(file, bc_report_all(&bc_layout_all));
}

static int bc_procfs_open_one(struct inode *inode, struct file *file)
{
	if (!bc_reader_may_see_all())
		return -EACCES;
	return bc_procfs_open(file, bc_report_dir(pde_data(inode)));
}

/* Called when the file is closed, or before that when the entry is removed. */
static int bc_procfs_release(struct inode *inode, struct file *file)
{
	bc_report_free(((struct seq_file *)file->private_data)->private);
	return seq_release(inode, file);
}

#define BC_PROC_OPS(name, open)				\
	static const struct proc_ops name = {		\
		.proc_open	= open,			\
		.proc_read_iter	= seq_read_iter,	\
		.proc_lseek	= seq_lseek,		\
		.proc_release	= bc_procfs_release,	\
	}

BC_PROC_OPS(bc_procfs_old_ops, bc_procfs_open_old);
BC_PROC_OPS(bc_procfs_all_ops, bc_procfs_open_all);
BC_PROC_OPS(bc_procfs_one_ops, bc_procfs_open_one);

/* ---- directories of pools ---- */

/* The incarnation of the live pool with the least number from *@id on, or 0. */
static u64 bc_procfs_live_from(unsigned long *id)
{
	struct bc_pool *pool = bc_tree.host;
	u64 incarnation;

	mutex_lock(&bc_tree.lock);
	if (*id)
		pool = xa_find(&bc_tree.ids, id, ULONG_MAX, XA_PRESENT);
	incarnation = pool ? pool->incarnation : 0;
	mutex_unlock(&bc_tree.lock);
	return incarnation;
}

/* Without memory the pool has no directory until pools next come or go. */
static void bc_procfs_add_dir(unsigned long id, u64 incarnation)
{
	struct bc_procfs_dir *dir = kzalloc(sizeof(*dir), GFP_KERNEL);
	char name[16];

	if (!dir)
		return;
	dir->id = id;
	dir->incarnation = incarnation;
	snprintf(name, sizeof(name), "%lu", id);
	dir->entry = proc_mkdir_mode(name, 0500, bc_procfs_top);
	if (dir->entry &&
	    proc_create_data("resources", 0400, dir->entry, &bc_procfs_one_ops, dir) &&
	    !xa_err(xa_store(&bc_procfs_dirs, id, dir, GFP_KERNEL)))
		return;
	proc_remove(dir->entry);
	kfree(dir);
}

/*
 * Makes the directories what the tree says. Whatever changes while it runs has it
 * run once more.
 */
static void bc_procfs_sync(struct work_struct *work)
{
	struct bc_procfs_dir *dir;
	unsigned long id, at;
	u64 incarnation;

	/* First those that are to go: a number may belong to another pool by now. */
	xa_for_each(&bc_procfs_dirs, id, dir) {
		at = id;
		if (bc_procfs_live_from(&at) == dir->incarnation)
			continue;
		xa_erase(&bc_procfs_dirs, id);
		proc_remove(dir->entry);
		kfree(dir);
	}
	for (id = 0; (incarnation = bc_procfs_live_from(&id)); id++) {
		if (!xa_load(&bc_procfs_dirs, id))
			bc_procfs_add_dir(id, incarnation);
		cond_resched();
	}
}

/* Not of bc_wq: readers wait for that to be flushed, and this waits for readers. */
static DECLARE_WORK(bc_procfs_work, bc_procfs_sync);

/**
 * bc_procfs_changed() - pools have come or gone
 *
 * Context: under the tree mutex.
 */
void bc_procfs_changed(void)
{
	lockdep_assert_held(&bc_tree.lock);
	if (bc_procfs_on)
		queue_work(system_unbound_wq, &bc_procfs_work);
}

/**
 * bc_procfs_settle() - wait until the directories have followed the pools
 *
 * So that who made a pool finds its directory.
 *
 * Context: may sleep; not under the tree mutex, and not in a reader.
 */
void bc_procfs_settle(void)
{
	flush_work(&bc_procfs_work);
}

static void bc_procfs_follow(bool on)
{
	mutex_lock(&bc_tree.lock);
	bc_procfs_on = on;
	bc_procfs_changed();
	mutex_unlock(&bc_tree.lock);
	if (on)
		flush_work(&bc_procfs_work);
	else
		cancel_work_sync(&bc_procfs_work);
}

/* ---- on and off ---- */

/* As the caller sees /proc. procfs would complain in the kernel log. */
static bool bc_procfs_taken(const char *path)
{
	struct path found;

	if (kern_path(path, 0, &found))
		return false;
	path_put(&found);
	return true;
}

static void bc_procfs_remove(void)
{
	struct bc_procfs_dir *dir;
	unsigned long id;

	bc_procfs_follow(false);
	/* Each waits for its readers; what they have open reads as EIO from now on. */
	proc_remove(bc_procfs_old);
	proc_remove(bc_procfs_top);
	bc_procfs_old = NULL;
	bc_procfs_top = NULL;
	xa_for_each(&bc_procfs_dirs, id, dir)
		kfree(dir);
	xa_destroy(&bc_procfs_dirs);
}

static int bc_procfs_create(void)
{
	if (bc_procfs_taken("/proc/user_beancounters") || bc_procfs_taken("/proc/bc"))
		return -EEXIST;
	bc_procfs_top = proc_mkdir_mode("bc", 0500, NULL);
	if (!bc_procfs_top)
		return -ENOMEM;
	if (!proc_create("resources", 0400, bc_procfs_top, &bc_procfs_all_ops))
		goto err_remove;
	bc_procfs_follow(true);
	/* For a root that the initial user namespace does not know; open looks closely. */
	bc_procfs_old = proc_create("user_beancounters", 0444, NULL, &bc_procfs_old_ops);
	if (bc_procfs_old)
		return 0;

err_remove:
	bc_procfs_remove();
	return -ENOMEM;
}

/* The same rule as for netlink. */
static bool bc_procfs_may_switch(void)
{
	return capable(CAP_NET_ADMIN) && capable(CAP_SYS_RESOURCE) &&
	       task_active_pid_ns(current) == &init_pid_ns;
}

/*
 * Parameters are parsed before the module is initialised, and can be written until
 * after it has cleaned up; then this only takes note.
 */
static int bc_compat_set(const char *val, const struct kernel_param *kp)
{
	bool on = true;
	int ret = val ? kstrtobool(val, &on) : 0;

	if (ret)
		return ret;
	mutex_lock(&bc_procfs_lock);
	if (bc_procfs_ready && !bc_procfs_may_switch())
		ret = -EPERM;
	else if (bc_procfs_ready && on && !bc_compat)
		ret = bc_procfs_create();
	else if (bc_procfs_ready && !on && bc_compat)
		bc_procfs_remove();
	if (!ret)
		bc_compat = on;
	mutex_unlock(&bc_procfs_lock);
	return ret;
}

static const struct kernel_param_ops bc_compat_ops = {
	.flags	= KERNEL_PARAM_OPS_FL_NOARG,
	.set	= bc_compat_set,
	.get	= param_get_bool,
};

module_param_cb(compat, &bc_compat_ops, &bc_compat, 0644);
MODULE_PARM_DESC(compat, "make /proc/user_beancounters and /proc/bc as OpenVZ had them (bool)");

/**
 * bc_procfs_init() - obey the parameter from now on
 *
 * Context: after the tree is there, before there can be pools.
 * Return: 0, -EEXIST or -ENOMEM.
 */
int bc_procfs_init(void)
{
	int ret = 0;

	mutex_lock(&bc_procfs_lock);
	if (bc_compat)
		ret = bc_procfs_create();
	bc_procfs_ready = !ret;
	mutex_unlock(&bc_procfs_lock);
	return ret;
}

/**
 * bc_procfs_exit() - remove the files for good
 *
 * Waits for readers; open files of theirs stay open, without anything of this
 * module in them.
 */
void bc_procfs_exit(void)
{
	mutex_lock(&bc_procfs_lock);
	bc_procfs_ready = false;
	if (bc_compat)
		bc_procfs_remove();
	mutex_unlock(&bc_procfs_lock);
}
