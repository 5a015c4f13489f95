// SPDX-License-Identifier: GPL-2.0
/*
 * The name of a cgroup may be any bytes, a text in PostgreSQL may not
 *
 * One record that the server can never take would be the last one that is ever sent.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* How many bytes the character at @s has; 0 if it is none. */
static size_t ship_utf8_len(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 :
		     *s < 0xf5 ? 4 : 0, i;
	uint32_t c = len > 1 ? *s & (0x7f >> len) : *s;

	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return len && c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? len : 0;
}

/**
 * ship_utf8() - copy a document, with each byte that is no UTF-8 in its strings as \xNN
 * @json: the document
 *
 * Return: the copy, to be freed, or NULL for want of memory.
 */
char *ship_utf8(const char *json)
{
	const unsigned char *s = (const unsigned char *)json;
	size_t bad = 0, len;
	char *copy, *to;

	for (; *s; s += len ? len : 1) {
		len = ship_utf8_len(s);
		bad += !len;
	}
	copy = malloc(strlen(json) + 4 * bad + 1);
	if (!copy)
		return NULL;
	to = copy;
	for (s = (const unsigned char *)json; *s; s += len ? len : 1) {
		len = ship_utf8_len(s);
		if (len)
			to = mempcpy(to, s, len);
		else
			to += sprintf(to, "\\\\x%02x", *s);
	}
	*to = '\0';
	return copy;
}
