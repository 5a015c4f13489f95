// SPDX-License-Identifier: GPL-2.0
/*
 * The value parser as a filter, for test_parse_oracle.py
 *
 * Reads lines "UNIT PAGE_SIZE TEXT", writes "BARRIER LIMIT" or "refused".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

int main(void)
{
	uint64_t barrier, limit, page;
	char line[512], *text;
	struct bc_value val;
	const char *why;
	uint32_t unit;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		unit = strtoul(line, &text, 10);
		page = strtoull(text, &text, 10);
		text += *text == ' ';
		if (bc_value_parse(text, &val, &why) ||
		    bc_value_resolve(&val, unit, page, &barrier, &limit, &why))
			puts("refused");
		else
			printf("%" PRIu64 " %" PRIu64 "\n", barrier, limit);
	}
	return 0;
}
