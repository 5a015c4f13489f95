// SPDX-License-Identifier: GPL-2.0
/*
 * Times as people write them, and periods of the calendar
 *
 * Everything is UTC, so that no day has 23 or 25 hours and no hour comes twice: a
 * time without an offset is UTC whatever the zone of the machine, and one with an
 * offset is converted. A date is the instant at which it begins. The conversions
 * are written out here because those of the C library depend on TZ.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "calendar.h"

#define BC_MINUTE_MS	60000LL
#define BC_HOUR_MS	3600000LL
#define BC_DAY_MS	86400000LL

/* Days since 1970-01-01 of a date in the Gregorian calendar; the year begins in March here. */
static int64_t bc_days(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1, era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400, doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 +
		day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t bc_floor(int64_t num, int64_t unit)
{
	return num / unit - (num % unit < 0);
}

static void bc_date(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468, era = bc_floor(z, 146097), doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = yoe + era * 400 + (*month <= 2);
}

/**
 * bc_now_ms() - the time of day
 *
 * Return: milliseconds since 1970, UTC.
 */
int64_t bc_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* The first of the month that is @months after the one of @ms. */
static int64_t bc_month(int64_t ms, int months)
{
	int year, month, day;

	bc_date(bc_floor(ms, BC_DAY_MS), &year, &month, &day);
	months += year * 12 + month - 1;
	return bc_days(bc_floor(months, 12), months - bc_floor(months, 12) * 12 + 1, 1) *
	       BC_DAY_MS;
}

/* Of those that are all of one length. */
static const int64_t bc_step_lengths[] = {
	[BC_STEP_HOUR] = BC_HOUR_MS, [BC_STEP_DAY] = BC_DAY_MS,
	[BC_STEP_5MIN] = 5 * BC_MINUTE_MS, [BC_STEP_30MIN] = 30 * BC_MINUTE_MS,
	[BC_STEP_6H] = 6 * BC_HOUR_MS,
};

/**
 * bc_step_begin() - when the hour, day or month began
 * @step: which of them; with BC_STEP_NONE the time itself is returned
 * @ms: a time in it
 *
 * Return: its beginning.
 */
int64_t bc_step_begin(enum bc_step step, int64_t ms)
{
	if (step == BC_STEP_NONE)
		return ms;
	if (step == BC_STEP_MONTH)
		return bc_month(ms, 0);
	return bc_floor(ms, bc_step_lengths[step]) * bc_step_lengths[step];
}

/**
 * bc_step_next() - when the next hour, day or month begins
 * @step: which of them; with BC_STEP_NONE there is no next
 * @ms: a time
 *
 * Return: the first beginning after @ms.
 */
int64_t bc_step_next(enum bc_step step, int64_t ms)
{
	if (step == BC_STEP_NONE)
		return INT64_MAX;
	if (step == BC_STEP_MONTH)
		return bc_month(ms, 1);
	return bc_step_begin(step, ms) + bc_step_lengths[step];
}

/* Those that can be asked for. */
static const char * const bc_steps[] = { NULL, "hour", "day", "month" };

/**
 * bc_step_parse() - read the name of a step
 * @text: the name
 * @step: the step
 *
 * Return: 0 or -EINVAL.
 */
int bc_step_parse(const char *text, enum bc_step *step)
{
	size_t i;

	for (i = BC_STEP_HOUR; i <= BC_STEP_MONTH; i++)
		if (!strcmp(text, bc_steps[i])) {
			*step = i;
			return 0;
		}
	return -EINVAL;
}

/**
 * bc_step_name() - what a step is called
 * @step: the step
 *
 * Return: its name, NULL for one that has none.
 */
const char *bc_step_name(enum bc_step step)
{
	return step <= BC_STEP_MONTH ? bc_steps[step] : NULL;
}

/* Take exactly @len digits. */
static bool bc_digits(const char **text, int len, int *num)
{
	for (*num = 0; len; len--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*num = *num * 10 + (**text - '0');
	}
	return true;
}

static bool bc_take(const char **text, const char *any)
{
	if (!**text || !strchr(any, **text))
		return false;
	(*text)++;
	return true;
}

/* HH:MM[:SS[.mmm]]; a leap second is the first of the next minute, as for the kernel. */
static bool bc_clock_parse(const char **text, int64_t *ms)
{
	int hour, minute, second = 0, frac = 0, digits;
	bool seconds = false;

	if (!bc_digits(text, 2, &hour) || !bc_take(text, ":") || !bc_digits(text, 2, &minute))
		return false;
	if (bc_take(text, ":")) {
		if (!bc_digits(text, 2, &second))
			return false;
		seconds = true;
	}
	if (seconds && bc_take(text, ".")) {
		for (digits = 0; **text >= '0' && **text <= '9'; digits++, (*text)++)
			if (digits < 3)
				frac = frac * 10 + (**text - '0');
		if (!digits)
			return false;
		for (; digits < 3; digits++)
			frac *= 10;
	}
	*ms = hour * BC_HOUR_MS + minute * BC_MINUTE_MS + second * 1000LL + frac;
	return minute < 60 && second <= 60 &&
	       (hour < 24 || (hour == 24 && !minute && !second && !frac));
}

/* Z, +HH:MM, +HHMM or +HH, or nothing. */
static bool bc_offset_parse(const char **text, int64_t *ms)
{
	int hour, minute = 0, sign = **text == '-' ? -1 : 1;

	*ms = 0;
	if (!**text || bc_take(text, "Zz"))
		return true;
	if (!bc_take(text, "+-") || !bc_digits(text, 2, &hour))
		return false;
	if (**text) {
		bc_take(text, ":");
		if (!bc_digits(text, 2, &minute))
			return false;
	}
	*ms = sign * (hour * BC_HOUR_MS + minute * BC_MINUTE_MS);
	return hour <= 14 && minute < 60;
}

/* YYYY-MM, YYYY-MM-DD, and that with a time of day and perhaps an offset. */
static int bc_date_parse(const char *text, int64_t *ms, const char **why)
{
	static const char lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day = 1, leap;
	int64_t clock = 0, offset = 0;

	*why = "not a time such as 2026-11-01, 2026-11-01T12:30Z, yesterday, last-month or -24h";
	if (!bc_digits(&text, 4, &year) || !bc_take(&text, "-") || !bc_digits(&text, 2, &month))
		return -EINVAL;
	if (bc_take(&text, "-")) {
		if (!bc_digits(&text, 2, &day))
			return -EINVAL;
		if (bc_take(&text, "Tt ") && !(bc_clock_parse(&text, &clock) &&
					       bc_offset_parse(&text, &offset)))
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	*why = "there is no such date";
	if (month < 1 || month > 12 || !year)
		return -EINVAL;
	leap = month == 2 && !(year % 4) && (year % 100 || !(year % 400));
	if (day < 1 || day > lengths[month - 1] + leap)
		return -EINVAL;
	*ms = bc_days(year, month, day) * BC_DAY_MS + clock - offset;
	return 0;
}

/* -24h: so long ago. */
static int bc_ago_parse(const char *text, int64_t now, int64_t *ms, const char **why)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
		{ "s", 1000 }, { "min", BC_MINUTE_MS }, { "m", BC_MINUTE_MS }, { "h", BC_HOUR_MS },
		{ "d", BC_DAY_MS }, { "w", 7 * BC_DAY_MS },
	};
	int64_t num = 0;
	size_t i;

	*why = "not a time ago such as -90s, -30min, -24h, -7d or -4w";
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (num < 10000000000LL)
			num = num * 10 + (*text - '0');
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].name))
			continue;
		*why = "that is before the year 1";
		if (num > (now - BC_TIME_FIRST) / units[i].ms)
			return -EINVAL;
		*ms = now - num * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

