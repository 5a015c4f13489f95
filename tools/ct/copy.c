// SPDX-License-Identifier: GPL-2.0
/*
 * Files of a container to another machine, by rsync
 *
 * The container runs while its files are read for the first time, and its root is an enemy:
 * where a directory was there may be a link out. So the side that reads is rsync's daemon,
 * which has made the private area its root before it looks at anything. It speaks over the
 * line; there is no port. The side that writes has a directory in which nothing runs.
 *
 * What was changed while it was copied must not be taken for copied. rsync compares sizes
 * and times, and a page that is mapped and dirty changes without a new time. So everything
 * is on the disk, and clean, before the first copy begins, from when on each change leaves a
 * time; and what has a time after that has it taken away on the other side, so that it is
 * compared block by block the next time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "far.h"
#include "move.h"
#include "spawn.h"

#define CT_COPY_WORDS	48
/*
 * A line to the other machine in the place of one that rsync would make. It ends from there,
 * and when there is no rsync any more: each half has one end of it only.
 */
#define CT_COPY_LINE	"sh -c 'exec 5<&0; cat <&5 >&4 3<&- & exec cat <&3 4>&- 5<&-' sh"

/* What rsync's daemon may read, in a file that it reads before it changes its root. */
static int ct_copy_conf(const struct ct *ct, const char *dir, char *path)
{
	int ret = ct_state_path(ct, "rsync", path);
	FILE *f;

	if (!ret)
		(void)unlink(path);
	f = ret ? NULL : fopen(path, "wxe");
	if (!f)
		return ret ? ret : -errno;
	fprintf(f, "use chroot = yes\nuid = 0\ngid = 0\nreverse lookup = no\nlog file = /dev/null\n"
		"[ct]\npath = %s\nread only = yes\nnumeric ids = yes\nmunge symlinks = no\n", dir);
	return fclose(f) ? -errno : 0;
}

/* Both ends of the line: who reads here, and ssh, which calls who writes there. */
static int ct_copy_run(const struct ct_move *move, char * const *ssh, char * const *rsync)
{
	int there[2], back[2], ret, end;
	pid_t line, reader = -1;

	(void)move;
	if (pipe2(there, O_CLOEXEC))
		return -errno;
	if (pipe2(back, O_CLOEXEC)) {
		ret = -errno;
		close(there[0]);
		close(there[1]);
		return ret;
	}
	ret = ct_far_spawn(ssh, there[0], back[1], &line);
	if (!ret)
		ret = ct_far_spawn(rsync, back[0], there[1], &reader);
	close(there[0]);
	close(there[1]);
	close(back[0]);
	close(back[1]);
	end = reader > 0 ? ct_wait(reader) : 0;
	if (line > 0 && ct_wait(line))
		end = 1;
	return ret ? ret : end ? -EIO : 0;
}

/**
 * ct_copy_send() - copy a directory to the other machine
 * @ct: the container
 * @move: the migration
 * @what: what it is there: private, dump
 * @dir: the directory
 * @since: what has changed from this second on will be compared again; "0" for nothing
 *
 * Return: 0 or a negative errno.
 */
int ct_copy_send(struct ct *ct, const struct ct_move *move, const char *what, const char *dir,
		 const char *since)
{
	char words[2048], conf[PATH_MAX], option[PATH_MAX + 16], *ssh[CT_COPY_WORDS + 8];
	char *rsync[] = { "rsync", "--server", "--daemon", option, ".", NULL };
	int ret = ct_copy_conf(ct, dir, conf), count;

	if (ret)
		return ret;
	snprintf(option, sizeof(option), "--config=%s", conf);
	count = ct_far_argv(&move->far, ssh, CT_COPY_WORDS, words, sizeof(words));
	if (count >= 0) {
		ssh[count++] = "bctl-ct";
		ssh[count++] = "receive";
		ssh[count++] = (char *)ct->text;
		ssh[count++] = (char *)what;
		ssh[count++] = (char *)move->token;
		ssh[count++] = (char *)since;
		ssh[count] = NULL;
		ret = ct_copy_run(move, ssh, rsync);
	} else {
		ret = count;
	}
	(void)unlink(conf);
	return ret;
}

static int ct_copy_program(char * const *argv)
{
	pid_t pid;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), ret;

	/* What it prints is no answer. */
	ret = null < 0 ? -errno : ct_far_spawn(argv, null, 2, &pid);
	if (null >= 0)
		close(null);
	return ret ? ret : ct_wait(pid) ? -EIO : 0;
}

/**
 * ct_copy_receive() - write what another machine sends over standard input and output
 * @dir: where to
 * @since: the times of what has changed from this second on are taken away, "0" for none
 *
 * Return: 0 or a negative errno.
 */
int ct_copy_receive(const char *dir, const char *since)
{
	char to[PATH_MAX], newer[64];
	char *rsync[] = { "rsync", "-aHAXS", "--numeric-ids", "--delete",
			  "--modify-window=-1", "--blocking-io", "--filter=-x trusted.beancounter.*",
			  "--filter=-x system.*", "-e",
			  CT_COPY_LINE, "line::ct/", to, NULL };
	char *find[] = { "find", (char *)dir, "-xdev", "-type", "f", "-newermt", newer, "-exec",
			 "touch", "-c", "-d", "@0", "{}", "+", NULL };
	int ret = ct_path(to, sizeof(to), "%s/", dir);

	snprintf(newer, sizeof(newer), "@%.20s", since);
	if (!ret && (dup2(0, 3) < 0 || dup2(1, 4) < 0))
		ret = -errno;
	if (!ret)
		ret = ct_copy_program(rsync);
	if (!ret && strcmp(since, "0"))
		ret = ct_copy_program(find);
	return ret;
}
