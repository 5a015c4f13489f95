// SPDX-License-Identifier: GPL-2.0
/*
 * Metrics by HTTP
 *
 * libmicrohttpd speaks the protocol; it is loaded when it is wanted, because it brings a
 * library for TLS along that would make each other call of bctl slower. All is done in one
 * thread, by bc_http_turn().
 *
 * Clients are not trusted to be quick, or to be few. Nobody is waited for: what is sent goes as
 * the client takes it. A connection ends BC_HTTP_LIFE_MS after it began, whatever happens on
 * it, and after one answer; when there are more than BC_HTTP_CLIENTS, the oldest one ends for
 * the new one's sake. The module is asked once in BC_HTTP_FRESH_MS at most, and all who ask in
 * that time get the same text, which is in memory once.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "http.h"

#define BC_HTTP_LIBRARY		"libmicrohttpd.so.12"
#define BC_HTTP_CLIENTS		32
#define BC_HTTP_LIFE_MS		15000
/* Above the other one, so that there is always room to accept and end an old one. */
#define BC_HTTP_CONNECTIONS	48
/* For the head of a request. */
#define BC_HTTP_MEMORY		16384
#define BC_HTTP_FORMATS		2

#define BC_TYPE_TEXT		"text/plain; version=0.0.4; charset=utf-8"
#define BC_TYPE_OPENMETRICS	"application/openmetrics-text; version=1.0.0; charset=utf-8"

/* The functions of the library that are used, under their names. */
struct bc_mhd {
	__typeof__(MHD_start_daemon) *MHD_start_daemon;
	__typeof__(MHD_stop_daemon) *MHD_stop_daemon;
	__typeof__(MHD_get_daemon_info) *MHD_get_daemon_info;
	__typeof__(MHD_run) *MHD_run;
	__typeof__(MHD_get_timeout) *MHD_get_timeout;
	__typeof__(MHD_create_response_from_buffer) *MHD_create_response_from_buffer;
	__typeof__(MHD_destroy_response) *MHD_destroy_response;
	__typeof__(MHD_add_response_header) *MHD_add_response_header;
	__typeof__(MHD_queue_response) *MHD_queue_response;
	__typeof__(MHD_lookup_connection_value) *MHD_lookup_connection_value;
	__typeof__(MHD_get_connection_info) *MHD_get_connection_info;
};

#define BC_MHD(name) { #name, offsetof(struct bc_mhd, name) }

static const struct {
	const char *name;
	size_t offset;
} bc_mhd_names[] = {
	BC_MHD(MHD_start_daemon),
	BC_MHD(MHD_stop_daemon),
	BC_MHD(MHD_get_daemon_info),
	BC_MHD(MHD_run),
	BC_MHD(MHD_get_timeout),
	BC_MHD(MHD_create_response_from_buffer),
	BC_MHD(MHD_destroy_response),
	BC_MHD(MHD_add_response_header),
	BC_MHD(MHD_queue_response),
	BC_MHD(MHD_lookup_connection_value),
	BC_MHD(MHD_get_connection_info),
};

/**
 * struct bc_client - a connection
 * @used: it is one
 * @ended: it was told to end, and is one until the library notices
 * @fd: its descriptor
 * @number: how many there were before it: many may begin within a millisecond
 * @begin_ms: when it began
 */
struct bc_client {
	bool used;
	bool ended;
	int fd;
	uint64_t number;
	uint64_t begin_ms;
};

/**
 * struct bc_http - the server
 * @mhd: the library
 * @daemon: what it made
 * @fd: the socket that listens
 * @source: where texts come from
 * @fresh: the last texts, by format; NULL if there is none
 * @made_ms: when they were made
 * @clients: the connections
 * @accepted: how many there were since the start
 * @address: where it listens
 */
struct bc_http {
	struct bc_mhd mhd;
	struct MHD_Daemon *daemon;
	int fd;
	struct bc_http_source source;
	struct MHD_Response *fresh[BC_HTTP_FORMATS];
	uint64_t made_ms[BC_HTTP_FORMATS];
	struct bc_client clients[BC_HTTP_CONNECTIONS];
	uint64_t accepted;
	char address[128];
};

