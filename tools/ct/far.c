// SPDX-License-Identifier: GPL-2.0
/*
 * A line to this program on another machine, through ssh
 *
 * What goes over it are configuration files, each behind its length: questions in the one
 * direction, an answer to each in the other. BC_SSH is the program that makes the line,
 * "ssh" unless it is set, with arguments if there are some; it is called as ssh would be.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ct.h"
#include "engine.h"
#include "far.h"
#include "keys.h"
#include "spawn.h"

#define CT_FAR_WORDS	32
/* A line that is cut is noticed within a minute; of options that are given twice the first counts. */
#define CT_FAR_ALIVE	"-o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
/* How long the other side may take to end. */
#define CT_FAR_END_S	10

/**
 * ct_far_argv() - the words that call the other machine
 * @far: the line
 * @argv: receives them, and the end of them
 * @most: how many there is room for
 * @words: room for the text of them
 * @size: how much
 *
 * Return: how many, or -E2BIG.
 */
int ct_far_argv(const struct ct_far *far, char **argv, size_t most, char *words, size_t size)
{
	const char *ssh = getenv("BC_SSH");
	char *word, *rest = NULL;
	size_t count = 0;

	if (ct_path(words, size, "%s %s " CT_FAR_ALIVE, ssh && *ssh ? ssh : "ssh",
		    far->ssh ? far->ssh : ""))
		return -E2BIG;
	for (word = strtok_r(words, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (count + 3 > most)
			return -E2BIG;
		argv[count++] = word;
	}
	argv[count++] = "--";
	argv[count++] = (char *)far->host;
	argv[count] = NULL;
	return count;
}

/**
 * ct_far_spawn() - run a program with two descriptors for its input and output
 * @argv: the program and its arguments
 * @in: what it reads from
 * @out: what it writes to
 * @pid: receives its process id
 *
 * It is killed when this process ends, however that comes about.
 *
 * Return: 0 or a negative errno.
 */
int ct_far_spawn(char * const *argv, int in, int out, pid_t *pid)
{
	pid_t self = getpid();

	fflush(NULL);
	*pid = fork();
	if (*pid < 0)
		return -errno;
	if (*pid)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != self || dup2(in, 0) < 0 || dup2(out, 1) < 0)
		_exit(127);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/**
 * ct_far_open() - call this program on another machine
 * @far: where, and how; receives the line
 * @number: the container that is talked about
 *
 * Return: 0 or a negative errno; that nobody answers shows at the first question.
 */
int ct_far_open(struct ct_far *far, const char *number)
{
	char words[2048], *argv[CT_FAR_WORDS + 8];
	int there[2], back[2], count, ret;

	count = ct_far_argv(far, argv, CT_FAR_WORDS, words, sizeof(words));
	if (count < 0)
		return count;
	argv[count++] = "bctl-ct";
	argv[count++] = "receive";
	argv[count++] = (char *)number;
	argv[count] = NULL;
	if (pipe2(there, O_CLOEXEC))
		return -errno;
	if (pipe2(back, O_CLOEXEC)) {
		ret = -errno;
		close(there[0]);
		close(there[1]);
		return ret;
	}
	ret = ct_far_spawn(argv, there[0], back[1], &far->pid);
	close(there[0]);
	close(back[1]);
	far->to = there[1];
	far->from = back[0];
	return ret;
}

/**
 * ct_far_close() - the conversation has ended
 * @far: the line
 *
 * The other side gets the time to end by itself, and to release its lock.
 */
void ct_far_close(struct ct_far *far)
{
	time_t end = ct_clock() + CT_FAR_END_S;
	pid_t done;

	if (far->pid <= 0)
		return;
	close(far->to);
	close(far->from);
	do {
		done = waitpid(far->pid, NULL, WNOHANG);
		if (!done)
			ct_nap(CT_NAP_MAX);
	} while (!done && ct_clock() < end);
	if (!done) {
		kill(far->pid, SIGKILL);
		(void)ct_wait(far->pid);
	}
	far->pid = 0;
}

static int ct_far_all(int fd, char *buf, size_t len, bool out)
{
	ssize_t done = 1;
	int ret = 0;
	/* That nobody listens any more is told by an error, and nothing inherits that. */
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);

	while (len && done > 0) {
		done = out ? write(fd, buf, len) : read(fd, buf, len);
		if (done > 0) {
			buf += done;
			len -= done;
		} else if (done < 0 && errno == EINTR) {
			done = 1;
		} else {
			ret = done ? -errno : -EPIPE;
		}
	}
	signal(SIGPIPE, before);
	return ret;
}

/**
 * ct_far_put() - say something
 * @far: the line
 * @conf: what
 *
 * Return: 0 or a negative errno.
 */
int ct_far_put(const struct ct_far *far, const struct ct_conf *conf)
{
	char head[16], *text;
	size_t len;
	int ret = ct_conf_text(conf, &text, &len);

	if (ret)
		return ret;
	snprintf(head, sizeof(head), "%10zu\n", len);
	ret = ct_far_all(far->to, head, strlen(head), true);
	if (!ret)
		ret = ct_far_all(far->to, text, len, true);
	free(text);
	return ret;
}

/**
 * ct_far_get() - hear what is said
 * @far: the line
 * @conf: receives it; to be cleared by the caller
 *
 * Return: 0, -EPIPE if nobody is there any more, or a negative errno.
 */
int ct_far_get(const struct ct_far *far, struct ct_conf *conf)
{
	char head[12] = "", *text, *end;
	size_t len;
	int ret = ct_far_all(far->from, head, 11, false);

	memset(conf, 0, sizeof(*conf));
	len = ret ? 0 : strtoul(head, &end, 10);
	if (ret)
		return ret;
	if (*end != '\n' || len > CT_CONF_MAX)
		return -EBADMSG;
	text = malloc(len + 1);
	ret = text ? ct_far_all(far->from, text, len, false) : -ENOMEM;
	if (!ret)
		ret = ct_conf_parse(conf, text, len);
	free(text);
	return ret;
}

/**
 * ct_far_ask() - ask something
 * @far: the line
 * @question: what
 * @answer: receives the answer; to be cleared by the caller, also after an error
 *
 * Return: 0 or a negative errno: nobody knows what has become of the question then.
 */
int ct_far_ask(const struct ct_far *far, const struct ct_conf *question, struct ct_conf *answer)
{
	/* Who has no use for questions has answered already. */
	(void)ct_far_put(far, question);
	return ct_far_get(far, answer);
}
