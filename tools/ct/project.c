// SPDX-License-Identifier: GPL-2.0
/*
 * The files of a container, put into its project
 *
 * A private area that is made by this program is in the project from the first file on. One
 * that is older is walked once, while nothing runs in it. That may be interrupted: a mark on
 * the top directory says that it came to its end, and what is done already is passed over.
 *
 * No link is followed and no path put together; one directory is open at a time, however
 * deep it is. What cannot be opened without harm, links, devices and the like, is made anew
 * beside and renamed, as the kernel refuses to rename into a directory of a project what is
 * not in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "disk.h"

/* Out of reach of a user namespace. */
#define CT_PROJECT_MARK	"trusted.beancounter.project"

/**
 * struct ct_level - a directory above the one that is open
 * @ino: its inode
 * @names: what of it is still to be done, each ended by 0, in the end an empty one
 * @next: where in @names
 */
struct ct_level {
	ino_t ino;
	char *names;
	size_t next;
};

/**
 * struct ct_walk - a tree that is put into a project
 * @project: the project
 * @dev: the file system
 * @dir: descriptor of the directory where it is
 * @level: those from the top to @dir
 * @depth: how many
 * @count: files that were done
 */
struct ct_walk {
	uint32_t project;
	dev_t dev;
	int dir;
	struct ct_level *level;
	size_t depth;
	unsigned long count;
};

/**
 * ct_project() - the project of a container
 * @ct: the container
 *
 * Return: its number.
 */
uint32_t ct_project(const struct ct *ct)
{
	return CT_PROJECT_BASE + ct->id;
}

/**
 * ct_project_done() - are all files of a private area in the project?
 * @path: the private area
 * @project: the project
 *
 * Return: whether that is so.
 */
bool ct_project_done(const char *path, uint32_t project)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char text[16], mark[16];
	uint32_t have;
	ssize_t len;
	bool done;

	if (fd < 0)
		return false;
	snprintf(text, sizeof(text), "%u", project);
	len = fgetxattr(fd, CT_PROJECT_MARK, mark, sizeof(mark));
	done = len == (ssize_t)strlen(text) && !memcmp(mark, text, len) &&
	       !ct_project_get(fd, &have) && have == project;
	close(fd);
	return done;
}

static int ct_project_mark(int fd, uint32_t project)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", project);
	return fsetxattr(fd, CT_PROJECT_MARK, text, strlen(text), 0) ? -errno : 0;
}

/**
 * ct_project_new() - put a directory that is empty into a project
 * @path: the directory
 * @project: the project
 *
 * Return: 0 or a negative errno.
 */
int ct_project_new(const char *path, uint32_t project)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = ct_project_set(fd, project, true);
	if (!ret)
		ret = ct_project_mark(fd, project);
	close(fd);
	return ret;
}

