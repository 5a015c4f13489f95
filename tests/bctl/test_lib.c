// SPDX-License-Identifier: GPL-2.0
/*
 * libbeancounter as a program sees it: its header and nothing else
 *
 * The kernel below is that of fake_sys.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beancounter.h>

#include "tap.h"

static struct bcn *bcn;
static char dir[] = "/tmp/test_lib.XXXXXX";

static void mode(const char *words)
{
	setenv("BCTL_FAKE_MODE", words, 1);
}

static char *path(const char *name)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s/%s", dir, name);
	return text;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	fputs(text, f);
	fclose(f);
}

static void make(const char *name)
{
	struct bcn_limit limit = { .res = BC_RES_NUMPROC, .barrier = 10, .limit = 20 };
	struct bcn_new what = {
		.name = name, .cgroup_fd = -1, .change = { .limits = &limit, .nlimits = 1 },
	};
	struct bcn_list *list;
	char text[300];
	int ret;

	snprintf(text, sizeof(text), "cgroup/%s", name);
	mkdir(path(text), 0700);
	what.cgroup_fd = open(path(text), O_RDONLY | O_DIRECTORY);
	ret = bcn_pool_new(bcn, &what, &list);
	ok(!ret && !strcmp(bcn_list_pool(list, 0)->name, name), "%s_is_made", name);
	bcn_list_free(list);
	close(what.cgroup_fd);
}

static void test_open(void)
{
	ok(!bcn_open(&bcn), "the_socket_is_opened");
	mode("absent");
	ok(bcn_connect(bcn) == -ENOENT, "no_module_is_enoent");
	mode("version");
	ok(bcn_connect(bcn) == -EPROTO && *bcn_message(bcn), "another_version_is_eproto");
	mode("");
	ok(!bcn_connect(bcn) && !*bcn_message(bcn), "the_module_is_found");
}

static void test_pools(void)
{
	struct bcn_query query = { .name = "web" };
	struct bc_record rec;
	struct bcn_list *list;

	make("web");
	make("mail");
	ok(!bcn_pools(bcn, NULL, &list) && bcn_list_count(list) == 3, "all_pools_are_listed");
	ok(!bcn_list_pool(list, 3) && !bcn_list_closed(list, 0) && !bcn_list_info(list) &&
	   !bcn_list_pool(NULL, 0), "what_is_not_in_a_list_is_null");
	bcn_list_free(list);
	ok(!bcn_pools(bcn, &query, &list) && bcn_list_count(list) == 1 &&
	   !strcmp(bcn_list_pool(list, 0)->name, "web"), "one_pool_is_found");
	ok(bcn_record_of(bcn_list_pool(list, 0), BC_RES_NUMPROC, &rec, sizeof(rec)) &&
	   rec.res == BC_RES_NUMPROC && rec.barrier == 10 && rec.limit == 20, "record_is_found");
	ok(!bcn_record_of(bcn_list_pool(list, 0), BC_RES_NUMFILE, &rec, sizeof(rec)),
	   "what_is_not_counted_has_no_record");
	ok(!bcn_pool_record(bcn_list_pool(list, 0), 99, &rec), "there_are_no_more_records");
	bcn_list_free(list);
	query.name = "nobody";
	list = (void *)1;
	ok(bcn_pools(bcn, &query, &list) == -ENOENT && !list && *bcn_message(bcn),
	   "unknown_pool_is_enoent");
	bcn_list_free(list);
	mode("shortrec");
	ok(bcn_pools(bcn, NULL, &list) == -EBADMSG && !list, "malformed_answer_is_ebadmsg");
	mode("intr-always");
	ok(bcn_pools(bcn, NULL, &list) == -EAGAIN && *bcn_message(bcn), "no_consistent_list");
	mode("intr");
	ok(!bcn_pools(bcn, NULL, &list) && bcn_list_count(list) == 3,
	   "an_interrupted_list_is_asked_for_again");
	bcn_list_free(list);
	mode("eperm");
	ok(bcn_pools(bcn, NULL, &list) == -EPERM, "eperm");
	mode("");
}

/* A structure of the caller that is older, or newer, than that of the library. */
static void test_sizes(void)
{
	struct { struct bc_record rec; uint64_t more[2]; } newer;
	uint64_t older[4] = { 0, 0, 0, 0x1234 };
	struct bcn_query query = { .name = "web" };
	struct bcn_list *list;

	(void)bcn_pools(bcn, &query, &list);
	ok(bcn_record_at(bcn_list_pool(list, 0), 1, older, 24) && older[1] == 101 &&
	   older[3] == 0x1234, "a_shorter_structure_is_not_written_beyond");
	memset(&newer, 0x55, sizeof(newer));
	ok(bcn_record_at(bcn_list_pool(list, 0), 1, &newer, sizeof(newer)) &&
	   newer.rec.held == 101 && !newer.more[0] && !newer.more[1],
	   "a_longer_structure_has_zeroes_at_its_end");
	bcn_list_free(list);
}

