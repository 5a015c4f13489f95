/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_RUNNER_H
#define BCTL_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bctl.h"
#include "rate.h"

struct json_object;

/* So many commands may run at once, and so many events wait for one. */
#define BC_JOBS_MAX	64
#define BC_QUEUE_MAX	256

/**
 * struct bc_job - a command that runs
 * @pid: its process, the leader of a group of its own; 0 for none
 * @deadline: when to do something about it, on the clock of bc_boottime()
 * @ending: it was told to end
 */
struct bc_job {
	pid_t pid;
	uint64_t deadline;
	bool ending;
};

/**
 * struct bc_runner - runs a command for each event
 * @argv: the command, NULL for none
 * @jobs: how many at once
 * @limit_ms: how long one may take
 * @rate: how many in a minute
 * @job: those that run
 * @running: how many
 * @queue: events that wait for a place, a ring
 * @head: the first of them
 * @waiting: how many
 * @skipped: events left out since the last command was started
 * @skipped_total: since the beginning
 * @started: commands
 * @failed: of these, commands with another status than 0
 * @killed: of these, commands that took too long
 */
struct bc_runner {
	char **argv;
	uint32_t jobs;
	int limit_ms;
	struct bc_rate rate;
	struct bc_job job[BC_JOBS_MAX];
	size_t running;
	struct json_object *queue[BC_QUEUE_MAX];
	size_t head;
	size_t waiting;
	uint64_t skipped;
	uint64_t skipped_total;
	uint64_t started;
	uint64_t failed;
	uint64_t killed;
};

int bctl_runner_check(struct bctl *b, const struct bc_runner *r);
void bc_runner_event(struct bctl *b, struct bc_runner *r, struct json_object *event);
void bc_runner_tick(struct bctl *b, struct bc_runner *r);
int bc_runner_left(const struct bc_runner *r);
void bc_runner_drop(struct bc_runner *r);
void bc_runner_hurry(struct bc_runner *r);
void bc_runner_report(struct bctl *b, const struct bc_runner *r);
void bc_runner_clear(struct bc_runner *r);

#endif /* BCTL_RUNNER_H */
