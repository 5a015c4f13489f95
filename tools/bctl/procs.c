// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of a cgroup and all below
 *
 * Read from /proc while they run: nothing is stopped, so a process may have
 * forked, grown or ended since the event, and between two of the files read. The
 * files of one process are read through one directory, which fails once that
 * process is gone even if its number is given to another; only a number that is
 * reused between cgroup.procs and here would show a stranger.
 *
 * What a process wrote itself, its name and its command line, may hold anything
 * and may be long: it is cut, and goes into strings of JSON only.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cgroup.h"
#include "procs.h"
#include "sys.h"

/* What is kept of a command line, and how many open files are counted. */
#define BC_CMDLINE_MAX	2048
#define BC_FDS_MAX	65536
/* How deep below the pool cgroups are looked for; the walk is recursive. */
#define BC_WALK_MAX	32

/* A line of /proc/PID/status and what becomes of it. */
static const struct {
	const char *head;
	const char *key;
	uint64_t unit;
} bc_status_lines[] = {
	{ "PPid:", "ppid", 1 },
	{ "Uid:", "uid", 1 },
	{ "VmSize:", "vsz_bytes", 1024 },
	{ "VmRSS:", "rss_bytes", 1024 },
	{ "Threads:", "threads", 1 },
};

static ssize_t bc_read_at(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t len = 1;

	if (fd < 0)
		return -errno;
	while (len && done < size - 1) {
		len = read(fd, buf + done, size - 1 - done);
		if (len < 0 && errno != EINTR) {
			len = -errno;
			close(fd);
			return len;
		}
		done += len > 0 ? len : 0;
	}
	close(fd);
	buf[done] = '\0';
	return done;
}

/* The kernel escapes newlines in the name of a process, so lines are lines. */
static int bc_proc_status(struct bc_procs *procs, json_object *obj, int dir)
{
	char text[8192], state[2] = "", *line, *save;
	size_t i, len;
	ssize_t ret = bc_read_at(dir, "status", text, sizeof(text));

	if (ret <= 0)
		return ret ? ret : -ESRCH;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "State:", 6)) {
			state[0] = line[6 + strspn(line + 6, "\t ")];
			bc_put_str(procs->doc, obj, "state", state);
		}
		for (i = 0; i < sizeof(bc_status_lines) / sizeof(bc_status_lines[0]); i++) {
			len = strlen(bc_status_lines[i].head);
			if (!strncmp(line, bc_status_lines[i].head, len))
				bc_put_int(procs->doc, obj, bc_status_lines[i].key,
					   strtoull(line + len, NULL, 10) *
					   bc_status_lines[i].unit);
		}
	}
	return 0;
}

static void bc_proc_comm(struct bc_procs *procs, json_object *obj, int dir)
{
	char text[128];
	ssize_t len = bc_read_at(dir, "comm", text, sizeof(text));

	if (len <= 0)
		return;
	/* the last newline is the kernel's; others are part of the name */
	if (text[len - 1] == '\n')
		text[len - 1] = '\0';
	bc_put_str(procs->doc, obj, "comm", text);
}

/* Arguments end with a NUL each, unless the process made something else of it. */
static void bc_proc_cmdline(struct bc_procs *procs, json_object *obj, int dir)
{
	char text[BC_CMDLINE_MAX + 2];
	ssize_t len = bc_read_at(dir, "cmdline", text, sizeof(text)), pos;
	json_object *list, *arg;

	if (len <= 0)
		return;
	if (len > BC_CMDLINE_MAX) {
		len = BC_CMDLINE_MAX;
		text[len] = '\0';
		bc_put(procs->doc, obj, "cmdline_cut", json_object_new_boolean(1));
	}
	list = json_object_new_array();
	bc_put(procs->doc, obj, "cmdline", list);
	for (pos = 0; pos < len && !procs->doc->err; pos += strlen(text + pos) + 1) {
		arg = bc_new_str(text + pos);
		if (arg && !json_object_array_add(list, arg))
			continue;
		json_object_put(arg);
		procs->doc->err = -ENOMEM;
	}
}

