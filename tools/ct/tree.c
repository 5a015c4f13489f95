// SPDX-License-Identifier: GPL-2.0
/*
 * Removing a tree that somebody else has filled
 *
 * No link is followed and no path is put together: each directory is opened from the one
 * above it. A container can nest directories deeper than descriptors and paths reach, so
 * one that lies too deep is moved up to the top and comes in the next round. What lies on
 * another file system stays, and is an error: something is mounted there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct.h"

#define CT_TREE_DEPTH	64

/**
 * struct ct_tree - a tree that is being removed
 * @top: descriptor of its top directory
 * @dev: the file system it is on
 * @moved: how many directories were moved up
 */
struct ct_tree {
	int top;
	dev_t dev;
	unsigned int moved;
};

static int ct_tree_empty(struct ct_tree *tree, int dir, int depth);

static int ct_tree_move_up(struct ct_tree *tree, int dir, const char *name)
{
	char moved[48];

	snprintf(moved, sizeof(moved), ".moved.%d.%u", (int)getpid(), tree->moved++);
	return renameat(dir, name, tree->top, moved) ? -errno : 0;
}

static int ct_tree_remove_dir(struct ct_tree *tree, int dir, const char *name, int depth)
{
	struct stat st;
	int fd, ret;

	if (depth >= CT_TREE_DEPTH)
		return ct_tree_move_up(tree, dir, name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno : st.st_dev != tree->dev ? -EXDEV : 0;
	/* ct_tree_empty() closes it. */
	if (ret)
		close(fd);
	else
		ret = ct_tree_empty(tree, fd, depth + 1);
	if (!ret && unlinkat(dir, name, AT_REMOVEDIR))
		ret = -errno;
	return ret;
}

static int ct_tree_entry(struct ct_tree *tree, int dir, const char *name, int depth)
{
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if (!unlinkat(dir, name, 0))
		return 0;
	if (errno != EISDIR)
		return errno == ENOENT ? 0 : -errno;
	return ct_tree_remove_dir(tree, dir, name, depth);
}

/* Remove what is in a directory, and close it. */
static int ct_tree_empty(struct ct_tree *tree, int dir, int depth)
{
	DIR *stream = fdopendir(dir);
	struct dirent *entry;
	int ret = 0;

	if (!stream) {
		close(dir);
		return -ENOMEM;
	}
	while (!ret && (entry = readdir(stream)))
		ret = ct_tree_entry(tree, dir, entry->d_name, depth);
	closedir(stream);
	return ret;
}

/**
 * ct_tree_clear_at() - remove all that is in a directory
 * @dir: descriptor of the directory; it stays open
 *
 * Return: 0 or a negative errno.
 */
int ct_tree_clear_at(int dir)
{
	struct ct_tree tree = { .top = dir };
	struct stat st;
	unsigned int moved;
	int ret = fstat(dir, &st) ? -errno : 0, copy;

	tree.dev = st.st_dev;
	do {
		moved = tree.moved;
		copy = ret ? -1 : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (copy < 0)
			ret = ret ? ret : -errno;
		else
			ret = ct_tree_empty(&tree, copy, 0);
	} while (!ret && moved != tree.moved);
	return ret;
}

/**
 * ct_tree_remove_at() - remove a file, or a directory with all that is in it
 * @dir: descriptor of the directory that it is in
 * @name: its name there
 *
 * Return: 0, also if it is not there, or a negative errno.
 */
int ct_tree_remove_at(int dir, const char *name)
{
	int ret, fd;

	if (!unlinkat(dir, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = ct_tree_clear_at(fd);
	close(fd);
	return !ret && unlinkat(dir, name, AT_REMOVEDIR) ? -errno : ret;
}

/**
 * ct_tree_remove() - remove a directory with all that is in it
 * @path: the directory
 *
 * Return: 0, also if it is not there, or a negative errno.
 */
int ct_tree_remove(const char *path)
{
	int ret, fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ret = ct_tree_clear_at(fd);
	close(fd);
	if (!ret && rmdir(path))
		ret = -errno;
	return ret;
}
