// SPDX-License-Identifier: GPL-2.0
/*
 * Libraries that are loaded when they are first needed
 *
 * libarchive brings eleven more with it, of XML and of languages, and libnftables four: to
 * link all these takes as many instructions as all the rest of a start or a stop, neither
 * of which unpacks anything, nor has rules where a container has no address. A library that
 * is not there ends the program, as it would have at its beginning; what was begun is
 * seen to as if it had been killed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include "ct.h"
#include "late_archive.h"
#include "late_nft.h"
#include "late_sha256.h"

#define CT_LATE_TEXT(name) #name
#define CT_LATE_NAME(name) CT_LATE_TEXT(name)

static void ct_late_fail(void)
{
	fprintf(stderr, "a library is missing: %s\n", dlerror());
	fflush(NULL);
	_exit(CT_E_SYSTEM);
}

/* POSIX has it that pointers to functions and to data are alike. */
static void ct_late_load(const char *library, const char * const *names, size_t count, void **calls)
{
	void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
	size_t i;

	if (!handle)
		ct_late_fail();
	for (i = 0; i < count; i++) {
		calls[i] = dlsym(handle, names[i]);
		if (!calls[i])
			ct_late_fail();
	}
}

/**
 * ct_arc_calls() - what libarchive can do
 *
 * Return: its functions.
 */
const struct ct_arc_calls *ct_arc_calls(void)
{
#define CT_ARC_NAME(name) CT_LATE_NAME(archive_##name),
	static const char * const names[] = { CT_ARC_CALLS(CT_ARC_NAME) };
	static struct ct_arc_calls calls;

	if (!calls.read_new)
		ct_late_load("libarchive.so.13", names, sizeof(names) / sizeof(*names),
			     (void **)&calls);
	return &calls;
}

/**
 * ct_sha256_calls() - what libnettle can do about SHA-256
 *
 * Return: its functions.
 */
const struct ct_sha256_calls *ct_sha256_calls(void)
{
#define CT_SHA256_NAME(name) CT_LATE_NAME(nettle_sha256_##name),
	static const char * const names[] = { CT_SHA256_CALLS(CT_SHA256_NAME) };
	static struct ct_sha256_calls calls;

	if (!calls.init)
		ct_late_load("libnettle.so.8", names, sizeof(names) / sizeof(*names),
			     (void **)&calls);
	return &calls;
}

/**
 * ct_nft_calls() - what libnftables can do
 *
 * Return: its functions.
 */
const struct ct_nft_calls *ct_nft_calls(void)
{
#define CT_NFT_NAME(name) CT_LATE_NAME(nft_##name),
	static const char * const names[] = { CT_NFT_CALLS(CT_NFT_NAME) };
	static struct ct_nft_calls calls;

	if (!calls.ctx_new)
		ct_late_load("libnftables.so.1", names, sizeof(names) / sizeof(*names),
			     (void **)&calls);
	return &calls;
}
