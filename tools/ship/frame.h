/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIP_FRAME_H
#define SHIP_FRAME_H

#include <stddef.h>

/* The longest text that is taken. */
#define SHIP_FRAME_MAX	(64U << 20)

/* What a frame is. */
enum ship_frame {
	SHIP_HELLO = 'H',	/* who ships; the answer is how far it has come */
	SHIP_BATCH = 'B',	/* records; likewise */
	SHIP_INIT = 'I',	/* make the schema */
	SHIP_DONE = 'D',	/* an answer */
	SHIP_ERROR = 'E',	/* words */
};

int ship_frame_send(int fd, enum ship_frame what, const char *text);
int ship_frame_receive(int fd, enum ship_frame *what, char **text);

#endif /* SHIP_FRAME_H */
