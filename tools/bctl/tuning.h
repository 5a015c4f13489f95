/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_TUNING_H
#define BCTL_TUNING_H

#include <stddef.h>
#include <stdint.h>

struct bc_tuning_word;

const struct bc_tuning_word *bc_tuning_find(const char *word, size_t len);
const char *bc_tuning_name(const struct bc_tuning_word *word);
uint32_t bc_tuning_id(const struct bc_tuning_word *word);
const char *bc_tuning_controller(const struct bc_tuning_word *word);
int bc_tuning_parse(const struct bc_tuning_word *word, const char *text, uint64_t khz,
		    uint64_t *value, const char **why);
uint64_t bc_cpu_khz(void);

#endif /* BCTL_TUNING_H */
