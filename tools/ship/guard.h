/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIP_GUARD_H
#define SHIP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

int ship_guard_passfile(const char *given, const char *user, char *path, size_t size);
const char *ship_guard_enter(const char *user);
bool ship_guard_user(const char **user);

#endif /* SHIP_GUARD_H */
