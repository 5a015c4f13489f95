/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_MASK_H
#define BCTL_MASK_H

#include <stdbool.h>
#include <stddef.h>

/* What stands in messages for a password. */
#define BC_MASK	"***"

bool bc_mask_is_url(const char *word);
void bc_mask_url(char *url);

#endif /* BCTL_MASK_H */
