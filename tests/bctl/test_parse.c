// SPDX-License-Identifier: GPL-2.0
/*
 * Values: what is read, what is refused, and that junk does no harm
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <linux/beancounter.h>

#include "parse.h"
#include "tap.h"

#define MAX	((uint64_t)BC_AMOUNT_MAX)

struct value_case {
	const char *text;
	uint32_t unit;
	uint64_t page;
	uint64_t barrier, limit;
};

static const struct value_case good[] = {
	{ "0", BC_UNIT_ITEMS, 4096, 0, 0 },
	{ "240", BC_UNIT_ITEMS, 4096, 240, 240 },
	{ "007", BC_UNIT_ITEMS, 4096, 7, 7 },
	{ "240:250", BC_UNIT_ITEMS, 4096, 240, 250 },
	{ "240:240", BC_UNIT_ITEMS, 4096, 240, 240 },
	{ "0:unlimited", BC_UNIT_ITEMS, 4096, 0, BC_UNLIMITED },
	{ "unlimited", BC_UNIT_ITEMS, 4096, BC_UNLIMITED, BC_UNLIMITED },
	{ "unlimited:unlimited", BC_UNIT_PAGES, 4096, BC_UNLIMITED, BC_UNLIMITED },
	{ "4611686018427387903", BC_UNIT_ITEMS, 4096, MAX, MAX },
	{ "64M", BC_UNIT_BYTES, 4096, 64 << 20, 64 << 20 },
	{ "64m:72m", BC_UNIT_BYTES, 4096, 64 << 20, 72 << 20 },
	{ "1K", BC_UNIT_BYTES, 4096, 1024, 1024 },
	{ "3T", BC_UNIT_BYTES, 4096, 3ULL << 40, 3ULL << 40 },
	{ "100P", BC_UNIT_BYTES, 4096, 409600, 409600 },
	{ "100P", BC_UNIT_BYTES, 65536, 6553600, 6553600 },
	{ "100P", BC_UNIT_PAGES, 4096, 100, 100 },
	{ "100p", BC_UNIT_PAGES, 65536, 100, 100 },
	{ "100", BC_UNIT_PAGES, 4096, 100, 100 },
	{ "64M", BC_UNIT_PAGES, 4096, 16384, 16384 },
	{ "64M:72M", BC_UNIT_PAGES, 4096, 16384, 18432 },
	{ "64M", BC_UNIT_PAGES, 65536, 1024, 1024 },
	{ "1K", BC_UNIT_PAGES, 4096, 1, 1 },
	{ "5K", BC_UNIT_PAGES, 4096, 2, 2 },
	{ "0K", BC_UNIT_PAGES, 4096, 0, 0 },
	{ "100P:1G", BC_UNIT_PAGES, 4096, 100, 262144 },
	{ "1023M:1G", BC_UNIT_BYTES, 4096, 1023ULL << 20, 1ULL << 30 },
	/* 2^62 - 1 pages, written in bytes that need more than 64 bits */
	{ "16777215T", BC_UNIT_PAGES, 4096, 16777215ULL << 28, 16777215ULL << 28 },
};

/* Refused whatever the resource. */
static const char * const junk[] = {
	"", ":", "1:", ":1", "1:2:3", "::", "-1", "-", "1:-2", "-0", "+1", " 1", "1 ",
	"1 M", "0x10", "1e3", "1.5M", "M", "P", "MM", "1MM", "1MB", "1MiB", "64Q", "64E",
	"Unlimited", "UNLIMITED", "unlimite", "unlimitedd", "unlimitedM", "max", "nan",
	"2:1", "2M:1M", "1G:1023M", "unlimited:1", "2P:1P", "1\n", "\xff", "1\xff", "1:\x01",
	"99999999999999999999999999999999999999999999999999:1",
};

struct unit_case {
	const char *text;
	uint32_t unit;
	const char *word;
};

/* Refused once the resource is known. */
static const struct unit_case bad[] = {
	{ "1K", BC_UNIT_ITEMS, "suffix" },
	{ "1P", BC_UNIT_ITEMS, "suffix" },
	{ "1:2M", BC_UNIT_ITEMS, "suffix" },
	{ "1M", 17, "suffix" },
	{ "4611686018427387904", BC_UNIT_ITEMS, "large" },
	{ "18446744073709551615", BC_UNIT_ITEMS, "large" },
	{ "18446744073709551616", BC_UNIT_ITEMS, "large" },
	{ "18446744073709551617", BC_UNIT_ITEMS, "large" },
	{ "0:340282366920938463463374607431768211456", BC_UNIT_ITEMS, "large" },
	{ "340282366920938463463374607431768211457T", BC_UNIT_BYTES, "large" },
	{ "4194304T", BC_UNIT_BYTES, "large" },
	{ "16777216T", BC_UNIT_BYTES, "large" },
	{ "1125899906842624P", BC_UNIT_BYTES, "large" },
	{ "18446744073709551616K", BC_UNIT_PAGES, "large" },
	{ "100P:1K", BC_UNIT_BYTES, "above" },
	{ "5000:1K", BC_UNIT_BYTES, "above" },
	{ "2:4K", BC_UNIT_PAGES, "above" },
};

static void test_good(void)
{
	uint64_t barrier = 1, limit = 1;
	const char *why = "";
	struct bc_value val;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ret = bc_value_parse(good[i].text, &val, &why);
		if (!ret)
			ret = bc_value_resolve(&val, good[i].unit, good[i].page, &barrier,
					       &limit, &why);
		ok(!ret && barrier == good[i].barrier && limit == good[i].limit,
		   "value_%s_of_unit_%u_is_read", good[i].text, good[i].unit);
	}
}

