// SPDX-License-Identifier: GPL-2.0
/*
 * Passwords in URLs of databases
 *
 * They belong into a password file, but a URL may have one, and then nobody is to read it in the
 * list of processes or in a log. Masked is rather too much than too little: a URL that libpq
 * would not take may have the password in an unexpected place.
 */
#include <string.h>

#include "mask.h"

/* Put BC_MASK, or as much of it as fits, in the place of @len bytes. */
static void bc_mask_span(char *text, size_t len)
{
	size_t put = len < sizeof(BC_MASK) - 1 ? len : sizeof(BC_MASK) - 1;
	size_t rest = strlen(text + len);

	memcpy(text, BC_MASK, put);
	memmove(text + put, text + len, rest);
	/* The tail of what was longer must not stay behind the end either. */
	memset(text + put + rest, 0, len - put);
}

/* The values of parameters that are passwords. */
static void bc_mask_query(char *at)
{
	static const char * const names[] = { "password=", "sslpassword=" };
	size_t i, len;

	while (at && *at) {
		at++;
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			len = strlen(names[i]);
			if (!strncmp(at, names[i], len))
				bc_mask_span(at + len, strcspn(at + len, "&"));
		}
		at = strchr(at, '&');
	}
}

/**
 * bc_mask_is_url() - does a word begin as the URL of a PostgreSQL server does?
 * @word: the word
 *
 * Return: whether.
 */
bool bc_mask_is_url(const char *word)
{
	return !strncmp(word, "postgresql://", 13) || !strncmp(word, "postgres://", 11);
}

/**
 * bc_mask_url() - make the password in a URL illegible, in its place
 * @url: the URL, which becomes no longer
 */
void bc_mask_url(char *url)
{
	char *at = strstr(url, "://"), *query, *colon, *end = NULL, *p;

	if (!at)
		return;
	at += 3;
	query = strchr(at, '?');
	/* A password may have had a question mark in it. */
	p = strrchr(at, '@');
	if (p && query && p > query && !memchr(at, '@', query - at))
		query = strchr(p, '?');
	bc_mask_query(query);
	for (p = at; *p && p != query; p++)
		if (*p == '@')
			end = p;
	colon = end ? memchr(at, ':', end - at) : NULL;
	if (colon)
		bc_mask_span(colon + 1, end - colon - 1);
}