/* A link, device, pipe or socket: one like it in its place. */
static int ct_walk_special(struct ct_walk *walk, const char *name, const struct stat *st)
{
	static const char tmp[] = ".bctl-quota.tmp";
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[4097];
	ssize_t len;
	int ret = 0;

	/* Of several names of one inode the others would stay behind. */
	if (st->st_nlink > 1)
		return 0;
	(void)unlinkat(walk->dir, tmp, 0);
	if (S_ISLNK(st->st_mode)) {
		len = readlinkat(walk->dir, name, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		ret = len < 0 || symlinkat(target, walk->dir, tmp) ? -errno : 0;
	} else if (mknodat(walk->dir, tmp, st->st_mode, st->st_rdev)) {
		ret = -errno;
	}
	if (!ret && fchownat(walk->dir, tmp, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW))
		ret = -errno;
	if (!ret && !S_ISLNK(st->st_mode) && fchmodat(walk->dir, tmp, st->st_mode & 07777, 0))
		ret = -errno;
	if (!ret)
		(void)utimensat(walk->dir, tmp, times, AT_SYMLINK_NOFOLLOW);
	if (!ret && renameat(walk->dir, tmp, walk->dir, name))
		ret = -errno;
	if (ret)
		(void)unlinkat(walk->dir, tmp, 0);
	return ret;
}

/* Something in the directory that is open; a directory is left for later. */
static int ct_walk_file(struct ct_walk *walk, const char *name, bool *directory)
{
	struct stat st;
	int fd, ret;

	*directory = false;
	if (fstatat(walk->dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (st.st_dev != walk->dev)
		return -EXDEV;
	*directory = S_ISDIR(st.st_mode);
	if (*directory)
		return 0;
	walk->count++;
	if (!S_ISREG(st.st_mode))
		return ct_walk_special(walk, name, &st);
	fd = openat(walk->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = ct_project_set(fd, walk->project, false);
	close(fd);
	return ret;
}

/* What is in the directory that is open: files are done, names of directories kept. */
static int ct_walk_read(struct ct_walk *walk, char **names)
{
	int copy = openat(walk->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	size_t used = 0, len;
	bool directory;
	char *more;

	*names = calloc(1, 1);
	if (!stream && copy >= 0)
		close(copy);
	if (!stream || !*names)
		ret = -ENOMEM;
	while (!ret && (entry = readdir(stream))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		ret = ct_walk_file(walk, entry->d_name, &directory);
		if (ret || !directory)
			continue;
		len = strlen(entry->d_name) + 1;
		more = realloc(*names, used + len + 1);
		if (!more) {
			ret = -ENOMEM;
			break;
		}
		*names = more;
		memcpy(more + used, entry->d_name, len);
		used += len;
		more[used] = '\0';
	}
	if (stream)
		closedir(stream);
	return ret;
}

/* Do the directory that is open, and have it in the list of those above. */
static int ct_walk_enter(struct ct_walk *walk)
{
	struct ct_level *more = realloc(walk->level, (walk->depth + 1) * sizeof(*more));
	struct stat st;
	int ret;

	if (!more)
		return -ENOMEM;
	walk->level = more;
	if (fstat(walk->dir, &st))
		return -errno;
	more[walk->depth] = (struct ct_level) { .ino = st.st_ino };
	walk->depth++;
	walk->count++;
	if (st.st_dev != walk->dev)
		return -EXDEV;
	/* Before its files: what is made anew in it is in the project then. */
	ret = ct_project_set(walk->dir, walk->project, true);
	return ret ? ret : ct_walk_read(walk, &walk->level[walk->depth - 1].names);
}

static int ct_walk_go(struct ct_walk *walk, const char *name)
{
	int fd = openat(walk->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(walk->dir);
	walk->dir = fd;
	return 0;
}

/* Back to the directory above, which must be the one that it was. */
static int ct_walk_leave(struct ct_walk *walk)
{
	struct stat st;
	int ret;

	free(walk->level[--walk->depth].names);
	if (!walk->depth)
		return 0;
	ret = ct_walk_go(walk, "..");
	if (!ret && (fstat(walk->dir, &st) || st.st_ino != walk->level[walk->depth - 1].ino))
		ret = -ESTALE;
	return ret;
}

static int ct_walk_all(struct ct_walk *walk)
{
	struct ct_level *top;
	const char *name;
	int ret = ct_walk_enter(walk);

	while (!ret && walk->depth) {
		top = &walk->level[walk->depth - 1];
		name = top->names + top->next;
		if (!*name) {
			ret = ct_walk_leave(walk);
			continue;
		}
		top->next += strlen(name) + 1;
		ret = ct_walk_go(walk, name);
		if (!ret)
			ret = ct_walk_enter(walk);
	}
	while (walk->depth)
		free(walk->level[--walk->depth].names);
	free(walk->level);
	return ret;
}

/**
 * ct_project_walk() - put all files of a private area into a project
 * @path: the private area, which nobody changes meanwhile
 * @project: the project
 * @count: receives how many files and directories there are
 *
 * Return: 0 or a negative errno; then some are in it, and the next time does the rest.
 */
int ct_project_walk(const char *path, uint32_t project, unsigned long *count)
{
	struct ct_walk walk = { .project = project };
	struct stat st;
	int ret, top;

	walk.dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (walk.dir < 0)
		return -errno;
	top = fcntl(walk.dir, F_DUPFD_CLOEXEC, 0);
	ret = top < 0 || fstat(top, &st) ? -errno : 0;
	walk.dev = st.st_dev;
	(void)fremovexattr(top, CT_PROJECT_MARK);
	if (!ret)
		ret = ct_walk_all(&walk);
	if (!ret && syncfs(top))
		ret = -errno;
	if (!ret)
		ret = ct_project_mark(top, project);
	if (top >= 0)
		close(top);
	close(walk.dir);
	*count = walk.count;
	return ret;
}
