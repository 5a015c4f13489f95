/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_TERMINAL_H
#define BCTL_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct bc_terminal - a terminal that is drawn on
 * @wake: readable after a signal
 * @ending: the signal that asked to end, or 0
 * @gone: nobody is there any more
 * @utf8: lines can be drawn
 * @colours: the terminal has them
 */
struct bc_terminal {
	int wake;
	int ending;
	bool gone;
	bool utf8;
	bool colours;
};

enum bc_colour { BC_COLOUR_NONE, BC_COLOUR_ALARM, BC_COLOUR_SLOW, BC_COLOUR_FADED };

int bc_terminal_begin(struct bc_terminal *t);
int bc_terminal_key(struct bc_terminal *t, int timeout_ms);
void bc_terminal_refresh(void);
void bc_terminal_end(struct bc_terminal *t);

#endif /* BCTL_TERMINAL_H */