/* Where it is now, below the root of the hierarchy. */
static void bc_proc_cgroup(struct bc_procs *procs, json_object *obj, int dir)
{
	char text[BC_CMDLINE_MAX * 4], *line;

	if (bc_read_at(dir, "cgroup", text, sizeof(text)) <= 0)
		return;
	line = strncmp(text, "0::/", 4) ? strstr(text, "\n0::/") : text - 1;
	if (!line)
		return;
	line += 5;
	line[strcspn(line, "\n")] = '\0';
	bc_put_str(procs->doc, obj, "cgroup", line);
}

static void bc_proc_fds(struct bc_procs *procs, json_object *obj, int dir)
{
	int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;
	uint64_t count = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (count < BC_FDS_MAX && (ent = readdir(d)))
		count += isdigit((unsigned char)ent->d_name[0]) != 0;
	closedir(d);
	bc_put_int(procs->doc, obj, "fds", count);
}

static bool bc_procs_seen(const struct bc_procs *procs, pid_t pid)
{
	size_t i;

	for (i = 0; i < procs->nseen; i++)
		if (procs->seen[i] == pid)
			return true;
	return false;
}

/**
 * bc_procs_one() - describe a process
 * @procs: the list
 * @pid: the process
 *
 * One that is in the list is not taken twice.
 */
void bc_procs_one(struct bc_procs *procs, pid_t pid)
{
	char path[PATH_MAX];
	json_object *obj;
	int dir;

	if (procs->doc->err || bc_procs_seen(procs, pid))
		return;
	if (procs->nseen == BC_PROCS_MAX || bc_boottime() > procs->deadline) {
		procs->left_out++;
		return;
	}
	procs->seen[procs->nseen++] = pid;
	snprintf(path, sizeof(path), "%s/%d", bc_sys_proc(), (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	obj = dir < 0 ? NULL : json_object_new_object();
	if (obj)
		bc_put_int(procs->doc, obj, "pid", pid);
	if (!obj || bc_proc_status(procs, obj, dir)) {
		procs->vanished++;
		json_object_put(obj);
		if (dir >= 0)
			close(dir);
		return;
	}
	bc_proc_comm(procs, obj, dir);
	bc_proc_cmdline(procs, obj, dir);
	bc_proc_fds(procs, obj, dir);
	bc_proc_cgroup(procs, obj, dir);
	close(dir);
	if (json_object_array_add(procs->doc->list, obj)) {
		json_object_put(obj);
		procs->doc->err = -ENOMEM;
	}
}

/*
 * The processes of one cgroup. In a threaded one the file cannot be read; its
 * processes are in that of the cgroup that its threads belong to.
 */
static int bc_procs_file(struct bc_procs *procs, int fd)
{
	int file = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC), ret = 0;
	FILE *f = file < 0 ? NULL : fdopen(file, "r");
	char *line = NULL;
	size_t size = 0;
	long pid;

	if (!f) {
		ret = -errno;
		if (file >= 0)
			close(file);
		return ret;
	}
	while (getline(&line, &size, f) > 0) {
		pid = strtol(line, NULL, 10);
		if (pid <= 0 || pid > INT_MAX)
			continue;
		procs->listed++;
		bc_procs_one(procs, pid);
	}
	if (ferror(f) && errno != EOPNOTSUPP)
		ret = -errno;
	free(line);
	fclose(f);
	return ret;
}

static int bc_procs_walk(struct bc_procs *procs, int fd, int depth)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), child;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	int ret = bc_procs_file(procs, fd);
	struct dirent *ent;

	while (d && depth < BC_WALK_MAX && (ent = readdir(d))) {
		if (ent->d_type != DT_DIR || ent->d_name[0] == '.')
			continue;
		child = openat(fd, ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		(void)bc_procs_walk(procs, child, depth + 1);
		close(child);
	}
	if (d)
		closedir(d);
	else if (copy >= 0)
		close(copy);
	return ret;
}

/**
 * bc_procs_tree() - describe the processes of a cgroup and all below
 * @procs: the list
 * @fd: the cgroup's directory
 *
 * Return: 0, or the negative errno by which the cgroup itself could not be read.
 */
int bc_procs_tree(struct bc_procs *procs, int fd)
{
	return bc_procs_walk(procs, fd, 0);
}