static void test_set(void)
{
	struct bcn_limit limits[] = {
		{ .res = BC_RES_NUMPROC, .barrier = 7, .limit = BC_UNLIMITED },
		{ .res = BC_RES_NUMFILE, .barrier = 7, .limit = 7 },
	};
	struct bcn_value values[] = {
		{ .setting = BC_SETTING_CPU_SHARES, .value = 500 },
		{ .setting = BC_SETTING_CPU_SHARES, .value = 1 },
	};
	struct bcn_change change = {
		.limits = limits, .nlimits = 2, .values = values, .nvalues = 1,
	};
	struct bcn_mark mark = { .res = BC_RES_NUMPROC, .rise = 90, .fall = 80 };
	struct bcn_query query = { .name = "web" };
	struct bcn_threshold th;
	struct bc_record rec;
	struct bcn_list *list;
	size_t index;

	ok(bcn_pool_set(bcn, "web", &change) < 0 && bcn_blamed(bcn, &index) == BC_A_LIMIT &&
	   index == 1 && *bcn_message(bcn), "the_second_limit_is_blamed");
	change.nlimits = 1;
	change.nvalues = 2;
	ok(bcn_pool_set(bcn, "web", &change) == -ERANGE &&
	   bcn_blamed(bcn, &index) == BC_A_SETTING && index == 1, "the_second_setting_is_blamed");
	(void)bcn_pools(bcn, &query, &list);
	(void)bcn_record_of(bcn_list_pool(list, 0), BC_RES_NUMPROC, &rec, sizeof(rec));
	ok(rec.barrier == 10, "what_was_refused_changed_nothing");
	bcn_list_free(list);
	change.nvalues = 1;
	ok(!bcn_pool_set(bcn, "web", &change) && !bcn_blamed(bcn, NULL), "limits_are_set");
	ok(!bcn_thresholds(bcn, "web", &mark, 1), "threshold_is_set");
	(void)bcn_pools(bcn, &query, &list);
	(void)bcn_record_of(bcn_list_pool(list, 0), BC_RES_NUMPROC, &rec, sizeof(rec));
	ok(rec.barrier == 7 && rec.limit == BC_UNLIMITED, "what_was_set_is_in_force");
	ok(bcn_pool_threshold(bcn_list_pool(list, 0), BC_RES_NUMPROC, &th) && th.rise == 90,
	   "the_threshold_is_there");
	bcn_list_free(list);
	ok(bcn_reader_delete(bcn, "nobody") == -ENOENT && !bcn_reader_delete(bcn, "hourly"),
	   "reader_is_deleted");
	ok(bcn_pool_set(bcn, "nobody", &change) == -ENOENT, "no_such_pool_to_set");
}

/* More than a request has room for. */
static void test_too_much(void)
{
	static struct bcn_value values[4000];
	struct bcn_change change = { .values = values, .nvalues = 4000 };

	ok(bcn_pool_set(bcn, "web", &change) == -EMSGSIZE, "too_much_to_set_is_emsgsize");
}

static void test_lists(void)
{
	struct bcn_list *list;

	ok(!bcn_resources(bcn, &list) && bcn_list_count(list) == 7 &&
	   !strcmp(bcn_list_resource(list, 0)->name, "privvmpages"), "resources");
	bcn_list_free(list);
	ok(!bcn_settings(bcn, &list) && bcn_list_count(list) == BC_SETTING_ID_END &&
	   bcn_list_setting(list, 0)->ranged, "settings");
	bcn_list_free(list);
	ok(!bcn_devices(bcn, "web", &list) && bcn_list_count(list) == 3 &&
	   !bcn_list_device(list, 0)->device, "devices");
	bcn_list_free(list);
	ok(!bcn_refusals(bcn, "web", &list) && bcn_list_count(list) == 1 &&
	   bcn_list_notice(list, 0)->count == 3, "refusals");
	bcn_list_free(list);
	ok(!bcn_readers(bcn, &list) && bcn_list_count(list) == 1 &&
	   !strcmp(bcn_list_reader(list, 0)->name, "hourly"), "readers");
	bcn_list_free(list);
	ok(!bcn_module(bcn, &list) && BCN_HAS(bcn_list_info(list), BC_A_SERIAL) &&
	   bcn_list_info(list)->closed_max > 0, "module");
	bcn_list_free(list);
	mode("old");
	ok(!bcn_module(bcn, &list) && !BCN_HAS(bcn_list_info(list), BC_A_SERIAL),
	   "an_older_module_has_no_closing_records");
	bcn_list_free(list);
	ok(bcn_closed(bcn, 0, &list) == -EOPNOTSUPP && !list, "nor_a_list_of_them");
	mode("");
}

