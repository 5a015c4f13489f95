// SPDX-License-Identifier: GPL-2.0
/*
 * liblxc: a container is described to it, started and stopped
 *
 * A container is described in memory and started; liblxc keeps no file of it. What is
 * needed later it asks the container's monitor, a process of liblxc's that lives as long
 * as the container does. Cgroups, all below the root of the hierarchy:
 *
 *	bc/101			the pool
 *	bc/101/ct		the container; liblxc makes and removes it
 *	bc-ct/101/start		who is starting it
 *	bc-ct/101/monitor	liblxc's monitor
 *
 * Everything of a start is below bc-ct/101 or bc/101, so a start that was killed at any
 * instant is undone by killing what is in these two, whatever liblxc had come to.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lxc/attach_options.h>
#include <lxc/lxccontainer.h>

#include "cgroup.h"
#include "ct.h"
#include "engine.h"
#include "keys.h"
#include "net.h"

/* Where liblxc finds programs but newuidmap, which asks for what root does by itself. */
#define CT_LXC_PATH	"/usr/local/sbin:/usr/sbin:/sbin"
#define CT_PATH		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define CT_NOT_RUN	126
#define CT_NOT_FOUND	127

/**
 * ct_state_dir() - where this program keeps what it has to know of containers
 * @ct: the container
 *
 * Return: a directory.
 */
const char *ct_state_dir(const struct ct *ct)
{
	return ct_global(ct->run, "STATEDIR", "/var/lib/beancounter/ct");
}

/**
 * ct_lxc() - what liblxc makes of a container
 * @ct: the container
 *
 * Return: to be put by the caller, or NULL.
 */
struct lxc_container *ct_lxc(const struct ct *ct)
{
	return lxc_container_new(ct->text, CT_LXC_DIR);
}

/**
 * ct_running() - does a container run?
 * @ct: the container
 *
 * Return: whether its init lives, frozen or not.
 */
bool ct_running(const struct ct *ct)
{
	struct lxc_container *c = ct_lxc(ct);
	bool running = c && c->is_running(c);

	if (c)
		lxc_container_put(c);
	return running;
}

/**
 * ct_init_pid() - the init of a container
 * @ct: the container
 *
 * Return: its process id, or -1.
 */
pid_t ct_init_pid(const struct ct *ct)
{
	struct lxc_container *c = ct_lxc(ct);
	pid_t pid = c ? c->init_pid(c) : -1;

	if (c)
		lxc_container_put(c);
	return pid;
}

/**
 * ct_nap() - wait a moment before looking again
 * @ms: how long
 */
void ct_nap(int ms)
{
	const struct timespec nap = { .tv_nsec = ms * 1000000L };

	nanosleep(&nap, NULL);
}

/**
 * ct_clock() - what time is it?
 *
 * Return: seconds of a clock that nobody sets.
 */
time_t ct_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/**
 * ct_cgroup_write() - write into a file of a cgroup
 * @root: the root of the hierarchy
 * @dir: the cgroup, below that
 * @file: the file
 * @text: what to write
 *
 * Return: 0 or a negative errno.
 */
