// SPDX-License-Identifier: GPL-2.0
/*
 * An example for libbeancounter: what pools hold, and what those that are gone have held
 *
 *	cc example.c $(pkg-config --cflags --libs libbeancounter)
 *
 * One line for each pool and resource, with the integral of held over time where that is
 * known. With the name of a reader as its argument it prints the closing records, too, and
 * acknowledges them: each of them is printed once, whenever this is run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <beancounter.h>

static int failed(struct bcn *bcn, const char *what, int err)
{
	const char *words = bcn ? bcn_message(bcn) : "";

	fprintf(stderr, "%s: %s%s%s\n", what, words, *words ? ": " : "", strerror(-err));
	bcn_close(bcn);
	return 2;
}

static void print_pool(const char *kind, const struct bcn_pool *pool)
{
	struct bc_record rec;
	size_t i;

	for (i = 0; bcn_pool_record(pool, i, &rec); i++) {
		printf("%s %s %" PRIu64 " %u", kind, pool->name, pool->incarnation, rec.res);
		/* What is not known is no 0. */
		if (!(rec.flags & BC_RECORD_F_NO_HELD))
			printf(" held=%" PRIu64, (uint64_t)rec.held);
		if (rec.flags & BC_RECORD_F_INTEGRAL)
			printf(" integral=%" PRIu64, (uint64_t)rec.integral);
		if (rec.limit != BC_UNLIMITED)
			printf(" limit=%" PRIu64, (uint64_t)rec.limit);
		printf("\n");
	}
}

static int print_pools(struct bcn *bcn)
{
	struct bcn_list *list;
	int ret = bcn_pools(bcn, NULL, &list);
	size_t i;

	for (i = 0; i < bcn_list_count(list); i++)
		print_pool("pool", bcn_list_pool(list, i));
	bcn_list_free(list);
	return ret;
}

static int print_closed(struct bcn *bcn, const char *reader)
{
	const struct bcn_closed *closed;
	struct bcn_list *list;
	/* From now on they are kept for us; what is there already, too. */
	int ret = bcn_acknowledge(bcn, reader, 0);
	size_t count, i;

	if (!ret)
		ret = bcn_closed(bcn, 0, &list);
	if (ret)
		return ret;
	count = bcn_list_count(list);
	for (i = 0; i < count; i++) {
		closed = bcn_list_closed(list, i);
		print_pool("closed", &closed->pool);
	}
	/* A program that stores them does this when they are safe on the disk. */
	if (count && !fflush(stdout))
		ret = bcn_acknowledge(bcn, reader, bcn_list_closed(list, count - 1)->serial);
	bcn_list_free(list);
	return ret;
}

int main(int argc, char **argv)
{
	struct bcn *bcn = NULL;
	int ret = bcn_open(&bcn);

	if (ret)
		return failed(bcn, "cannot open a socket", ret);
	ret = bcn_connect(bcn);
	if (ret)
		return failed(bcn, "cannot reach the module", ret);
	ret = print_pools(bcn);
	if (!ret && argc > 1)
		ret = print_closed(bcn, argv[1]);
	if (ret)
		return failed(bcn, "cannot read the pools", ret);
	bcn_close(bcn);
	return 0;
}
