// SPDX-License-Identifier: GPL-2.0
/*
 * The printer: numbers for people, words for the unlimited, safe strings
 */
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <json-c/json.h>

#include "beancounter.h"
#include "explain.h"
#include "print.h"
#include "tap.h"

static const struct bcn_res res[] = {
	{ .id = BC_RES_PRIVVMPAGES, .unit = BC_UNIT_PAGES, .name = "privvmpages" },
	{ .id = BC_RES_NUMPROC, .unit = BC_UNIT_ITEMS, .name = "numproc" },
	{ .id = BC_RES_TCPSNDBUF, .unit = BC_UNIT_BYTES, .name = "tcpsndbuf" },
	{ .has = { 1ULL << BC_A_RES_KIND }, .kind = BC_KIND_NATIVE, .id = BC_RES_PHYSPAGES,
	  .unit = BC_UNIT_PAGES, .name = "physpages" },
};

static const struct bc_record records[] = {
	{ .res = BC_RES_PRIVVMPAGES, .held = 16384, .maxheld = 16385, .barrier = 16384,
	  .limit = BC_UNLIMITED, .failcnt = 3, .failed = 70, .last_fail = 99,
	  .flags = BC_RECORD_F_ENFORCED },
	{ .res = BC_RES_NUMPROC, .held = 100000, .maxheld = 100000,
	  .barrier = BC_AMOUNT_MAX, .limit = BC_AMOUNT_MAX },
	{ .res = 99, .held = 1, .limit = BC_UNLIMITED, .barrier = BC_UNLIMITED },
};

static const struct bcn_pool pool = {
	.has = { 1ULL << BC_A_ID | 1ULL << BC_A_STATE },
	.id = 7, .state = BC_POOL_LIVE, .name = "web", .parent = "host", .cgroup = "bc/web\n\x9b",
	.table = (const char *)records, .records = 3, .record_size = sizeof(records[0]),
};

static void human(unsigned __int128 bytes, const char *want)
{
	char text[64];

	bc_human(text, sizeof(text), bytes);
	is(text, want, "human_%s", want);
}

static void test_human(void)
{
	human(0, "0");
	human(1023, "1023");
	human(1024, "1K");
	human(1025, "1.0K");
	human(1536, "1.5K");
	human(64 << 20, "64M");
	human((64 << 20) + 1, "64.0M");
	human(1048575, "1.0M");
	human((1ULL << 30) - 1, "1.0G");
	human(3ULL << 40, "3T");
	human((unsigned __int128)BC_AMOUNT_MAX * 4096, "16.0Z");
	human((unsigned __int128)UINT64_MAX << 16, "1024.0Z");
}

/* Print @doc as @p does and return the text, which is good until the next call. */
static const char *printed(struct bc_printer *p, const struct bc_doc *doc, enum bc_view view)
{
	static char *text;
	size_t size;

	free(text);
	text = NULL;
	p->out = open_memstream(&text, &size);
	if (bc_print(p, doc, view)) {
		fclose(p->out);
		return "(error)";
	}
	fclose(p->out);
	return text;
}

static void test_pools(void)
{
	struct bc_printer p = { .page_size = 4096 };
	struct bc_doc doc;
	const char *text;

	bc_doc_begin(&doc, "bctl.pools/1", "pools", 5);
	bc_doc_pool(&doc, &pool, res, 3);
	is(printed(&p, &doc, BC_VIEW_STAT),
	   "POOL RESOURCE    UNIT    HELD MAXHELD             BARRIER               LIMIT FAILCNT\n"
	   "web  privvmpages pages    64M   64.0M                 64M           unlimited       3\n"
	   "web  numproc     items 100000  100000 4611686018427387903 4611686018427387903       0\n"
	   "web  resource-99 -          1       0           unlimited           unlimited       0\n",
	   "table_of_figures");
	p.raw = true;
	text = printed(&p, &doc, BC_VIEW_STAT);
	ok(strstr(text, " 16384   16385 "), "raw_figures_are_exact");
	is(printed(&p, &doc, BC_VIEW_NAMES), "web\n", "names_only");
	text = printed(&p, &doc, BC_VIEW_SHOW);
	ok(strstr(text, "cgroup    bc/web\\x0a") && strstr(text, "web (id 7)\n"),
	   "newline_in_a_path_is_escaped");
	p.json = true;
	text = printed(&p, &doc, BC_VIEW_STAT);
	ok(strstr(text, "\"limit\":null") && !strstr(text, "18446744073709551615"),
	   "unlimited_is_null_in_json");
	ok(strstr(text, "\"barrier\":4611686018427387903"), "largest_amount_is_exact_in_json");
	ok(strstr(text, "\"cgroup\":\"bc/web\\n\xef\xbf\xbd\""), "what_is_not_utf8_is_replaced");
	ok(strstr(text, "\"last_failure_ns\":99") && strchr(text, '\n') == text + strlen(text) - 1,
	   "json_is_one_line");
	bc_doc_end(&doc);
}

