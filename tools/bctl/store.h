/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_STORE_H
#define BCTL_STORE_H

#include <stddef.h>
#include <stdint.h>

int bc_store_open(const char *path, int depth);
int bc_store_lock(int dir, const char *name, int wait_ms);
int bc_store_read(int dir, const char *name, size_t max, char **text);
int bc_store_write(int dir, const char *name, const char *text);
int bc_store_prune(int dir, const char *prefix, uint32_t keep);

#endif /* BCTL_STORE_H */
