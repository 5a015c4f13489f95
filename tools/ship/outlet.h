/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIP_OUTLET_H
#define SHIP_OUTLET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ship_outlet;

/**
 * struct ship_batch - records to be sent
 * @text: as JSON; to be freed; NULL if there are none
 * @record: number of the last one
 * @mark: which one that is, in words that mean the same to any copy of the store
 */
struct ship_batch {
	char *text;
	int64_t record;
	char mark[192];
};

int ship_outlet_open(struct ship_outlet **op, const char *path, const char *name);
void ship_outlet_close(struct ship_outlet *o);
const char *ship_outlet_message(const struct ship_outlet *o);
int ship_outlet_lock(struct ship_outlet *o);
int ship_outlet_hello(struct ship_outlet *o, bool take_over, char **text);
int ship_outlet_settle(struct ship_outlet *o, int64_t record, const char *mark, int64_t *from);
int ship_outlet_batch(struct ship_outlet *o, int64_t from, int limit, struct ship_batch *batch);
int ship_outlet_sent(struct ship_outlet *o, int64_t record, const char *mark);
int ship_outlet_list(struct ship_outlet *o, FILE *f);
int ship_outlet_forget(struct ship_outlet *o, bool *found);

#endif /* SHIP_OUTLET_H */
