// SPDX-License-Identifier: GPL-2.0
/*
 * Action scripts: CONFDIR/vps.STAGE for all containers, then CONFDIR/CTID.STAGE
 *
 *	premount, mount		on the machine, before and after the root is mounted
 *	start, stop		in the container, when it has been started, before it halts
 *	umount, postumount	on the machine, before and after the root is unmounted
 *
 * A script is the administrator's: a plain file that only root can write, and not one that
 * a container has. Those for the container are read here and given to its shell, so that
 * nothing of it is looked for in the container.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct.h"

#define CT_SCRIPT_PATH	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool ct_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return len && !strncmp(path, dir, len) && path[len] == '/';
}

/* May this be run as root? 1 if it may, 0 if there is none. */
static int ct_script_there(const struct ct *ct, const char *path, bool run)
{
	char real[PATH_MAX];
	struct stat st;
	const char *why = NULL;

	if (lstat(path, &st) && errno == ENOENT)
		return 0;
	if (!realpath(path, real) || stat(real, &st))
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "not a file";
	else if (st.st_uid || st.st_mode & 0022)
		why = "somebody else than root can write it";
	else if (ct_below(real, ct->private) || ct_below(real, ct->root))
		why = "it is a file of the container";
	else if (run && !(st.st_mode & 0100))
		why = "not executable";
	if (!why)
		return 1;
	ct_fail(ct->run, CT_E_SCRIPT, path, "%s", why);
	return -EPERM;
}

static int ct_script_child(struct ct *ct, const char *path)
{
	char id[32], conf[PATH_MAX + 16], root[PATH_MAX + 16], private[PATH_MAX + 16];
	char *const env[] = { CT_SCRIPT_PATH, "HOME=/root", id, conf, root, private, NULL };
	char *const argv[] = { (char *)path, NULL };
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	snprintf(id, sizeof(id), "VEID=%s", ct->text);
	snprintf(conf, sizeof(conf), "VE_CONFFILE=%s", ct->conf_path);
	snprintf(root, sizeof(root), "VE_ROOT=%s", ct->root);
	snprintf(private, sizeof(private), "VE_PRIVATE=%s", ct->private);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Should this command be killed, whoever comes next finds it there. */
	(void)ct_engine_enter(ct, "start");
	if (null < 0 || dup2(null, 0) < 0 || chdir("/"))
		return 127;
	execve(path, argv, env);
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return 127;
}

static int ct_script_status(const struct ct *ct, const char *path, int status)
{
	if (status < 0)
		return ct_fail(ct->run, CT_E_SCRIPT, path, "it could not be run");
	return status ? ct_fail(ct->run, CT_E_SCRIPT, path, "it failed with status %d", status) :
	       CT_OK;
}

static int ct_script_host(struct ct *ct, const char *path)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(ct_script_child(ct, path));
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ct_script_status(ct, path, -1);
	return ct_script_status(ct, path, pid < 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) :
				128 + WTERMSIG(status));
}

/* The shell of the container reads the script from its input. */
static int ct_script_inside(struct ct *ct, const char *path)
{
	char line[64];
	char *const argv[] = { "", "-c", line, NULL };
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved = fcntl(0, F_DUPFD_CLOEXEC, 3);
	int status = -1;

	snprintf(line, sizeof(line), "VEID=%s exec \"$0\"", ct->text);
	if (fd >= 0 && dup2(fd, 0) == 0)
		status = ct_engine_run(ct, argv, false, false);
	if (saved >= 0)
		dup2(saved, 0);
	else
		close(0);
	if (saved >= 0)
		close(saved);
	if (fd >= 0)
		close(fd);
	return ct_script_status(ct, path, status);
}

static int ct_scripts(struct ct *ct, const char *stage, bool inside)
{
	const char *owner[] = { "vps", ct->text };
	int status = CT_OK, there;
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < 2 && !status; i++) {
		if (ct_path(path, sizeof(path), "%s/conf/%s.%s", ct->run->etc, owner[i], stage))
			return CT_E_SYSTEM;
		there = ct_script_there(ct, path, !inside);
		if (there < 0)
			status = CT_E_SCRIPT;
		else if (there)
			status = inside ? ct_script_inside(ct, path) : ct_script_host(ct, path);
	}
	return status;
}

/**
 * ct_scripts_run() - run the scripts of a stage on the machine
 * @ct: the container, whose places are known
 * @stage: premount, mount, umount or postumount
 *
 * Return: CT_OK, also if there is none, or CT_E_SCRIPT.
 */
int ct_scripts_run(struct ct *ct, const char *stage)
{
	return ct_scripts(ct, stage, false);
}

/**
 * ct_scripts_inside() - run the scripts of a stage in the container
 * @ct: the container, which runs
 * @stage: start or stop
 *
 * Return: CT_OK, also if there is none, or CT_E_SCRIPT.
 */
int ct_scripts_inside(struct ct *ct, const char *stage)
{
	return ct_scripts(ct, stage, true);
}