/* What is held, times how long: the clock of the fake is a file. */
static void test_integral(void)
{
	struct bcn_query query = { .name = "mail" };
	struct bc_record rec;
	struct bcn_list *list;
	uint64_t first;

	put("uptime", "100000000000");
	(void)bcn_pools(bcn, &query, &list);
	(void)bcn_record_of(bcn_list_pool(list, 0), BC_RES_NUMPROC, &rec, sizeof(rec));
	first = rec.integral;
	ok(rec.flags & BC_RECORD_F_INTEGRAL && BCN_HAS(bcn_list_pool(list, 0), BC_A_TAKEN) &&
	   bcn_list_pool(list, 0)->taken == 100000000000ULL, "integral_is_known");
	bcn_list_free(list);
	put("uptime", "110000000000");
	(void)bcn_pools(bcn, &query, &list);
	(void)bcn_record_of(bcn_list_pool(list, 0), BC_RES_NUMPROC, &rec, sizeof(rec));
	ok(rec.integral - first == 10 * rec.held, "integral_grows_by_held_each_second");
	bcn_list_free(list);
	mode("old");
	(void)bcn_pools(bcn, &query, &list);
	ok(bcn_record_of(bcn_list_pool(list, 0), BC_RES_NUMPROC, &rec, sizeof(rec)) &&
	   !(rec.flags & BC_RECORD_F_INTEGRAL) && !rec.integral && rec.held,
	   "an_older_module_has_no_integrals");
	bcn_list_free(list);
	mode("");
}

static void test_closed(void)
{
	const struct bcn_closed *closed;
	struct bcn_list *list;
	uint64_t serial;

	ok(!bcn_closed(bcn, 0, &list) && !bcn_list_count(list), "nothing_is_closed_yet");
	bcn_list_free(list);
	ok(!bcn_acknowledge(bcn, "billing", 0) && !bcn_acknowledge(bcn, "other", 0),
	   "readers_begin");
	ok(!bcn_pool_delete(bcn, "web") && bcn_pool_delete(bcn, "web") == -ENOENT,
	   "pool_is_deleted");
	ok(!bcn_closed(bcn, 0, &list) && bcn_list_count(list) == 1, "there_is_a_closing_record");
	closed = bcn_list_closed(list, 0);
	serial = closed->serial;
	ok(!strcmp(closed->pool.name, "web") && closed->cause == BC_CAUSE_DELETED &&
	   closed->closed == 110000000000ULL && closed->parent_incarnation &&
	   closed->pool.records, "it_tells_all");
	bcn_list_free(list);
	ok(bcn_acknowledge(bcn, "billing", serial + 1) == -EINVAL, "the_future_is_einval");
	ok(!bcn_acknowledge(bcn, "billing", serial), "it_is_acknowledged");
	ok(!bcn_closed(bcn, 0, &list) && bcn_list_count(list) == 1, "but_not_by_all");
	bcn_list_free(list);
	ok(!bcn_closed(bcn, serial, &list) && !bcn_list_count(list), "nothing_after_it");
	bcn_list_free(list);
	ok(!bcn_acknowledge(bcn, "other", serial) && !bcn_closed(bcn, 0, &list) &&
	   !bcn_list_count(list), "then_it_is_gone");
	bcn_list_free(list);
}

static void test_listen(void)
{
	struct bcn *ears;
	struct bcn_list *list;

	ok(!bcn_open(&ears) && !bcn_connect(ears) && !bcn_subscribe(ears, BC_MCGRP_USAGE),
	   "listening");
	ok(bcn_subscribe(ears, "nothing") == -ENOENT && *bcn_message(ears), "no_such_group");
	ok(bcn_next(ears, 0, &list) == -ETIMEDOUT && !list, "nothing_yet");
	(void)bcn_pool_delete(bcn, "mail");
	ok(!bcn_wait(ears, -1, 1000) && !bcn_next(ears, 0, &list) &&
	   bcn_list_count(list) == 1 && bcn_list_closed(list, 0) && !bcn_list_notice(list, 0) &&
	   !strcmp(bcn_list_closed(list, 0)->pool.name, "mail"), "a_closing_record_is_told");
	bcn_list_free(list);
	make("last");
	put("gone", "");
	ok(!bcn_wait(ears, -1, 1000) && !bcn_next(ears, 0, &list) &&
	   bcn_list_closed(list, 0)->cause == BC_CAUSE_UNLOAD, "the_module_closes_all_pools");
	bcn_list_free(list);
	ok(!bcn_next(ears, 0, &list) && bcn_list_notice(list, 0)->event == BC_EVENT_UNLOAD &&
	   BCN_HAS(bcn_list_notice(list, 0), BC_A_SERIAL), "and_goes");
	bcn_list_free(list);
	ok(bcn_pools(bcn, NULL, &list) == -ENOENT, "then_requests_find_nobody");
	bcn_close(ears);
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

static void clean(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	setenv("BCTL_FAKE_DIR", dir, 1);
	mkdir(path("cgroup"), 0700);
	test_open();
	test_pools();
	test_sizes();
	test_set();
	test_too_much();
	test_lists();
	test_integral();
	test_closed();
	test_listen();
	bcn_close(bcn);
	clean();
	return tap_end();
}
