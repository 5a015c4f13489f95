// SPDX-License-Identifier: GPL-2.0
/*
 * A command for each event
 *
 * The event is in the environment of the command, never on its command line, and
 * no shell comes in between: whatever a process calls itself, it is the value of
 * a variable and nothing else. A command has its own process group, so that one
 * that takes too long can be ended with all that it started, and so that Ctrl-C
 * ends bctl without ending what is under way.
 *
 * Nothing here waits. An event that finds all places taken stands in a queue;
 * when that is full, or the rate is reached, the event is left out and counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cli.h"
#include "print.h"
#include "runner.h"
#include "wake.h"

/* From SIGTERM to SIGKILL. */
#define BC_GRACE_MS	2000

#define BC_MS		1000000ULL

/* What a shell returns for a command that it cannot run, or cannot find. */
#define BC_CANNOT_RUN	126
#define BC_NOT_FOUND	127

/* Variables that are not called BC_ and the key; all of them are ours alone. */
static const struct {
	const char *key;
	const char *var;
} bc_vars[] = {
	{ "event", "BC_EVENT" }, { "time_ns", "BC_TIME" }, { "boot_id", "BC_BOOT_ID" },
	{ "pool", "BC_POOL" }, { "pool_id", "BC_POOL_ID" },
	{ "incarnation", "BC_INCARNATION" }, { "resource", "BC_RES" }, { "unit", "BC_UNIT" },
	{ "amount", "BC_AMOUNT" }, { "held", "BC_HELD" }, { "barrier", "BC_BARRIER" },
	{ "limit", "BC_LIMIT" }, { "origin", "BC_ORIGIN" }, { "origin_id", "BC_ORIGIN_ID" },
	{ "pid", "BC_PID" }, { "comm", "BC_COMM" }, { "suppressed", "BC_SUPPRESSED" },
	{ "schema", "BC_SCHEMA" }, { "snapshot", "BC_SNAPSHOT" }, { NULL, "BC_SKIPPED" },
	{ NULL, "BC_JSON" },
};

#define BC_VARS		(sizeof(bc_vars) / sizeof(bc_vars[0]))

static int bc_find_in_path(const char *name)
{
	const char *path = getenv("PATH"), *end;
	int err = ENOENT;
	char *full;

	for (path = path ? path : "/usr/bin:/bin"; *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		if (asprintf(&full, "%.*s/%s", (int)(end - path), path, name) < 0)
			return -ENOMEM;
		if (!access(full, X_OK))
			err = 0;
		else if (errno != ENOENT && errno != ENOTDIR)
			err = errno;
		free(full);
		if (!err)
			break;
	}
	return -err;
}

/**
 * bctl_runner_check() - find out whether the command can be run at all
 * @b: the run
 * @r: has the command, if there is one
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_runner_check(struct bctl *b, const struct bc_runner *r)
{
	int ret;

	if (!r->argv)
		return BCTL_OK;
	if (strchr(r->argv[0], '/'))
		ret = access(r->argv[0], X_OK) ? -errno : 0;
	else
		ret = bc_find_in_path(r->argv[0]);
	return ret ? bctl_fail(b, r->argv[0], "%s", strerror(-ret)) : BCTL_OK;
}

/* A key that is not in the table, from a later version, is BC_ and itself. */
static void bc_var_name(const char *key, char *name, size_t size)
{
	size_t i;

	for (i = 0; i < BC_VARS; i++)
		if (bc_vars[i].key && !strcmp(bc_vars[i].key, key)) {
			snprintf(name, size, "%s", bc_vars[i].var);
			return;
		}
	snprintf(name, size, "BC_%s", key);
	for (; *name; name++)
		if (*name >= 'a' && *name <= 'z')
			*name -= 'a' - 'A';
}

/* In the child. What the event does not have must not come from our caller. */
static int bc_child_env(const struct bc_runner *r, json_object *event)
{
	char name[64], number[32];
	const char *text;
	size_t i;

	for (i = 0; i < BC_VARS; i++)
		unsetenv(bc_vars[i].var);
	json_object_object_foreach(event, key, val) {
		bc_var_name(key, name, sizeof(name));
		text = val ? json_object_get_string(val) : "unlimited";
		if (!text || setenv(name, text, 1))
			return -ENOMEM;
	}
	snprintf(number, sizeof(number), "%llu", (unsigned long long)r->skipped);
	text = json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text || setenv("BC_JSON", text, 1) || setenv("BC_SKIPPED", number, 1))
		return -ENOMEM;
	return 0;
}

/* In the child. Its output goes where our words go: stdout is for the events. */
__attribute__((noreturn))
static void bc_child(struct bctl *b, const struct bc_runner *r, json_object *event)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || bc_child_env(r, event))
		_exit(BC_CANNOT_RUN);
	execvp(r->argv[0], r->argv);
	null = errno;
	bctl_fail(b, r->argv[0], "%s", strerror(null));
	_exit(null == ENOENT ? BC_NOT_FOUND : BC_CANNOT_RUN);
}

static void bc_skip(struct bc_runner *r)
{
	r->skipped++;
	r->skipped_total++;
}

