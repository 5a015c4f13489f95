/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Integers of 128 bits, which the C library can neither print nor read, and exact fractions
 */
#ifndef BCTL_WIDE_H
#define BCTL_WIDE_H

#include <stdbool.h>
#include <stddef.h>

/* Room for any of them, with a sign and a point. */
#define BC_WIDE_MAX	64

/* How a fraction is rounded to a whole number. */
enum bc_rounding { BC_ROUND_HALF_UP, BC_ROUND_HALF_EVEN, BC_ROUND_UP, BC_ROUND_DOWN };

void bc_wide_text(char *text, size_t size, __int128 val);
bool bc_wide_parse(const char *text, __int128 *val);
__int128 bc_wide_divide(__int128 num, __int128 den, enum bc_rounding rounding);
void bc_decimal_text(char *text, size_t size, __int128 val, unsigned int digits);
bool bc_decimal_parse(const char *text, __int128 *val, unsigned int *digits);
bool bc_wide_multiply(__int128 a, __int128 b, __int128 *out);

#endif /* BCTL_WIDE_H */
