// SPDX-License-Identifier: GPL-2.0
/*
 * A terminal that is drawn on, and left as it was
 *
 * Signals that ask to end write a byte into a pipe, so that none can slip in
 * between looking and waiting, and the terminal is put back before the process
 * dies of them. SIGWINCH takes the same way. A signal that nobody survives puts
 * the terminal back from its handler, with what was prepared at the beginning
 * and nothing but write() and tcsetattr(). SIGTSTP is ncurses' own business.
 */
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

static const int bc_ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int bc_deaths[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE };

#define BC_COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static int bc_signal_pipe[2] = { -1, -1 };
static struct termios bc_cooked;
/* What ends colours, shows the cursor and brings the old screen back. */
static char bc_farewell[256];
static size_t bc_farewell_len;

/* A full pipe loses the byte, but then there are others in it. */
static void bc_on_signal(int sig)
{
	int err = errno;
	unsigned char byte = sig;
	ssize_t ret = write(bc_signal_pipe[1], &byte, 1);

	(void)ret;
	errno = err;
}

static void bc_on_death(int sig)
{
	ssize_t ret = write(STDOUT_FILENO, bc_farewell, bc_farewell_len);

	(void)ret;
	tcsetattr(STDIN_FILENO, TCSANOW, &bc_cooked);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Delays for slow terminals, as in "$<20>", are left out. */
static void bc_prepare_farewell(void)
{
	const char *parts[] = { exit_attribute_mode, cursor_normal, keypad_local, exit_ca_mode };
	const char *pos, *delay;
	size_t i, len;

	bc_farewell_len = 0;
	for (i = 0; i < BC_COUNT(parts); i++)
		for (pos = parts[i]; pos && pos != (char *)-1 && *pos; pos += len) {
			delay = strstr(pos, "$<");
			len = delay ? (size_t)(delay - pos) : strlen(pos);
			if (bc_farewell_len + len <= sizeof(bc_farewell)) {
				memcpy(bc_farewell + bc_farewell_len, pos, len);
				bc_farewell_len += len;
			}
			if (delay)
				len += strcspn(delay, ">") + !!strchr(delay, '>');
		}
}

/* A signal that somebody else has, or that is ignored, stays so; SIGWINCH is ours. */
static void bc_take_signals(const int *list, size_t count, void (*handler)(int))
{
	struct sigaction act = { .sa_handler = handler }, old;
	size_t i;

	for (i = 0; i < count; i++)
		if (!sigaction(list[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(list[i], &act, NULL);
}

static void bc_begin_colours(struct bc_terminal *t)
{
	t->colours = has_colors() && start_color() == OK && use_default_colors() == OK;
	if (!t->colours)
		return;
	init_pair(BC_COLOUR_ALARM, COLOR_RED, -1);
	init_pair(BC_COLOUR_SLOW, COLOR_YELLOW, -1);
	init_pair(BC_COLOUR_FADED, COLOR_BLUE, -1);
}

/**
 * bc_terminal_begin() - take the terminal
 * @t: the terminal; to be given back with bc_terminal_end()
 *
 * Return: 0; -ENODEV if it is not one that can be drawn on; another negative errno.
 */
int bc_terminal_begin(struct bc_terminal *t)
{
	static const int resized[] = { SIGWINCH };
	int err;

	memset(t, 0, sizeof(*t));
	if (pipe2(bc_signal_pipe, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	t->wake = bc_signal_pipe[0];
	if (tcgetattr(STDIN_FILENO, &bc_cooked))
		return -errno;
	/* newterm() would leave memory behind where this fails */
	if (setupterm(NULL, STDOUT_FILENO, &err) != OK)
		return -ENODEV;
	if (!cursor_address) {
		del_curterm(cur_term);
		return -ENODEV;
	}
	del_curterm(cur_term);
	/* before ncurses, which then leaves them alone */
	bc_take_signals(bc_ends, BC_COUNT(bc_ends), bc_on_signal);
	bc_take_signals(resized, 1, bc_on_signal);
	if (!newterm(NULL, stdout, stdin))
		return -ENODEV;
	bc_prepare_farewell();
	bc_take_signals(bc_deaths, BC_COUNT(bc_deaths), bc_on_death);
	t->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	bc_begin_colours(t);
	return 0;
}

static int bc_terminal_signals(struct bc_terminal *t)
{
	unsigned char sigs[64];
	struct winsize ws;
	int key = ERR;
	ssize_t len, i;

	while ((len = read(t->wake, sigs, sizeof(sigs))) > 0)
		for (i = 0; i < len; i++)
			if (sigs[i] == SIGWINCH)
				key = KEY_RESIZE;
			else
				t->ending = sigs[i];
	if (key == KEY_RESIZE && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) && ws.ws_row && ws.ws_col)
		resizeterm(ws.ws_row, ws.ws_col);
	return key;
}

/**
 * bc_terminal_key() - wait for a key
 * @t: the terminal; @ending is set when it is time to end
 * @timeout_ms: how long
 *
 * Return: the key, KEY_RESIZE when the size has changed, or ERR.
 */
int bc_terminal_key(struct bc_terminal *t, int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN }, { .fd = t->wake, .events = POLLIN },
	};
	int key = getch();

	if (key != ERR)
		return key;
	if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR)
		t->gone = true;
	key = bc_terminal_signals(t);
	if (key != ERR || t->ending)
		return key;
	if (!(fds[0].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
		return ERR;
	key = getch();
	if (key == ERR && fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		t->gone = true;
	return key;
}

/**
 * bc_terminal_refresh() - show what was drawn
 *
 * ncurses ignores SIGTSTP meanwhile, which would be lost. One that is blocked is
 * not, and comes afterwards.
 */
void bc_terminal_refresh(void)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, &old);
	refresh();
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/**
 * bc_terminal_end() - give the terminal back
 * @t: the terminal
 */
void bc_terminal_end(struct bc_terminal *t)
{
	size_t i;

	if (!isendwin())
		endwin();
	for (i = 0; i < BC_COUNT(bc_ends); i++)
		signal(bc_ends[i], SIG_DFL);
	close(bc_signal_pipe[0]);
	close(bc_signal_pipe[1]);
	memset(bc_signal_pipe, 0xff, sizeof(bc_signal_pipe));
	t->wake = -1;
}
