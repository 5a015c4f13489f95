/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SHA-256 of libnettle, loaded when it is first needed: see late.c
 *
 * ct_sha256->init() is sha256_init(), and so on.
 */
#ifndef CT_LATE_SHA256_H
#define CT_LATE_SHA256_H

#include <nettle/sha2.h>

#define CT_SHA256_CALLS(X) X(init) X(update) X(digest)

#define CT_SHA256_CALL(name) typeof(nettle_sha256_##name) *name;
struct ct_sha256_calls { CT_SHA256_CALLS(CT_SHA256_CALL) };
#undef CT_SHA256_CALL

const struct ct_sha256_calls *ct_sha256_calls(void);

#define ct_sha256 ct_sha256_calls()

#endif /* CT_LATE_SHA256_H */
