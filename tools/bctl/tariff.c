// SPDX-License-Identifier: GPL-2.0
/*
 * What usage costs: bctl-tariff(5)
 *
 * An invoice has to be recomputed by hand. So everything on it follows from what
 * stands beside it, in two steps: a quantity is the amount in base units divided by
 * the size of the unit, rounded once; what it costs is that quantity, as it is
 * printed, less what is free, times the price, rounded once. All of it is done in
 * integers of 128 bits; what would not fit is an error and never a wrong figure.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sums.h"
#include "tariff.h"
#include "usagedb.h"

#define BC_BUCKET_S	(BC_BUCKET_MS / 1000)
#define BC_DIGITS_MOST	12
#define BC_WORDS_MAX	16

/* How the unit of a figure is made of an amount and a time. */
enum bc_form { BC_FORM_AMOUNT, BC_FORM_TIME, BC_FORM_RATE, BC_FORM_LEVEL };

/* Amounts: so many base units of a measure, a fraction. */
static const struct bc_unit_info {
	const char *name;
	enum bc_measure measure;
	int64_t num;
	int64_t den;
} bc_units[] = {
	{ "item", BC_IN_ITEMS, 1, 1 }, { "thousand", BC_IN_ITEMS, 1000, 1 },
	{ "million", BC_IN_ITEMS, 1000000, 1 },
	{ "B", BC_IN_BYTES, 1, 1 }, { "kB", BC_IN_BYTES, 1000, 1 },
	{ "MB", BC_IN_BYTES, 1000000, 1 }, { "GB", BC_IN_BYTES, 1000000000, 1 },
	{ "TB", BC_IN_BYTES, 1000000000000, 1 }, { "KiB", BC_IN_BYTES, 1LL << 10, 1 },
	{ "MiB", BC_IN_BYTES, 1LL << 20, 1 }, { "GiB", BC_IN_BYTES, 1LL << 30, 1 },
	{ "TiB", BC_IN_BYTES, 1LL << 40, 1 }, { "kbit", BC_IN_BYTES, 1000, 8 },
	{ "Mbit", BC_IN_BYTES, 1000000, 8 }, { "Gbit", BC_IN_BYTES, 1000000000, 8 },
	{ "ns", BC_IN_NS, 1, 1 }, { "ms", BC_IN_NS, 1000000, 1 }, { "s", BC_IN_NS, 1000000000, 1 },
	{ "min", BC_IN_NS, 60000000000, 1 }, { "h", BC_IN_NS, 3600000000000, 1 },
	{ "d", BC_IN_NS, 86400000000000, 1 },
	{ "ms", BC_IN_MS, 1, 1 }, { "s", BC_IN_MS, 1000, 1 }, { "min", BC_IN_MS, 60000, 1 },
	{ "h", BC_IN_MS, 3600000, 1 }, { "d", BC_IN_MS, 86400000, 1 },
	{ "MHz-s", BC_IN_MHZ_NS, 1000000000, 1 }, { "MHz-h", BC_IN_MHZ_NS, 3600000000000, 1 },
	{ "GHz-s", BC_IN_MHZ_NS, 1000000000000, 1 },
	{ "GHz-h", BC_IN_MHZ_NS, 3600000000000000, 1 },
	{ "GHz-d", BC_IN_MHZ_NS, 86400000000000000, 1 },
};

static const struct {
	const char *name;
	int64_t seconds;
} bc_durations[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };

static const char * const bc_roundings[] = { "half-up", "half-even", "up", "down" };

