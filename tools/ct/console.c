// SPDX-License-Identifier: GPL-2.0
/*
 * The console of a container over suspend and resume
 *
 * A container's console is a terminal of which the other end is in liblxc's monitor. criu
 * takes it for something from outside, which the restored container has to be given anew.
 * It is a new terminal then, and a process that keeps its other end, so that who writes to
 * it is not stopped. That ends when the container does.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "ct.h"
#include "engine.h"

/**
 * ct_console_save() - note which terminal is the console of a container
 * @init: the container's init
 * @dir: the directory of the images
 * @console: receives that; its @tty stays empty if there is none
 *
 * Return: 0, also if it has none, or a negative errno.
 */
int ct_console_save(pid_t init, const char *dir, struct ct_console *console)
{
	char path[PATH_MAX], text[128];
	struct stat st;
	int root, fd, ret = 0, len;

	snprintf(path, sizeof(path), "/proc/%d/root/dev", (int)init);
	root = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstatat(root, "console", &st, AT_SYMLINK_NOFOLLOW) || !S_ISCHR(st.st_mode)) {
		close(root);
		return 0;
	}
	close(root);
	snprintf(console->tty, sizeof(console->tty), "tty[%llx:%llx]",
		 (unsigned long long)st.st_rdev, (unsigned long long)st.st_dev);
	len = snprintf(text, sizeof(text), "%s %u %u\n", console->tty, st.st_uid, st.st_gid);
	if (ct_path(path, sizeof(path), "%s/%s", dir, CT_CONSOLE_FILE))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != len)
		ret = -EIO;
	close(fd);
	return ret;
}

/**
 * ct_console_load() - which terminal was the console?
 * @path: the file of the dump
 * @console: receives that
 *
 * Return: whether there was one.
 */
bool ct_console_load(const char *path, struct ct_console *console)
{
	FILE *f = fopen(path, "re");
	bool found = f && fscanf(f, "%63s %u %u", console->tty, &console->uid, &console->gid) == 3;

	if (f)
		fclose(f);
	return found;
}

/* Read what is written to the console, and forget it, until nobody has it open. */
static void ct_console_drain(int master)
{
	char buf[4096];
	ssize_t got;

	setsid();
	ct_std_null();
	close_range(3, master - 1, 0);
	close_range(master + 1, ~0U, 0);
	do {
		got = read(master, buf, sizeof(buf));
	} while (got > 0 || (got < 0 && errno == EINTR));
	_exit(0);
}

/**
 * ct_console_keep() - make a console
 * @console: receives it; its slave is left open for criu
 * @root: the root of the hierarchy
 * @dir: a cgroup for who keeps its other end
 *
 * Return: 0 or a negative errno.
 */
int ct_console_keep(struct ct_console *console, int root, const char *dir)
{
	int master, ret;
	pid_t pid;

	if (openpty(&master, &console->fd, console->name, NULL, NULL))
		return -errno;
	if (fchown(console->fd, console->uid, console->gid) ||
	    (mkdirat(root, dir, 0755) && errno != EEXIST))
		return -errno;
	/* A grandchild: criu does not expect to have children that it has not made. */
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		close(console->fd);
		ret = ct_cgroup_write(root, dir, "cgroup.procs", "0");
		pid = ret ? -1 : fork();
		if (!pid)
			ct_console_drain(master);
		_exit(pid < 0);
	}
	close(master);
	return ct_reap(pid) ? -EAGAIN : 0;
}
