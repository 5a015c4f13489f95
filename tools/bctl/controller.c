// SPDX-License-Identifier: GPL-2.0
/*
 * Controllers of cgroup v2
 *
 * A cgroup has a controller if every cgroup above it has it in its
 * cgroup.subtree_control. The kernel would switch cpu on even beside processes, but then
 * the cgroups below could have none; so all controllers are treated alike. What stands in the way is looked for first, so that a
 * refusal has mostly changed nothing; what was switched on before a failure that
 * could not be foreseen is switched off again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "controller.h"

/* Read the beginning of a file of a cgroup; an absent file is an empty one. */
static int bc_file_read(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	*text = '\0';
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	len = read(fd, text, size - 1);
	if (len >= 0)
		text[len] = '\0';
	close(fd);
	return len < 0 ? -errno : 0;
}

static int bc_file_write(int dir, const char *name, char sign, const char *word)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%c%s\n", sign, word) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Is the word in the file? A negative errno if that cannot be told. */
static int bc_file_has(int dir, const char *name, const char *word)
{
	char text[4096], *save, *pos;
	int ret = bc_file_read(dir, name, text, sizeof(text));

	if (ret)
		return ret;
	for (pos = strtok_r(text, " \n", &save); pos; pos = strtok_r(NULL, " \n", &save))
		if (!strcmp(pos, word))
			return 1;
	return 0;
}

/* Open all cgroups from the root down to the parent of @dir. */
static int bc_above(int root, int dir, int *fds, int *count)
{
	uint64_t top, id;
	int fd = dir, i, ret;

	*count = 0;
	ret = bc_cgroup_id(root, &top);
	if (!ret)
		ret = bc_cgroup_id(dir, &id);
	while (!ret && id != top) {
		if (*count == BC_LEVELS_MAX)
			return -ELOOP;
		fd = bc_cgroup_open(fd, "..");
		if (fd < 0)
			return fd;
		fds[(*count)++] = fd;
		ret = bc_cgroup_id(fd, &id);
	}
	for (i = 0; i < *count / 2; i++) {
		fd = fds[i];
		fds[i] = fds[*count - 1 - i];
		fds[*count - 1 - i] = fd;
	}
	return ret;
}

/* What keeps a cgroup from having the controller below it? NULL: nothing that can be seen. */
static const char *bc_obstacle(int dir, bool is_root, const char *name)
{
	char text[64];

	if (is_root)
		return bc_file_has(dir, "cgroup.controllers", name) ? NULL :
		       "the kernel does not offer it to cgroup v2; see cgroup.controllers";
	if (!bc_file_read(dir, "cgroup.type", text, sizeof(text)) && strcmp(text, "domain\n") &&
	    *text)
		return "it is part of a threaded subtree";
	if (!bc_file_read(dir, "cgroup.procs", text, sizeof(text)) && *text)
		return "there are processes in it, and beside them the kernel allows no such "
		       "controller; move them to a cgroup below";
	return NULL;
}

/* Where we are, for a message. */
static void bc_note_path(int dir, char *path, size_t size)
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	len = readlink(link, path, size - 1);
	snprintf(path + (len > 0 ? len : 0), size - (len > 0 ? len : 0), "%s",
		 len > 0 ? "" : "(unknown)");
}

/* Keep of @fds those that have to change; close the others. */
static int bc_controller_check(int *fds, int count, struct bc_enabled *done, const char **why)
{
	int ret = 0, has, i;

	for (i = 0; i < count; i++) {
		has = ret ? 1 : bc_file_has(fds[i], "cgroup.subtree_control", done->name);
		if (has < 0)
			ret = has;
		if (!has)
			*why = bc_obstacle(fds[i], !i, done->name);
		if (!has && *why)
			ret = -EBUSY;
		if (has < 0 || (!has && ret))
			bc_note_path(fds[i], done->at, sizeof(done->at));
		if (!has && !ret)
			done->fd[done->count++] = fds[i];
		else
			close(fds[i]);
	}
	return ret;
}

/**
 * bc_controller_enable() - switch a controller on for a cgroup
 * @root: root of the hierarchy
 * @dir: the cgroup
 * @name: the controller
 * @done: receives what was changed, for bc_controller_undo() or _keep()
 * @why: what is in the way; NULL after another error
 *
 * Return: 0, or a negative errno with @done->at set; then nothing is changed.
 */
int bc_controller_enable(int root, int dir, const char *name, struct bc_enabled *done,
			 const char **why)
{
	int fds[BC_LEVELS_MAX], count, wanted, ret, i;

	*done = (struct bc_enabled) { .name = name, .at = "" };
	*why = NULL;
	ret = bc_above(root, dir, fds, &count);
	if (ret) {
		while (count)
			close(fds[--count]);
		return ret;
	}
	ret = bc_controller_check(fds, count, done, why);
	wanted = done->count;
	for (i = 0; i < wanted && !ret; i++) {
		ret = bc_file_write(done->fd[i], "cgroup.subtree_control", '+', name);
		if (!ret)
			continue;
		bc_note_path(done->fd[i], done->at, sizeof(done->at));
		/* Those below were not reached. */
		while (done->count > i)
			close(done->fd[--done->count]);
	}
	if (ret && *why)
		bc_controller_keep(done);
	else if (ret)
		bc_controller_undo(done);
	return ret;
}

/**
 * bc_controller_keep() - leave the controller on
 * @done: empty afterwards
 */
void bc_controller_keep(struct bc_enabled *done)
{
	while (done->count)
		close(done->fd[--done->count]);
}

/**
 * bc_controller_undo() - switch the controller off again
 * @done: where it was switched on; empty afterwards
 */
void bc_controller_undo(struct bc_enabled *done)
{
	while (done->count) {
		(void)bc_file_write(done->fd[--done->count], "cgroup.subtree_control", '-',
				    done->name);
		close(done->fd[done->count]);
	}
}
