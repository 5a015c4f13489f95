// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of stretches of time
 *
 * Only what bc_spans_merge() has left is a set: in order, and without overlap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spans.h"

/**
 * bc_spans_add() - add a stretch
 * @spans: where to
 * @begin: its beginning
 * @end: its end; an empty one is not added
 * @why: a word for it, or NULL
 *
 * What continues the stretch that was added last makes that longer.
 *
 * Return: 0 or -ENOMEM.
 */
int bc_spans_add(struct bc_spans *spans, int64_t begin, int64_t end, const char *why)
{
	struct bc_span *last = spans->count ? &spans->v[spans->count - 1] : NULL, *v;
	size_t room = spans->room ? 2 * spans->room : 8;

	if (begin >= end)
		return 0;
	if (last && last->end == begin &&
	    (last->why == why || (last->why && why && !strcmp(last->why, why)))) {
		last->end = end;
		return 0;
	}
	if (spans->count == spans->room) {
		v = reallocarray(spans->v, room, sizeof(*v));
		if (!v)
			return -ENOMEM;
		spans->v = v;
		spans->room = room;
	}
	spans->v[spans->count++] = (struct bc_span){ begin, end, why };
	return 0;
}

static int bc_span_compare(const void *a, const void *b)
{
	const struct bc_span *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/**
 * bc_spans_merge() - make a set of stretches that were added in any order
 * @spans: the stretches
 *
 * Where two overlap, the time is that of the one that began first. Two that only
 * touch stay two, if their words differ.
 */
void bc_spans_merge(struct bc_spans *spans)
{
	struct bc_span *to = NULL, *pos;

	if (!spans->count)
		return;
	qsort(spans->v, spans->count, sizeof(*spans->v), bc_span_compare);
	for (pos = spans->v; pos < spans->v + spans->count; pos++) {
		if (to && pos->begin < to->end)
			pos->begin = to->end;
		if (pos->begin >= pos->end)
			continue;
		if (to && pos->begin == to->end &&
		    (to->why == pos->why || (to->why && pos->why && !strcmp(to->why, pos->why))))
			to->end = pos->end;
		else if (to)
			*++to = *pos;
		else
			*(to = spans->v) = *pos;
	}
	spans->count = to - spans->v + 1;
}

/**
 * bc_spans_subtract() - what is in one set and not in another
 * @out: receives it; what is there already stays
 * @from: the one
 * @less: the other
 *
 * Return: 0 or -ENOMEM.
 */
int bc_spans_subtract(struct bc_spans *out, const struct bc_spans *from,
		      const struct bc_spans *less)
{
	const struct bc_span *no = less->v, *end = less->v + less->count, *pos;
	const struct bc_span *cut;
	int64_t begin;
	int ret = 0;

	for (pos = from->v; pos < from->v + from->count && !ret; pos++) {
		while (no < end && no->end <= pos->begin)
			no++;
		begin = pos->begin;
		for (cut = no; cut < end && cut->begin < pos->end && !ret; cut++) {
			ret = bc_spans_add(out, begin, cut->begin, pos->why);
			begin = cut->end;
		}
		if (!ret)
			ret = bc_spans_add(out, begin, pos->end, pos->why);
	}
	return ret;
}

/**
 * bc_spans_within() - how much of a set is in a period
 * @spans: the set
 * @begin: beginning of the period
 * @end: its end
 *
 * Return: the length.
 */
int64_t bc_spans_within(const struct bc_spans *spans, int64_t begin, int64_t end)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < spans->count; i++) {
		int64_t from = spans->v[i].begin > begin ? spans->v[i].begin : begin;
		int64_t to = spans->v[i].end < end ? spans->v[i].end : end;

		sum += to > from ? to - from : 0;
	}
	return sum;
}

/**
 * bc_spans_clear() - forget all stretches
 * @spans: them
 */
void bc_spans_clear(struct bc_spans *spans)
{
	free(spans->v);
	memset(spans, 0, sizeof(*spans));
}
