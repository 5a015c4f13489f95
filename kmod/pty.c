// SPDX-License-Identifier: GPL-2.0
/*
 * numpty: pseudo-terminals
 *
 * One is charged to who opens /dev/ptmx, and lives until both ends are closed.
 * devpts_pty_new() is the last step but one of that open, the first at which the
 * number is known and at which the kernel is ready to fail with ENOMEM: it then
 * closes the new terminal as any other. devpts_kill_index() gives the number
 * back, in all cases. Charged and refused in one place, the barrier is exact.
 *
 * A terminal is known by its devpts instance and its number in it.
 */
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/minmax.h>
#include <linux/tty.h>

#include "charge.h"
#include "file.h"
#include "hook.h"

/* Numbers of one instance are below this: NR_UNIX98_PTY_MAX of the kernel. */
#define BC_PTY_BITS	20
#define BC_PTMX_MINOR	2

static struct bc_objects bc_ptys __read_mostly = { .res = BC_NUMPTY };

/*
 * The address of an instance is a multiple of 8, and two instances differ in the
 * lower 47 bits: that is more memory than there is. Shifted by 17, these leave
 * room for the number.
 */
static const void *bc_pty_key(const void *fsi, int index)
{
	return (const void *)(((unsigned long)fsi << (BC_PTY_BITS - 3)) + index);
}

BC_HANDLER(bc_on_pty_new)
{
	const void *key = bc_pty_key(BC_ARG(fregs, 0, void *), BC_ARG(fregs, 1, int));

	if (!bc_current_unknown() && unlikely(!bc_current_charge(&bc_ptys, key, BC_HARD)))
		bc_refuse_call(fregs, bc_instead_enomem);
}

BC_HANDLER(bc_on_pty_gone)
{
	bc_object_gone(&bc_ptys, bc_pty_key(BC_ARG(fregs, 0, void *), BC_ARG(fregs, 1, int)));
}

/* The terminal whose master side a file is, or NULL. */
static struct tty_struct *bc_pty_master(struct file *file)
{
	struct inode *inode = file_inode(file);
	struct tty_file_private *priv;

	if (!S_ISCHR(inode->i_mode) || inode->i_rdev != MKDEV(TTYAUX_MAJOR, BC_PTMX_MINOR) ||
	    file->f_mode & FMODE_PATH)
		return NULL;
	priv = READ_ONCE(file->private_data);
	return priv ? priv->tty : NULL;
}

/**
 * bc_pty_adopt() - take a pseudo-terminal into the books
 * @file: file that cannot be freed meanwhile, perhaps one's master
 * @pool: pool that was just bound
 *
 * Context: under the tree mutex; atomic.
 */
void bc_pty_adopt(struct file *file, struct bc_pool *pool)
{
	struct tty_struct *tty = bc_pty_master(file);
	struct bc_section sec;
	bool ok;

	if (!tty || !tty->driver_data || !bc_res_active(BC_NUMPTY))
		return;
	bc_enter(&sec);
	ok = bc_object_adopt(&bc_ptys, bc_pty_key(tty->driver_data, tty->index), pool);
	bc_leave(&sec);
	if (!ok)
		bc_note_untracked();
}

static struct bc_hook bc_pty_hooks[] = {
	{ .func = "devpts_kill_index", .handler = bc_on_pty_gone },
	{ .func = "devpts_pty_new", .handler = bc_on_pty_new, .refuses = true },
	{}
};

static void bc_pty_leave(struct bc_pool *pool, struct bc_pool *to)
{
	bc_objects_leave(&bc_ptys, pool, to);
}

static int bc_pty_init(unsigned int bits)
{
	return bc_objects_init(&bc_ptys, min(bits, 10U));
}

static void bc_pty_exit(void)
{
	bc_objects_exit(&bc_ptys);
}

static void bc_pty_purge(void)
{
	bc_objects_purge(&bc_ptys);
}

struct bc_source bc_source_pty = {
	.name = "numpty",
	.resources = BIT(BC_NUMPTY),
	.needs = &bc_source_member,
	.hooks = bc_pty_hooks,
	.init = bc_pty_init,
	.exit = bc_pty_exit,
	.leave = bc_pty_leave,
	.purge = bc_pty_purge,
};