__attribute__((format(printf, 2, 3)))
static int bc_tariff_bad(struct bc_tariff_reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static __int128 bc_gcd(__int128 a, __int128 b)
{
	while (b) {
		__int128 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The amount that stands before the time, or alone. */
static bool bc_unit_amount(const struct bc_tariff_reader *r, const char *name, size_t len,
			   enum bc_measure measure, struct bc_price *price)
{
	enum bc_measure of = measure == BC_IN_PAGES ? BC_IN_BYTES : measure;
	size_t i;

	for (i = 0; i < sizeof(bc_units) / sizeof(bc_units[0]); i++) {
		if (bc_units[i].measure != of || strlen(bc_units[i].name) != len ||
		    memcmp(bc_units[i].name, name, len))
			continue;
		price->num = bc_units[i].num;
		price->den = (__int128)bc_units[i].den *
			(measure == BC_IN_PAGES ? r->page_size : 1);
		return true;
	}
	return false;
}

/* The time behind an amount: "GiB-h", "MB/s". */
static bool bc_unit_duration(const char *name, enum bc_form form, struct bc_price *price)
{
	size_t i;

	for (i = 0; i < sizeof(bc_durations) / sizeof(bc_durations[0]); i++) {
		if (strcmp(bc_durations[i].name, name))
			continue;
		if (form == BC_FORM_TIME) {
			price->num *= bc_durations[i].seconds;
		} else {
			price->num *= BC_BUCKET_S;
			price->den *= bc_durations[i].seconds;
		}
		return true;
	}
	return false;
}

static bool bc_unit_parse(const struct bc_tariff_reader *r, enum bc_measure measure,
			  enum bc_form form, struct bc_price *price)
{
	char mark = form == BC_FORM_TIME ? '-' : '/';
	const char *time = form == BC_FORM_TIME || form == BC_FORM_RATE ?
		strchr(price->unit, mark) : NULL;

	/* one second of CPU time in each second */
	if (form == BC_FORM_RATE && measure == BC_IN_NS && !strcmp(price->unit, "cpu")) {
		price->num = BC_BUCKET_S * 1000000000LL;
		price->den = 1;
		return true;
	}
	if (form == BC_FORM_TIME || form == BC_FORM_RATE)
		return time && bc_unit_amount(r, price->unit, time - price->unit, measure, price) &&
		       bc_unit_duration(time + 1, form, price);
	if (!bc_unit_amount(r, price->unit, strlen(price->unit), measure, price))
		return false;
	if (form == BC_FORM_LEVEL)
		price->num *= BC_BUCKET_S;
	return true;
}

/* What a resource can be paid for. */
static const struct {
	const char *suffix;
	enum bc_priced kind;
	enum bc_form form;
} bc_res_metrics[] = {
	{ "held_time", BC_PAID_HELD_TIME, BC_FORM_TIME },
	{ "held_time.p95", BC_PAID_HELD_P95, BC_FORM_LEVEL },
	{ "peak", BC_PAID_PEAK, BC_FORM_AMOUNT },
	{ "failcnt", BC_PAID_FAILCNT, BC_FORM_AMOUNT },
	{ "failed", BC_PAID_FAILED, BC_FORM_AMOUNT },
};

static int bc_res_metric(struct bc_tariff_reader *r, struct bc_price *price,
			 enum bc_measure *measure, enum bc_form *form)
{
	const char *dot = strchr(price->metric, '.');
	size_t len = dot ? (size_t)(dot - price->metric) : 0, i, j;

	for (i = 0; i < r->nres && dot; i++) {
		if (strlen(r->res[i].name) != len || memcmp(r->res[i].name, price->metric, len))
			continue;
		for (j = 0; j < sizeof(bc_res_metrics) / sizeof(bc_res_metrics[0]); j++) {
			if (strcmp(bc_res_metrics[j].suffix, dot + 1))
				continue;
			price->kind = bc_res_metrics[j].kind;
			price->index = i;
			*form = bc_res_metrics[j].form;
			*measure = price->kind == BC_PAID_FAILCNT ? BC_IN_ITEMS :
				r->res[i].measure;
			return 0;
		}
		return bc_tariff_bad(r, "of %.*s only held_time, held_time.p95, peak, failcnt and failed have a price",
				     (int)len, price->metric);
	}
	return bc_tariff_bad(r, "unknown metric '%.64s'", price->metric);
}

static int bc_metric_parse(struct bc_tariff_reader *r, struct bc_price *price,
			   enum bc_measure *measure, enum bc_form *form)
{
	size_t len = strlen(price->metric);
	char flow[64];

	*form = BC_FORM_AMOUNT;
	*measure = BC_IN_MS;
	price->kind = BC_PAID_EXISTED;
	if (!strcmp(price->metric, "pool.existed_ms"))
		return 0;
	price->kind = BC_PAID_COVERED;
	if (!strcmp(price->metric, "pool.covered_ms"))
		return 0;
	price->kind = BC_PAID_FLOW;
	snprintf(flow, sizeof(flow), "%s", price->metric);
	if (len > 4 && len < sizeof(flow) && !strcmp(price->metric + len - 4, ".p95")) {
		flow[len - 4] = '\0';
		price->kind = BC_PAID_FLOW_P95;
		*form = BC_FORM_RATE;
	}
	price->index = bc_flow_by_name(flow);
	if (price->index < 0)
		return bc_res_metric(r, price, measure, form);
	*measure = bc_flow_infos[price->index].measure;
	if (price->kind == BC_PAID_FLOW_P95 && !bc_flow_infos[price->index].rate)
		return bc_tariff_bad(r, "%s has no 95th percentile", flow);
	return 0;
}

/* "N half-up" behind "quantity" and "amount". */
static int bc_rounding_parse(struct bc_tariff_reader *r, char **words, size_t count,
			     unsigned int *digits, enum bc_rounding *rounding)
{
	size_t i;

	if (count != 3 || strlen(words[1]) > 2 || strspn(words[1], "0123456789") !=
	    strlen(words[1]) || atoi(words[1]) > BC_DIGITS_MOST)
		return bc_tariff_bad(r, "'%s' needs a number of decimals up to %d and a way to round",
				     words[0], BC_DIGITS_MOST);
	*digits = atoi(words[1]);
	for (i = 0; i < sizeof(bc_roundings) / sizeof(bc_roundings[0]); i++)
		if (!strcmp(words[2], bc_roundings[i])) {
			*rounding = i;
			return 0;
		}
	return bc_tariff_bad(r, "'%.32s' is not half-up, half-even, up or down", words[2]);
}

static int bc_free_parse(struct bc_tariff_reader *r, const struct bc_tariff *t,
			 struct bc_price *price, const char *text)
{
	unsigned int digits;

	if (!bc_decimal_parse(text, &price->free, &digits))
		return bc_tariff_bad(r, "free '%.32s': not a decimal number", text);
	if (digits > t->quantity_digits)
		return bc_tariff_bad(r, "free '%.32s' has more decimals than quantities", text);
	for (; digits < t->quantity_digits; digits++)
		if (!bc_wide_multiply(price->free, 10, &price->free))
			return bc_tariff_bad(r, "free '%.32s' is too large", text);
	return 0;
}

/* What stands behind the price: "free N", and "as" with the rest of the line. */
static int bc_price_options(struct bc_tariff_reader *r, const struct bc_tariff *t,
			    struct bc_price *price, char **words, size_t count)
{
	char text[512] = "";
	size_t i = 4, len = 0;
	int ret = 0;

	if (i < count && !strcmp(words[i], "free")) {
		if (i + 1 == count)
			return bc_tariff_bad(r, "'free' needs a quantity");
		ret = bc_free_parse(r, t, price, words[i + 1]);
		i += 2;
	}
	if (!ret && i < count && strcmp(words[i], "as"))
		return bc_tariff_bad(r, "'%.32s' is not 'free' or 'as'", words[i]);
	if (!ret && i + 1 == count)
		return bc_tariff_bad(r, "'as' needs a text");
	for (i++; i < count && len < sizeof(text); i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "", words[i]);
	price->text = strdup(len ? text : price->metric);
	return !ret && !price->text ? -ENOMEM : ret;
}

static int bc_price_parse(struct bc_tariff_reader *r, struct bc_tariff *t, char **words,
			  size_t count)
{
	struct bc_price *v = reallocarray(t->v, t->count + 1, sizeof(*v)), *price;
	enum bc_measure measure;
	enum bc_form form;
	__int128 gcd;
	int ret;

	if (!v)
		return -ENOMEM;
	t->v = v;
	if (count < 4)
		return bc_tariff_bad(r, "'price' needs a metric, a unit and a price");
	price = &v[t->count++];
	*price = (struct bc_price){ .line = r->line, .metric = strdup(words[1]),
				    .unit = strdup(words[2]) };
	if (!price->metric || !price->unit)
		return -ENOMEM;
	ret = bc_metric_parse(r, price, &measure, &form);
	if (ret)
		return ret;
	if (!bc_unit_parse(r, measure, form, price))
		return bc_tariff_bad(r, "'%.32s' is no unit of %.64s", words[2], words[1]);
	gcd = bc_gcd(price->num, price->den);
	price->num /= gcd;
	price->den /= gcd;
	if (!bc_decimal_parse(words[3], &price->price, &price->digits) ||
	    price->digits > BC_DIGITS_MOST)
		return bc_tariff_bad(r, "price '%.32s': not a decimal number with at most %d decimals",
				     words[3], BC_DIGITS_MOST);
	return bc_price_options(r, t, price, words, count);
}

static int bc_currency_parse(struct bc_tariff_reader *r, struct bc_tariff *t, char **words,
			     size_t count)
{
	if (*t->currency)
		return bc_tariff_bad(r, "the currency is given twice");
	if (count != 2 || strlen(words[1]) != 3 || !isupper((unsigned char)words[1][0]) ||
	    !isupper((unsigned char)words[1][1]) || !isupper((unsigned char)words[1][2]))
		return bc_tariff_bad(r, "'currency' needs three capital letters, as EUR");
	strcpy(t->currency, words[1]);
	return 0;
}

static int bc_tariff_line(struct bc_tariff_reader *r, struct bc_tariff *t, char *text)
{
	char *words[BC_WORDS_MAX], *save = NULL, *word;
	size_t count = 0;

	for (word = strtok_r(text, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save)) {
		if (*word == '#')
			break;
		if (count == BC_WORDS_MAX)
			return bc_tariff_bad(r, "more than %d words", BC_WORDS_MAX);
		words[count++] = word;
	}
	if (!count)
		return 0;
	if (!strcmp(words[0], "currency"))
		return bc_currency_parse(r, t, words, count);
	if (!strcmp(words[0], "price"))
		return bc_price_parse(r, t, words, count);
	if (strcmp(words[0], "quantity") && strcmp(words[0], "amount"))
		return bc_tariff_bad(r, "'%.32s' is not currency, quantity, amount or price",
				     words[0]);
	if (t->count)
		return bc_tariff_bad(r, "'%s' has to stand before the first price", words[0]);
	if (!strcmp(words[0], "quantity"))
		return bc_rounding_parse(r, words, count, &t->quantity_digits,
					 &t->quantity_rounding);
	return bc_rounding_parse(r, words, count, &t->amount_digits, &t->amount_rounding);
}

/**
 * bc_tariff_read() - read a tariff
 * @t: the tariff, to be ended by bc_tariff_clear() in any case
 * @r: the resources; after an error, where and what it is
 * @file: the file
 *
 * Return: 0 or a negative errno.
 */
int bc_tariff_read(struct bc_tariff *t, struct bc_tariff_reader *r, FILE *file)
{
	size_t size = 0;
	char *text = NULL;
	ssize_t len;
	int ret = 0;

	*t = (struct bc_tariff){ .quantity_digits = 6, .amount_digits = 2 };
	while (!ret && (len = getline(&text, &size, file)) >= 0) {
		r->line++;
		if (memchr(text, 0, len))
			ret = bc_tariff_bad(r, "there is a NUL byte");
		else
			ret = bc_tariff_line(r, t, text);
	}
	free(text);
	if (!ret && ferror(file))
		ret = bc_tariff_bad(r, "cannot be read");
	if (!ret && !*t->currency)
		ret = bc_tariff_bad(r, "the currency is missing");
	if (!ret && !t->count)
		ret = bc_tariff_bad(r, "there is no price");
	if (ret && !*r->why)
		bc_tariff_bad(r, "%s", strerror(-ret));
	return ret;
}

/**
 * bc_price_quantity() - what an amount costs
 * @t: the tariff
 * @price: the line of it
 * @base: the amount in base units
 * @quantity: in the unit of the price, with the decimals that the tariff says
 * @billable: the same without what is free; a quantity below 0 is a credit
 * @amount: what that costs, with the decimals that the tariff says
 *
 * Return: 0 or -ERANGE.
 */
int bc_price_quantity(const struct bc_tariff *t, const struct bc_price *price, __int128 base,
		      __int128 *quantity, __int128 *billable, __int128 *amount)
{
	__int128 num = base, den = 1;
	unsigned int digits;

	if (!bc_wide_multiply(num, price->den, &num))
		return -ERANGE;
	for (digits = 0; digits < t->quantity_digits; digits++)
		if (!bc_wide_multiply(num, 10, &num))
			return -ERANGE;
	*quantity = bc_wide_divide(num, price->num, t->quantity_rounding);
	*billable = *quantity <= 0 ? *quantity :
		*quantity > price->free ? *quantity - price->free : 0;
	if (!bc_wide_multiply(*billable, price->price, &num))
		return -ERANGE;
	digits = t->quantity_digits + price->digits;
	for (; digits > t->amount_digits; digits--)
		if (!bc_wide_multiply(den, 10, &den))
			return -ERANGE;
	for (; digits < t->amount_digits; digits++)
		if (!bc_wide_multiply(num, 10, &num))
			return -ERANGE;
	*amount = bc_wide_divide(num, den, t->amount_rounding);
	return 0;
}

/**
 * bc_tariff_clear() - free a tariff
 * @t: the tariff
 */
void bc_tariff_clear(struct bc_tariff *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		free(t->v[i].text);
		free(t->v[i].metric);
		free(t->v[i].unit);
	}
	free(t->v);
	t->v = NULL;
	t->count = 0;
}
