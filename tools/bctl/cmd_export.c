// SPDX-License-Identifier: GPL-2.0
/*
 * bctl export
 *
 * A server for those who scrape, or a file for node_exporter. Requests to the module need
 * CAP_NET_ADMIN and CAP_SYS_RESOURCE each time; all other capabilities are given up as soon
 * as the socket is open. That the module is not loaded is told by bc_up and is no reason to
 * end.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caps.h"
#include "cli.h"
#include "print.h"
#include "expose.h"
#include "http.h"
#include "notify.h"
#include "parse.h"
#include "scrape.h"
#include "wake.h"
#include "watch.h"

#define BC_EXPORT_LISTEN	"127.0.0.1:9823"

/**
 * struct bc_export - a run of bctl export
 * @b: the run
 * @s: the figures
 * @cats: what is made of them, ended by NULL
 * @told: what was said last about the module; "" for nothing
 * @wake: descriptor of the signals, from bc_wake_init()
 */
struct bc_export {
	struct bctl *b;
	struct bc_scrape s;
	const struct bc_catalogue *cats[3];
	char told[256];
	int wake;
};

/* Say what the module does when that has changed. */
static void bctl_export_tell(struct bc_export *e)
{
	const char *why = e->s.up ? "" : e->s.why;

	if (!strcmp(e->told, why))
		return;
	snprintf(e->told, sizeof(e->told), "%s", why);
	bctl_note(e->b, NULL, "%s", *why ? why : "the module answers again");
}

static int bc_export_make(void *arg, enum bc_exposition expo, char **text, size_t *len)
{
	struct bc_export *e = arg;
	int ret;

	bc_scrape_now(&e->s);
	bctl_export_tell(e);
	ret = bc_expose(&e->s, e->cats, expo, text, len);
	bc_scrape_clear(&e->s);
	return ret;
}

static int bctl_export_serve(struct bc_export *e, const char *listen)
{
	const struct bc_http_source source = { .make = bc_export_make, .arg = e };
	struct bc_http *http;
	const char *why;
	int ret = bc_http_start(&http, listen, &source, &why);

	if (ret == -EINVAL && why)
		return bctl_usage(e->b, "--listen %.*s: %s", BC_WORD_MAX, listen, why);
	if (ret)
		return bctl_fail(e->b, listen, "%s", why ? why : strerror(-ret));
	ret = bc_caps_drop();
	if (ret) {
		bc_http_stop(http);
		return bctl_fail(e->b, NULL, "cannot drop capabilities: %s", strerror(-ret));
	}
	bctl_note(e->b, NULL, "listening on http://%s/metrics", bc_http_address(http));
	bc_notify("READY=1");
	do {
		ret = bc_http_turn(http, e->wake);
	} while (ret >= 0 && !(ret && bc_wake_ended(e->wake)));
	bc_notify("STOPPING=1");
	bc_http_stop(http);
	return ret < 0 ? bctl_fail_nl(e->b, NULL, ret) : BCTL_OK;
}

static int bc_write_all(int fd, const char *text, size_t len)
{
	ssize_t done;

	while (len) {
		done = write(fd, text, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		text += done;
		len -= done;
	}
	return 0;
}

/* node_exporter, whoever it runs as, reads the old file or the new one, and never half of it. */
static int bc_export_replace(const char *path, const char *text, size_t len)
{
	char temp[PATH_MAX];
	int fd, ret;

	/* Not *.prom, which it would read. */
	if (snprintf(temp, sizeof(temp), "%s.%d.tmp", path, (int)getpid()) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	(void)unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	ret = bc_write_all(fd, text, len);
	if (!ret && fchmod(fd, 0644))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && rename(temp, path))
		ret = -errno;
	if (ret)
		(void)unlink(temp);
	return ret;
}

static int bctl_export_write(struct bc_export *e, const char *path)
{
	size_t len;
	char *text;
	int ret = bc_export_make(e, BC_EXPO_TEXT, &text, &len);

	if (ret)
		return bctl_fail_nl(e->b, NULL, ret);
	if (!strcmp(path, "-"))
		ret = fwrite(text, 1, len, stdout) == len && !fflush(stdout) ? 0 : -EIO;
	else
		ret = bc_export_replace(path, text, len);
	free(text);
	return ret ? bctl_fail(e->b, path, "cannot write: %s", strerror(-ret)) : BCTL_OK;
}

/* With an interval a failure, as of a full disk, is told and is not the end. */
static int bctl_export_file(struct bc_export *e, const char *path, int ms)
{
	struct pollfd pfd = { .fd = e->wake, .events = POLLIN };
	int status = bctl_export_write(e, path);
	uint64_t next = bc_boottime(), now;

	if (!ms || status)
		return status;
	bc_notify("READY=1");
	do {
		next = bc_watch_next(next, ms);
		for (now = bc_boottime(); now < next; now = bc_boottime())
			if (poll(&pfd, 1, (int)((next - now + 999999) / 1000000)) > 0 &&
			    bc_wake_ended(e->wake))
				return BCTL_OK;
		(void)bctl_export_write(e, path);
	} while (1);
}

/**
 * struct bc_export_args - the options of bctl export, as they were given
 * @listen: --listen
 * @textfile: --textfile
 * @interval: --interval
 * @compat: --compat
 */
struct bc_export_args {
	const char *listen;
	const char *textfile;
	const char *interval;
	const char *compat;
};

static int bctl_export_parse(struct bctl *b, const struct bc_export_args *a, struct bc_export *e,
			     int *ms)
{
	if (a->listen && a->textfile)
		return bctl_usage(b, "--listen and --textfile exclude each other");
	if (a->interval && !a->textfile)
		return bctl_usage(b, "--interval is for --textfile");
	if (a->textfile && !*a->textfile)
		return bctl_usage(b, "--textfile: the path must not be empty");
	if (a->interval && bctl_watch_seconds(b, "--interval", a->interval, ms))
		return BCTL_USAGE;
	e->cats[0] = &bc_own_families;
	if (!a->compat)
		return BCTL_OK;
	if (strcmp(a->compat, "cadvisor"))
		return bctl_usage(b, "--compat %.*s: only 'cadvisor' is known", BC_WORD_MAX,
				  a->compat);
	e->cats[1] = &bc_cadvisor_families;
	/* Most of what it is about is memory. */
	e->s.detail = true;
	return BCTL_OK;
}

/**
 * cmd_export() - bctl export
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_export(struct bctl *b, int argc, char **argv)
{
	struct bc_export e = { .b = b, .wake = -1 };
	struct bc_export_args a = { 0 };
	const struct bc_opt opts[] = {
		{ "listen", 0, NULL, &a.listen },
		{ "textfile", 0, NULL, &a.textfile },
		{ "interval", 0, NULL, &a.interval },
		{ "compat", 0, NULL, &a.compat },
		{ "detail", 0, &e.s.detail, NULL },
		{ "histograms", 0, &e.s.times, NULL },
		BC_OPT_END
	};
	int status = bctl_args(b, &argc, argv, opts), ms = 0;

	if (status >= 0)
		return status;
	if (argc)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[0]);
	status = bctl_export_parse(b, &a, &e, &ms);
	if (status)
		return status;
	if (!a.textfile || ms)
		e.wake = bc_wake_init();
	if (a.textfile)
		status = bctl_export_file(&e, a.textfile, ms);
	else
		status = bctl_export_serve(&e, a.listen ? a.listen : BC_EXPORT_LISTEN);
	bc_scrape_end(&e.s);
	return status;
}