static void test_empty(void)
{
	struct bc_printer p = { .page_size = 4096 };
	struct bc_doc doc;

	bc_doc_begin(&doc, "bctl.pools/1", "pools", 5);
	is(printed(&p, &doc, BC_VIEW_STAT), "", "no_pool_no_table");
	is(printed(&p, &doc, BC_VIEW_TREE), "", "no_pool_no_tree");
	p.json = true;
	ok(strstr(printed(&p, &doc, BC_VIEW_LIST), "\"pools\":[]"), "no_pool_is_an_empty_array");
	doc.err = -12;
	is(printed(&p, &doc, BC_VIEW_LIST), "(error)", "incomplete_document_is_not_printed");
	bc_doc_end(&doc);
}

static void test_event(void)
{
	struct bcn_notice n = {
		.has = { 1ULL << BC_A_EVENT | 1ULL << BC_A_TIME | 1ULL << BC_A_RES |
			 1ULL << BC_A_AMOUNT | 1ULL << BC_A_HELD | 1ULL << BC_A_PID |
			 1ULL << BC_A_BARRIER | 1ULL << BC_A_LIMIT_VALUE |
			 1ULL << BC_A_SUPPRESSED },
		.event = BC_EVENT_REFUSAL, .time = 1500000000, .res = BC_RES_NUMPROC,
		.amount = 1, .held = 240, .barrier = 240, .limit = BC_UNLIMITED, .pid = 12,
		.name = "web", .origin = "web.a", .comm = "a\nb\x1b\xc2\x9b", .suppressed = 3,
	};
	struct bc_printer p = { .page_size = 4096 };
	struct bc_doc doc;

	bc_doc_begin(&doc, "bctl.event/1", NULL, 0);
	bc_doc_notice(&doc, &n, res, 3);
	is(printed(&p, &doc, BC_VIEW_EVENT),
	   "1.500000 refusal web numproc: asked for 1, held 240, barrier 240, limit unlimited;"
	   " by pid 12 (a\\x0ab\\x1b\\x9b) of web.a; 3 before it not reported\n",
	   "refusal_is_one_safe_line");
	bc_doc_end(&doc);
	/* "/" in two bytes, half of a surrogate pair, beyond the last code point */
	n.comm = "\xc0\xaf" "\xed\xa0\x80" "\xf4\x90\x80\x80" "\xc3\xa9";
	bc_doc_begin(&doc, "bctl.event/1", NULL, 0);
	bc_doc_notice(&doc, &n, res, 3);
	p.json = true;
	ok(strstr(printed(&p, &doc, BC_VIEW_EVENT), "\"comm\":\""
		  "\xef\xbf\xbd\xef\xbf\xbd" "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" "\xc3\xa9\""),
	   "overlong_and_illegal_utf8_is_replaced");
	bc_doc_end(&doc);
}

