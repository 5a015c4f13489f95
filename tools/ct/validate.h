/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_VALIDATE_H
#define BCTL_CT_VALIDATE_H

#include <stdint.h>
#include <stdio.h>

#include "conf.h"

/**
 * struct ct_machine - what limits are compared with
 * @page_size: bytes in a page
 * @ram: pages of memory, 0 if that is not known
 * @swap: pages of swap
 */
struct ct_machine {
	uint64_t page_size;
	uint64_t ram;
	uint64_t swap;
};

/**
 * struct ct_verdict - what a validation found
 * @errors: rules that must hold and do not
 * @warnings: rules that should hold, recommendations included
 * @repaired: keys that were changed
 */
struct ct_verdict {
	unsigned int errors;
	unsigned int warnings;
	unsigned int repaired;
};

int ct_validate(struct ct_conf *conf, const struct ct_machine *machine, bool repair, FILE *out,
		struct ct_verdict *verdict);

#endif /* BCTL_CT_VALIDATE_H */
