// SPDX-License-Identifier: GPL-2.0
/*
 * Threads for the tests
 *
 * All of them are made before the first one starts, so a test that gives up
 * because one cannot be made leaves none running behind.
 */
#include <linux/err.h>
#include <linux/kthread.h>

#include "crew.h"

static int crew_thread(void *data)
{
	struct crew_hand *hand = data;

	hand->work(hand->arg);
	complete(&hand->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/**
 * crew_hire() - add a thread, which does not start yet
 * @test: test
 * @crew: crew
 * @work: what it is to do
 * @arg: passed to @work
 */
void crew_hire(struct kunit *test, struct crew *crew, void (*work)(void *arg), void *arg)
{
	struct crew_hand *hand = &crew->hand[crew->nr];
	struct task_struct *task;

	KUNIT_ASSERT_LT(test, crew->nr, CREW_MAX);
	hand->work = work;
	hand->arg = arg;
	init_completion(&hand->done);
	task = kthread_create(crew_thread, hand, "bc_kunit/%u", crew->nr);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	hand->task = task;
	crew->nr++;
}

/**
 * crew_run() - let all threads work until each is done
 * @crew: crew, empty afterwards
 */
void crew_run(struct crew *crew)
{
	unsigned int i;

	for (i = 0; i < crew->nr; i++)
		wake_up_process(crew->hand[i].task);
	for (i = 0; i < crew->nr; i++)
		wait_for_completion(&crew->hand[i].done);
	crew_dismiss(crew);
}

/**
 * crew_dismiss() - get rid of threads that never ran or are done
 * @crew: crew
 */
void crew_dismiss(struct crew *crew)
{
	while (crew->nr)
		kthread_stop(crew->hand[--crew->nr].task);
}
