/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_HIST_H
#define BCTL_HIST_H

#include <stdint.h>

#include <linux/beancounter.h>

uint64_t bc_hist_count(const __u64 buckets[BC_IO_BUCKETS]);
uint64_t bc_hist_percentile(const __u64 buckets[BC_IO_BUCKETS], unsigned int percent);

#endif /* BCTL_HIST_H */
