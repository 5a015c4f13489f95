// SPDX-License-Identifier: GPL-2.0
/*
 * bctl-ship - send usage records to PostgreSQL
 *
 * A program of its own, so that bctl needs no libpq, and what talks to a network has nothing of
 * what bctl may do. "bctl collect --ship" runs it, or a service of its own, or somebody by hand.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "mask.h"
#include "outlet.h"
#include "shipper.h"
#include "wake.h"

#define SHIP_DB			"/var/lib/beancounter/usage.db"
/* A batch is some 3 KB of text for each record. */
#define SHIP_BATCH		500
#define SHIP_BATCH_MAX		10000
/* Takes the place of a URL, so that one with a password is not on the command line. */
#define SHIP_ENV		"BCTL_SHIP_URL"

enum { SHIP_OK, SHIP_USAGE, SHIP_FAILED };

/* Options without a letter. */
enum {
	SHIP_OPT_DB = 256, SHIP_OPT_ONCE, SHIP_OPT_INIT, SHIP_OPT_TAKE_OVER, SHIP_OPT_USER,
	SHIP_OPT_BATCH, SHIP_OPT_POLL, SHIP_OPT_TIMEOUT, SHIP_OPT_LIST, SHIP_OPT_FORGET,
	SHIP_OPT_VERSION,
};

