// SPDX-License-Identifier: GPL-2.0
/*
 * Files that bctl keeps
 *
 * A file is written under another name and then renamed, so that whoever reads
 * it finds all of it or what was there before. Nothing that a file's name leads
 * to is followed or trusted: symbolic links are refused, and so is a directory
 * that belongs to somebody else.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store.h"

/* How often a lock is tried for. */
#define BC_LOCK_STEP_MS	20

static int bc_store_mkdir(char *path, int depth)
{
	char *slash = strrchr(path, '/');
	int ret;

	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	if (errno != ENOENT || depth <= 1 || !slash || slash == path)
		return -errno;
	*slash = '\0';
	ret = bc_store_mkdir(path, depth - 1);
	*slash = '/';
	if (ret)
		return ret;
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

/**
 * bc_store_open() - open a directory for files of ours
 * @path: the directory
 * @depth: how many levels of it may be made if they are missing
 *
 * Return: a descriptor; -EPERM if the directory belongs to another user;
 * another negative errno.
 */
int bc_store_open(const char *path, int depth)
{
	char *copy = strdup(path);
	struct stat st;
	int fd, ret;

	if (!copy)
		return -ENOMEM;
	ret = bc_store_mkdir(copy, depth);
	free(copy);
	if (ret)
		return ret;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else if (st.st_uid != geteuid())
		ret = -EPERM;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/**
 * bc_store_lock() - keep another bctl out
 * @dir: the directory
 * @name: name of the file to lock; it stays when the lock is gone
 * @wait_ms: how long to try
 *
 * Return: a descriptor, which has the lock until it is closed; -EBUSY; or
 * another negative errno.
 */
int bc_store_lock(int dir, const char *name, int wait_ms)
{
	const struct timespec step = { .tv_nsec = BC_LOCK_STEP_MS * 1000000L };
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	int err;

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno;
		if (err == EWOULDBLOCK && wait_ms > 0) {
			wait_ms -= BC_LOCK_STEP_MS;
			nanosleep(&step, NULL);
		} else if (err != EINTR) {
			close(fd);
			return err == EWOULDBLOCK ? -EBUSY : -err;
		}
	}
	return fd;
}

/* Read all of an open file. */
static int bc_store_slurp(int fd, char *text, size_t size)
{
	size_t done = 0;
	ssize_t len;

	while (done < size) {
		len = read(fd, text + done, size - done);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (!len)
			break;
		done += len;
	}
	text[done] = '\0';
	return 0;
}

/**
 * bc_store_read() - read a file
 * @dir: the directory
 * @name: its name
 * @max: the longest that is read
 * @text: receives what is in it, ended by a NUL; to be freed
 *
 * Return: 0; -ENOENT; -EBADMSG if this is no plain file, or too long; or another
 * negative errno.
 */
int bc_store_read(int dir, const char *name, size_t max, char **text)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int ret = 0;
	struct stat st;

	*text = NULL;
	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > max)
		ret = -EBADMSG;
	if (!ret) {
		*text = malloc(st.st_size + 1);
		ret = *text ? bc_store_slurp(fd, *text, st.st_size) : -ENOMEM;
	}
	close(fd);
	if (ret) {
		free(*text);
		*text = NULL;
	}
	return ret;
}

static int bc_store_put(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t len;

	while (left) {
		len = write(fd, text, left);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		text += len;
		left -= len;
	}
	return 0;
}

/**
 * bc_store_write() - write a file, or replace one
 * @dir: the directory
 * @name: its name
 * @text: what is to be in it; a newline is added
 *
 * Readable to its owner only. Not forced to the disk: what is lost with the power
 * is not worth a wait for the disk here.
 *
 * Return: 0 or a negative errno; then the file is as it was.
 */
int bc_store_write(int dir, const char *name, const char *text)
{
	char temp[64];
	int fd, ret;

	snprintf(temp, sizeof(temp), ".bctl-%d.tmp", (int)getpid());
	(void)unlinkat(dir, temp, 0);
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = bc_store_put(fd, text);
	if (!ret)
		ret = bc_store_put(fd, "\n");
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && renameat(dir, temp, dir, name))
		ret = -errno;
	if (ret)
		(void)unlinkat(dir, temp, 0);
	return ret;
}

/* A file of a directory and its age. */
struct bc_aged {
	struct timespec time;
	char name[NAME_MAX + 1];
};

static int bc_aged_order(const void *a, const void *b)
{
	const struct bc_aged *x = a, *y = b;

	if (x->time.tv_sec != y->time.tv_sec)
		return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
	if (x->time.tv_nsec != y->time.tv_nsec)
		return x->time.tv_nsec < y->time.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* All plain files whose names begin with @prefix; how many, or a negative errno. */
static int bc_aged_list(DIR *d, const char *prefix, struct bc_aged **list)
{
	struct bc_aged *more;
	struct dirent *ent;
	struct stat st;
	int count = 0;

	while ((ent = readdir(d))) {
		if (strncmp(ent->d_name, prefix, strlen(prefix)) ||
		    fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		if (!(count & (count - 1))) {
			more = realloc(*list, (count ? 2 * count : 1) * sizeof(*more));
			if (!more)
				return -ENOMEM;
			*list = more;
		}
		(*list)[count].time = st.st_mtim;
		strcpy((*list)[count++].name, ent->d_name);
	}
	return count;
}

/**
 * bc_store_prune() - remove the oldest files
 * @dir: the directory
 * @prefix: how the names of the files that count begin; others are left alone
 * @keep: how many may stay
 *
 * Return: 0 or a negative errno.
 */
int bc_store_prune(int dir, const char *prefix, uint32_t keep)
{
	struct bc_aged *list = NULL;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), count, i;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int ret = 0;

	if (!d) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	count = bc_aged_list(d, prefix, &list);
	if (count > 0)
		qsort(list, count, sizeof(*list), bc_aged_order);
	for (i = 0; i + (int64_t)keep < count; i++)
		if (unlinkat(dir, list[i].name, 0) && errno != ENOENT && !ret)
			ret = -errno;
	free(list);
	closedir(d);
	return count < 0 ? count : ret;
}