int ct_cgroup_write(int root, const char *dir, const char *file, const char *text)
{
	char path[128];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = openat(root, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Remove a cgroup with those below it, which the container has made. */
static int ct_cgroup_remove(int above, const char *name)
{
	struct dirent *entry;
	DIR *stream;
	int fd;

	if (!unlinkat(above, name, AT_REMOVEDIR) || errno == ENOENT)
		return 0;
	fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopendir(fd);
	while (stream && (entry = readdir(stream)))
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") &&
		    strcmp(entry->d_name, ".."))
			(void)ct_cgroup_remove(fd, entry->d_name);
	if (stream)
		closedir(stream);
	else if (fd >= 0)
		close(fd);
	return !unlinkat(above, name, AT_REMOVEDIR) || errno == ENOENT ? 0 : -errno;
}

/*
 * Wait for the last process in a cgroup to end, for a moment: what the kernel tells, it
 * tells at once, but for what is told for the second time within 10 ms.
 */
static void ct_cgroup_wait(int root, const char *dir)
{
	char path[128], text[64] = "";
	struct pollfd events = { .events = POLLPRI };

	snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	events.fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	/* It is empty, and there is something else that keeps it. */
	if (events.fd < 0 || read(events.fd, text, sizeof(text) - 1) < 0 ||
	    !strstr(text, "populated 1"))
		ct_nap(CT_NAP_MIN);
	else
		(void)poll(&events, 1, CT_NAP_MAX);
	if (events.fd >= 0)
		close(events.fd);
}

/* Kill what lives in a cgroup, and remove it. */
static int ct_cgroup_end(int root, const char *dir)
{
	time_t end = ct_clock() + CT_GONE_S;
	int ret;

	do {
		(void)ct_cgroup_write(root, dir, "cgroup.kill", "1");
		ret = ct_cgroup_remove(root, dir);
		if (!ret)
			return 0;
		ct_cgroup_wait(root, dir);
	} while (ct_clock() < end);
	return ret;
}

/**
 * ct_engine_clear() - end whatever there is of a container, and of its start
 * @ct: the container
 *
 * Return: CT_OK, or CT_E_STOP if something cannot be killed.
 */
int ct_engine_clear(struct ct *ct)
{
	char dir[64];
	int root = bc_cgroup_open_root(), ret;

	/* Without cgroups there is nothing that could run. */
	if (root < 0)
		return CT_OK;
	/* First those who would start something, then what they have started. */
	snprintf(dir, sizeof(dir), "%s/%s", CT_MONITORS, ct->text);
	ret = ct_cgroup_end(root, dir);
	snprintf(dir, sizeof(dir), "%s/%s/ct", BC_CGROUP_BASE, ct->text);
	if (!ret)
		ret = ct_cgroup_end(root, dir);
	(void)unlinkat(root, CT_MONITORS, AT_REMOVEDIR);
	if (!ret)
		ct_devices_clear(ct);
	close(root);
	return ret ? ct_fail(ct->run, CT_E_STOP, ct->text, "processes in the cgroup %s stay: %s",
			     dir, strerror(-ret)) : CT_OK;
}

/**
 * ct_engine_enter() - enter a cgroup where this process is found should it be left behind
 * @ct: the container; the cgroup ends with it
 * @name: what the cgroup is for
 *
 * Return: 0 or a negative errno.
 */
int ct_engine_enter(const struct ct *ct, const char *name)
{
	char dir[64];
	int root = bc_cgroup_open_root(), ret = 0;

	if (root < 0)
		return root;
	snprintf(dir, sizeof(dir), "%s/%s", CT_MONITORS, ct->text);
	if ((mkdirat(root, CT_MONITORS, 0755) && errno != EEXIST) ||
	    (mkdirat(root, dir, 0755) && errno != EEXIST))
		ret = -errno;
	snprintf(dir, sizeof(dir), "%s/%s/%.16s", CT_MONITORS, ct->text, name);
	if (!ret && mkdirat(root, dir, 0755) && errno != EEXIST)
		ret = -errno;
	if (!ret)
		ret = ct_cgroup_write(root, dir, "cgroup.procs", "0");
	close(root);
	return ret;
}

/**
 * ct_engine_leave() - leave the cgroup of a container, with which this process would end
 *
 * For the root, as what has controllers for its children takes no processes.
 *
 * Return: 0 or a negative errno.
 */
int ct_engine_leave(void)
{
	int root = bc_cgroup_open_root(), ret;

	if (root < 0)
		return root;
	ret = ct_cgroup_write(root, ".", "cgroup.procs", "0");
	close(root);
	return ret;
}

/**
 * ct_lxc_item() - say one thing of a container to liblxc
 * @ct: the container
 * @c: liblxc's description of it
 * @key: what
 * @value: its value
 *
 * Return: whether liblxc takes it; if not it has been said.
 */
bool ct_lxc_item(struct ct *ct, struct lxc_container *c, const char *key, const char *value)
{
	if (c->set_config_item(c, key, value))
		return true;
	ct_fail(ct->run, CT_E_ENV, ct->text, "liblxc does not take %s = %s", key, value);
	return false;
}

/*
 * What is to be done when init has ended: look whether somebody is stopping the container,
 * who removes what is left of it by himself, and is waiting; if not, run this program, which
 * takes longer than all the rest of a stop. liblxc puts "exec" in front, so it is one command.
 */
static void ct_hook_gone_text(const struct ct *ct, const char *self, char *out, size_t size)
{
	if (strchr(ct->step_path, '\'') || strchr(ct->lock_path, '\''))
		snprintf(out, size, "'%s' hook %s gone", self, ct->text);
	else
		snprintf(out, size,
			 "/bin/sh -c '{ read -r l < \"$0\" && [ \"$l\" = \"$1\" ] && "
			 "read -r p < \"$2\" && kill -0 \"$p\"; } 2> /dev/null || "
			 "exec \"$3\" hook \"$4\" gone' '%s' '" CT_STEP_VERB "=\"stop\"' '%s' '%s' %s",
			 ct->step_path, ct->lock_path, self, ct->text);
}

/*
 * What liblxc is to run: when init is there and waits, "hook CTID net" makes its network;
 * when it has ended, "hook CTID gone" removes what is left, unless somebody is stopping it.
 */
static bool ct_lxc_hooks(struct ct *ct, struct lxc_container *c)
{
	char self[PATH_MAX], command[3 * PATH_MAX + 192];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len < 0 ? 0 : len] = '\0';
	/* Through a shell. */
	if (len <= 0 || strchr(self, '\''))
		return false;
	snprintf(command, sizeof(command), "'%s' hook %s net", self, ct->text);
	if (ct_net_any(&ct->conf) && !ct_lxc_item(ct, c, "lxc.hook.start-host", command))
		return false;
	ct_hook_gone_text(ct, self, command, sizeof(command));
	return ct_lxc_item(ct, c, "lxc.hook.post-stop", command);
}