/**
 * bc_time_parse() - read a time
 * @text: the time
 * @now: the time of day, for times that are relative to it
 * @ms: milliseconds since 1970
 * @why: what is wrong with @text
 *
 * Return: 0, or -EINVAL with @why set.
 */
int bc_time_parse(const char *text, int64_t now, int64_t *ms, const char **why)
{
	if (*text == '-')
		return bc_ago_parse(text + 1, now, ms, why);
	if (!strcmp(text, "now"))
		*ms = now;
	else if (!strcmp(text, "today"))
		*ms = bc_step_begin(BC_STEP_DAY, now);
	else if (!strcmp(text, "yesterday"))
		*ms = bc_step_begin(BC_STEP_DAY, now) - BC_DAY_MS;
	else if (!strcmp(text, "this-month"))
		*ms = bc_month(now, 0);
	else if (!strcmp(text, "last-month"))
		*ms = bc_month(now, -1);
	else
		return bc_date_parse(text, ms, why);
	return 0;
}

/**
 * bc_time_text() - write a time as ISO 8601 has it
 * @text: receives it
 * @size: room there, BC_TIME_MAX is enough
 * @ms: the time; a fraction is written only where there is one
 */
void bc_time_text(char *text, size_t size, int64_t ms)
{
	int64_t days = bc_floor(ms, BC_DAY_MS);
	int rest = ms - days * BC_DAY_MS, year, month, day;
	char frac[8] = "";

	bc_date(days, &year, &month, &day);
	if (rest % 1000)
		snprintf(frac, sizeof(frac), ".%03d", rest % 1000);
	snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", year, month, day,
		 rest / 3600000, rest / 60000 % 60, rest / 1000 % 60, frac);
}
