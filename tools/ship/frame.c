// SPDX-License-Identifier: GPL-2.0
/*
 * What the two processes of bctl-ship say to each other
 *
 * One reads the store, the other one talks to the server and may be out of its mind: what it
 * sends is limited in length and looked at. A frame is a letter, a length and a text.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"

struct ship_frame_head {
	uint32_t what;
	uint32_t len;
};

static int ship_put(int fd, const void *data, size_t len)
{
	const char *at = data;
	ssize_t ret;

	while (len) {
		ret = send(fd, at, len, MSG_NOSIGNAL);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -errno;
		at += ret;
		len -= ret;
	}
	return 0;
}

static int ship_take(int fd, void *data, size_t len)
{
	char *at = data;
	ssize_t ret;

	while (len) {
		ret = recv(fd, at, len, MSG_WAITALL);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -errno;
		if (!ret)
			return -EPIPE;
		at += ret;
		len -= ret;
	}
	return 0;
}

/**
 * ship_frame_send() - send a frame
 * @fd: the socket
 * @what: what it is
 * @text: the text
 *
 * Return: 0 or a negative errno.
 */
int ship_frame_send(int fd, enum ship_frame what, const char *text)
{
	struct ship_frame_head head = { what, strlen(text) };
	int ret = ship_put(fd, &head, sizeof(head));

	return ret ? ret : ship_put(fd, text, head.len);
}

/**
 * ship_frame_receive() - receive a frame
 * @fd: the socket
 * @what: receives what it is
 * @text: receives the text; to be freed
 *
 * Return: 0; -EPIPE when the other one has gone; or another negative errno.
 */
int ship_frame_receive(int fd, enum ship_frame *what, char **text)
{
	struct ship_frame_head head;
	int ret = ship_take(fd, &head, sizeof(head));

	*text = NULL;
	if (ret)
		return ret;
	if (head.len > SHIP_FRAME_MAX)
		return -EMSGSIZE;
	*text = malloc(head.len + 1);
	if (!*text)
		return -ENOMEM;
	ret = ship_take(fd, *text, head.len);
	(*text)[ret ? 0 : head.len] = '\0';
	*what = head.what;
	return ret;
}
