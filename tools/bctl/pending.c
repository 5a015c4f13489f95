// SPDX-License-Identifier: GPL-2.0
/*
 * Closing records that wait to be stored
 *
 * They come in lists, as notifications or as an answer, and are kept with the list that owns
 * them, which goes with its first one. So they can be cut off from the end, and from nowhere
 * else, which is all that is needed: what is asked for anew is never older than what is kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pending.h"

static int bc_pending_room(struct bc_pending *p)
{
	size_t room = p->room ? 2 * p->room : 16;
	struct bc_pending_one *v;

	if (p->count < p->room)
		return 0;
	v = realloc(p->v, room * sizeof(*v));
	if (!v)
		return -ENOMEM;
	p->v = v;
	p->room = room;
	return 0;
}

/**
 * bc_pending_add() - keep the closing records of a list
 * @p: what waits
 * @list: the list, which is not the caller's any more, whatever comes of this
 *
 * Return: 0, or -ENOMEM, and some of them are not kept.
 */
int bc_pending_add(struct bc_pending *p, struct bcn_list *list)
{
	struct bcn_list *owner = list;
	const struct bcn_closed *closed;
	size_t i;
	int ret = 0;

	for (i = 0; i < bcn_list_count(list) && !ret; i++) {
		closed = bcn_list_closed(list, i);
		if (!closed)
			continue;
		ret = bc_pending_room(p);
		if (ret)
			break;
		p->v[p->count++] = (struct bc_pending_one){ closed, owner };
		owner = NULL;
	}
	bcn_list_free(owner);
	return ret;
}

/**
 * bc_pending_last() - the serial of the newest one
 * @p: what waits
 *
 * Return: the serial, 0 if nothing waits.
 */
uint64_t bc_pending_last(const struct bc_pending *p)
{
	return p->count ? p->v[p->count - 1].closed->serial : 0;
}

/**
 * bc_pending_cut() - forget some
 * @p: what waits
 * @serial: those from this serial on are forgotten
 */
void bc_pending_cut(struct bc_pending *p, uint64_t serial)
{
	while (p->count && bc_pending_last(p) >= serial)
		bcn_list_free(p->v[--p->count].owner);
}

/**
 * bc_pending_clear() - forget all
 * @p: what waits
 */
void bc_pending_clear(struct bc_pending *p)
{
	while (p->count)
		bcn_list_free(p->v[--p->count].owner);
	free(p->v);
	memset(p, 0, sizeof(*p));
}
