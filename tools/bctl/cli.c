// SPDX-License-Identifier: GPL-2.0
/*
 * Options, and the one place that writes to stderr
 *
 * Options may stand before the command, and before, between and behind its
 * arguments; "--" ends them. Data go to stdout, words to stderr, and each of
 * the latter has the shape "bctl: COMMAND: OBJECT: what is wrong".
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/beancounter.h>

#include "beancounter.h"
#include "cli.h"

static void bctl_say(const struct bctl *b, const char *object, const char *fmt,
		     va_list ap)
{
	if (b->said) {
		int len = snprintf(b->said, BC_SAID_MAX, "%.*s%s", BC_WORD_MAX,
				   object ? object : "", object ? ": " : "");

		vsnprintf(b->said + len, BC_SAID_MAX - len, fmt, ap);
		return;
	}
	fputs("bctl: ", stderr);
	if (b->cmd)
		fprintf(stderr, "%s: ", b->cmd->name);
	if (object)
		fprintf(stderr, "%.*s%s: ", BC_WORD_MAX, object,
			strlen(object) > BC_WORD_MAX ? "..." : "");
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

/**
 * bctl_usage() - complain about the command line
 * @b: the run
 * @fmt: what is wrong with it
 *
 * Return: BCTL_USAGE.
 */
int bctl_usage(const struct bctl *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bctl_say(b, NULL, fmt, ap);
	va_end(ap);
	if (b->said)
		return BCTL_USAGE;
	if (b->cmd)
		fprintf(stderr, "usage: bctl %s%s%s\n", b->cmd->name,
			*b->cmd->args ? " " : "", b->cmd->args);
	else
		fputs("See 'bctl help'.\n", stderr);
	return BCTL_USAGE;
}

/**
 * bctl_fail() - report a failure
 * @b: the run
 * @object: what it failed on, or NULL
 * @fmt: why
 *
 * Return: BCTL_FAILED.
 */
int bctl_fail(const struct bctl *b, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bctl_say(b, object, fmt, ap);
	va_end(ap);
	return BCTL_FAILED;
}

/**
 * bctl_note() - say something that is no failure
 * @b: the run
 * @object: what it is about, or NULL
 * @fmt: the message
 */
void bctl_note(const struct bctl *b, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bctl_say(b, object, fmt, ap);
	va_end(ap);
}

/**
 * bctl_fail_nl() - report what a function of the library returned
 * @b: the run
 * @object: what the request was about, or NULL
 * @ret: the negative errno
 *
 * The kernel's own words come first, where it sent any.
 *
 * Return: BCTL_FAILED.
 */
int bctl_fail_nl(const struct bctl *b, const char *object, int ret)
{
	const char *words = b->nl ? bcn_message(b->nl) : "";
	const char *hint = "";

	if (ret == -EPERM)
		hint = "; this needs root on the host: CAP_NET_ADMIN and CAP_SYS_RESOURCE";
	if (*words)
		return bctl_fail(b, object, "%s (%s%s)", words, strerror(-ret), hint);
	return bctl_fail(b, object, "%s%s", strerror(-ret), hint);
}

/**
 * bctl_open() - connect to the module
 * @b: the run
 *
 * Called after the arguments were checked, so that a usage error is one
 * wherever bctl runs.
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_open(struct bctl *b)
{
	int ret;

	if (b->nl)
		return BCTL_OK;
	ret = bcn_open(&b->nl);
	if (!ret)
		ret = bcn_connect(b->nl);
	/* Who asks once more is told once more. */
	if (ret) {
		bcn_close(b->nl);
		b->nl = NULL;
	}
	if (ret == -ENOENT)
		return bctl_fail(b, NULL,
				 "the beancounter module is not loaded, or this is not the host's network namespace");
	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
}

/**
 * bctl_flush() - write out stdout, and do not call it done if that fails
 * @b: the run
 * @status: exit status so far
 *
 * Return: the exit status.
 */
int bctl_flush(struct bctl *b, int status)
{
	if (!ferror(stdout) && !fflush(stdout))
		return status;
	bctl_fail(b, NULL, "cannot write the output: %s", strerror(errno));
	return status == BCTL_OK ? BCTL_FAILED : status;
}

/**
 * bctl_check_name() - refuse what cannot be the name of a pool
 * @b: the run
 * @name: the name
 *
 * The kernel decides which names are good. Only what it could not explain well
 * is caught here: a name of no or of too great length.
 *
 * Return: BCTL_OK or BCTL_USAGE.
 */
int bctl_check_name(struct bctl *b, const char *name)
{
	if (!*name)
		return bctl_usage(b, "the name of a pool must not be empty");
	if (strlen(name) > BC_NAME_MAX)
		return bctl_usage(b, "%.*s...: the name of a pool has at most %d bytes",
				  BC_WORD_MAX / 2, name, BC_NAME_MAX);
	return BCTL_OK;
}