/* Random bytes for the name of a process: always one line, always valid JSON. */
static void test_random_strings(void)
{
	struct bc_printer p = { .page_size = 4096 };
	struct bcn_notice n = { .has = { 1ULL << BC_A_PID }, .event = BC_EVENT_REFUSAL, .pid = 1 };
	struct json_tokener *tok = json_tokener_new_ex(8);
	uint64_t state = 0x7e57;
	int i, j, bad = 0;
	char comm[17];
	struct bc_doc doc;
	const char *text;
	json_object *obj;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	for (i = 0; i < 5000; i++) {
		for (j = 0; j < 16; j++)
			comm[j] = tap_random(&state) % 3 ? 0x80 | tap_random(&state) :
				  tap_random(&state) % 128;
		comm[16] = '\0';
		n.comm = comm;
		bc_doc_begin(&doc, "bctl.event/1", NULL, 0);
		bc_doc_notice(&doc, &n, res, 3);
		p.json = false;
		text = printed(&p, &doc, BC_VIEW_EVENT);
		bad += strchr(text, '\n') != text + strlen(text) - 1 || strchr(text, 0x1b);
		p.json = true;
		text = printed(&p, &doc, BC_VIEW_EVENT);
		json_tokener_reset(tok);
		obj = json_tokener_parse_ex(tok, text, strlen(text));
		bad += !obj;
		json_object_put(obj);
		bc_doc_end(&doc);
	}
	json_tokener_free(tok);
	printed(&p, &(struct bc_doc){ .err = -1 }, BC_VIEW_EVENT);
	ok(!bad, "any_process_name_gives_one_line_and_valid_json");
}

/* What a limit of memory does: the figures are the kernel's, and somebody is killed. */
static void test_killed(void)
{
	struct bc_printer p = { .page_size = 4096 };
	const struct bcn_res guarantee = {
		.has = { 1ULL << BC_A_RES_KIND }, .kind = BC_KIND_NATIVE,
		.id = BC_RES_OOMGUARPAGES, .unit = BC_UNIT_PAGES, .name = "oomguarpages",
	};
	const struct bcn_notice n = {
		.has = { 1ULL << BC_A_BOUND | 1ULL << BC_A_PID }, .bound = BC_BOUND_BARRIER,
		.pid = 238, .comm = "python3", .origin = "web", .origin_id = 7, .count = 1,
		.time = 8000000000ULL, .first = 8000000000ULL, .amount = 9381, .largest = 9381,
		.held = 8058, .limit = BC_UNLIMITED,
	};
	struct bc_reason memory = {
		.level = &pool, .res = &res[3],
		.rec = { .res = BC_RES_PHYSPAGES, .held = 151, .maxheld = 8192, .failcnt = 1,
			 .barrier = BC_UNLIMITED, .limit = 8192, .flags = BC_RECORD_F_NO_FAILED },
	}, killed = {
		.level = &pool, .res = &guarantee, .culprits = &n, .count = 1,
		.rec = { .res = BC_RES_OOMGUARPAGES, .held = 63, .limit = BC_UNLIMITED,
			 .failcnt = 1, .failed = 9381, .flags = BC_RECORD_F_NO_MAXHELD },
	};
	struct bc_doc doc;

	setenv("TZ", "UTC", 1);
	bc_doc_begin(&doc, "bctl.explain/1", "causes", 9000000000ULL);
	bc_doc_explain(&doc, &pool, 9000000000ULL);
	bc_doc_cause(&doc, &memory, 4096);
	bc_doc_cause(&doc, &killed, 4096);
	is(printed(&p, &doc, BC_VIEW_EXPLAIN),
	   "web: physpages: 1 request was refused by web itself, at its limit of 32M\n"
	   "  holds 604K now, 32M at most\n"
	   "  proposal: bctl pool set web ram=40M\n"
	   "\n"
	   "web: oomguarpages: 1 process was killed for want of memory\n"
	   "  they had 36.6M in all; holds 252K now\n"
	   "  1.0 s ago (1970-01-01 00:00:08) pid 238 (python3) was killed with 36.6M "
	   "when 31.5M was held\n", "who_was_killed_is_explained");
	bc_doc_end(&doc);
}

struct propose_case {
	int res;
	uint64_t maxheld, barrier, limit;
	uint64_t held, largest;
	uint32_t bound;
	bool fits;
	const char *value;
};

