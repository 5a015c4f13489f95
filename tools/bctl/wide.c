// SPDX-License-Identifier: GPL-2.0
/*
 * Integers of 128 bits and decimals
 *
 * A decimal is an integer and how many of its digits stand behind the point. No
 * floating point comes near an amount that somebody pays for.
 */
#include <stdio.h>
#include <string.h>

#include "wide.h"

/* So many digits are read; all numbers that short fit. */
#define BC_DIGITS_MAX	36

/**
 * bc_wide_text() - write an integer
 * @text: receives it
 * @size: room there
 * @val: the integer
 */
void bc_wide_text(char *text, size_t size, __int128 val)
{
	bc_decimal_text(text, size, val, 0);
}

/**
 * bc_wide_parse() - read an integer
 * @text: the integer, with nothing behind it
 * @val: receives it
 *
 * Return: true if it is one, of at most 36 digits.
 */
bool bc_wide_parse(const char *text, __int128 *val)
{
	bool negative = *text == '-';
	unsigned int digits;

	if (!bc_decimal_parse(text + negative, val, &digits) || digits)
		return false;
	if (negative)
		*val = -*val;
	return true;
}

/**
 * bc_wide_divide() - divide and round to a whole number
 * @num: the dividend
 * @den: the divisor, more than 0
 * @rounding: up and down are away from and towards 0; half is away from 0 or to the even one
 *
 * Return: the quotient.
 */
__int128 bc_wide_divide(__int128 num, __int128 den, enum bc_rounding rounding)
{
	__int128 whole = num / den, rest = num % den;
	int sign = num < 0 ? -1 : 1;
	__int128 left = rest * sign;
	bool away = false;

	switch (rounding) {
	case BC_ROUND_HALF_UP:
		away = left >= den - left;
		break;
	case BC_ROUND_HALF_EVEN:
		away = left > den - left || (left == den - left && whole % 2);
		break;
	case BC_ROUND_UP:
		away = left > 0;
		break;
	case BC_ROUND_DOWN:
		break;
	}
	return away ? whole + sign : whole;
}

/**
 * bc_decimal_text() - write a decimal
 * @text: receives it
 * @size: room there
 * @val: the integer
 * @digits: how many of its digits stand behind the point
 */
void bc_decimal_text(char *text, size_t size, __int128 val, unsigned int digits)
{
	unsigned __int128 rest = val < 0 ? -(unsigned __int128)val : (unsigned __int128)val;
	char buf[BC_WIDE_MAX], *to = buf + sizeof(buf) - 1;
	unsigned int n = 0;

	*to = '\0';
	do {
		if (digits && n == digits)
			*--to = '.';
		*--to = '0' + (char)(rest % 10);
		rest /= 10;
		n++;
	} while ((rest || n <= digits) && to > buf + 2);
	if (val < 0)
		*--to = '-';
	snprintf(text, size, "%s", to);
}

/**
 * bc_decimal_parse() - read a decimal
 * @text: digits, and perhaps a point and digits, with nothing behind them
 * @val: receives it without the point
 * @digits: receives how many digits stand behind the point
 *
 * Return: true if it is one, of at most 36 digits.
 */
bool bc_decimal_parse(const char *text, __int128 *val, unsigned int *digits)
{
	bool point = false, some = false;
	int count = 0;

	*val = 0;
	*digits = 0;
	for (; *text; text++) {
		if (*text == '.' && some && !point && text[1]) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9' || ++count > BC_DIGITS_MAX)
			return false;
		*val = *val * 10 + (*text - '0');
		*digits += point;
		some = true;
	}
	return some;
}

/**
 * bc_wide_multiply() - multiply
 * @a: one factor
 * @b: the other
 * @out: receives the product
 *
 * Return: false if it does not fit.
 */
bool bc_wide_multiply(__int128 a, __int128 b, __int128 *out)
{
	return !__builtin_mul_overflow(a, b, out);
}