/**
 * ct_lxc_describe() - tell liblxc all about a container
 * @ct: the container
 * @c: what liblxc makes of it
 *
 * Return: whether it took all of that.
 */
bool ct_lxc_describe(struct ct *ct, struct lxc_container *c)
{
	char rootfs[PATH_MAX + 8], payload[64], monitor[64], pivot[64], log[PATH_MAX];
	const char *host = ct_get(&ct->conf, "HOSTNAME");

	snprintf(rootfs, sizeof(rootfs), "dir:%s", ct->root);
	snprintf(payload, sizeof(payload), "%s/%s/ct", BC_CGROUP_BASE, ct->text);
	snprintf(monitor, sizeof(monitor), "%s/%s/monitor", CT_MONITORS, ct->text);
	snprintf(pivot, sizeof(pivot), "%s/%s/pivot", CT_MONITORS, ct->text);
	if (ct_path(log, sizeof(log), "%s/%s.log", ct_state_dir(ct), ct->text))
		return false;
	(void)unlink(log);
	return ct_lxc_item(ct, c, "lxc.log.file", log) &&
	       ct_lxc_item(ct, c, "lxc.log.level", "ERROR") &&
	       ct_isolate(ct, c) &&
	       ct_lxc_hooks(ct, c) &&
	       ct_lxc_item(ct, c, "lxc.rootfs.path", rootfs) &&
	       ct_lxc_item(ct, c, "lxc.uts.name", host ? host : ct->text) &&
	       ct_lxc_item(ct, c, "lxc.net.0.type", "empty") &&
	       ct_lxc_item(ct, c, "lxc.net.0.flags", "up") &&
	       ct_lxc_item(ct, c, "lxc.cgroup.dir.container", payload) &&
	       ct_lxc_item(ct, c, "lxc.cgroup.dir.monitor", monitor) &&
	       ct_lxc_item(ct, c, "lxc.cgroup.dir.monitor.pivot", pivot) &&
	       ct_lxc_dumpable(ct, c);
}

/* In a process of its own, which is not the one that holds the lock. */
static int ct_engine_child(struct ct *ct, pid_t parent, ct_engine_act *act, void *data)
{
	struct lxc_container *c;
	bool good;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return CT_E_SYSTEM;
	/* The monitor is made of this process, and holds what it has for as long as it lives. */
	(void)close_range(3, ~0U, 0);
	ret = ct_engine_enter(ct, "start");
	if (ret)
		return ct_fail(ct->run, CT_E_ENV, ct->text, "cannot enter the cgroup %s: %s",
			       CT_MONITORS, strerror(-ret));
	setenv("PATH", CT_LXC_PATH, 1);
	ct_isolate_limits();
	c = ct_lxc(ct);
	good = c && ct_lxc_describe(ct, c) && act(ct, c, data);
	if (c)
		lxc_container_put(c);
	return good ? CT_OK : CT_E_ENV;
}

/**
 * ct_reap() - wait for a child
 * @pid: the child
 *
 * Return: its exit status, 128 and the signal that killed it, or a negative errno.
 */
