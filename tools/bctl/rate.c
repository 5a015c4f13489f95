// SPDX-License-Identifier: GPL-2.0
/*
 * At most N times a minute
 *
 * In any 60 seconds, wherever they begin: the last N times are remembered, and
 * there is no bucket that fills up and lets 2 N pass in one minute.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rate.h"

#define BC_MINUTE_NS	60000000000ULL

/**
 * bc_rate_init() - set a rate
 * @rate: the rate
 * @max: how often in a minute, 1..BC_RATE_MAX
 *
 * Return: 0 or -ENOMEM.
 */
int bc_rate_init(struct bc_rate *rate, uint32_t max)
{
	memset(rate, 0, sizeof(*rate));
	rate->max = max;
	rate->times = calloc(max, sizeof(*rate->times));
	return rate->times ? 0 : -ENOMEM;
}

/**
 * bc_rate_take() - may it happen once more?
 * @rate: the rate
 * @now: nanoseconds; never less than before
 *
 * Return: true, and it counts; or false.
 */
bool bc_rate_take(struct bc_rate *rate, uint64_t now)
{
	if (rate->count == rate->max && now - rate->times[rate->next] < BC_MINUTE_NS)
		return false;
	rate->times[rate->next] = now;
	rate->next = (rate->next + 1) % rate->max;
	if (rate->count < rate->max)
		rate->count++;
	return true;
}

/**
 * bc_rate_clear() - free a rate
 * @rate: the rate
 */
void bc_rate_clear(struct bc_rate *rate)
{
	free(rate->times);
	memset(rate, 0, sizeof(*rate));
}
