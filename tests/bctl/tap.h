/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Test Anything Protocol, just enough of it
 *
 * ok() is one test; the line of the source goes with a failure. The plan comes
 * last, so that a program that dies has none.
 */
#ifndef BCTL_TEST_TAP_H
#define BCTL_TEST_TAP_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

#define ok(cond, ...) tap_ok(!!(cond), #cond, __FILE__, __LINE__, __VA_ARGS__)
#define is(have, want, ...) tap_is(have, want, __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 5, 6), unused))
static int tap_ok(int good, const char *cond, const char *file, int line, const char *fmt, ...)
{
	char name[512];
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	__builtin_va_end(ap);
	printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, name);
	if (!good)
		printf("# %s:%d: %s\n", file, line, cond);
	tap_failed += !good;
	return good;
}

__attribute__((format(printf, 5, 6), unused))
static void tap_is(const char *have, const char *want, const char *file, int line,
		   const char *fmt, ...)
{
	char name[512];
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	__builtin_va_end(ap);
	if (!tap_ok(!strcmp(have, want), "have equals want", file, line, "%s", name))
		printf("# have: %s\n# want: %s\n", have, want);
}

static inline int tap_end(void)
{
	printf("1..%d\n", tap_count);
	return !!tap_failed;
}

/* The same numbers on every machine and in every run. */
__attribute__((unused))
static uint32_t tap_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

#endif /* BCTL_TEST_TAP_H */
