// SPDX-License-Identifier: GPL-2.0
/*
 * Talking to PostgreSQL, in a process of its own
 *
 * It has one connection and ends with it. Nothing here has a time limit: whoever waits for an
 * answer for too long ends this process. Each request is one statement and so one transaction,
 * which is done, or not, whatever becomes of the connection.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "frame.h"
#include "guard.h"
#include "server.h"

#define SHIP_SCHEMA	"1"
/* date_trunc() with a zone came with 12; older than 13 is not in use any more. */
#define SHIP_SERVER_MIN	130000

/* The text of fleet.sql and of views.sql. */
static const char ship_schema[] = {
#include "fleet.sql.h"
#include "views.sql.h"
	0
};

/*
 * What a session is like. A record that is said to be stored is. The server gives up what takes
 * too long even if it cannot know that nobody waits any more, and with it its locks.
 */
static const char ship_session[] =
	"SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ('search_path', ''), "
	"('TimeZone', 'UTC'), ('jit', 'off'), ('statement_timeout', '%d'), "
	"('synchronous_commit', CASE pg_catalog.current_setting('synchronous_commit') "
	"WHEN 'off' THEN 'on' ELSE pg_catalog.current_setting('synchronous_commit') END)) "
	"AS v(name, value)";

/* Answer with words; what a server says may be anything, and goes to a terminal or a log. */
static void ship_say(int fd, const char *words)
{
	char text[512];
	size_t i;

	while (!strncmp(words, "ERROR:  ", 8) || !strncmp(words, "FATAL:  ", 8))
		words += 8;
	snprintf(text, sizeof(text), "%s", words);
	for (i = strlen(text); i && strchr(" \n", text[i - 1]); i--)
		text[i - 1] = '\0';
	for (i = 0; text[i]; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			text[i] = ' ';
	(void)ship_frame_send(fd, SHIP_ERROR, text);
}

__attribute__((noreturn))
static void ship_fail(int fd, PGconn *conn, const char *words)
{
	ship_say(fd, words);
	PQfinish(conn);
	_exit(1);
}

static void ship_no_notice(void *arg, const char *words)
{
	(void)arg;
	(void)words;
}

/**
 * ship_server_parse() - find out what a URL is about
 * @server: has the URL; receives @name and @passfile
 * @masked: it looks as if there were a password in it
 *
 * Return: 0, or -EINVAL when it is none that libpq understands. What libpq says of it might have
 * a part of the password in it.
 */
int ship_server_parse(struct ship_server *server, bool masked)
{
	static const char * const keys[] = { "service", "host", "hostaddr", "port", "dbname" };
	PQconninfoOption *opts = PQconninfoParse(server->url, NULL), *o;
	bool secret = false;
	size_t i, len = 0;

	if (!opts)
		return -EINVAL;
	server->name[0] = '\0';
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		for (o = opts; o->keyword; o++)
			if (o->val && !strcmp(o->keyword, keys[i]) && len < sizeof(server->name))
				len += snprintf(server->name + len, sizeof(server->name) - len,
						"%s%s=%s", len ? " " : "", keys[i], o->val);
	if (!len)
		snprintf(server->name, sizeof(server->name), "postgresql");
	for (o = opts; o->keyword; o++) {
		if (o->val && !strcmp(o->keyword, "passfile"))
			server->passfile = strdup(o->val);
		secret |= o->val && strstr(o->keyword, "password");
	}
	PQconninfoFree(opts);
	/* A slash in a password has made another part of it, which would be told. */
	return secret || !masked ? 0 : -EINVAL;
}

/*
 * A file of authorities that may not be read. libpq 15 would say so as well, with a reason
 * out of memory that nobody has written (it takes strerror_r() for that of POSIX).
 */
static void ship_authority(const struct ship_server *server, int fd)
{
	PQconninfoOption *opts = PQconninfoParse(server->url, NULL), *o;
	char words[320];

	for (o = opts; o && o->keyword; o++)
		if (o->val && !strcmp(o->keyword, "sslrootcert") && access(o->val, R_OK) &&
		    errno == EACCES) {
			snprintf(words, sizeof(words),
				 "could not read root certificate file \"%.200s\": %s", o->val,
				 strerror(EACCES));
			ship_fail(fd, NULL, words);
		}
	PQconninfoFree(opts);
}

static PGconn *ship_connect(const struct ship_server *server, const char *passfile, int fd)
{
	/* Without a value passfile would not be looked for where it is by itself. */
	const char *keys[] = { "dbname", "fallback_application_name", "client_encoding",
			       *passfile ? "passfile" : NULL, NULL };
	const char *values[] = { server->url, "bctl-ship", "UTF8", passfile, NULL };
	const char *encoding;
	PGconn *conn;

	ship_authority(server, fd);
	conn = PQconnectdbParams(keys, values, 1);
	if (!conn || PQstatus(conn) != CONNECTION_OK)
		ship_fail(fd, conn, conn ? PQerrorMessage(conn) : strerror(ENOMEM));
	PQsetNoticeProcessor(conn, ship_no_notice, NULL);
	PQsetErrorVerbosity(conn, PQERRORS_TERSE);
	PQsetErrorContextVisibility(conn, PQSHOW_CONTEXT_NEVER);
	if (PQserverVersion(conn) < SHIP_SERVER_MIN)
		ship_fail(fd, conn, "the server is older than PostgreSQL 13");
	encoding = PQparameterStatus(conn, "server_encoding");
	if (!encoding || (strcmp(encoding, "UTF8") && strcmp(encoding, "SQL_ASCII")))
		ship_fail(fd, conn, "the encoding of the database is not UTF8");
	return conn;
}

/* One statement, or a script; false, and what is wrong has been said. */
static bool ship_do(PGconn *conn, int fd, const char *sql)
{
	PGresult *res = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(res);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	if (!good)
		ship_say(fd, PQerrorMessage(conn));
	PQclear(res);
	return good;
}

/*
 * A script without BEGIN is one transaction, which an error undoes. Another node may make the
 * schema at the same time; the lock is got before the transaction begins, so that this one
 * sees what that one has done.
 */
static bool ship_init(PGconn *conn, int fd)
{
	return ship_do(conn, fd, "SELECT pg_catalog.pg_advisory_lock(1111709011)") &&
	       ship_do(conn, fd, ship_schema) &&
	       ship_do(conn, fd, "SELECT pg_catalog.pg_advisory_unlock(1111709011)");
}

/* Is the schema there, and one that we know? If it is missing, try to make it. */
static bool ship_check(PGconn *conn, int fd, bool init)
{
	PGresult *res = PQexec(conn, "SELECT value FROM beancounter.meta WHERE key = 'schema'");
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	bool good = PQresultStatus(res) == PGRES_TUPLES_OK, ours;
	char words[128];

	ours = good && PQntuples(res) == 1 && !strcmp(PQgetvalue(res, 0, 0), SHIP_SCHEMA);
	snprintf(words, sizeof(words), "the schema there is of version %.16s, this program knows "
		 SHIP_SCHEMA, good && PQntuples(res) ? PQgetvalue(res, 0, 0) : "(none)");
	/* 3F000: no such schema, 42P01: no such table */
	init |= state && (!strcmp(state, "3F000") || !strcmp(state, "42P01"));
	if (good && !ours)
		ship_say(fd, words);
	else if (!good && !init)
		ship_say(fd, PQerrorMessage(conn));
	PQclear(res);
	if (init && (ours || !good))
		return ship_init(conn, fd);
	return ours;
}

/* Call one of the two functions with a document. */
static bool ship_call(PGconn *conn, int fd, const char *sql, const char *text)
{
	PGresult *res = PQexecParams(conn, sql, 1, NULL, &text, NULL, NULL, 0);
	bool good = PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1;

	if (!good)
		ship_say(fd, PQerrorMessage(conn));
	else
		good = !ship_frame_send(fd, SHIP_DONE, PQgetvalue(res, 0, 0));
	PQclear(res);
	return good;
}

/* Do what is asked for; false ends it. */
static bool ship_serve(PGconn *conn, int fd, enum ship_frame what, const char *text)
{
	switch (what) {
	case SHIP_HELLO:
		return ship_check(conn, fd, false) &&
		       ship_call(conn, fd, "SELECT beancounter.hello($1::json)", text);
	case SHIP_INIT:
		return ship_check(conn, fd, true) && !ship_frame_send(fd, SHIP_DONE, "");
	case SHIP_BATCH:
		return ship_call(conn, fd, "SELECT beancounter.ship($1::json)", text);
	default:
		return false;
	}
}

/**
 * ship_server_run() - connect, and do what is asked for
 * @server: where to
 * @fd: the socket to the process that asks; the only thing that stays open, besides stderr
 */
void ship_server_run(const struct ship_server *server, int fd)
{
	enum ship_frame what;
	char passfile[64] = "", words[sizeof(ship_session) + 16], *text;
	const char *wrong;
	PGconn *conn;
	bool good;

	if (ship_guard_passfile(server->passfile, server->user, passfile, sizeof(passfile)))
		ship_fail(fd, NULL, "the password file cannot be read");
	wrong = ship_guard_enter(server->user);
	if (wrong) {
		snprintf(words, sizeof(words), "%s: %s", wrong, strerror(errno));
		ship_fail(fd, NULL, words);
	}
	/* After that, because another user would not be told any more. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	conn = ship_connect(server, passfile, fd);
	snprintf(words, sizeof(words), ship_session, server->answer_ms);
	good = ship_do(conn, fd, words);
	while (good && !ship_frame_receive(fd, &what, &text)) {
		good = ship_serve(conn, fd, what, text);
		free(text);
	}
	PQfinish(conn);
	_exit(0);
}
