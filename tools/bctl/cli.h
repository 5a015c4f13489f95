/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CLI_H
#define BCTL_CLI_H

#include "bctl.h"

/**
 * struct bc_opt - one option of a command
 * @name: long name, without the dashes
 * @letter: short name, 0 if it has none, BC_OPT_MANY if it may be given again
 * @flag: set when the option is given; NULL for an option that needs a value
 * @value: receives the value of an option that has one; with @flag the value
 *	may be left out, and is given as --NAME=VALUE, or behind the short name,
 *	where only a number is taken for it; with BC_OPT_MANY
 *	these are BC_MANY_MAX + 1 pointers, of which the first NULL is the end
 */
struct bc_opt {
	const char *name;
	char letter;
	bool *flag;
	const char **value;
};

/* -j and -b mean the same everywhere. */
#define BC_OPT_JSON(b)	{ "json", 'j', &(b)->json, NULL }
#define BC_OPT_RAW(b)	{ "raw", 'b', &(b)->raw, NULL }
#define BC_OPT_END	{ NULL, 0, NULL, NULL }

/* In the place of a short name: the option may be given so often. */
#define BC_OPT_MANY	'+'
#define BC_MANY_MAX	64

/* As much of a user's word as a message repeats. */
#define BC_WORD_MAX	96

int bctl_global_options(struct bctl *b, int *argc, char ***argv);
int bctl_args(struct bctl *b, int *argc, char **argv, const struct bc_opt *opts);
int bctl_check_name(struct bctl *b, const char *name);
int bctl_open(struct bctl *b);
int bctl_flush(struct bctl *b, int status);

int bctl_usage(const struct bctl *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int bctl_fail(const struct bctl *b, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void bctl_note(const struct bctl *b, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int bctl_fail_nl(const struct bctl *b, const char *object, int ret);

#endif /* BCTL_CLI_H */