static const struct propose_case proposals[] = {
	/* items: a quarter more, then two digits */
	{ 1, 32, 32, 32, 32, 1, BC_BOUND_BARRIER, false, "45" },
	{ 1, 32, 32, 40, 32, 1, BC_BOUND_BARRIER, false, "45:53" },
	{ 1, 3, 3, 3, 3, 1, BC_BOUND_BARRIER, false, "5" },
	{ 1, 1000, 1000, BC_UNLIMITED, 1000, 1, BC_BOUND_BARRIER, false, "1300:unlimited" },
	{ 1, 0, 0, 0, 0, 1, BC_BOUND_BARRIER, false, "1" },
	/* the barrier was raised meanwhile */
	{ 1, 32, 64, 64, 32, 1, BC_BOUND_BARRIER, true, "64" },
	{ 1, 32, BC_UNLIMITED, BC_UNLIMITED, 32, 1, BC_BOUND_BARRIER, true, "unlimited" },
	/* pages: 356K and 200M, a quarter more, up to the next eighth of a power of two */
	{ 0, 89, 16384, 16384, 89, 51200, BC_BOUND_BARRIER, false, "256M" },
	{ 0, 89, 16384, 17408, 89, 51200, BC_BOUND_BARRIER, false, "256M:260M" },
	/* a stack is held to the limit, so the barrier may stay */
	{ 0, 1000, 900, 1000, 1000, 24, BC_BOUND_LIMIT, false, "3600K:5M" },
	{ 2, 65536, 65536, 65536, 65536, 4096, BC_BOUND_BARRIER, false, "96K" },
	{ 2, 0, 10, 10, 0, 100, BC_BOUND_BARRIER, false, "128" },
	/* more than there are numbers for */
	{ 2, BC_AMOUNT_MAX, BC_AMOUNT_MAX, BC_AMOUNT_MAX, 1, 1, BC_BOUND_BARRIER, false, "unlimited" },
	{ 0, BC_AMOUNT_MAX, 1, 1, 1, UINT64_MAX, BC_BOUND_BARRIER, false, "unlimited" },
	/* memory: 32M without a barrier, with one, and one that it is slowed down at */
	{ 3, 8192, BC_UNLIMITED, 8192, 0, 0, BC_BOUND_LIMIT, false, "48M" },
	{ 3, 8192, 8192, 8192, 0, 0, BC_BOUND_LIMIT, false, "32M:48M" },
	{ 3, 8192, 4096, 8192, 0, 0, BC_BOUND_LIMIT, false, "16M:48M" },
	{ 3, 8192, BC_UNLIMITED, 16384, 0, 0, BC_BOUND_LIMIT, true, "64M" },
	{ 3, 8192, BC_UNLIMITED, BC_UNLIMITED, 0, 0, BC_BOUND_LIMIT, true, "unlimited" },
};

static void test_propose(void)
{
	const struct propose_case *c;
	struct bc_proposal prop;
	struct bcn_notice n;
	size_t i;

	for (i = 0; i < sizeof(proposals) / sizeof(proposals[0]); i++) {
		c = &proposals[i];
		n = (struct bcn_notice){ .has = { 1ULL << BC_A_BOUND }, .bound = c->bound, .held = c->held,
					.amount = 1, .largest = c->largest };
		bc_propose(&(struct bc_reason){
			.res = &res[c->res], .culprits = &n, .count = 1,
			.rec = { .maxheld = c->maxheld, .barrier = c->barrier, .limit = c->limit },
		}, 4096, &prop);
		is(prop.value, c->value, "proposal_%zu", i);
		ok(prop.fits == c->fits && (prop.limit_only ? prop.limit < prop.barrier :
			prop.barrier <= prop.limit), "proposal_%zu_is_sound", i);
		is(prop.word, prop.limit_only ? "ram" : res[c->res].name, "proposal_%zu_names_it", i);
	}
}

int main(void)
{
	test_human();
	test_pools();
	test_empty();
	test_event();
	test_killed();
	test_propose();
	test_random_strings();
	return tap_end();
}
