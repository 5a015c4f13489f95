// SPDX-License-Identifier: GPL-2.0
/*
 * The lock of a container, and its journal
 *
 * The lock is a POSIX record lock: the kernel drops it when the holder ends, however that
 * comes about, and no child inherits it. So a lock is never stale. Who cannot have it at
 * once is told who has.
 *
 * The journal is a file that stands from before the first change until after the last one,
 * on the disk unless it is about what a reset undoes, with the places that finishing or
 * undoing it takes. Who gets the lock and finds a journal finds the remains of a command
 * that was killed, and sees to those first.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"

static int ct_lock_query(int fd, int cmd, struct flock *lock)
{
	*lock = (struct flock) { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	return fcntl(fd, cmd, lock) ? -errno : 0;
}

/**
 * ct_lock_busy() - is somebody doing something to a container?
 * @ct: the container
 * @pid: receives who
 *
 * Return: whether that is so.
 */
int ct_lock_busy(const struct ct *ct, pid_t *pid)
{
	int fd = open(ct->lock_path, O_RDONLY | O_CLOEXEC);
	struct flock lock;
	int busy;

	if (fd < 0)
		return 0;
	busy = !ct_lock_query(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK;
	*pid = busy ? lock.l_pid : 0;
	close(fd);
	return busy;
}

/* Is the file that is locked still the one of that name? */
static bool ct_lock_current(const struct ct *ct, int fd)
{
	struct stat have, named;

	return !fstat(fd, &have) && !stat(ct->lock_path, &named) &&
	       have.st_ino == named.st_ino && have.st_dev == named.st_dev;
}

static int ct_lock_once(struct ct *ct, int *fd)
{
	struct flock lock;
	int ret;

	*fd = open(ct->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (*fd < 0)
		return -errno;
	ret = ct_lock_query(*fd, F_SETLK, &lock);
	if (!ret && !ct_lock_current(ct, *fd))
		ret = -ESTALE;
	if (ret)
		close(*fd);
	return ret;
}

/* Files that were being written when somebody was killed, before they meant anything. */
static void ct_drop_halves(const struct ct *ct)
{
	char path[PATH_MAX];

	if (!ct_path(path, sizeof(path), "%s.new", ct->conf_path))
		(void)unlink(path);
	if (!ct_path(path, sizeof(path), "%s.tmp", ct->conf_path))
		(void)unlink(path);
	if (!ct_path(path, sizeof(path), "%s.tmp", ct->step_path))
		(void)unlink(path);
	if (!ct_state_path(ct, "rsync", path))
		(void)unlink(path);
}

/*
 * For who looks into it; the lock itself is the kernel's. Not truncated first: ext4 writes
 * a file that was to the disk when it is closed, and whoever removes it waits for that.
 */
static void ct_lock_tell(const struct ct *ct)
{
	int len = dprintf(ct->lock, "%d\n%s\n", (int)getpid(), ct->run->verb);

	if (len < 0 || ftruncate(ct->lock, len))
		return;
}

/**
 * ct_lock() - take the lock, and see to what a killed command left behind
 * @ct: the container; its configuration is read again under the lock
 *
 * Return: CT_OK, CT_E_LOCKED at once if somebody has it, or an error.
 */
int ct_lock(struct ct *ct)
{
	char dir[PATH_MAX];
	struct ct fresh;
	int fd, ret, status;
	pid_t pid;

	strcpy(dir, ct->lock_path);
	ret = ct_make_dirs(dirname(dir), 0755);
	if (!ret)
		do {
			ret = ct_lock_once(ct, &fd);
		} while (ret == -ESTALE);
	if (ret == -EAGAIN || ret == -EACCES) {
		if (!ct_lock_busy(ct, &pid))
			pid = 0;
		return ct_fail(ct->run, CT_E_LOCKED, ct->text,
			       "container already locked (by process %d)", (int)pid);
	}
	if (ret)
		return ct_fail(ct->run, CT_E_LOCK_DIR, ct->lock_path, "%s", strerror(-ret));
	ct->lock = fd;
	ct_lock_tell(ct);
	status = ct_open(ct->run, ct->text, &fresh);
	fresh.lock = fd;
	ct_conf_clear(&ct->conf);
	ct_conf_clear(&ct->step);
	*ct = fresh;
	if (!status && ct_step_verb(ct))
		status = ct_recover(ct);
	else if (!status && ct->exists)
		status = ct_halted(ct);
	if (!status)
		ct_drop_halves(ct);
	return status;
}

/**
 * ct_step_verb() - what was begun and has not ended?
 * @ct: the container
 *
 * Return: the command, or NULL.
 */
const char *ct_step_verb(const struct ct *ct)
{
	return ct_get(&ct->step, CT_STEP_VERB);
}

/*
 * What a start makes, and a stop takes away, is in the kernel's memory: mounts, cgroups,
 * processes. A reset of the machine undoes it, so that their journal need not outlive one;
 * should it, or half of it, there is nothing left to undo.
 */
static bool ct_step_volatile(const char *verb)
{
	return verb && (!strcmp(verb, "start") || !strcmp(verb, "stop"));
}

/**
 * ct_step_begin() - write the journal
 * @ct: the container, locked; its places are known. What stands in @ct->step already
 *	goes with it
 * @verb: what begins
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_step_begin(struct ct *ct, const char *verb)
{
	static const char * const ids[] = { "LOCAL_UID", "LOCAL_GID" };
	char dir[PATH_MAX];
	size_t i;
	int ret;

	strcpy(dir, ct->step_path);
	ret = ct_make_dirs(dirname(dir), 0700);
	if (!ret)
		ret = ct_conf_set(&ct->step, CT_STEP_VERB, verb);
	if (!ret)
		ret = ct_conf_set(&ct->step, "VE_ROOT", ct->root);
	if (!ret)
		ret = ct_conf_set(&ct->step, "VE_PRIVATE", ct->private);
	/* Nobody else shall have its ids before there is nothing left of it. */
	for (i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		if (!ret && ct_get(&ct->conf, ids[i]))
			ret = ct_conf_set(&ct->step, ids[i], ct_get(&ct->conf, ids[i]));
	if (!ret)
		ret = ct_step_volatile(verb) ? ct_conf_save_volatile(&ct->step, ct->step_path) :
					       ct_conf_save(&ct->step, ct->step_path);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, ct->step_path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_step_end() - what was begun has ended, or is undone
 * @ct: the container
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_step_end(struct ct *ct)
{
	bool sync = !ct_step_volatile(ct_step_verb(ct));
	int ret = 0;

	ct_conf_clear(&ct->step);
	if (unlink(ct->step_path) && errno != ENOENT)
		ret = -errno;
	if (!ret && sync)
		ret = ct_sync_dir(ct->step_path);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, ct->step_path, "%s", strerror(-ret)) : CT_OK;
}