static uint64_t bc_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* ---- answers ---- */

static enum MHD_Result bc_http_say(struct bc_http *http, struct MHD_Connection *conn,
				   unsigned int status, const char *words)
{
	struct MHD_Response *resp = http->mhd.MHD_create_response_from_buffer(strlen(words),
						(void *)words, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result ret;

	if (!resp)
		return MHD_NO;
	http->mhd.MHD_add_response_header(resp, "Content-Type", "text/plain; charset=utf-8");
	http->mhd.MHD_add_response_header(resp, "Connection", "close");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		http->mhd.MHD_add_response_header(resp, "Allow", "GET, HEAD");
	ret = http->mhd.MHD_queue_response(conn, status, resp);
	http->mhd.MHD_destroy_response(resp);
	return ret;
}

/* The weight of a media type in an Accept header, in thousandths; -1 if it is not in it. */
static int bc_accept_weight(const char *accept, const char *type)
{
	size_t len = strlen(type);
	const char *part, *end, *q;
	double weight;

	for (part = accept; part; part = *end ? end + 1 : NULL) {
		end = part + strcspn(part, ",");
		part += strspn(part, " \t");
		if (strncasecmp(part, type, len) || (part[len] && !strchr(" \t;,", part[len])))
			continue;
		q = strstr(part, "q=");
		if (!q || q >= end)
			return 1000;
		weight = strtod(q + 2, NULL);
		return weight > 1 ? 1000 : weight > 0 ? (int)(weight * 1000) : 0;
	}
	return -1;
}

/* OpenMetrics if it was asked for by name and no less than plain text; else the older format. */
static enum bc_exposition bc_http_format(const char *accept)
{
	int open, text;

	if (!accept)
		return BC_EXPO_TEXT;
	open = bc_accept_weight(accept, "application/openmetrics-text");
	text = bc_accept_weight(accept, "text/plain");
	return open > 0 && open >= text ? BC_EXPO_OPENMETRICS : BC_EXPO_TEXT;
}

static void bc_http_forget(struct bc_http *http, enum bc_exposition expo)
{
	/* Those who are still being sent it have their own reference. */
	if (http->fresh[expo])
		http->mhd.MHD_destroy_response(http->fresh[expo]);
	http->fresh[expo] = NULL;
}

static int bc_http_refresh(struct bc_http *http, enum bc_exposition expo)
{
	struct MHD_Response *resp;
	size_t len;
	char *text;
	int ret;

	if (http->fresh[expo] && bc_now_ms() - http->made_ms[expo] < BC_HTTP_FRESH_MS)
		return 0;
	bc_http_forget(http, expo);
	ret = http->source.make(http->source.arg, expo, &text, &len);
	if (ret)
		return ret;
	resp = http->mhd.MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!resp) {
		free(text);
		return -ENOMEM;
	}
	http->mhd.MHD_add_response_header(resp, "Content-Type", expo == BC_EXPO_OPENMETRICS ?
					  BC_TYPE_OPENMETRICS : BC_TYPE_TEXT);
	http->mhd.MHD_add_response_header(resp, "Vary", "Accept");
	http->mhd.MHD_add_response_header(resp, "Connection", "close");
	http->fresh[expo] = resp;
	http->made_ms[expo] = bc_now_ms();
	return 0;
}

