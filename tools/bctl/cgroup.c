// SPDX-License-Identifier: GPL-2.0
/*
 * Directories of the cgroup v2 hierarchy
 *
 * A pool created by name gets the directory bc/NAME, or NAME below its parent's
 * directory. No controller is enabled on the way unless a limit needs one (see
 * controller.c), so that processes may live on every level. What was made for a pool that the kernel then refuses is removed
 * again, outermost last; rmdir() of a cgroup in use fails, so nothing of
 * somebody else's can get lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/magic.h>

#include "cgroup.h"
#include "sys.h"

/* How often to begin anew when somebody removes the base under our hands. */
#define BC_MAKE_TRIES	10

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void bc_unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
		    text[2] >= '0' && text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to++ = (text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0');
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/* The mount point in a line of mountinfo if that is a whole cgroup2, or NULL. */
static char *bc_mountinfo_line(char *line)
{
	char *save, *root, *point, *rest = strstr(line, " - ");
	int i;

	if (!rest || strncmp(rest + 3, "cgroup2 ", strlen("cgroup2 ")))
		return NULL;
	*rest = '\0';
	if (!strtok_r(line, " ", &save))
		return NULL;
	for (i = 0; i < 2; i++)
		if (!strtok_r(NULL, " ", &save))
			return NULL;
	root = strtok_r(NULL, " ", &save);
	point = strtok_r(NULL, " ", &save);
	if (!root || strcmp(root, "/") || !point)
		return NULL;
	bc_unescape(point);
	return point;
}

/**
 * bc_cgroup_root() - find where the cgroup v2 hierarchy is mounted
 * @path: receives the mount point
 * @size: room there
 *
 * Return: 0, -ENOENT if it is mounted nowhere, or another negative errno.
 */
int bc_cgroup_root(char *path, size_t size)
{
	FILE *f = fopen(bc_sys_mountinfo(), "re");
	char *line = NULL, *point;
	size_t room = 0;
	int ret = -ENOENT;

	if (!f)
		return -errno;
	while (ret == -ENOENT && getline(&line, &room, f) > 0) {
		point = bc_mountinfo_line(line);
		if (!point)
			continue;
		ret = (size_t)snprintf(path, size, "%s", point) < size ? 0 : -ENAMETOOLONG;
	}
	free(line);
	fclose(f);
	return ret;
}

/**
 * bc_cgroup_open_root() - open the root of the cgroup v2 hierarchy
 *
 * Where that is does not change, and finding it reads all mounts of the machine, so it is
 * done once.
 *
 * Return: a descriptor, -ENOENT if there is no such hierarchy, or another
 * negative errno.
 */
int bc_cgroup_open_root(void)
{
	static char path[PATH_MAX];
	int ret = *path ? bc_cgroup_open(AT_FDCWD, path) : -ENOENT;

	if (ret >= 0)
		return ret;
	*path = '\0';
	ret = bc_cgroup_root(path, sizeof(path));
	return ret ? ret : bc_cgroup_open(AT_FDCWD, path);
}

/**
 * bc_cgroup_open() - open a directory
 * @root: what a relative path is relative to
 * @path: the path, "" for @root itself
 *
 * Return: a descriptor or a negative errno.
 */
int bc_cgroup_open(int root, const char *path)
{
	int fd = openat(root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/**
 * bc_cgroup_check() - make sure that a directory is one of cgroup v2
 * @fd: the directory
 * @why: what else it is
 *
 * Return: 0, -EINVAL with @why set, or another negative errno.
 */
int bc_cgroup_check(int fd, const char **why)
{
	uint32_t magic;
	int ret = bc_sys_fs_magic(fd, &magic);

	if (ret || magic == CGROUP2_SUPER_MAGIC)
		return ret;
	*why = magic == CGROUP_SUPER_MAGIC ?
	       "this is a cgroup v1 directory; a pool needs cgroup v2" :
	       "this is not a cgroup directory";
	return -EINVAL;
}

/* Make one directory. It may exist already, but then it is not ours to remove. */
static int bc_cgroup_make_one(int root, const char *path, struct bc_made *made)
{
	if (mkdirat(root, path, 0755))
		return errno == EEXIST ? 0 : -errno;
	if (made->count < 2)
		strcpy(made->path[made->count++], path);
	return 0;
}

/**
 * bc_cgroup_make() - make the directory of a pool
 * @root: root of the hierarchy
 * @base: the directory to make it in; BC_CGROUP_BASE is made, too
 * @name: its name
 * @made: receives what was made, all or nothing
 *
 * Return: a descriptor of the directory, or a negative errno.
 */
int bc_cgroup_make(int root, const char *base, const char *name, struct bc_made *made)
{
	char path[PATH_MAX];
	int tries = BC_MAKE_TRIES, ret;

	made->count = 0;
	if ((size_t)snprintf(path, sizeof(path), "%s%s%s", base, *base ? "/" : "", name) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	do {
		ret = 0;
		if (!strcmp(base, BC_CGROUP_BASE))
			ret = bc_cgroup_make_one(root, base, made);
		if (!ret)
			ret = bc_cgroup_make_one(root, path, made);
		if (!ret)
			ret = bc_cgroup_open(root, path);
		if (ret < 0)
			bc_cgroup_unmake(root, made);
	} while (ret == -ENOENT && --tries > 0);
	return ret;
}

/**
 * bc_cgroup_unmake() - remove the directories that were made
 * @root: root of the hierarchy
 * @made: the list, empty afterwards
 */
void bc_cgroup_unmake(int root, struct bc_made *made)
{
	while (made->count)
		(void)unlinkat(root, made->path[--made->count], AT_REMOVEDIR);
}

/**
 * bc_cgroup_is_ours() - was a cgroup made by "pool create"?
 * @path: its path
 *
 * Return: whether it lies below BC_CGROUP_BASE.
 */
bool bc_cgroup_is_ours(const char *path)
{
	return !strncmp(path, BC_CGROUP_BASE "/", strlen(BC_CGROUP_BASE "/"));
}

/**
 * bc_cgroup_remove() - remove the cgroup of a pool if it is empty
 * @root: root of the hierarchy
 * @path: its path
 *
 * Return: 0, also if it is gone already; -EBUSY if it is not empty; or another
 * negative errno.
 */
int bc_cgroup_remove(int root, const char *path)
{
	if (!unlinkat(root, path, AT_REMOVEDIR) || errno == ENOENT)
		return 0;
	return errno == ENOTEMPTY ? -EBUSY : -errno;
}

/**
 * bc_cgroup_id() - get the number of a cgroup
 * @fd: its directory
 * @id: receives what the kernel calls BC_A_CGROUP_ID
 *
 * Return: 0 or a negative errno.
 */
int bc_cgroup_id(int fd, uint64_t *id)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	*id = st.st_ino;
	return 0;
}

/**
 * bc_cgroup_attach() - move a process into a cgroup
 * @fd: directory of the cgroup
 * @pid: the process, with all its threads
 *
 * Return: 0 or a negative errno.
 */
int bc_cgroup_attach(int fd, pid_t pid)
{
	int procs = openat(fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (procs < 0)
		return -errno;
	if (dprintf(procs, "%d\n", (int)pid) < 0)
		ret = -errno;
	close(procs);
	return ret;
}
