// SPDX-License-Identifier: GPL-2.0
/*
 * bctl fairpages
 *
 * The module tells which pools there are and where; the rest is read from /proc.
 * A sample always looks at all pools, whatever names are asked for: what a pool
 * pays depends on all the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "fair.h"
#include "fetch.h"
#include "pagewalk.h"
#include "parse.h"

/**
 * struct bc_fair_job - what is to be done
 * @names: pools to print; none for all
 * @nnames: how many
 * @memory: bytes for keys
 * @rate: page table entries to read in a second, 0 for as fast as possible
 * @interval_ms: from the beginning of one sample to that of the next, or 0
 * @counted: stop after @count samples
 * @count: how many are left
 */
struct bc_fair_job {
	char **names;
	int nnames;
	uint64_t memory;
	uint32_t rate;
	int interval_ms;
	bool counted;
	uint32_t count;
};

/**
 * struct bc_fair_sample - one sample
 * @snap: the pools of the module
 * @fair: their pages, pool 0 being the host
 * @walk: the reader
 * @owners: where the pools are
 * @pool: for each pool in @fair the description
 * @took: nanoseconds
 */
struct bc_fair_sample {
	struct bc_snapshot snap;
	struct bc_fair fair;
	struct bc_pagewalk walk;
	struct bc_owner *owners;
	const struct bcn_pool **pool;
	uint64_t took;
};

static int bc_owner_order(const void *a, const void *b)
{
	return strcmp(((const struct bc_owner *)a)->cgroup, ((const struct bc_owner *)b)->cgroup);
}

/* Index of the live pool with this id among the first @n; the host if there is none. */
static uint32_t bc_fair_index(const struct bc_fair_sample *s, uint32_t id, uint32_t n)
{
	while (n-- > 1)
		if (s->pool[n]->id == id)
			return n;
	return 0;
}

/* The live pools, the host first. A dying one has no processes. */
static int bctl_fair_pools(struct bctl *b, struct bc_fair_sample *s, uint64_t memory)
{
	const struct bcn_pool *pool;
	uint32_t n = 1;
	size_t i;
	int ret;

	s->owners = calloc(s->snap.npools + 1, sizeof(*s->owners));
	s->pool = calloc(s->snap.npools + 1, sizeof(*s->pool));
	if (!s->owners || !s->pool)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	for (i = 0; i < s->snap.npools; i++) {
		pool = &s->snap.pools[i];
		if (!pool->id) {
			s->pool[0] = pool;
		} else if (pool->state == BC_POOL_LIVE && pool->cgroup) {
			s->owners[n - 1] = (struct bc_owner) { pool->cgroup, n };
			s->pool[n++] = pool;
		}
	}
	if (!s->pool[0])
		return bctl_fail(b, NULL, "the kernel's list of pools has no host");
	ret = bc_fair_init(&s->fair, n, memory);
	if (ret == -EINVAL)
		return bctl_fail(b, NULL, "--memory is too little for %u pools", n);
	if (ret)
		return bctl_fail_nl(b, NULL, ret);
	for (i = 1; i < n; i++)
		s->fair.pools[i].parent = bc_fair_index(s, s->pool[i]->parent_id, i);
	qsort(s->owners, n - 1, sizeof(*s->owners), bc_owner_order);
	s->walk.owners = s->owners;
	s->walk.nowners = n - 1;
	s->walk.fair = &s->fair;
	return BCTL_OK;
}

static int bctl_fair_blame(struct bctl *b, const struct bc_pagewalk *w, int ret, const char *why)
{
	if (why)
		return bctl_fail(b, w->blamed, "%s", why);
	if (ret == -EPERM || ret == -EACCES)
		return bctl_fail(b, w->blamed,
				 "%s; this needs root on the host: CAP_SYS_ADMIN and CAP_SYS_PTRACE",
				 ret == -EPERM ? "the kernel hides the numbers of page frames" :
				 strerror(-ret));
	return bctl_fail(b, *w->blamed ? w->blamed : NULL, "%s", strerror(-ret));
}

/* Read and count, slice by slice. */
static int bctl_fair_walk(struct bctl *b, struct bc_fair_sample *s)
{
	const char *why;
	int ret = bc_pagewalk_open(&s->walk, &why);

	if (!ret)
		do {
			ret = bc_pagewalk_pass(&s->walk);
			if (!ret)
				ret = bc_fair_settle(&s->fair, bc_pagewalk_check, &s->walk);
		} while (!ret && bc_fair_next(&s->fair));
	if (!ret)
		ret = bc_fair_finish(&s->fair, bc_page_size());
	bc_pagewalk_close(&s->walk);
	return ret ? bctl_fair_blame(b, &s->walk, ret, why) : BCTL_OK;
}

static void bc_fair_doc_pool(struct bc_doc *doc, const struct bc_fair_sample *s, size_t i)
{
	bc_doc_fair_pool(doc, s->pool[i], &s->fair.pools[i], bc_page_size());
}

