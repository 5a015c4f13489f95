// SPDX-License-Identifier: GPL-2.0
/*
 * ct_conf_cli FILE [KEY=VALUE|-KEY]... - what conf.c makes of a file, for test_ct_oracle.py
 *
 * Applies the changes in order, then prints every key that counts with its value, NUL
 * behind each, one more NUL, and the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

int main(int argc, char **argv)
{
	struct ct_conf conf;
	size_t i, len;
	char *text, *eq;
	int arg;

	if (argc < 2 || ct_conf_load(&conf, argv[1]))
		return 1;
	for (arg = 2; arg < argc; arg++) {
		eq = strchr(argv[arg], '=');
		if (*argv[arg] == '-')
			ct_conf_unset(&conf, argv[arg] + 1);
		else if (eq)
			*eq = '\0';
		if (*argv[arg] != '-' && eq && ct_conf_set(&conf, argv[arg], eq + 1))
			return 2;
	}
	for (i = 0; i < conf.count; i++)
		if (conf.line[i].value && ct_conf_first(&conf, i))
			printf("%.*s%c%s%c", (int)conf.line[i].key_len,
			       conf.line[i].text + conf.line[i].key, 0, conf.line[i].value, 0);
	putchar(0);
	if (ct_conf_text(&conf, &text, &len))
		return 1;
	fwrite(text, 1, len, stdout);
	free(text);
	ct_conf_clear(&conf);
	return 0;
}