static void test_junk(void)
{
	struct bc_value val;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		why = NULL;
		ok(bc_value_parse(junk[i], &val, &why) == -EINVAL && why,
		   "junk_%zu_is_refused_without_a_kernel", i);
	}
}

static void test_bad(void)
{
	uint64_t barrier, limit;
	struct bc_value val;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = "";
		ok(!bc_value_parse(bad[i].text, &val, &why) &&
		   bc_value_resolve(&val, bad[i].unit, 4096, &barrier, &limit, &why) == -EINVAL &&
		   strstr(why, bad[i].word),
		   "value_%s_is_refused_for_unit_%u_as_%s", bad[i].text, bad[i].unit,
		   bad[i].word);
	}
}

static void test_numbers(void)
{
	uint32_t num = 1;
	int ms = 1;

	ok(!bc_u32_parse("0", &num) && !num, "u32_zero");
	ok(!bc_u32_parse("4294967295", &num) && num == UINT32_MAX, "u32_largest");
	ok(bc_u32_parse("4294967296", &num), "u32_overflow_is_refused");
	ok(bc_u32_parse("99999999999999999999999", &num), "u32_far_overflow_is_refused");
	ok(bc_u32_parse("", &num) && bc_u32_parse("-1", &num) && bc_u32_parse("1x", &num) &&
	   bc_u32_parse(" 1", &num), "u32_junk_is_refused");
	ok(!bc_seconds_parse("5", &ms) && ms == 5000, "seconds_whole");
	ok(!bc_seconds_parse("0.25", &ms) && ms == 250, "seconds_decimal");
	ok(!bc_seconds_parse("1.5", &ms) && ms == 1500, "seconds_one_decimal");
	ok(!bc_seconds_parse("0.001", &ms) && ms == 1, "seconds_smallest");
	ok(!bc_seconds_parse("0", &ms) && !ms, "seconds_zero");
	ok(bc_seconds_parse("", &ms) && bc_seconds_parse(".", &ms) && bc_seconds_parse("1.", &ms) &&
	   bc_seconds_parse(".5", &ms) && bc_seconds_parse("1.2.3", &ms) &&
	   bc_seconds_parse("-1", &ms) && bc_seconds_parse("0.0001", &ms) &&
	   bc_seconds_parse("99999999999", &ms) && bc_seconds_parse("2147484", &ms),
	   "seconds_junk_is_refused");
}

/* Mutations of good values: no crash, and no result out of bounds. */
static void test_mutations(void)
{
	static const char alphabet[] = "0123456789KMGTPkmgtp:-+. unlimted\xff";
	uint64_t state = 0x5eed, barrier, limit;
	struct bc_value val;
	const char *why;
	char text[64];
	int i, j, bad_results = 0, read = 0;
	size_t len;

	for (i = 0; i < 500000; i++) {
		snprintf(text, sizeof(text), "%s",
			 good[tap_random(&state) % (sizeof(good) / sizeof(good[0]))].text);
		len = strlen(text);
		for (j = tap_random(&state) % 4; j > 0; j--)
			text[tap_random(&state) % (len + 1)] =
				alphabet[tap_random(&state) % (sizeof(alphabet) - 1)];
		text[sizeof(text) - 1] = '\0';
		why = NULL;
		if (bc_value_parse(text, &val, &why) ||
		    bc_value_resolve(&val, tap_random(&state) % 3, 4096, &barrier, &limit, &why)) {
			bad_results += !why;
			continue;
		}
		read++;
		bad_results += barrier > limit || (limit > MAX && limit != BC_UNLIMITED) ||
			       (barrier > MAX && barrier != BC_UNLIMITED);
	}
	ok(!bad_results, "mutated_values_give_a_reason_or_a_legal_result");
	ok(read > 10000 && read < 490000, "mutations_reach_both_sides (%d read)", read);
}

static void percents(const char *text, int ret, uint32_t rise, uint32_t fall)
{
	const char *why = NULL;
	uint32_t r = 99, f = 99;
	int got = bc_percents_parse(text, &r, &f, &why);

	ok(got == ret && (ret ? !!why : r == rise && f == fall), "percents_%s", text);
}

static void test_percents(void)
{
	percents("80%", 0, 80, 75);
	percents("80%:10%", 0, 80, 10);
	percents("100%:99%", 0, 100, 99);
	percents("5%", 0, 5, 0);
	percents("1%:0%", 0, 1, 0);
	percents("off", 0, 0, 0);
	percents("0%", -EINVAL, 0, 0);
	percents("101%", -EINVAL, 0, 0);
	percents("18446744073709551696%", -EINVAL, 0, 0);
	percents("80", -EINVAL, 0, 0);
	percents("80%:", -EINVAL, 0, 0);
	percents("80%:70", -EINVAL, 0, 0);
	percents("80%:80%", -EINVAL, 0, 0);
	percents("80%:4294967297%", -EINVAL, 0, 0);
	percents("80%:70%:60%", -EINVAL, 0, 0);
	percents("%", -EINVAL, 0, 0);
	percents("", -EINVAL, 0, 0);
	percents("OFF", -EINVAL, 0, 0);
	percents("-5%", -EINVAL, 0, 0);
}

int main(void)
{
	test_good();
	test_junk();
	test_bad();
	test_numbers();
	test_mutations();
	test_percents();
	return tap_end();
}