/**
 * bctl_global_options() - take the options that stand before the command
 * @b: the run
 * @argc: number of arguments with the program's name; without it on return
 * @argv: the arguments, likewise
 *
 * Return: -1 to go on with the command, else the exit status.
 */
int bctl_global_options(struct bctl *b, int *argc, char ***argv)
{
	if (*argc > 0) {
		(*argc)--;
		(*argv)++;
	}
	for (; *argc && (*argv)[0][0] == '-'; (*argc)--, (*argv)++) {
		const char *arg = (*argv)[0];

		if (!strcmp(arg, "-j") || !strcmp(arg, "--json"))
			b->json = true;
		else if (!strcmp(arg, "-b") || !strcmp(arg, "--raw"))
			b->raw = true;
		else if (!strcmp(arg, "-h") || !strcmp(arg, "--help"))
			return cmd_help(b, 0, NULL);
		else if (!strcmp(arg, "-V") || !strcmp(arg, "--version"))
			return cmd_version(b, 0, NULL);
		else
			return bctl_usage(b, "unknown option '%.*s'", BC_WORD_MAX, arg);
	}
	return -1;
}

static int bctl_option_value(struct bctl *b, const struct bc_opt *opt, const char *value)
{
	size_t room = opt->letter == BC_OPT_MANY ? BC_MANY_MAX : 1, i = 0;

	while (i < room && opt->value[i])
		i++;
	if (i == room && room > 1)
		return bctl_usage(b, "option '--%s' is given more than %d times", opt->name,
				  BC_MANY_MAX);
	if (i == room)
		return bctl_usage(b, "option '--%s' is given twice", opt->name);
	opt->value[i] = value;
	return BCTL_OK;
}

static int bctl_long_option(struct bctl *b, const struct bc_opt *opts,
			    const char *arg, char **next, int *used)
{
	const char *eq = strchr(arg, '=');
	size_t len = eq ? (size_t)(eq - arg) : strlen(arg);

	for (; opts->name; opts++)
		if (strlen(opts->name) == len && !memcmp(opts->name, arg, len))
			break;
	if (!opts->name)
		return bctl_usage(b, "unknown option '--%.*s'", BC_WORD_MAX, arg);
	if (opts->flag) {
		if (eq && !opts->value)
			return bctl_usage(b, "option '--%s' takes no value", opts->name);
		*opts->flag = true;
		return eq ? bctl_option_value(b, opts, eq + 1) : BCTL_OK;
	}
	if (!eq && !*next)
		return bctl_usage(b, "option '--%s' needs a value", opts->name);
	*used = !eq;
	return bctl_option_value(b, opts, eq ? eq + 1 : *next);
}

/* What a short option takes for its value that can do without. */
static bool bc_is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789.")];
}

static int bctl_short_options(struct bctl *b, const struct bc_opt *opts, const char *arg,
			      const char *next, int *used)
{
	const struct bc_opt *opt;

	for (; *arg; arg++) {
		for (opt = opts; opt->name; opt++)
			if (opt->letter == *arg && *arg != BC_OPT_MANY)
				break;
		if (!opt->name)
			return bctl_usage(b, "unknown option '-%c'", *arg);
		if (opt->flag)
			*opt->flag = true;
		if (opt->flag && !(opt->value && bc_is_number(arg[1] || !next ? arg + 1 : next)))
			continue;
		if (!arg[1] && !next)
			return bctl_usage(b, "option '-%c' needs a value", *arg);
		*used = !arg[1];
		return bctl_option_value(b, opt, arg[1] ? arg + 1 : next);
	}
	return BCTL_OK;
}

/**
 * bctl_args() - take the options out of a command's arguments
 * @b: the run
 * @argc: number of arguments; without the options on return
 * @argv: the arguments, closed up on return
 * @opts: the options of this command, ended by BC_OPT_END
 *
 * "--help" prints the usage line; the command then has nothing to do.
 *
 * Return: -1 to go on, else the exit status.
 */
int bctl_args(struct bctl *b, int *argc, char **argv, const struct bc_opt *opts)
{
	int status = BCTL_OK, kept = 0, i;

	for (i = 0; i < *argc && !status; i++) {
		char *next = i + 1 < *argc ? argv[i + 1] : NULL;
		int used = 0;

		if (argv[i][0] != '-' || !argv[i][1]) {
			argv[kept++] = argv[i];
		} else if (!strcmp(argv[i], "--")) {
			while (++i < *argc)
				argv[kept++] = argv[i];
		} else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			char *words[] = { (char *)b->cmd->name };

			return cmd_help(b, 1, words);
		} else if (argv[i][1] == '-') {
			status = bctl_long_option(b, opts, argv[i] + 2, &next, &used);
		} else {
			status = bctl_short_options(b, opts, argv[i] + 1, next, &used);
		}
		i += used;
	}
	*argc = kept;
	return status ? status : -1;
}
