// SPDX-License-Identifier: GPL-2.0
/*
 * Settings: what can be set for a pool besides barriers and limits
 *
 *	cpu.shares=2000		cpuunits is the same
 *	cpu.limit=150%		of one CPU; or 2ghz, 800mhz, of its nominal frequency
 *	cpu.reservation=50%	the same
 *	cpu.expandable=yes	or no
 *	io.bps=10M		bytes per second; iolimit is the same
 *	io.iops=500		requests per second; iopslimit is the same
 *	io.burst=100		milliseconds
 *	io.weight=200		of 100 for all others
 *	ioprio=6		the same as OpenVZ has it
 *
 * Whether a value is in its range is for the module to say, but for io.weight (weight.c).
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <linux/beancounter.h>

#include "sys.h"
#include "tuning.h"
#include "weight.h"

#define BC_NS_PER_SEC	1000000000ULL
/* Far above any legal value, far enough from the end to be multiplied. */
#define BC_TUNING_CAP	((unsigned __int128)1 << 70)

enum bc_tuning_kind {
	BC_TUNE_NUMBER, BC_TUNE_CPU, BC_TUNE_BOOL, BC_TUNE_RATE, BC_TUNE_WEIGHT, BC_TUNE_PRIO,
};

struct bc_tuning_word {
	const char *word;
	const char *name;
	uint32_t id;
	enum bc_tuning_kind kind;
	const char *controller;
};

/* The kernel tells who wrote what only where it counts memory and I/O by cgroup. */
#define BC_FOR_WRITES	"io memory"

static const struct bc_tuning_word bc_tuning_words[] = {
	{ "cpu.shares", "cpu.shares", BC_SETTING_CPU_SHARES, BC_TUNE_NUMBER, "cpu" },
	{ "cpuunits", "cpu.shares", BC_SETTING_CPU_SHARES, BC_TUNE_NUMBER, "cpu" },
	{ "cpu.limit", "cpu.limit", BC_SETTING_CPU_LIMIT, BC_TUNE_CPU, "cpu" },
	{ "cpu.reservation", "cpu.reservation", BC_SETTING_CPU_RESERVATION, BC_TUNE_CPU, "cpu" },
	{ "cpu.expandable", "cpu.expandable", BC_SETTING_CPU_EXPANDABLE, BC_TUNE_BOOL, "cpu" },
	{ "io.bps", "io.bps", BC_SETTING_IO_BPS, BC_TUNE_RATE, BC_FOR_WRITES },
	{ "iolimit", "io.bps", BC_SETTING_IO_BPS, BC_TUNE_RATE, BC_FOR_WRITES },
	{ "io.rbps", "io.rbps", BC_SETTING_IO_RBPS, BC_TUNE_RATE, "" },
	{ "io.wbps", "io.wbps", BC_SETTING_IO_WBPS, BC_TUNE_RATE, BC_FOR_WRITES },
	{ "io.iops", "io.iops", BC_SETTING_IO_IOPS, BC_TUNE_RATE, BC_FOR_WRITES },
	{ "iopslimit", "io.iops", BC_SETTING_IO_IOPS, BC_TUNE_RATE, BC_FOR_WRITES },
	{ "io.riops", "io.riops", BC_SETTING_IO_RIOPS, BC_TUNE_RATE, "" },
	{ "io.wiops", "io.wiops", BC_SETTING_IO_WIOPS, BC_TUNE_RATE, BC_FOR_WRITES },
	{ "io.burst", "io.burst", BC_SETTING_IO_BURST, BC_TUNE_NUMBER, "" },
	{ "io.weight", "io.weight", BC_SETTING_IO_WEIGHT, BC_TUNE_WEIGHT, "io" },
	{ "ioprio", "io.weight", BC_SETTING_IO_WEIGHT, BC_TUNE_PRIO, "io" },
};

/**
 * bc_tuning_find() - is this the name of a setting?
 * @word: what stands before the =
 * @len: its length
 *
 * Return: the setting, or NULL.
 */
