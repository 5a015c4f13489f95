// SPDX-License-Identifier: GPL-2.0
/*
 * Values: N[:M], with suffix, or "unlimited"
 *
 * Done in two steps. The first needs no kernel and finds every error that does
 * not depend on the resource; the second knows the unit and does the sums, in
 * 128 bits so that nothing can wrap before it is compared.
 *
 *			items		bytes		pages
 *	240		240		240 bytes	240 pages
 *	64M		refused		64 MiB		64 MiB, up to whole pages
 *	100P		refused		100 pages	100 pages
 */
#include <errno.h>
#include <string.h>

#include <linux/beancounter.h>

#include "parse.h"

/* Far above any legal amount, far enough from the end to be multiplied. */
#define BC_NUMBER_CAP	((unsigned __int128)1 << 80)

static int bc_suffix_shift(char suffix)
{
	static const char order[] = "KMGT";
	const char *pos = suffix ? strchr(order, suffix) : NULL;

	return pos ? 10 * (int)(pos - order + 1) : 0;
}

static int bc_amount_parse(const char *text, size_t len, struct bc_amount *amt,
			   const char **why)
{
	size_t i;

	memset(amt, 0, sizeof(*amt));
	if (!len) {
		*why = "a number or \"unlimited\" is missing";
		return -EINVAL;
	}
	if (len == strlen("unlimited") && !memcmp(text, "unlimited", len)) {
		amt->unlimited = true;
		return 0;
	}
	if (*text == '-') {
		*why = "an amount cannot be negative";
		return -EINVAL;
	}
	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		if (amt->number < BC_NUMBER_CAP)
			amt->number = amt->number * 10 + (text[i] - '0');
	if (i && i + 1 == len) {
		amt->suffix = text[i] & ~0x20;	/* to upper case */
		if (amt->suffix == 'P' || bc_suffix_shift(amt->suffix))
			return 0;
	}
	if (!i || i < len) {
		*why = "not a number with suffix K, M, G, T or P, nor \"unlimited\"";
		return -EINVAL;
	}
	return 0;
}

/*
 * Is the barrier above the limit, as far as that can be told without knowing
 * unit and page size? What is written counts: 13K:12K is wrong even for a
 * resource in whose pages the two are the same.
 */
static bool bc_value_inverted(const struct bc_value *val)
{
	const struct bc_amount *b = &val->barrier, *l = &val->limit;
	int bs = bc_suffix_shift(b->suffix), ls = bc_suffix_shift(l->suffix);

	if (b->unlimited || l->unlimited)
		return b->unlimited && !l->unlimited;
	if (b->suffix != l->suffix && !(bs && ls))
		return false;
	return (b->number << bs) > (l->number << ls);
}

/**
 * bc_value_parse() - read a value as far as that goes without its resource
 * @text: what stands behind the =
 * @val: the result
 * @why: what is wrong with @text
 *
 * Return: 0, or -EINVAL with @why set.
 */
int bc_value_parse(const char *text, struct bc_value *val, const char **why)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	int ret;

	ret = bc_amount_parse(text, len, &val->barrier, why);
	if (ret)
		return ret;
	val->limit = val->barrier;
	if (colon)
		ret = bc_amount_parse(colon + 1, strlen(colon + 1), &val->limit, why);
	if (!ret && bc_value_inverted(val)) {
		*why = "the barrier is above the limit";
		ret = -EINVAL;
	}
	return ret;
}

static int bc_amount_resolve(const struct bc_amount *amt, uint32_t unit,
			     uint64_t page_size, uint64_t *out, const char **why)
{
	unsigned __int128 num = amt->number;

	if (amt->unlimited) {
		*out = BC_UNLIMITED;
		return 0;
	}
	if (amt->suffix && unit != BC_UNIT_BYTES && unit != BC_UNIT_PAGES) {
		*why = "this resource is counted in items and takes no suffix";
		return -EINVAL;
	}
	if (amt->suffix == 'P') {
		if (unit == BC_UNIT_BYTES)
			num *= page_size;
	} else if (amt->suffix) {
		num <<= bc_suffix_shift(amt->suffix);
		if (unit == BC_UNIT_PAGES)
			num = (num + page_size - 1) / page_size;
	}
	if (num > BC_AMOUNT_MAX) {
		*why = "too large; did you mean \"unlimited\"?";
		return -EINVAL;
	}
	*out = num;
	return 0;
}

