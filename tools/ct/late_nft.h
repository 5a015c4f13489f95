/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libnftables, loaded when it is first needed: see late.c
 *
 * ct_nftables->ctx_new() is nft_ctx_new(), and so on.
 */
#ifndef CT_LATE_NFT_H
#define CT_LATE_NFT_H

#include <nftables/libnftables.h>

#define CT_NFT_CALLS(X) \
	X(ctx_new) X(ctx_free) X(ctx_buffer_output) X(ctx_buffer_error) \
	X(ctx_output_set_flags) X(ctx_get_output_buffer) X(ctx_get_error_buffer) \
	X(run_cmd_from_buffer)

#define CT_NFT_CALL(name) typeof(nft_##name) *name;
struct ct_nft_calls { CT_NFT_CALLS(CT_NFT_CALL) };
#undef CT_NFT_CALL

const struct ct_nft_calls *ct_nft_calls(void);

#endif /* CT_LATE_NFT_H */