const struct bc_tuning_word *bc_tuning_find(const char *word, size_t len)
{
	const struct bc_tuning_word *pos = bc_tuning_words;
	const struct bc_tuning_word *end = pos + sizeof(bc_tuning_words) / sizeof(*pos);

	for (; pos < end; pos++)
		if (strlen(pos->word) == len && !memcmp(pos->word, word, len))
			return pos;
	return NULL;
}

/**
 * bc_tuning_name() - the name that the module has for a setting
 * @word: setting
 *
 * Return: its name.
 */
const char *bc_tuning_name(const struct bc_tuning_word *word)
{
	return word->name;
}

/**
 * bc_tuning_id() - the number of a setting
 * @word: setting
 *
 * Return: enum bc_setting_id.
 */
uint32_t bc_tuning_id(const struct bc_tuning_word *word)
{
	return word->id;
}

/**
 * bc_tuning_controller() - the controllers of the kernel that a setting takes
 * @word: setting
 *
 * Return: their names.
 */
const char *bc_tuning_controller(const struct bc_tuning_word *word)
{
	return word->controller;
}

/* A number with up to three decimals, in thousandths; returns what stands behind, or NULL. */
static const char *bc_milli_parse(const char *text, unsigned __int128 *milli)
{
	unsigned int scale = 1000;
	const char *pos = text;

	for (*milli = 0; *pos >= '0' && *pos <= '9'; pos++)
		if (*milli < BC_TUNING_CAP)
			*milli = *milli * 10 + (*pos - '0');
	if (pos == text)
		return NULL;
	if (*pos == '.' && pos[1] >= '0' && pos[1] <= '9')
		for (pos++; *pos >= '0' && *pos <= '9' && scale > 1; pos++, scale /= 10)
			*milli = *milli * 10 + (*pos - '0');
	*milli *= scale;
	return pos;
}

static int bc_tuning_number(const char *text, uint64_t *value, const char **why)
{
	unsigned __int128 milli;
	const char *end = bc_milli_parse(text, &milli);

	if (!end || *end || strchr(text, '.')) {
		*why = "not a number";
		return -EINVAL;
	}
	if (milli / 1000 > BC_AMOUNT_MAX) {
		*why = "too large";
		return -EINVAL;
	}
	*value = milli / 1000;
	return 0;
}

/* Part of one CPU in ns per second. */
static int bc_tuning_cpu(const char *text, uint64_t khz, uint64_t *value, const char **why)
{
	unsigned __int128 milli;
	const char *end = bc_milli_parse(text, &milli);
	bool ghz = end && !strcasecmp(end, "ghz");

	if (!strcmp(text, "unlimited")) {
		*value = BC_UNLIMITED;
		return 0;
	}
	if (end && !strcmp(end, "%")) {
		milli = milli * (BC_NS_PER_SEC / 100) / 1000;
	} else if (ghz || (end && !strcasecmp(end, "mhz"))) {
		if (!khz) {
			*why = "the frequency of the CPU is not known; give a percentage of it";
			return -EINVAL;
		}
		/* thousandths of a MHz are kHz */
		milli = milli * (ghz ? 1000 : 1) * BC_NS_PER_SEC / khz;
	} else {
		*why = "not a part of a CPU like 150%, 2ghz or 800mhz, nor \"unlimited\"";
		return -EINVAL;
	}
	if (milli > BC_AMOUNT_MAX) {
		*why = "too large; did you mean \"unlimited\"?";
		return -EINVAL;
	}
	*value = milli;
	return 0;
}

/* So many per second, with the suffixes of amounts. */
static int bc_tuning_rate(const char *text, uint64_t *value, const char **why)
{
	static const char suffixes[] = "KMGT";
	unsigned __int128 milli;
	const char *end = bc_milli_parse(text, &milli), *pos;

	if (!strcmp(text, "unlimited")) {
		*value = BC_UNLIMITED;
		return 0;
	}
	pos = end && *end && !end[1] ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
	if (!end || (*end && !pos)) {
		*why = "not an amount per second like 500, 64K or 10M, nor \"unlimited\"";
		return -EINVAL;
	}
	milli = (milli << (pos ? 10 * (pos - suffixes + 1) : 0)) / 1000;
	if (milli > BC_AMOUNT_MAX) {
		*why = "too large; did you mean \"unlimited\"?";
		return -EINVAL;
	}
	*value = milli;
	return 0;
}