/* A child that no signal reaches before it has given up our handlers. */
static pid_t bc_fork(void)
{
	sigset_t all, old;
	pid_t pid;
	int err;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	err = errno;
	if (!pid) {
		setpgid(0, 0);
		bc_wake_forget();
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = err;
	return pid;
}

/* Start the command for @event in a place that is free, or leave it out. */
static void bc_start(struct bctl *b, struct bc_runner *r, json_object *event)
{
	uint64_t now = bc_boottime();
	struct bc_job *job = r->job;
	pid_t pid;

	if (!bc_rate_take(&r->rate, now)) {
		bc_skip(r);
		return;
	}
	/* what is in the buffer would be written by both */
	fflush(stdout);
	pid = bc_fork();
	if (!pid)
		bc_child(b, r, event);
	if (pid < 0) {
		bctl_note(b, r->argv[0], "cannot be started: %s", strerror(errno));
		bc_skip(r);
		return;
	}
	setpgid(pid, pid);
	while (job->pid)
		job++;
	*job = (struct bc_job) { .pid = pid, .deadline = now + r->limit_ms * BC_MS };
	r->running++;
	r->started++;
	r->skipped = 0;
}

/**
 * bc_runner_event() - run the command for an event, now or later
 * @b: the run
 * @r: the runner; without a command nothing is done
 * @event: the event's document
 */
void bc_runner_event(struct bctl *b, struct bc_runner *r, json_object *event)
{
	if (!r->argv)
		return;
	if (r->running < r->jobs && !r->waiting)
		bc_start(b, r, event);
	else if (r->waiting < BC_QUEUE_MAX)
		r->queue[(r->head + r->waiting++) % BC_QUEUE_MAX] = json_object_get(event);
	else
		bc_skip(r);
}

/*
 * One that ran out of time takes its whole group with it; the group cannot be
 * another's while its leader is not reaped.
 */
static void bc_reap(struct bc_runner *r, struct bc_job *job)
{
	siginfo_t info = { 0 };
	bool bad = job->ending;

	if (!waitid(P_PID, job->pid, &info, WEXITED | WNOHANG | WNOWAIT)) {
		if (!info.si_pid)
			return;
		if (job->ending)
			kill(-job->pid, SIGKILL);
		bad |= info.si_code != CLD_EXITED || info.si_status;
		while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
			;
	} else if (errno == EINTR) {
		return;
	}
	r->failed += bad;
	memset(job, 0, sizeof(*job));
	r->running--;
}

static void bc_time_out(struct bc_runner *r, struct bc_job *job, uint64_t now)
{
	if (now < job->deadline)
		return;
	kill(-job->pid, job->ending ? SIGKILL : SIGTERM);
	r->killed += !job->ending;
	job->ending = true;
	job->deadline = now + BC_GRACE_MS * BC_MS;
}

/**
 * bc_runner_tick() - see to the commands that run, and start those that wait
 * @b: the run
 * @r: the runner
 *
 * To be called after each event, SIGCHLD, and time that bc_runner_left() told.
 */
void bc_runner_tick(struct bctl *b, struct bc_runner *r)
{
	uint64_t now = bc_boottime();
	size_t i;

	for (i = 0; i < r->jobs && r->running; i++)
		if (r->job[i].pid)
			bc_reap(r, &r->job[i]);
	for (i = 0; i < r->jobs && r->running; i++)
		if (r->job[i].pid)
			bc_time_out(r, &r->job[i], now);
	while (r->waiting && r->running < r->jobs) {
		json_object *event = r->queue[r->head];

		r->head = (r->head + 1) % BC_QUEUE_MAX;
		r->waiting--;
		bc_start(b, r, event);
		json_object_put(event);
	}
}

/**
 * bc_runner_left() - how long nothing has to be done
 * @r: the runner
 *
 * Return: milliseconds, rounded up, until the next command has taken too long;
 * -1 when none runs.
 */
int bc_runner_left(const struct bc_runner *r)
{
	uint64_t now = bc_boottime(), least = UINT64_MAX;
	size_t i;

	for (i = 0; i < r->jobs && r->running; i++)
		if (r->job[i].pid && r->job[i].deadline < least)
			least = r->job[i].deadline;
	if (least == UINT64_MAX)
		return -1;
	return now >= least ? 0 : (int)((least - now + BC_MS - 1) / BC_MS);
}

/**
 * bc_runner_drop() - leave out the events that wait
 * @r: the runner
 */
void bc_runner_drop(struct bc_runner *r)
{
	for (; r->waiting; r->waiting--) {
		bc_skip(r);
		json_object_put(r->queue[r->head]);
		r->head = (r->head + 1) % BC_QUEUE_MAX;
	}
}

/**
 * bc_runner_hurry() - end the commands that run
 * @r: the runner
 *
 * With SIGTERM at the next bc_runner_tick(), and SIGKILL if that does not help.
 */
void bc_runner_hurry(struct bc_runner *r)
{
	size_t i;

	for (i = 0; i < r->jobs; i++)
		if (!r->job[i].ending)
			r->job[i].deadline = 0;
}

/**
 * bc_runner_report() - tell what was left out and what went wrong
 * @b: the run
 * @r: the runner
 */
void bc_runner_report(struct bctl *b, const struct bc_runner *r)
{
	if (r->skipped_total)
		bctl_note(b, r->argv[0], "not run for %llu events",
			  (unsigned long long)r->skipped_total);
	if (r->failed)
		bctl_note(b, r->argv[0], "failed %llu times of %llu, %llu of them out of time",
			  (unsigned long long)r->failed, (unsigned long long)r->started,
			  (unsigned long long)r->killed);
}

/**
 * bc_runner_clear() - free what the runner has; nothing runs any more
 * @r: the runner
 */
void bc_runner_clear(struct bc_runner *r)
{
	bc_runner_drop(r);
	bc_rate_clear(&r->rate);
}
