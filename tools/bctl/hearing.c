// SPDX-License-Identifier: GPL-2.0
/*
 * What a collector hears of the module
 *
 * Two connections: one has the notifications, the other one is for questions, because
 * notifications that arrive while an answer is awaited would be thrown away.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/beancounter.h>

#include "cli.h"
#include "collector.h"

/*
 * Some have come. If the first does not follow the last one that is known, there are others to
 * be asked for; and so if it is malformed, or there is no memory.
 */
static void bc_collector_keep(struct bc_collector *c, struct bcn_list *list)
{
	uint64_t last = c->closed.count ? bc_pending_last(&c->closed) : c->stored;
	const struct bcn_closed *closed;
	size_t i;

	for (i = 0; i < bcn_list_count(list); i++) {
		closed = bcn_list_closed(list, i);
		if (closed && closed->serial != ++last)
			c->dumped = false;
		if (closed)
			last = closed->serial;
		else if (!bcn_list_notice(list, i))
			c->dumped = false;
	}
	if (bc_pending_add(&c->closed, list))
		c->dumped = false;
}

/* Things have happened: remember what is to be done; true if it is that the module goes. */
static bool bc_collector_heed(struct bc_collector *c, const struct bcn_list *list)
{
	const struct bcn_notice *notice;
	bool gone = false;
	size_t i;

	for (i = 0; i < bcn_list_count(list); i++) {
		notice = bcn_list_notice(list, i);
		if (!notice)
			continue;
		c->sighted |= notice->event == BC_EVENT_POOL_NEW;
		gone |= notice->event == BC_EVENT_UNLOAD;
	}
	return gone;
}

/* Take the notifications that have come; true if the module goes. */
static bool bc_collector_drain(struct bc_collector *c)
{
	struct bcn_list *list;
	bool gone = false;
	int ret;

	do {
		ret = bcn_next(c->b->nl, 0, &list);
		gone |= bc_collector_heed(c, list);
		bc_collector_keep(c, list);
		/* Some were lost: what the module still has is asked for. */
		if (ret == -ENOBUFS)
			c->dumped = false;
	} while (!ret || ret == -ENOBUFS);
	return gone;
}

/**
 * bc_collector_part() - close what leads to the module
 * @c: the collector
 *
 * Requests fail only after it has sent all that it had to send, so it is here by now.
 */
void bc_collector_part(struct bc_collector *c)
{
	if (c->b->nl)
		(void)bc_collector_drain(c);
	bcn_close(c->ask.nl);
	bcn_close(c->b->nl);
	c->ask.nl = NULL;
	c->b->nl = NULL;
	c->known = false;
	c->dumped = false;
}

/**
 * bc_collector_listen() - begin to receive notifications, if that is not so
 * @c: the collector
 *
 * Return: what came of it; BC_ROUND_FATAL when that is not permitted any more.
 */
enum bc_round bc_collector_listen(struct bc_collector *c)
{
	static const char * const groups[] = { BC_MCGRP_USAGE, BC_MCGRP_POOL };
	char *said = c->b->said;
	size_t i;
	int ret;

	if (c->b->nl)
		return BC_ROUND_DONE;
	c->b->said = c->said;
	ret = bctl_open(c->b);
	c->b->said = said;
	if (ret) {
		bc_collector_part(c);
		return BC_ROUND_ABSENT;
	}
	c->dumped = false;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		ret = bcn_subscribe(c->b->nl, groups[i]);
		/* A module of before has no group "usage". */
		if (ret && ret != -ENOENT) {
			snprintf(c->said, sizeof(c->said), "cannot listen to the module: %s%s",
				 strerror(-ret), ret == -EPERM && c->instance ?
				 "; it was loaded anew, so start this anew" : "");
			bcn_close(c->b->nl);
			c->b->nl = NULL;
			return BC_ROUND_FATAL;
		}
	}
	return BC_ROUND_DONE;
}

/**
 * bc_collector_events() - take the notifications that have come
 * @c: the collector, listening
 *
 * Return: BC_ROUND_DONE; BC_ROUND_ABSENT when the module goes, and what it sent is to be
 * stored by bc_collector_closings().
 */
enum bc_round bc_collector_events(struct bc_collector *c)
{
	if (!bc_collector_drain(c))
		return BC_ROUND_DONE;
	bc_collector_part(c);
	return BC_ROUND_ABSENT;
}
