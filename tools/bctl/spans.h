/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_SPANS_H
#define BCTL_SPANS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct bc_span - a stretch of time
 * @begin: its beginning
 * @end: its end, which is no part of it
 * @why: a word for what it is, or NULL; not owned
 */
struct bc_span {
	int64_t begin;
	int64_t end;
	const char *why;
};

/**
 * struct bc_spans - stretches of time
 * @v: they
 * @count: how many
 * @room: how many fit
 */
struct bc_spans {
	struct bc_span *v;
	size_t count;
	size_t room;
};

int bc_spans_add(struct bc_spans *spans, int64_t begin, int64_t end, const char *why);
void bc_spans_merge(struct bc_spans *spans);
int bc_spans_subtract(struct bc_spans *out, const struct bc_spans *from,
		      const struct bc_spans *less);
int64_t bc_spans_within(const struct bc_spans *spans, int64_t begin, int64_t end);
void bc_spans_clear(struct bc_spans *spans);

#endif /* BCTL_SPANS_H */
