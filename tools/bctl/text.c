// SPDX-License-Identifier: GPL-2.0
/*
 * Values of documents as text
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "print.h"
#include "text.h"

/**
 * bc_human() - write a number of bytes for people
 * @text: receives it
 * @size: room there
 * @bytes: the number
 *
 * A decimal is written only when the number was rounded.
 */
void bc_human(char *text, size_t size, unsigned __int128 bytes)
{
	static const char suffixes[] = " KMGTPEZ";
	unsigned __int128 unit = 1, tenths;
	int i = 0;

	while (bytes / unit >= 1024 && suffixes[i + 1]) {
		unit *= 1024;
		i++;
	}
	tenths = (bytes * 10 + unit / 2) / unit;
	if (tenths >= 10240 && suffixes[i + 1]) {
		unit *= 1024;
		i++;
		tenths = (bytes * 10 + unit / 2) / unit;
	}
	if (bytes % unit)
		snprintf(text, size, "%" PRIu64 ".%u%c", (uint64_t)(tenths / 10),
			 (unsigned int)(tenths % 10), suffixes[i]);
	else
		snprintf(text, size, "%" PRIu64 "%.*s", (uint64_t)(bytes / unit),
			 i ? 1 : 0, &suffixes[i]);
}

/**
 * bc_str() - the text of a member
 * @obj: the object
 * @key: name of the member
 *
 * Return: its text, or NULL.
 */
const char *bc_str(json_object *obj, const char *key)
{
	json_object *val;

	return json_object_object_get_ex(obj, key, &val) ? json_object_get_string(val) : NULL;
}

/**
 * bc_get() - a member that may be missing
 * @obj: the object, or NULL
 * @key: name of the member
 *
 * Return: it, or NULL.
 */
json_object *bc_get(json_object *obj, const char *key)
{
	json_object *val;

	return obj && json_object_object_get_ex(obj, key, &val) ? val : NULL;
}

/**
 * bc_num() - the number of a member
 * @obj: the object
 * @key: name of the member
 *
 * Return: the number, 0 when there is none.
 */
uint64_t bc_num(json_object *obj, const char *key)
{
	json_object *val;

	return json_object_object_get_ex(obj, key, &val) ? json_object_get_uint64(val) : 0;
}

/**
 * bc_amount() - write an amount
 * @p: how
 * @text: receives it
 * @size: room there
 * @obj: has the amount, and "unit", which tells how to write it
 * @key: name of the amount
 */
void bc_amount(const struct bc_printer *p, char *text, size_t size,
	       json_object *obj, const char *key)
{
	const char *unit = bc_str(obj, "unit");
	json_object *val;
	uint64_t num;

	if (!json_object_object_get_ex(obj, key, &val)) {
		snprintf(text, size, "-");
		return;
	}
	if (!val) {
		snprintf(text, size, "unlimited");
		return;
	}
	num = json_object_get_uint64(val);
	if (!p->raw && unit && (!strcmp(unit, "bytes") || !strcmp(unit, "bytes-per-second")))
		bc_human(text, size, num);
	else if (!p->raw && unit && !strcmp(unit, "ns-per-second"))
		bc_percent(text, size, num);
	else if (!p->raw && unit && !strcmp(unit, "pages"))
		bc_human(text, size, (unsigned __int128)num * p->page_size);
	else
		snprintf(text, size, "%" PRIu64, num);
}

/**
 * bc_safe() - write a string so that it can neither move the cursor nor end the line
 * @out: the file
 * @text: the string, or NULL
 */
void bc_safe(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)(text ? text : "-");

	for (; *s; s++)
		if (*s < ' ' || *s == 0x7f)
			fprintf(out, "\\x%02x", *s);
		else if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0)
			fprintf(out, "\\x%02x", *++s);	/* a control character in UTF-8 */
		else
			fputc(*s, out);
}