int ct_reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/**
 * ct_engine_apart() - do something that leaves processes behind
 * @ct: the container, which is mounted and has its pool
 * @act: what to do
 * @data: for @act
 *
 * It is done in a process that is in a cgroup where it is found again.
 *
 * Return: CT_OK, or an error; some of it may run then.
 */
int ct_engine_apart(struct ct *ct, ct_engine_act *act, void *data)
{
	pid_t self = getpid(), pid;
	int ret, status;

	ret = ct_make_dirs(ct_state_dir(ct), 0700);
	if (!ret)
		ret = ct_make_dirs(CT_LXC_DIR, 0711);
	if (ret)
		return ct_fail(ct->run, CT_E_SYSTEM, ct_state_dir(ct), "%s", strerror(-ret));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return ct_fail(ct->run, CT_E_RESOURCES, ct->text, "%s", strerror(errno));
	if (!pid)
		_exit(ct_engine_child(ct, self, act, data));
	status = ct_up_sync(ct);
	ret = ct_reap(pid);
	if (ret >= 128)
		ct_fail(ct->run, CT_E_ENV, ct->text, "the start was killed by signal %d",
			ret - 128);
	return ret < 0 || ret >= 128 ? CT_E_ENV : ret ? ret : status;
}

static bool ct_act_start(struct ct *ct, struct lxc_container *c, void *data)
{
	(void)data;
	c->want_daemonize(c, true);
	if (c->start(c, 0, NULL))
		return true;
	ct_fail(ct->run, CT_E_ENV, ct->text, "liblxc cannot start it; its reasons are in %s/%s.log",
		ct_state_dir(ct), ct->text);
	return false;
}

/**
 * ct_engine_start() - start a container that is mounted and has its pool
 * @ct: the container
 *
 * Return: CT_OK, or an error; some of it may run then.
 */
int ct_engine_start(struct ct *ct)
{
	return ct_engine_apart(ct, ct_act_start, NULL);
}

static bool ct_wait_down(struct ct *ct, int timeout_s)
{
	struct lxc_container *c = ct_lxc(ct);
	time_t end = ct_clock() + timeout_s;
	int ms = CT_NAP_MIN;
	bool down;

	/* Who was killed is gone soon; who halts takes his time. */
	while (!(down = !c || !c->is_running(c)) && ct_clock() < end) {
		ct_nap(ms);
		ms = ms < CT_NAP_MAX ? ms * 2 : ms;
	}
	if (c)
		lxc_container_put(c);
	return down;
}

/* Signals of which the mask in a line of /proc/PID/status, "SigBlk:" say, is made. */
static uint64_t ct_signals(pid_t pid, const char *head)
{
	char path[64], line[256];
	uint64_t mask = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, head, strlen(head)))
			mask = strtoull(line + strlen(head), NULL, 16);
	if (f)
		fclose(f);
	return mask;
}

/*
 * Tell init itself to halt, where no program can be run any more: systemd, others, and
 * that of busybox each listen to another signal. A signal that it does not expect is not
 * sent, as it would kill nothing, or the wrong thing.
 */
static bool ct_signal_halt(pid_t init)
{
	const int signals[] = { SIGRTMIN + 3, SIGPWR, SIGUSR1 };
	uint64_t mask = ct_signals(init, "SigBlk:") | ct_signals(init, "SigCgt:");
	size_t i;

	for (i = 0; init > 1 && i < sizeof(signals) / sizeof(*signals); i++)
		if (mask & 1ULL << (signals[i] - 1))
			return !kill(init, signals[i]);
	return false;
}

/**
 * ct_engine_stop() - stop a container
 * @ct: the container
 * @fast: kill it
 * @timeout_s: else, how long it may take to halt before it is killed
 *
 * Return: CT_OK or CT_E_STOP.
 */
int ct_engine_stop(struct ct *ct, bool fast, int timeout_s)
{
	static char * const halt[] = { "halt", NULL };
	bool down = false;
	pid_t init;

	if (!fast && (!ct_engine_run(ct, halt, false, true) || ct_signal_halt(ct_init_pid(ct))))
		down = ct_wait_down(ct, timeout_s);
	init = down ? -1 : ct_init_pid(ct);
	if (!fast && !down)
		ct_note(ct->run, ct->text, "it does not halt, and is killed");
	if (init > 1)
		(void)kill(init, SIGKILL);
	if (!down && !ct_wait_down(ct, CT_GONE_S))
		ct_note(ct->run, ct->text, "its monitor does not answer");
	return CT_OK;
}

