/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_HTTP_H
#define BCTL_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "expose.h"

/* The shortest time between two looks at the module, whoever asks. */
#define BC_HTTP_FRESH_MS	1000

struct bc_http;

/**
 * struct bc_http_source - where the text comes from
 * @make: makes it in a format; returns 0 or a negative errno, the text is to be freed
 * @arg: for @make
 */
struct bc_http_source {
	int (*make)(void *arg, enum bc_exposition expo, char **text, size_t *len);
	void *arg;
};

int bc_http_start(struct bc_http **httpp, const char *listen, const struct bc_http_source *source,
		  const char **why);
void bc_http_stop(struct bc_http *http);
const char *bc_http_address(const struct bc_http *http);
int bc_http_turn(struct bc_http *http, int fd);

#endif /* BCTL_HTTP_H */