static int bc_tuning_bool(const char *text, uint64_t *value, const char **why)
{
	*value = !strcmp(text, "yes") || !strcmp(text, "1");
	if (*value || !strcmp(text, "no") || !strcmp(text, "0"))
		return 0;
	*why = "neither yes nor no";
	return -EINVAL;
}

static int bc_tuning_weight(const char *text, uint64_t *value, const char **why)
{
	if (!bc_tuning_number(text, value, why) && *value >= BC_WEIGHT_LOWEST &&
	    *value <= BC_WEIGHT_HIGHEST)
		return 0;
	*why = "not a number from 1 to 10000";
	return -EINVAL;
}

/*
 * OpenVZ made weights of CFQ of its priorities: 320, 365, 410, 460, 500, 550, 600, 640. Its
 * default, 4, had CFQ's, 500. The kernel's default today is 100; so these are a fifth.
 */
static int bc_tuning_prio(const char *text, uint64_t *value, const char **why)
{
	static const unsigned char weights[] = { 64, 73, 82, 92, 100, 110, 120, 128 };

	if (text[0] >= '0' && text[0] <= '7' && !text[1]) {
		*value = weights[text[0] - '0'];
		return 0;
	}
	*why = "not a number from 0 to 7";
	return -EINVAL;
}

/**
 * bc_tuning_parse() - read the value of a setting
 * @word: setting
 * @text: what stands behind the =
 * @khz: nominal frequency of a CPU, 0 if it is not known
 * @value: the result, in the unit of the setting
 * @why: what is wrong with @text
 *
 * Return: 0, or -EINVAL with @why set.
 */
int bc_tuning_parse(const struct bc_tuning_word *word, const char *text, uint64_t khz,
		    uint64_t *value, const char **why)
{
	switch (word->kind) {
	case BC_TUNE_CPU:
		return bc_tuning_cpu(text, khz, value, why);
	case BC_TUNE_RATE:
		return bc_tuning_rate(text, value, why);
	case BC_TUNE_BOOL:
		return bc_tuning_bool(text, value, why);
	case BC_TUNE_WEIGHT:
		return bc_tuning_weight(text, value, why);
	case BC_TUNE_PRIO:
		return bc_tuning_prio(text, value, why);
	default:
		return bc_tuning_number(text, value, why);
	}
}

/* "model name : Some CPU @ 2.40GHz", else what it runs at now: "cpu MHz : 2394.454" */
static uint64_t bc_cpuinfo_khz(bool nominal)
{
	char path[256], line[512], *pos;
	unsigned __int128 milli = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cpuinfo", bc_sys_proc());
	f = fopen(path, "re");
	while (f && !milli && fgets(line, sizeof(line), f)) {
		if (nominal && !strncmp(line, "model name", 10) && (pos = strstr(line, "@ ")) &&
		    (pos = (char *)bc_milli_parse(pos + 2, &milli)))
			milli *= !strncasecmp(pos, "GHz", 3) ? 1000 : 0;
		else if (!nominal && !strncmp(line, "cpu MHz", 7) && (pos = strstr(line, ": ")))
			(void)bc_milli_parse(pos + 2, &milli);
	}
	if (f)
		fclose(f);
	return milli > UINT32_MAX ? 0 : milli;
}

/**
 * bc_cpu_khz() - the nominal frequency of the first CPU
 *
 * From its name, from cpufreq, or what it runs at just now where it says neither.
 *
 * Return: kHz, 0 if it is not known.
 */
uint64_t bc_cpu_khz(void)
{
	FILE *f;
	uint64_t khz = bc_cpuinfo_khz(true);

	if (khz)
		return khz;
	f = fopen("/sys/devices/system/cpu/cpu0/cpufreq/base_frequency", "re");
	if (f && fscanf(f, "%" SCNu64, &khz) != 1)
		khz = 0;
	if (f)
		fclose(f);
	return khz ? khz : bc_cpuinfo_khz(false);
}