/**
 * bc_value_resolve() - convert a value to the base unit of its resource
 * @val: from bc_value_parse()
 * @unit: enum bc_unit; one that is not known is taken for items
 * @page_size: bytes in a page
 * @barrier: receives the barrier
 * @limit: receives the limit
 * @why: what is wrong with @val
 *
 * Return: 0, or -EINVAL with @why set.
 */
int bc_value_resolve(const struct bc_value *val, uint32_t unit, uint64_t page_size,
		     uint64_t *barrier, uint64_t *limit, const char **why)
{
	int ret;

	ret = bc_amount_resolve(&val->barrier, unit, page_size, barrier, why);
	if (!ret)
		ret = bc_amount_resolve(&val->limit, unit, page_size, limit, why);
	if (!ret && *barrier > *limit) {
		*why = "the barrier is above the limit";
		ret = -EINVAL;
	}
	return ret;
}

/* Digits and a percent sign; returns what stands behind, or NULL. */
static const char *bc_percent_parse(const char *text, uint32_t *percent)
{
	const char *pos = text;

	for (*percent = 0; *pos >= '0' && *pos <= '9'; pos++)
		if (*percent <= 1000)
			*percent = *percent * 10 + (*pos - '0');
	return pos > text && *pos == '%' ? pos + 1 : NULL;
}

/**
 * bc_percents_parse() - read a threshold
 * @text: "80%", "80%:75%" or "off"
 * @rise: receives the first figure, 0 for "off"
 * @fall: receives the second; without one it is 5 below the first
 * @why: what is wrong with @text
 *
 * Return: 0, or -EINVAL with @why set.
 */
int bc_percents_parse(const char *text, uint32_t *rise, uint32_t *fall, const char **why)
{
	const char *pos;

	*rise = 0;
	*fall = 0;
	if (!strcmp(text, "off"))
		return 0;
	pos = bc_percent_parse(text, rise);
	*fall = *rise > 5 ? *rise - 5 : 0;
	if (pos && *pos == ':')
		pos = bc_percent_parse(pos + 1, fall);
	if (!pos || *pos)
		*why = "not a threshold like 80%, 80%:75% or \"off\"";
	else if (*rise < 1 || *rise > 100)
		*why = "a threshold is 1% to 100% of the barrier";
	else if (*fall >= *rise)
		*why = "the second percentage must be below the first";
	else
		return 0;
	return -EINVAL;
}

/**
 * bc_u32_parse() - read a plain decimal number
 * @text: the digits and nothing else
 * @num: the result
 *
 * Return: 0 or -EINVAL.
 */
int bc_u32_parse(const char *text, uint32_t *num)
{
	uint64_t val = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		val = val * 10 + (*text - '0');
		if (val > UINT32_MAX)
			return -EINVAL;
	}
	*num = val;
	return 0;
}

/**
 * bc_seconds_parse() - read a span of time
 * @text: seconds, with up to three decimals
 * @ms: the result in milliseconds
 *
 * Return: 0 or -EINVAL.
 */
int bc_seconds_parse(const char *text, int *ms)
{
	int64_t val = 0;
	int scale = 0, digits = 0;

	for (; *text; text++) {
		if (*text == '.' && !scale && digits) {
			scale = 1;
			continue;
		}
		if (*text < '0' || *text > '9' || scale >= 1000)
			return -EINVAL;
		val = val * 10 + (*text - '0');
		digits++;
		scale *= 10;
		if (val > INT32_MAX)
			return -EINVAL;
	}
	if (!digits || scale == 1)
		return -EINVAL;
	val = val * 1000 / (scale ? scale : 1);
	if (val > INT32_MAX)
		return -EINVAL;
	*ms = val;
	return 0;
}
