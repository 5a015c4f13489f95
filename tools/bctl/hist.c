// SPDX-License-Identifier: GPL-2.0
/*
 * Percentiles of a histogram
 *
 * The buckets are those of struct bc_io_times: bucket 0 is below 1 us, bucket n
 * from 2^(n-1) us to below 2^n us. A percentile lies in a bucket that is known
 * exactly; where in it is interpolated as if its requests were spread evenly, so
 * the figure is off by less than a factor of two. The last bucket has no upper
 * end: what lies in it is told as its lower one.
 */
#include "hist.h"

#define BC_US	1000ULL

static uint64_t bc_hist_low(unsigned int i)
{
	return i ? BC_US << (i - 1) : 0;
}

/**
 * bc_hist_count() - how many requests there are
 * @buckets: the histogram
 *
 * Return: their number.
 */
uint64_t bc_hist_count(const __u64 buckets[BC_IO_BUCKETS])
{
	uint64_t count = 0;
	unsigned int i;

	for (i = 0; i < BC_IO_BUCKETS; i++)
		count += buckets[i];
	return count;
}

/**
 * bc_hist_percentile() - the time that so many percent of the requests took at most
 * @buckets: the histogram
 * @percent: 1..100
 *
 * Return: nanoseconds, 0 if there are no requests.
 */
uint64_t bc_hist_percentile(const __u64 buckets[BC_IO_BUCKETS], unsigned int percent)
{
	unsigned __int128 scaled = (unsigned __int128)bc_hist_count(buckets) * percent;
	uint64_t rank = (scaled + 99) / 100, below = 0, width;
	unsigned int i;

	if (!rank)
		return 0;
	for (i = 0; i < BC_IO_BUCKETS - 1 && below + buckets[i] < rank; i++)
		below += buckets[i];
	if (i == BC_IO_BUCKETS - 1)
		return bc_hist_low(i);
	width = bc_hist_low(i + 1) - bc_hist_low(i);
	return bc_hist_low(i) + (unsigned __int128)width * (rank - below) / buckets[i];
}