static int bctl_fair_print(struct bctl *b, const struct bc_fair_job *job,
			   const struct bc_fair_sample *s)
{
	struct bc_printer p = bctl_printer(b);
	int status = BCTL_OK, ret, name;
	struct bc_doc doc;
	size_t i;

	bc_doc_begin(&doc, "bctl.fairpages/1", "pools", s->snap.taken);
	bc_doc_page_size(&doc, p.page_size);
	bc_doc_fair(&doc, &s->fair, &s->walk, s->took);
	for (i = 0; i < s->fair.npools && !job->nnames; i++)
		bc_fair_doc_pool(&doc, s, i);
	for (name = 0; name < job->nnames && !status; name++) {
		for (i = 0; i < s->fair.npools; i++)
			if (!strcmp(s->pool[i]->name, job->names[name]))
				break;
		if (i < s->fair.npools)
			bc_fair_doc_pool(&doc, s, i);
		else
			status = bctl_fail(b, job->names[name], "no such pool");
	}
	ret = status ? 0 : bc_print(&p, &doc, BC_VIEW_FAIR);
	bc_doc_end(&doc);
	if (ret)
		return bctl_fail_nl(b, NULL, ret);
	if (!status && (fflush(stdout) || ferror(stdout)))
		status = BCTL_FAILED;
	return status;
}

static int bctl_fair_sample(struct bctl *b, const struct bc_fair_job *job)
{
	struct bc_fair_sample *s = calloc(1, sizeof(*s));
	int status;

	if (!s)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	s->walk.rate = job->rate;
	status = bctl_fetch_pools(b, &s->snap);
	if (!status)
		status = bctl_fair_pools(b, s, job->memory);
	if (!status)
		status = bctl_fair_walk(b, s);
	s->took = bc_boottime() - s->snap.taken;
	if (!status)
		status = bctl_fair_print(b, job, s);
	bc_fair_clear(&s->fair);
	bc_snapshot_clear(&s->snap);
	free(s->owners);
	free(s->pool);
	free(s);
	return status;
}

static int bctl_fair_samples(struct bctl *b, struct bc_fair_job *job)
{
	struct timespec due;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &due);
	for (;;) {
		status = bctl_fair_sample(b, job);
		if (status || !job->interval_ms || (job->counted && !--job->count))
			return status;
		due.tv_sec += job->interval_ms / 1000;
		due.tv_nsec += job->interval_ms % 1000 * 1000000;
		due.tv_sec += due.tv_nsec / 1000000000;
		due.tv_nsec %= 1000000000;
		/* One that is late already begins at once. */
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
		if (!b->json)
			putchar('\n');
	}
}

static int bctl_fair_memory(struct bctl *b, const char *text, uint64_t *memory)
{
	struct bc_value val;
	const char *why;
	uint64_t same;

	*memory = BC_FAIR_MEMORY;
	if (!text)
		return BCTL_OK;
	if (bc_value_parse(text, &val, &why) ||
	    bc_value_resolve(&val, BC_UNIT_BYTES, bc_page_size(), memory, &same, &why))
		return bctl_usage(b, "--memory %.*s: %s", BC_WORD_MAX, text, why);
	if (*memory != same || *memory == BC_UNLIMITED || *memory < BC_FAIR_MEMORY_MIN)
		return bctl_usage(b, "--memory %.*s: not a size of at least 1M", BC_WORD_MAX, text);
	return BCTL_OK;
}

/**
 * cmd_fairpages() - bctl fairpages
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_fairpages(struct bctl *b, int argc, char **argv)
{
	const char *count = NULL, *interval = NULL, *memory = NULL, *rate = NULL;
	const struct bc_opt opts[] = {
		{ "interval", 0, NULL, &interval }, { "count", 0, NULL, &count },
		{ "memory", 0, NULL, &memory }, { "max-rate", 0, NULL, &rate },
		BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END
	};
	struct bc_fair_job job = { .names = argv };
	int status = bctl_args(b, &argc, argv, opts), i;

	if (status >= 0)
		return status;
	job.nnames = argc;
	for (i = 0, status = BCTL_OK; i < argc && !status; i++)
		status = bctl_check_name(b, argv[i]);
	if (status)
		return status;
	if (interval && (bc_seconds_parse(interval, &job.interval_ms) || !job.interval_ms))
		return bctl_usage(b, "--interval %.*s: not a number of seconds above 0",
				  BC_WORD_MAX, interval);
	if (count && (bc_u32_parse(count, &job.count) || !job.count))
		return bctl_usage(b, "--count %.*s: not a number above 0", BC_WORD_MAX, count);
	if (count && !interval)
		return bctl_usage(b, "--count needs --interval");
	if (rate && (bc_u32_parse(rate, &job.rate) || !job.rate))
		return bctl_usage(b, "--max-rate %.*s: not a number above 0", BC_WORD_MAX, rate);
	status = bctl_fair_memory(b, memory, &job.memory);
	job.counted = count;
	return status ? status : bctl_fair_samples(b, &job);
}