static const struct option ship_options[] = {
	{ "db", required_argument, NULL, SHIP_OPT_DB },
	{ "once", no_argument, NULL, SHIP_OPT_ONCE },
	{ "init", no_argument, NULL, SHIP_OPT_INIT },
	{ "take-over", no_argument, NULL, SHIP_OPT_TAKE_OVER },
	{ "user", required_argument, NULL, SHIP_OPT_USER },
	{ "batch", required_argument, NULL, SHIP_OPT_BATCH },
	{ "poll", required_argument, NULL, SHIP_OPT_POLL },
	{ "timeout", required_argument, NULL, SHIP_OPT_TIMEOUT },
	{ "list", no_argument, NULL, SHIP_OPT_LIST },
	{ "forget", required_argument, NULL, SHIP_OPT_FORGET },
	{ "version", no_argument, NULL, SHIP_OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

static const char ship_help[] =
	"usage: bctl-ship [--db FILE] [--once] [--take-over] [--user NAME] [--batch N]\n"
	"                 [--poll S] [--timeout S] [URL]\n"
	"       bctl-ship --init [--user NAME] [--timeout S] [URL]\n"
	"       bctl-ship --list [--db FILE]\n"
	"       bctl-ship --forget NAME [--db FILE]\n"
	"       bctl-ship --version\n"
	"Send usage records of \"bctl collect\" to PostgreSQL. URL is postgresql://...;\n"
	"without it, that of the environment variable " SHIP_ENV ".\n";

static int ship_bad(const char *option, const char *value, const char *why)
{
	fprintf(stderr, "bctl-ship: %s%s%.96s: %s\n", option, *value ? " " : "", value, why);
	return SHIP_USAGE;
}

static int ship_number(const char *option, const char *text, const char *what, int max, int *num)
{
	char *end, why[64];
	long value = strtol(text, &end, 10);

	snprintf(why, sizeof(why), "not a number of %s from 1 to %d", what, max);
	if (*text < '0' || *text > '9' || *end || value < 1 || value > max)
		return ship_bad(option, text, why);
	*num = value;
	return SHIP_OK;
}

static int ship_seconds(const char *option, const char *text, int *ms)
{
	int status = ship_number(option, text, "seconds", 3600, ms);

	*ms *= status ? 1 : 1000;
	return status;
}

/**
 * struct ship_args - what is not in struct shipper
 * @list: --list
 * @forget: --forget
 * @version: --version
 * @help: --help
 */
struct ship_args {
	bool list;
	const char *forget;
	bool version;
	bool help;
};

static int ship_option(int opt, struct shipper *s, struct ship_args *a)
{
	switch (opt) {
	case SHIP_OPT_DB:
		s->path = optarg;
		break;
	case SHIP_OPT_ONCE:
		s->once = true;
		break;
	case SHIP_OPT_INIT:
		s->init = true;
		break;
	case SHIP_OPT_TAKE_OVER:
		s->take_over = true;
		break;
	case SHIP_OPT_USER:
		s->server.user = optarg;
		if (!getpwnam(optarg))
			return ship_bad("--user", optarg, "no such user");
		break;
	case SHIP_OPT_BATCH:
		return ship_number("--batch", optarg, "records", SHIP_BATCH_MAX, &s->batch);
	case SHIP_OPT_POLL:
		return ship_seconds("--poll", optarg, &s->poll_ms);
	case SHIP_OPT_TIMEOUT:
		return ship_seconds("--timeout", optarg, &s->server.answer_ms);
	case SHIP_OPT_LIST:
		a->list = true;
		break;
	case SHIP_OPT_FORGET:
		a->forget = optarg;
		break;
	case SHIP_OPT_VERSION:
		a->version = true;
		break;
	case 'h':
		a->help = true;
		break;
	default:
		return SHIP_USAGE;
	}
	return SHIP_OK;
}

/* Take the URL from where it is given, and leave none there that has a password to be read. */
static int ship_url(struct shipper *s, char *word)
{
	char *given = word ? word : getenv(SHIP_ENV);

	if (!given)
		return ship_bad("URL", "", "is missing");
	s->server.url = strdup(given);
	if (!s->server.url)
		return ship_bad("URL", "", strerror(ENOMEM));
	bc_mask_url(given);
	if (!bc_mask_is_url(s->server.url))
		return ship_bad("URL", word ? given : "", "does not begin with postgresql://");
	if (ship_server_parse(&s->server, strcmp(given, s->server.url)))
		return ship_bad("URL", word ? given : "", "libpq does not understand it");
	return SHIP_OK;
}

static int ship_options_read(int argc, char **argv, struct shipper *s, struct ship_args *a)
{
	int opt, status = SHIP_OK;

	while (!status && (opt = getopt_long(argc, argv, "h", ship_options, NULL)) >= 0)
		status = ship_option(opt, s, a);
	if (status || a->help || a->version)
		return status;
	if (argc - optind > 1)
		return ship_bad("unexpected argument", argv[optind + 1], "there is a URL already");
	if (!a->list && !a->forget)
		return ship_url(s, argv[optind]);
	return argv[optind] ? ship_bad("unexpected argument", argv[optind], "no URL is wanted") :
			      SHIP_OK;
}

/* --list and --forget */
static int ship_manage(struct shipper *s, const struct ship_args *a)
{
	struct ship_outlet *o;
	bool found = true;
	int ret = ship_outlet_open(&o, s->path, a->forget ? a->forget : "");

	if (!ret)
		ret = a->forget ? ship_outlet_forget(o, &found) : ship_outlet_list(o, stdout);
	if (ret)
		fprintf(stderr, "bctl-ship: %s\n", ship_outlet_message(o));
	else if (!found)
		fprintf(stderr, "bctl-ship: %.96s: nothing is sent there; --list tells the names\n",
			a->forget);
	ship_outlet_close(o);
	return ret || !found ? SHIP_FAILED : SHIP_OK;
}

static int ship_go(struct shipper *s)
{
	s->wake = bc_wake_init();
	if (s->wake < 0) {
		fprintf(stderr, "bctl-ship: %s\n", strerror(-s->wake));
		return SHIP_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!ship_guard_user(&s->server.user)) {
		ship_bad("--user", s->server.user, "takes CAP_SETUID, CAP_SETGID, CAP_CHOWN and CAP_KILL");
		return SHIP_FAILED;
	}
	return shipper_run(s) ? SHIP_FAILED : SHIP_OK;
}

static int ship_main(struct shipper *s, int argc, char **argv)
{
	struct ship_args a = { 0 };
	int status = ship_options_read(argc, argv, s, &a);

	if (status)
		return status;
	if (a.help || a.version) {
		fputs(a.help ? ship_help : "bctl-ship " BCTL_VERSION "\n", stdout);
		return fflush(stdout) ? SHIP_FAILED : SHIP_OK;
	}
	if (a.list || a.forget)
		return ship_manage(s, &a);
	return ship_go(s);
}

int main(int argc, char **argv)
{
	struct shipper s = { .path = SHIP_DB, .server.answer_ms = 60000, .poll_ms = 10000,
			     .batch = SHIP_BATCH };
	int status = ship_main(&s, argc, argv);

	free(s.server.url);
	free(s.server.passfile);
	return status;
}
