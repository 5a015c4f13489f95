/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIP_UTF8_H
#define SHIP_UTF8_H

char *ship_utf8(const char *json);

#endif /* SHIP_UTF8_H */