static enum MHD_Result bc_http_answer(void *cls, struct MHD_Connection *conn, const char *url,
				      const char *method, const char *version,
				      const char *upload, size_t *upload_size, void **state)
{
	struct bc_http *http = cls;
	enum bc_exposition expo;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return bc_http_say(http, conn, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
	if (!strcmp(url, "/"))
		return bc_http_say(http, conn, MHD_HTTP_OK, "bctl export: see /metrics\n");
	if (strcmp(url, "/metrics"))
		return bc_http_say(http, conn, MHD_HTTP_NOT_FOUND, "there is /metrics\n");
	expo = bc_http_format(http->mhd.MHD_lookup_connection_value(conn, MHD_HEADER_KIND,
								    "Accept"));
	if (bc_http_refresh(http, expo))
		return bc_http_say(http, conn, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory\n");
	return http->mhd.MHD_queue_response(conn, MHD_HTTP_OK, http->fresh[expo]);
}

/* ---- connections ---- */

/* The descriptor stays the library's: it sees the end when it reads or writes next. */
static void bc_client_end(struct bc_client *client)
{
	if (!client->ended)
		(void)shutdown(client->fd, SHUT_RDWR);
	client->ended = true;
}

static void bc_http_connection(void *cls, struct MHD_Connection *conn, void **state,
			       enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *info;
	struct bc_http *http = cls;
	struct bc_client *client = *state;
	size_t i;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (client)
			client->used = false;
		return;
	}
	info = http->mhd.MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	for (i = 0; i < BC_HTTP_CONNECTIONS && http->clients[i].used; i++)
		;
	if (i == BC_HTTP_CONNECTIONS || !info)
		return;
	client = &http->clients[i];
	*client = (struct bc_client){ .used = true, .fd = info->connect_fd,
				      .number = http->accepted++, .begin_ms = bc_now_ms() };
	*state = client;
}

static struct bc_client *bc_http_oldest(struct bc_http *http, size_t *count)
{
	struct bc_client *client, *oldest = NULL;

	*count = 0;
	for (client = http->clients; client < http->clients + BC_HTTP_CONNECTIONS; client++) {
		if (!client->used || client->ended)
			continue;
		(*count)++;
		if (!oldest || client->number < oldest->number)
			oldest = client;
	}
	return oldest;
}

/* End what is too old, and the oldest ones of too many; ms until that is due again, or -1. */
static int bc_http_tidy(struct bc_http *http)
{
	uint64_t now = bc_now_ms();
	struct bc_client *oldest;
	size_t count;

	for (;;) {
		oldest = bc_http_oldest(http, &count);
		if (!oldest)
			return -1;
		if (count <= BC_HTTP_CLIENTS && now - oldest->begin_ms < BC_HTTP_LIFE_MS)
			return (int)(BC_HTTP_LIFE_MS - (now - oldest->begin_ms));
		bc_client_end(oldest);
	}
}

/**
 * bc_http_turn() - serve who is there, then wait for more to do
 * @http: the server
 * @fd: another descriptor to wait for
 *
 * Return: 1 if @fd can be read, 0 if not, or a negative errno.
 */
int bc_http_turn(struct bc_http *http, int fd)
{
	const union MHD_DaemonInfo *info;
	struct pollfd pfd[2] = { { .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	MHD_UNSIGNED_LONG_LONG left;
	int timeout, ret;

	if (http->mhd.MHD_run(http->daemon) != MHD_YES)
		return -EIO;
	timeout = bc_http_tidy(http);
	info = http->mhd.MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EIO;
	pfd[0].fd = info->epoll_fd;
	if (http->mhd.MHD_get_timeout(http->daemon, &left) == MHD_YES &&
	    (timeout < 0 || left < (unsigned int)timeout))
		timeout = left;
	ret = poll(pfd, 2, timeout);
	if (ret < 0 && errno != EINTR)
		return -errno;
	return ret > 0 && pfd[1].revents;
}

/* ---- beginning and end ---- */

static int bc_mhd_load(struct bc_mhd *mhd, const char **why)
{
	void *lib = dlopen(BC_HTTP_LIBRARY, RTLD_NOW | RTLD_LOCAL), *func;
	size_t i;

	*why = BC_HTTP_LIBRARY " is missing: install libmicrohttpd, or use --textfile";
	if (!lib)
		return -ENOENT;
	for (i = 0; i < sizeof(bc_mhd_names) / sizeof(bc_mhd_names[0]); i++) {
		func = dlsym(lib, bc_mhd_names[i].name);
		if (!func)
			return -ENOENT;
		memcpy((char *)mhd + bc_mhd_names[i].offset, &func, sizeof(func));
	}
	*why = NULL;
	return 0;
}

/* Split ADDR:PORT, [ADDR]:PORT; NULL if it is not of that form. */
static char *bc_listen_split(char *text)
{
	char *colon = strrchr(text, ':');

	if (!colon || colon == text || !colon[1] || strlen(colon + 1) > 5 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return NULL;
	*colon = '\0';
	if (*text == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		memmove(text, text + 1, strlen(text));
	} else if (strchr(text, ':')) {
		return NULL;
	}
	return atoi(colon + 1) > 65535 ? NULL : colon + 1;
}

static int bc_listen_on(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, err;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, BC_HTTP_CONNECTIONS))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

static int bc_listen_open(const char *where, const char **why)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *ai = NULL;
	char text[128], *port;
	int fd;

	*why = "not of the form ADDR:PORT with a numeric address: 127.0.0.1:9823, [::1]:9823";
	if (strlen(where) >= sizeof(text))
		return -EINVAL;
	strcpy(text, where);
	port = bc_listen_split(text);
	if (!port || getaddrinfo(text, port, &hints, &ai))
		return -EINVAL;
	*why = NULL;
	fd = bc_listen_on(ai);
	freeaddrinfo(ai);
	return fd;
}

/* Where it listens in fact: port 0 is any. */
static void bc_listen_name(struct bc_http *http)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	char host[64], port[8];

	if (getsockname(http->fd, (struct sockaddr *)&addr, &len) ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	snprintf(http->address, sizeof(http->address),
		 addr.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static struct MHD_Daemon *bc_http_daemon(struct bc_http *http)
{
	return http->mhd.MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, bc_http_answer, http,
					  MHD_OPTION_LISTEN_SOCKET, http->fd,
					  MHD_OPTION_CONNECTION_LIMIT, BC_HTTP_CONNECTIONS,
					  MHD_OPTION_CONNECTION_TIMEOUT, BC_HTTP_LIFE_MS / 1000,
					  MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					  (size_t)BC_HTTP_MEMORY,
					  MHD_OPTION_NOTIFY_CONNECTION, bc_http_connection, http,
					  MHD_OPTION_END);
}

/**
 * bc_http_start() - begin to listen
 * @httpp: receives the server
 * @listen: ADDR:PORT
 * @source: where texts come from
 * @why: receives what is wrong, or NULL when the errno tells it
 *
 * Return: 0; -EINVAL for a bad address; or another negative errno.
 */
int bc_http_start(struct bc_http **httpp, const char *listen, const struct bc_http_source *source,
		  const char **why)
{
	struct bc_http *http = calloc(1, sizeof(*http));
	int ret;

	*why = NULL;
	if (!http)
		return -ENOMEM;
	http->source = *source;
	http->fd = bc_listen_open(listen, why);
	ret = http->fd < 0 ? http->fd : bc_mhd_load(&http->mhd, why);
	if (!ret) {
		bc_listen_name(http);
		http->daemon = bc_http_daemon(http);
		ret = http->daemon ? 0 : -EIO;
	}
	if (ret) {
		if (http->fd >= 0)
			close(http->fd);
		free(http);
		return ret;
	}
	*httpp = http;
	return 0;
}

/**
 * bc_http_address() - where it listens
 * @http: the server
 *
 * Return: address and port.
 */
const char *bc_http_address(const struct bc_http *http)
{
	return http->address;
}

/**
 * bc_http_stop() - end the server
 * @http: the server, or NULL
 */
void bc_http_stop(struct bc_http *http)
{
	int i;

	if (!http)
		return;
	http->mhd.MHD_stop_daemon(http->daemon);
	for (i = 0; i < BC_HTTP_FORMATS; i++)
		bc_http_forget(http, i);
	free(http);
}
