// SPDX-License-Identifier: GPL-2.0
/*
 * runscript, console
 *
 * A script of the host runs in the container without being a file there: the container's
 * shell reads it from a descriptor. For one that is stopped, the container is there for as
 * long as that takes, with its limits, and with a sleep in the place of its init.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "ct.h"
#include "parse.h"

#define CT_ESCAPE	'\033'

/**
 * ct_idle_begin() - have a container there that does nothing
 * @ct: the container, locked, which does not run
 * @verb: what for, for the journal
 *
 * Return: CT_OK, or an error, with everything as it was.
 */
int ct_idle_begin(struct ct *ct, const char *verb)
{
	int status = ct_begin_check(ct);

	return status ? status : ct_begin(ct, verb, ct_engine_idle);
}

/* The shell of the container reads the script from its standard input. */
static int ct_script_run(struct ct *ct, int script)
{
	static char * const shell[] = { "", "-s", NULL };
	int command;

	if (dup2(script, 0) < 0)
		return ct_fail(ct->run, CT_E_SYSTEM, NULL, "%s", strerror(errno));
	command = ct_engine_run(ct, shell, false, false);
	return command < 0 ? ct_fail(ct->run, CT_E_COMMAND, ct->text,
				     "the script cannot be run") : command;
}

static int ct_script(struct ct *ct, int script)
{
	int status, result;

	if (ct_running(ct) && ct_frozen(ct))
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, "it is frozen; resume it");
	if (ct_running(ct))
		return ct_script_run(ct, script);
	if (ct_suspended(ct))
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, "it is suspended; resume it");
	status = ct_idle_begin(ct, "runscript");
	if (status)
		return status;
	result = ct_script_run(ct, script);
	status = ct_end(ct);
	return status ? status : result;
}

/**
 * ct_cmd_runscript() - runscript
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of the script, or that of vzctl if it was not run.
 */
int ct_cmd_runscript(struct ct *ct, int argc, char **argv)
{
	int status = ct_must_exist(ct), script;
	struct stat st;

	if (!status && argc != 1)
		status = ct_fail(ct->run, argc ? CT_E_SYNTAX : CT_E_FEW, ct->text,
				 "one script, a file of the host");
	if (status)
		return status;
	script = open(argv[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (script < 0 || fstat(script, &st))
		return ct_fail(ct->run, CT_E_SYSTEM, argv[0], "%s", strerror(errno));
	status = S_ISREG(st.st_mode) ? ct_lock(ct) :
		 ct_fail(ct->run, CT_E_VALUE, argv[0], "not a file");
	if (!status)
		status = ct_must_exist(ct);
	if (!status)
		status = ct_script(ct, script);
	close(script);
	return status;
}

/* One side of the console has something; false when that was the end. */
static bool ct_console_copy(int from, int to)
{
	char buf[1024];
	ssize_t got = read(from, buf, sizeof(buf));

	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	return got && write(to, buf, got) == got;
}

/* What is typed; false when that was the escape. */
static bool ct_console_type(int to, bool *escaped)
{
	char c, both[2] = { CT_ESCAPE };
	ssize_t got = read(0, &c, 1);

	if (got < 1)
		return got < 0 && errno == EINTR;
	if (*escaped && c == '.')
		return false;
	if (!*escaped && c == CT_ESCAPE) {
		*escaped = true;
		return true;
	}
	both[1] = c;
	got = *escaped ? write(to, both, 2) : write(to, &c, 1);
	*escaped = false;
	return got > 0;
}

static void ct_console_talk(int console)
{
	struct pollfd fds[] = { { 0, POLLIN, 0 }, { console, POLLIN, 0 } };
	struct winsize size;
	bool escaped = false;

	if (!ioctl(0, TIOCGWINSZ, &size))
		(void)ioctl(console, TIOCSWINSZ, &size);
	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		if (fds[1].revents && !ct_console_copy(console, 1))
			return;
		if (fds[0].revents && !ct_console_type(console, &escaped))
			return;
	}
}

/**
 * ct_cmd_console() - console
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_console(struct ct *ct, int argc, char **argv)
{
	int status = ct_must_exist(ct), console, holder;
	struct termios before, raw;
	bool terminal;
	uint32_t tty;

	if (status)
		return status;
	if (argc > 1 || (argc && (bc_u32_parse(argv[0], &tty) || tty != 1)))
		return ct_fail(ct->run, CT_E_SYNTAX, ct->text, "there is one console, 1");
	if (!ct_running(ct))
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, "it is not running");
	holder = ct_engine_console(ct, &console);
	if (holder < 0)
		return ct_fail(ct->run, CT_E_SYSTEM, ct->text,
			       "its console cannot be had: somebody has it, or it was resumed");
	terminal = !tcgetattr(0, &before);
	if (terminal) {
		ct_note(ct->run, ct->text, "the console; Esc and then . leaves it");
		raw = before;
		cfmakeraw(&raw);
		(void)tcsetattr(0, TCSANOW, &raw);
	}
	ct_console_talk(console);
	if (terminal)
		(void)tcsetattr(0, TCSANOW, &before);
	close(console);
	close(holder);
	return CT_OK;
}
