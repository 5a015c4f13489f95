// SPDX-License-Identifier: GPL-2.0
/*
 * networks_classes: what is counted apart, and what is not; RATE; pure but for reading
 *
 *	# class network
 *	1 0.0.0.0/0
 *	1 ::/0
 *	2 10.0.0.0/8
 *	0 10.1.2.3
 *
 * The last line in which an address is counts, so that lines further down are exceptions
 * from those above. Without the file everything is class 1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "traffic.h"

static const char ct_classes_default[] = "1 0.0.0.0/0\n1 ::/0\n";

/**
 * ct_classes_clear() - release the lines
 * @classes: the lines
 */
void ct_classes_clear(struct ct_classes *classes)
{
	free(classes->line);
	memset(classes, 0, sizeof(*classes));
}

static int ct_class_line(struct ct_classes *classes, char *text, const char **why)
{
	struct ct_class_net *pos = classes->line + classes->count;
	char *save, *class, *net;

	text[strcspn(text, "#")] = '\0';
	class = strtok_r(text, " \t\r", &save);
	if (!class)
		return 0;
	net = strtok_r(NULL, " \t\r", &save);
	*why = "not a class, 0 to 15, and a network behind it";
	if (!net || strtok_r(NULL, " \t\r", &save) || bc_u32_parse(class, &pos->class) ||
	    pos->class >= CT_CLASS_MAX)
		return -EINVAL;
	if (ct_net_parse(net, &pos->net, why))
		return -EINVAL;
	*why = "more than 4096 networks";
	if (classes->count == CT_CLASS_NETS - 1)
		return -EINVAL;
	classes->used |= 1U << pos->class;
	classes->count++;
	return 0;
}

/**
 * ct_classes_parse() - read the text of networks_classes
 * @classes: receives the lines
 * @text: the text
 * @line: the line that is wrong
 * @why: what is wrong with it
 *
 * Return: 0, -ENOMEM, or -EINVAL with @line and @why set.
 */
int ct_classes_parse(struct ct_classes *classes, const char *text, size_t *line,
		     const char **why)
{
	char *copy = strdup(text), *pos = copy, *part;
	int ret = 0;

	memset(classes, 0, sizeof(*classes));
	classes->line = calloc(CT_CLASS_NETS, sizeof(*classes->line));
	if (!copy || !classes->line)
		ret = -ENOMEM;
	for (*line = 1; !ret && (part = strsep(&pos, "\n")); (*line)++)
		ret = ct_class_line(classes, part, why);
	(*line)--;
	free(copy);
	if (ret)
		ct_classes_clear(classes);
	return ret;
}

/**
 * ct_classes_load() - read networks_classes
 * @classes: receives the lines
 * @path: the file; if there is none, everything is class 1
 * @line: the line that is wrong, 0 if it is the file
 * @why: what is wrong with it
 *
 * Return: 0, or a negative errno with @line and @why set.
 */
int ct_classes_load(struct ct_classes *classes, const char *path, size_t *line, const char **why)
{
	FILE *f = fopen(path, "re");
	size_t room = 0;
	char *text = NULL;
	int ret;

	*line = 0;
	*why = "cannot be read";
	if (!f && errno == ENOENT)
		return ct_classes_parse(classes, ct_classes_default, line, why);
	if (!f)
		return -errno;
	/* A file without a byte of zero is one "line" up to there. */
	ret = getdelim(&text, &room, '\0', f) < 0 && ferror(f) ? -EIO : 0;
	if (!ret)
		ret = ct_classes_parse(classes, feof(f) && text ? text : "", line, why);
	free(text);
	fclose(f);
	return ret;
}

static int ct_rate_one(const char *text, struct ct_rate *rate, const char **why)
{
	char device[16], class[16];
	unsigned long long kbit;
	uint32_t num = 0;
	int used = -1;

	*why = "not *:CLASS:KBITS, like *:1:1000";
	if (sscanf(text, "%15[^:]:%15[^:]:%9llu%n", device, class, &kbit, &used) != 3 ||
	    text[used] || !kbit)
		return -EINVAL;
	*why = "a rate holds for all network cards together; write * for the device";
	if (strcmp(device, "*"))
		return -EINVAL;
	*why = "not a class, 1 to 15";
	if (bc_u32_parse(class, &num) || !num || num >= CT_CLASS_MAX)
		return -EINVAL;
	rate->bytes[num] = kbit * 125;
	return 0;
}

/**
 * ct_rate_list() - read RATE
 * @text: *:CLASS:KBITS, several of them with commas or blanks between them; NULL for none
 * @rate: receives the bounds
 * @why: what is wrong
 *
 * Return: 0, or -EINVAL with @why set.
 */
int ct_rate_list(const char *text, struct ct_rate *rate, const char **why)
{
	char word[48];
	size_t len;

	memset(rate, 0, sizeof(*rate));
	for (text = text ? text : ""; *(text += strspn(text, " \t,")); text += len) {
		len = strcspn(text, " \t,");
		*why = "not *:CLASS:KBITS, like *:1:1000";
		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = '\0';
		if (ct_rate_one(word, rate, why))
			return -EINVAL;
	}
	return 0;
}

/**
 * ct_flow_name() - what the counter of a flow is called
 * @class: the class
 * @family: 0 for IPv4, 1 for IPv6
 * @way: the direction
 * @out: receives the name
 * @size: room there
 */
void ct_flow_name(unsigned int class, int family, enum ct_way way, char *out, size_t size)
{
	snprintf(out, size, "%s_%u_%s", way == CT_IN ? "in" : "out", class,
		 family ? "ipv6" : "ipv4");
}
