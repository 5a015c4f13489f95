// SPDX-License-Identifier: GPL-2.0
/*
 * All that the module tells at one time, for those who look again and again
 *
 * The module may be unloaded and loaded again between two looks, and is another family then:
 * what fails is tried once more after asking for it again. That the module is not there is a
 * result as any other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scrape.h"

static uint64_t bc_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/**
 * bc_scrape_clear() - forget what was read
 * @s: the scrape; it keeps its connection
 */
void bc_scrape_clear(struct bc_scrape *s)
{
	size_t i;

	for (i = 0; s->devices && i < bcn_list_count(s->pools); i++)
		bcn_list_free(s->devices[i]);
	free(s->devices);
	bcn_list_free(s->info);
	bcn_list_free(s->resources);
	bcn_list_free(s->pools);
	s->devices = NULL;
	s->info = NULL;
	s->resources = NULL;
	s->pools = NULL;
	memset(s->res, 0, sizeof(s->res));
	s->up = false;
}

/**
 * bc_scrape_end() - forget what was read, and close the connection
 * @s: the scrape
 */
void bc_scrape_end(struct bc_scrape *s)
{
	bc_scrape_clear(s);
	bcn_close(s->bcn);
	s->bcn = NULL;
}

/* A dying pool is not asked for: a live one may have its name. One may go meanwhile, too. */
static int bc_scrape_devices(struct bc_scrape *s)
{
	size_t count = bcn_list_count(s->pools), i;
	const struct bcn_pool *pool;
	int ret = 0;

	s->devices = calloc(count + 1, sizeof(struct bcn_list *));
	if (!s->devices)
		return -ENOMEM;
	for (i = 0; i < count && !ret; i++) {
		pool = bcn_list_pool(s->pools, i);
		if (pool->state != BC_POOL_LIVE || !(pool->io.known & BC_IO_F_TIMES))
			continue;
		ret = bcn_devices(s->bcn, pool->name, &s->devices[i]);
		if (ret == -EOPNOTSUPP || (ret == -ENOENT && *bcn_message(s->bcn)))
			ret = 0;
	}
	return ret;
}

static void bc_scrape_sort(struct bc_scrape *s)
{
	const struct bcn_res *res;
	size_t i;

	for (i = 0; (res = bcn_list_resource(s->resources, i)); i++)
		if (res->id < BC_SCRAPE_RES)
			s->res[res->id] = res;
}

static int bc_scrape_read(struct bc_scrape *s)
{
	const struct bcn_query query = { .detail = s->detail };
	int ret = bcn_module(s->bcn, &s->info);

	if (!ret)
		ret = bcn_resources(s->bcn, &s->resources);
	bc_scrape_sort(s);
	if (!ret)
		ret = bcn_pools(s->bcn, &query, &s->pools);
	if (!ret && s->times)
		ret = bc_scrape_devices(s);
	return ret;
}

static int bc_scrape_try(struct bc_scrape *s, bool connect)
{
	int ret = 0;

	bc_scrape_clear(s);
	if (!s->bcn)
		ret = bcn_open(&s->bcn);
	if (!ret && connect)
		ret = bcn_connect(s->bcn);
	return ret ? ret : bc_scrape_read(s);
}

static void bc_scrape_why(struct bc_scrape *s, int ret)
{
	const char *words = s->bcn ? bcn_message(s->bcn) : "";

	if (ret == -ENOENT)
		words = "the module beancounter is not loaded";
	snprintf(s->why, sizeof(s->why), "%s%s%s", words, *words ? ": " : "", strerror(-ret));
}

/**
 * bc_scrape_now() - look
 * @s: the scrape; @s->up tells whether the module answered
 */
void bc_scrape_now(struct bc_scrape *s)
{
	uint64_t begin = bc_clock_ns(CLOCK_MONOTONIC);
	const struct bcn_pool *host;
	bool fresh = !s->bcn;
	int ret = bc_scrape_try(s, fresh);

	/* Not when it is fresh: nothing has changed since. */
	if (ret && ret != -EPERM && !fresh)
		ret = bc_scrape_try(s, true);
	s->up = !ret;
	if (ret) {
		bc_scrape_why(s, ret);
		bc_scrape_end(s);
	}
	s->since_boot_ns = bc_clock_ns(CLOCK_REALTIME) - bc_clock_ns(CLOCK_BOOTTIME);
	s->taken_ns = bc_clock_ns(CLOCK_REALTIME);
	host = bcn_list_pool(s->pools, 0);
	if (host && BCN_HAS(host, BC_A_TAKEN))
		s->taken_ns = host->taken + s->since_boot_ns;
	s->page_size = sysconf(_SC_PAGESIZE);
	if (s->up && BCN_HAS(bcn_list_info(s->info), BC_A_PAGE_SIZE))
		s->page_size = bcn_list_info(s->info)->page_size;
	s->took_ns = bc_clock_ns(CLOCK_MONOTONIC) - begin;
}

/**
 * bc_scrape_res() - look a resource up
 * @s: the scrape
 * @id: its number
 *
 * Return: the resource, or NULL.
 */
const struct bcn_res *bc_scrape_res(const struct bc_scrape *s, uint32_t id)
{
	size_t i;

	if (id < BC_SCRAPE_RES)
		return s->res[id];
	for (i = 0; i < bcn_list_count(s->resources); i++)
		if (bcn_list_resource(s->resources, i)->id == id)
			return bcn_list_resource(s->resources, i);
	return NULL;
}
