// SPDX-License-Identifier: GPL-2.0
/*
 * Settings on the command line
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <linux/beancounter.h>

#include "tap.h"
#include "tuning.h"

#define CPU	1000000000ULL

static const struct {
	const char *arg;
	uint64_t khz;
	uint64_t value;
} good[] = {
	{ "cpu.shares=1000", 0, 1000 },
	{ "cpu.shares=0", 0, 0 },
	{ "cpuunits=500000", 0, 500000 },
	{ "io.bps=10M", 0, 10 << 20 },
	{ "iolimit=1.5k", 0, 1536 },
	{ "io.rbps=unlimited", 0, BC_UNLIMITED },
	{ "io.wbps=4096", 0, 4096 },
	{ "iopslimit=500", 0, 500 },
	{ "io.burst=250", 0, 250 },
	{ "io.weight=1", 0, 1 },
	{ "io.weight=10000", 0, 10000 },
	{ "ioprio=0", 0, 64 },
	{ "ioprio=7", 0, 128 },
	{ "cpu.limit=150%", 0, 3 * CPU / 2 },
	{ "cpu.limit=30%", 0, 3 * CPU / 10 },
	{ "cpu.limit=12.5%", 0, CPU / 8 },
	{ "cpu.limit=0.001%", 0, 10000 },
	{ "cpu.limit=unlimited", 0, BC_UNLIMITED },
	{ "cpu.limit=2ghz", 4000000, CPU / 2 },
	{ "cpu.limit=2GHz", 1000000, 2 * CPU },
	{ "cpu.limit=800MHz", 2000000, 2 * CPU / 5 },
	{ "cpu.limit=2.4ghz", 2400000, CPU },
	{ "cpu.limit=0.6Ghz", 2400000, CPU / 4 },
	{ "cpu.reservation=50%", 0, CPU / 2 },
	{ "cpu.reservation=0%", 0, 0 },
	{ "cpu.expandable=yes", 0, 1 },
	{ "cpu.expandable=1", 0, 1 },
	{ "cpu.expandable=no", 0, 0 },
	{ "cpu.expandable=0", 0, 0 },
};

static const char *const bad[] = {
	"cpu.shares=", "cpu.shares=1.5", "cpu.shares=1K", "cpu.shares=unlimited", "cpu.shares=-1",
	"cpu.shares=4611686018427387904", "cpu.shares=99999999999999999999999999999999999999",
	"cpu.limit=", "cpu.limit=30", "cpu.limit=%", "cpu.limit=30%%", "cpu.limit=.5%",
	"cpu.limit=5.%", "cpu.limit=-30%", "cpu.limit=30 %", "cpu.limit=2thz", "cpu.limit=ghz",
	"cpu.limit=1.2345%", "cpu.limit=99999999999999999999999999999999999999%",
	"cpu.limit=99999999999999999999999999999999999999ghz", "cpu.limit=Unlimited",
	"io.bps=", "io.bps=1Q", "io.bps=1MB", "io.bps=-1", "io.bps=4194304T", "io.burst=1s",
	"io.weight=0", "io.weight=10001", "io.weight=1.5", "ioprio=8", "ioprio=", "ioprio=00",
	"cpu.expandable=", "cpu.expandable=y", "cpu.expandable=2", "cpu.expandable=yesno",
};

static int parse(const char *arg, uint64_t khz, uint64_t *value, const char **why)
{
	const char *eq = strchr(arg, '=');
	const struct bc_tuning_word *word = bc_tuning_find(arg, eq - arg);

	return word ? bc_tuning_parse(word, eq + 1, khz, value, why) : -ENOENT;
}

int main(void)
{
	const char *why = NULL;
	uint64_t value;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		value = 77;
		ok(!parse(good[i].arg, good[i].khz, &value, &why) && value == good[i].value,
		   "good_%s", good[i].arg);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = NULL;
		ok(parse(bad[i], 1000000, &value, &why) == -EINVAL && why, "bad_%s", bad[i]);
	}
	why = NULL;
	ok(parse("cpu.limit=2ghz", 0, &value, &why) == -EINVAL && strstr(why, "not known"),
	   "unknown_frequency_is_told");
	ok(!bc_tuning_find("cpu.share", 9) && !bc_tuning_find("cpu.sharesx", 11) &&
	   !bc_tuning_find("", 0) && !bc_tuning_find("numproc", 7), "other_words_are_no_settings");
	ok(!strcmp(bc_tuning_name(bc_tuning_find("cpuunits", 8)), "cpu.shares"),
	   "cpuunits_are_cpu_shares");
	return tap_end();
}
