// SPDX-License-Identifier: GPL-2.0
/*
 * Amounts as vzctl reads them: N[:M] with decimals, suffixes and "unlimited"
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <linux/beancounter.h>

#include "keys.h"

/* Far above any legal amount, far enough from the end to be multiplied. */
#define CT_NUMBER_CAP	((unsigned __int128)1 << 63)
#define CT_DECIMALS	6

#define CT_LONG_MAX	0x7fffffffffffffffULL
#define CT_INT_MAX	0x7fffffffULL

/**
 * ct_number() - read digits with decimals
 * @text: what begins with them
 * @micro: receives them in millionths, so that 2.2G is exact where it can be
 * @decimals: receives whether there are some
 *
 * Return: what stands behind them, or NULL if there are none.
 */
const char *ct_number(const char *text, unsigned __int128 *micro, bool *decimals)
{
	const char *pos = text;
	int i;

	for (*micro = 0; *pos >= '0' && *pos <= '9'; pos++)
		if (*micro < CT_NUMBER_CAP)
			*micro = *micro * 10 + (*pos - '0');
	if (pos == text)
		return NULL;
	*decimals = *pos == '.';
	if (*decimals)
		pos++;
	for (i = 0; i < CT_DECIMALS; i++) {
		bool digit = *decimals && *pos >= '0' && *pos <= '9';

		*micro = *micro * 10 + (digit ? *pos - '0' : 0);
		if (digit)
			pos++;
	}
	return *decimals && pos[-1] == '.' ? NULL : pos;
}

static int ct_suffix(char c, int *shift)
{
	static const char order[] = "BKMGT";
	const char *pos = c ? strchr(order, toupper((unsigned char)c)) : NULL;

	*shift = pos ? 10 * (int)(pos - order) : 0;
	return pos ? 0 : -EINVAL;
}

/* One side of a value, whose text ends at @end. */
static int ct_amount(const char *text, const char *end, uint32_t unit, uint64_t page_size,
		     uint64_t *out, const char **why)
{
	unsigned __int128 num;
	bool decimals, whole;
	const char *pos;
	int shift = 0;

	*why = "not a number with suffix K, M, G, T, B or P, nor \"unlimited\"";
	if (end - text == 9 && !strncasecmp(text, "unlimited", 9)) {
		*out = BC_UNLIMITED;
		return 0;
	}
	pos = ct_number(text, &num, &decimals);
	if (!pos || pos > end || end - pos > 1)
		return -EINVAL;
	whole = pos == end;
	if (whole && (num == CT_LONG_MAX * CT_MILLION || num == CT_INT_MAX * CT_MILLION)) {
		*out = BC_UNLIMITED;
		return 0;
	}
	if (whole && decimals)
		return -EINVAL;
	if (!whole && toupper((unsigned char)*pos) == 'P') {
		if (unit == BC_UNIT_ITEMS)
			return -EINVAL;
		num *= unit == BC_UNIT_BYTES ? page_size : 1;
	} else if (!whole) {
		if (ct_suffix(*pos, &shift) || (unit == BC_UNIT_ITEMS && !shift))
			return -EINVAL;
		num <<= shift;
		if (unit == BC_UNIT_PAGES)
			num = (num + page_size * CT_MILLION - 1) / page_size;
		/* whole pages, upwards */
		if (unit == BC_UNIT_PAGES)
			num -= num % CT_MILLION;
	}
	num /= CT_MILLION;
	*why = "too large; did you mean \"unlimited\"?";
	if (num > BC_AMOUNT_MAX)
		return -EINVAL;
	*out = num;
	return 0;
}

/**
 * ct_value_parse() - read N[:M]
 * @text: the value
 * @unit: enum bc_unit of plain numbers
 * @page_size: bytes in a page
 * @val: the result
 * @why: what is wrong with @text
 *
 * A barrier above the limit is no error here: validation finds those.
 *
 * Return: 0, or -EINVAL with @why set.
 */
int ct_value_parse(const char *text, uint32_t unit, uint64_t page_size,
		   struct ct_value *val, const char **why)
{
	const char *end = text + strlen(text), *colon = strchr(text, ':');
	int ret;

	ret = ct_amount(text, colon ? colon : end, unit, page_size, &val->barrier, why);
	val->limit = val->barrier;
	if (!ret && colon)
		ret = ct_amount(colon + 1, end, unit, page_size, &val->limit, why);
	val->given = !ret;
	return ret;
}

/**
 * ct_rate_parse() - read an amount per second; 0 and "unlimited" are the same
 * @text: the value
 * @plain: what a number without suffix is multiplied by
 * @rate: the result
 * @why: what is wrong with @text
 *
 * Return: 0, or -EINVAL with @why set.
 */
int ct_rate_parse(const char *text, uint64_t plain, uint64_t *rate, const char **why)
{
	struct ct_value val;
	size_t len = strlen(text);
	int ret;

	*why = "not an amount per second, nor \"unlimited\"";
	if (strchr(text, ':') || (len && toupper((unsigned char)text[len - 1]) == 'P'))
		return -EINVAL;
	ret = ct_value_parse(text, BC_UNIT_BYTES, 1, &val, why);
	if (ret)
		return ret;
	*rate = val.barrier ? val.barrier : BC_UNLIMITED;
	if (*rate != BC_UNLIMITED && isdigit((unsigned char)text[len - 1])) {
		*why = "too large; did you mean \"unlimited\"?";
		if (*rate > BC_AMOUNT_MAX / plain)
			return -EINVAL;
		*rate *= plain;
	}
	return 0;
}
