// SPDX-License-Identifier: GPL-2.0
/*
 * Writing metrics as text
 *
 * A catalogue has a row for each metric; here is what turns rows and figures into lines. What
 * is not known has no line, and a metric without a line has no head. All lines of a metric
 * stand together, as both formats want it: so the rows are the outer loop.
 *
 * Of a name there may be a live pool and dying ones. These are left out, or there would be
 * two lines for one thing; what they hold is among the figures of their parents.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expose.h"
#include "scrape.h"

/**
 * struct bc_writer - a text under way
 * @out: where it goes
 * @s: the figures
 * @cat: the catalogue
 * @expo: the format
 * @m: the row
 * @named: the row with the name of the metric that @m is a part of
 * @headed: the metric has its head
 */
struct bc_writer {
	FILE *out;
	const struct bc_scrape *s;
	const struct bc_catalogue *cat;
	enum bc_exposition expo;
	const struct bc_family *m;
	const struct bc_family *named;
	bool headed;
};

/* Length of the UTF-8 sequence at @s; 0 if that is none. */
static size_t bc_sequence(const unsigned char *s)
{
	size_t len = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 :
		     *s >= 0xf0 && *s < 0xf5 ? 4 : 0, i;

	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Too long a form, half of a surrogate pair, beyond the last code point. */
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

#define BC_PLAIN \
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.:-/"

/* The value of a label, which both formats want to be UTF-8; what is not becomes U+FFFD. */
static void bc_label_value(FILE *out, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	size_t len;

	/* What most names consist of. */
	len = strspn(value, BC_PLAIN);
	fwrite(value, 1, len, out);
	for (s += len; *s; s += len ? len : 1) {
		len = bc_sequence(s);
		if (*s == '\\' || *s == '"')
			fprintf(out, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", out);
		else if (len)
			fwrite(s, len, 1, out);
		else
			fputs("\xef\xbf\xbd", out);
	}
}

/**
 * bc_label() - write a label
 * @out: where it goes
 * @name: its name
 * @value: its value, or NULL for no label
 */
void bc_label(FILE *out, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(out, "%s=\"", name);
	bc_label_value(out, value);
	fputc('"', out);
}

/* Exactly: a float would round large sums of bytes and nanoseconds. */
static void bc_number_out(FILE *out, struct bc_number n)
{
	char text[48], *end = text + sizeof(text) - 1, *p = end;
	int digits = n.digits;
	uint64_t low;

	*end = '\0';
	/* The processor has no division of 128 bits: no more of them than it takes. */
	for (; n.num >> 64; n.num /= 10) {
		*--p = '0' + (int)(n.num % 10);
		if (--digits == 0)
			*--p = '.';
	}
	low = n.num;
	do {
		*--p = '0' + low % 10;
		low /= 10;
		if (--digits == 0)
			*--p = '.';
	} while (low || digits >= 0);
	if (n.digits) {
		while (end[-1] == '0')
			*--end = '\0';
		if (end[-1] == '.')
			*--end = '\0';
	}
	fputs(p, out);
}

static const char *bc_type_name(const struct bc_writer *w)
{
	switch (w->named->type) {
	case BC_FAMILY_COUNTER:
		return "counter";
	case BC_FAMILY_HISTOGRAM:
		return "histogram";
	case BC_FAMILY_INFO:
		return w->expo == BC_EXPO_OPENMETRICS ? "info" : "gauge";
	default:
		return "gauge";
	}
}

/* What a name ends with in a line. */
static const char *bc_suffix(const struct bc_family *m)
{
	return m->type == BC_FAMILY_COUNTER ? "_total" : m->type == BC_FAMILY_INFO ? "_info" : "";
}

/* The head tells the name without the suffix in one format, with it in the other. */
static void bc_head(struct bc_writer *w)
{
	const struct bc_family *m = w->named;
	const char *suffix = w->expo == BC_EXPO_OPENMETRICS ? "" : bc_suffix(m);

	if (w->headed)
		return;
	w->headed = true;
	fprintf(w->out, "# HELP %s%s %s.\n", m->name, suffix, m->help);
	fprintf(w->out, "# TYPE %s%s %s\n", m->name, suffix, bc_type_name(w));
	if (m->unit && w->expo == BC_EXPO_OPENMETRICS)
		fprintf(w->out, "# UNIT %s %s\n", m->name, m->unit);
}

/* The labels of a line; @more of its own, or NULL. */
static void bc_labels(struct bc_writer *w, const struct bc_point *pt, const char *more)
{
	const char *sep = "{";

	if (pt->pool) {
		fputs(sep, w->out);
		w->cat->pool(w->out, pt->pool);
		sep = ",";
	}
	if (pt->rec && w->m->all) {
		fputs(sep, w->out);
		bc_label(w->out, "resource", pt->res->name);
		sep = ",";
	}
	if (w->m->label) {
		fprintf(w->out, "%s%s", sep, w->m->label);
		sep = ",";
	}
	if (w->m->labels) {
		fputs(sep, w->out);
		w->m->labels(w->out, pt);
		sep = ",";
	}
	if (more) {
		fprintf(w->out, "%s%s", sep, more);
		sep = ",";
	}
	if (*sep == ',')
		fputc('}', w->out);
}

static void bc_line(struct bc_writer *w, const struct bc_point *pt, struct bc_number n)
{
	bc_head(w);
	fprintf(w->out, "%s%s", w->named->name, bc_suffix(w->named));
	bc_labels(w, pt, NULL);
	fputc(' ', w->out);
	bc_number_out(w->out, n);
	fputc('\n', w->out);
}

static uint64_t bc_member(const struct bc_family *m, const void *obj)
{
	uint32_t small;
	uint64_t num;

	if (m->size == sizeof(small)) {
		memcpy(&small, (const char *)obj + m->offset, sizeof(small));
		return small;
	}
	memcpy(&num, (const char *)obj + m->offset, sizeof(num));
	return num;
}

static void bc_member_line(struct bc_writer *w, const struct bc_point *pt, const void *obj)
{
	bc_line(w, pt, (struct bc_number){ bc_member(w->m, obj), w->m->digits });
}

static void bc_setting_line(struct bc_writer *w, const struct bc_point *pt)
{
	struct bc_setting set;
	size_t i;

	for (i = 0; bcn_pool_setting(pt->pool, i, &set); i++)
		if (set.id == w->m->known && set.value != BC_UNLIMITED)
			bc_line(w, pt, (struct bc_number){ set.value, w->m->digits });
}

/* The figure of a record in bytes or items, if it is known, of the row's unit, not unlimited. */
static bool bc_record_figure(const struct bc_scrape *s, const struct bc_family *m,
			     const struct bc_record *rec, const struct bcn_res *res,
			     struct bc_number *to)
{
	uint64_t num = bc_member(m, rec);

	if (rec->flags & m->unless || (rec->flags & m->need) != m->need || num == BC_UNLIMITED)
		return false;
	*to = (struct bc_number){ num, m->digits };
	if (m->count)
		return true;
	if ((res->unit != BC_UNIT_ITEMS) != m->bytes || res->unit > BC_UNIT_PAGES)
		return false;
	if (res->unit == BC_UNIT_PAGES)
		to->num *= s->page_size;
	return true;
}

static void bc_record_lines(struct bc_writer *w, struct bc_point *pt)
{
	struct bc_record rec;
	struct bc_number n;
	size_t i;

	for (i = 0; bcn_pool_record(pt->pool, i, &rec); i++) {
		if (!w->m->all && rec.res != w->m->res)
			continue;
		pt->rec = &rec;
		pt->res = bc_scrape_res(w->s, rec.res);
		if (pt->res && bc_record_figure(w->s, w->m, &rec, pt->res, &n))
			bc_line(w, pt, n);
	}
}

/*
 * Of the 32 buckets these are told: each takes a series for each pool, and a factor of 4 is
 * enough for a quantile. The bound of bucket n is 2^n us; the last one has none.
 */
static const int bc_bounds[] = { 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24 };

static void bc_bucket_line(struct bc_writer *w, const struct bc_point *pt, const char *le,
			   uint64_t count)
{
	char label[48];

	snprintf(label, sizeof(label), "le=\"%s\"", le);
	fprintf(w->out, "%s_bucket", w->named->name);
	bc_labels(w, pt, label);
	fprintf(w->out, " %llu\n", (unsigned long long)count);
}

static void bc_times_lines(struct bc_writer *w, const struct bc_point *pt)
{
	const struct bcn_device *all = w->s->devices ?
				       bcn_list_device(w->s->devices[pt->i], 0) : NULL;
	uint64_t buckets[BC_IO_BUCKETS], sum, count = 0;
	size_t i, n = 0;
	char le[32];

	if (!all || all->device || !BCN_HAS(all, BC_A_IO_TIMES) || !(all->io.known & BC_IO_F_TIMES))
		return;
	bc_head(w);
	memcpy(buckets, (const char *)&all->times + w->m->offset, sizeof(buckets));
	memcpy(&sum, (const char *)&all->io + w->m->size, sizeof(sum));
	for (i = 0; i < sizeof(bc_bounds) / sizeof(bc_bounds[0]); i++) {
		while (n <= (size_t)bc_bounds[i])
			count += buckets[n++];
		snprintf(le, sizeof(le), "%.6f", (1 << bc_bounds[i]) / 1e6);
		bc_bucket_line(w, pt, le, count);
	}
	while (n < BC_IO_BUCKETS)
		count += buckets[n++];
	bc_bucket_line(w, pt, "+Inf", count);
	fprintf(w->out, "%s_sum", w->named->name);
	bc_labels(w, pt, NULL);
	fputc(' ', w->out);
	bc_number_out(w->out, (struct bc_number){ sum, 9 });
	fprintf(w->out, "\n%s_count", w->named->name);
	bc_labels(w, pt, NULL);
	fprintf(w->out, " %llu\n", (unsigned long long)count);
}

static void bc_made_line(struct bc_writer *w, const struct bc_point *pt)
{
	struct bc_number n = { 1, 0 };

	if (w->m->make(pt, &n))
		bc_line(w, pt, n);
}

static void bc_pool_lines(struct bc_writer *w, struct bc_point *pt)
{
	const struct bcn_pool *pool = pt->pool;
	const struct bc_family *m = w->m;

	switch (m->of) {
	case BC_OF_POOL:
		return bc_made_line(w, pt);
	case BC_OF_CPU:
		return pool->cpu.known & m->known ? bc_member_line(w, pt, &pool->cpu) : (void)0;
	case BC_OF_IO:
		return pool->io.known & m->known ? bc_member_line(w, pt, &pool->io) : (void)0;
	case BC_OF_MEMORY:
		return BCN_HAS(pool, BC_A_MEMORY) ? bc_member_line(w, pt, &pool->memory) : (void)0;
	case BC_OF_SETTING:
		return bc_setting_line(w, pt);
	case BC_OF_RECORD:
		return bc_record_lines(w, pt);
	case BC_OF_TIMES:
		return bc_times_lines(w, pt);
	default:
		return;
	}
}

static void bc_row_lines(struct bc_writer *w)
{
	const struct bcn_info *info = w->s->up ? bcn_list_info(w->s->info) : NULL;
	struct bc_point pt = { .s = w->s };

	if (w->m->of == BC_OF_SCRAPE)
		return bc_made_line(w, &pt);
	if (w->m->of == BC_OF_INFO) {
		if (info && BCN_HAS(info, w->m->known))
			bc_member_line(w, &pt, info);
		return;
	}
	if (w->m->of == BC_OF_RES) {
		for (; (pt.res = bcn_list_resource(w->s->resources, pt.i)); pt.i++)
			bc_made_line(w, &pt);
		return;
	}
	for (; (pt.pool = bcn_list_pool(w->s->pools, pt.i)); pt.i++) {
		if (pt.pool->state == BC_POOL_LIVE)
			bc_pool_lines(w, &pt);
		pt.rec = NULL;
		pt.res = NULL;
	}
}

static void bc_catalogue_out(struct bc_writer *w)
{
	for (w->m = w->cat->families; w->m->name; w->m++) {
		if (w->m->help) {
			w->named = w->m;
			w->headed = false;
		}
		bc_row_lines(w);
	}
}

/**
 * bc_expose() - write all metrics
 * @s: the figures
 * @cats: the catalogues, ended by NULL
 * @expo: the format
 * @text: receives the text, to be freed
 * @len: receives its length
 *
 * Return: 0 or -ENOMEM.
 */
int bc_expose(const struct bc_scrape *s, const struct bc_catalogue *const *cats,
	      enum bc_exposition expo, char **text, size_t *len)
{
	struct bc_writer w = { .s = s, .expo = expo };

	*text = NULL;
	w.out = open_memstream(text, len);
	if (!w.out)
		return -ENOMEM;
	for (; *cats; cats++) {
		w.cat = *cats;
		bc_catalogue_out(&w);
	}
	if (expo == BC_EXPO_OPENMETRICS)
		fputs("# EOF\n", w.out);
	if (!ferror(w.out) && !fclose(w.out))
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}