/** ct_std_null() - have /dev/null for input, output and messages */
void ct_std_null(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (null > 2)
		close(null);
}

/* What ct_exec_main() is told. */
struct ct_exec {
	char * const *argv;
	bool terminal;
	bool quiet;
};

static int ct_exec_main(void *data)
{
	static char * const shells[] = { "/bin/bash", "/bin/sh" };
	const struct ct_exec *exec = data;
	size_t i;

	/* What stays in the background must not belong to a session that is outside. */
	if (!exec->terminal)
		setsid();
	if (exec->quiet)
		ct_std_null();
	if (*exec->argv[0]) {
		execvp(exec->argv[0], exec->argv);
		return errno == ENOENT ? CT_NOT_FOUND : CT_NOT_RUN;
	}
	/* The empty word stands for a shell, the best there is. */
	for (i = 0; i < sizeof(shells) / sizeof(*shells); i++) {
		char *argv[5] = { shells[i], exec->argv[1], exec->argv[1] ? exec->argv[2] : NULL };

		execv(shells[i], argv);
	}
	fprintf(stderr, "neither /bin/bash nor /bin/sh can be run: %s\n", strerror(errno));
	return errno == ENOENT ? CT_NOT_FOUND : CT_NOT_RUN;
}

/**
 * ct_engine_run() - run a program in a container, and wait for its end
 * @ct: the container, which runs
 * @argv: the program and its arguments; "" for a shell, with two arguments at most
 * @terminal: give it a terminal of its own
 * @quiet: give it /dev/null for everything
 *
 * It runs in the container's cgroup, namespaces and capabilities, with the environment of
 * a login.
 *
 * Return: its exit status, 128 and the signal if it was killed, or -1 if it could not be
 * run at all.
 */
int ct_engine_run(struct ct *ct, char * const *argv, bool terminal, bool quiet)
{
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	static char *env[] = { CT_PATH, "HOME=/root", "SHELL=/bin/sh", NULL };
	static char *keep[] = { "TERM", NULL };
	struct ct_exec exec = { argv, terminal, quiet };
	struct lxc_container *c = ct_lxc(ct);
	pid_t pid = -1;
	int status;

	options.env_policy = LXC_ATTACH_CLEAR_ENV;
	options.extra_env_vars = env;
	options.extra_keep_env = keep;
	options.initial_cwd = "/";
	if (terminal)
		options.attach_flags |= LXC_ATTACH_TERMINAL;
	ct_isolate_limits();
	ct_relay_begin();
	if (!c || c->attach(c, ct_exec_main, &exec, &options, &pid))
		pid = -1;
	status = ct_relay_wait(pid);
	if (c)
		lxc_container_put(c);
	return status;
}

/* In the container's namespace; its process must still be the init that was meant. */
static int ct_hostname_child(pid_t init, const char *name, int out)
{
	char path[64], old[256];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/uts", (int)init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWUTS) || gethostname(old, sizeof(old)) ||
	    write(out, old, strlen(old) + 1) < 0 || sethostname(name, strlen(name)))
		return 1;
	return 0;
}

/**
 * ct_engine_hostname() - rename the host that a running container is
 * @ct: the container
 * @name: the new name
 * @old: receives the old one
 * @size: room there
 *
 * Return: CT_OK or CT_E_HOSTNAME.
 */
int ct_engine_hostname(struct ct *ct, const char *name, char *old, size_t size)
{
	pid_t init = ct_init_pid(ct), pid;
	int ends[2], ret = -1;
	ssize_t got = 0;

	*old = '\0';
	if (init > 1 && !pipe2(ends, O_CLOEXEC)) {
		fflush(NULL);
		pid = fork();
		if (!pid)
			_exit(ct_hostname_child(init, name, ends[1]));
		close(ends[1]);
		if (pid > 0) {
			got = read(ends[0], old, size - 1);
			ret = ct_reap(pid);
		}
		old[got > 0 ? got : 0] = '\0';
		close(ends[0]);
	}
	return ret ? ct_fail(ct->run, CT_E_HOSTNAME, ct->text, "cannot set the host name") : CT_OK;
}
