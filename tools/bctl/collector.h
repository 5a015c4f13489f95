/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_COLLECTOR_H
#define BCTL_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "bctl.h"
#include "host.h"
#include "pending.h"

struct bc_ledger;

/**
 * struct bc_collector - what "bctl collect" knows from one round to the next
 * @b: the run; its connection has the notifications on it
 * @ask: a run of its own for questions; what goes wrong goes to @said
 * @said: the words
 * @ledger: the store, NULL as long as it could not be opened
 * @reader: the name under which peaks are taken and closing records acknowledged
 * @node: the name of this machine that the store shall have, or NULL
 * @step_ms: interval
 * @mhz: nominal clock of the CPUs, 0 if it is not known
 * @boot: this run of the kernel
 * @instance: this load of the module, 0 if it does not tell
 * @known: @instance has been looked at: its resources are in the store
 * @listens: notifications are wanted
 * @closed: closing records that came and are not stored
 * @stored: serial of the last one that is
 * @dumped: those from before we listened have been asked for; false again when some were lost
 * @sighted: a pool has come that has no row yet
 * @peaks: the next peaks are those of the time since the last record
 * @holding: ms until records may be written again after the clock was set back
 * @records: how many were written
 */
struct bc_collector {
	struct bctl *b;
	struct bctl ask;
	char said[BC_SAID_MAX];
	struct bc_ledger *ledger;
	const char *reader;
	const char *node;
	uint32_t step_ms;
	uint32_t mhz;
	char boot[BC_BOOT_ID_MAX];
	uint64_t instance;
	bool known;
	bool listens;
	struct bc_pending closed;
	uint64_t stored;
	bool dumped;
	bool sighted;
	bool peaks;
	int64_t holding;
	uint64_t records;
};

/* What came of a round. */
enum bc_round {
	BC_ROUND_DONE,
	BC_ROUND_ABSENT,	/* the module is not there */
	BC_ROUND_AGAIN,		/* it may succeed later; @said tells what is wrong */
	BC_ROUND_FATAL,		/* it will not; @said tells why */
};

enum bc_round bc_collector_begin(struct bc_collector *c, const char *path);
enum bc_round bc_collector_round(struct bc_collector *c);
enum bc_round bc_collector_closings(struct bc_collector *c);
enum bc_round bc_collector_sight(struct bc_collector *c);
enum bc_round bc_collector_listen(struct bc_collector *c);
enum bc_round bc_collector_events(struct bc_collector *c);
void bc_collector_part(struct bc_collector *c);
void bc_collector_end(struct bc_collector *c);

#endif /* BCTL_COLLECTOR_H */
