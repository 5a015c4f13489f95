/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_KUNIT_CREW_H
#define _BC_KUNIT_CREW_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/sched.h>

#define CREW_MAX	6

/**
 * struct crew_hand - one thread
 * @task: it
 * @work: what it does; it must come to an end by itself
 * @arg: passed to @work
 * @done: @work has returned
 */
struct crew_hand {
	struct task_struct	*task;
	void			(*work)(void *arg);
	void			*arg;
	struct completion	done;
};

/**
 * struct crew - threads that work at the same time
 * @hand: they
 * @nr: how many there are
 */
struct crew {
	struct crew_hand	hand[CREW_MAX];
	unsigned int		nr;
};

void crew_hire(struct kunit *test, struct crew *crew, void (*work)(void *arg), void *arg);
void crew_run(struct crew *crew);
void crew_dismiss(struct crew *crew);

#endif /* _BC_KUNIT_CREW_H */
