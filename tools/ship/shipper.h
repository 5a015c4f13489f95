/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIP_SHIPPER_H
#define SHIP_SHIPPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "server.h"

struct ship_outlet;

/**
 * struct shipper - a run of bctl-ship
 * @server: where to
 * @path: file of the store
 * @outlet: the store, while it is open
 * @once: end when all has been sent, or at the first failure
 * @init: make the schema, no more
 * @take_over: in the place of another store
 * @batch: how many records a batch has at most, if all goes well
 * @poll_ms: how often to look for new records
 * @wake: descriptor of the signals
 * @ending: the end was asked for
 * @watchdog_ms: how often the service manager wants to hear of us, -1 for never
 * @pid: process that talks to the server, 0 if there is none
 * @fd: socket to it
 * @from: number of the record after which to go on
 * @most: and how many now
 * @wait_ms: how long to wait after a failure
 * @sent: how many records were sent
 * @said: what went wrong
 * @told: what went wrong last, and was said
 */
struct shipper {
	struct ship_server server;
	const char *path;
	struct ship_outlet *outlet;
	bool once;
	bool init;
	bool take_over;
	int batch;
	int poll_ms;
	int wake;
	bool ending;
	int watchdog_ms;
	pid_t pid;
	int fd;
	int64_t from;
	int most;
	int wait_ms;
	uint64_t sent;
	char said[640];
	char told[640];
};

void shipper_note(const struct shipper *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int shipper_run(struct shipper *s);

#endif /* SHIP_SHIPPER_H */
