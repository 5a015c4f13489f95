/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Templates: what containers are made of
 *
 *	TEMPLATE/cache/NAME.tar.zst	the archive (or .gz, .xz, .bz2, .lzma, or none of them)
 *	TEMPLATE/cache/NAME.info	what is known of it: digest, size, origin
 *	TEMPLATE/tree/NAME@DIGEST	it, unpacked: the layer below containers of overlayfs
 *	TEMPLATE/lock/NAME.lck		held while one of these changes
 *	TEMPLATE/lock/NAME.work.lck	held while a new one is made
 *
 * Half of any of them has .tmp behind its name, and goes when the next one is made.
 */
#ifndef BCTL_CT_TEMPLATE_H
#define BCTL_CT_TEMPLATE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "ct.h"

#define CT_TMPL_NAME_MAX	64
#define CT_SHA256_HEX		65
/* As much of the digest as makes the name of a tree. */
#define CT_TMPL_KEY		12
/* The key of a container's configuration that names the tree below it. */
#define CT_TREE_KEY		"TEMPLATE_TREE"

/**
 * struct ct_tmpl - a template
 * @run: the run
 * @name: its name
 * @base: TEMPLATE
 * @archive: its archive
 * @size: bytes of that
 * @known: the following are known
 * @digest: SHA-256 of the archive
 * @bytes: room that it takes when it is unpacked
 * @inodes: files, directories and so on in it
 * @init: it has something to start
 * @source: where it came from, NULL if that is not known
 * @info: what was recorded
 * @lock: descriptor of the lock, -1 if it is not held
 * @work: the same of the lock of who makes a new one
 */
struct ct_tmpl {
	struct ct_run *run;
	char name[CT_TMPL_NAME_MAX + 1];
	char base[PATH_MAX];
	char archive[PATH_MAX];
	uint64_t size;
	bool known;
	char digest[CT_SHA256_HEX];
	uint64_t bytes;
	uint64_t inodes;
	bool init;
	const char *source;
	struct ct_conf info;
	int lock;
	int work;
};

/* template.c: which there are */
bool ct_tmpl_name_ok(const char *name);
int ct_tmpl_base(struct ct_run *run, const char *name, struct ct_tmpl *tmpl);
bool ct_tmpl_find(struct ct_tmpl *tmpl);
int ct_tmpl_open(struct ct_run *run, const char *object, const char *name, struct ct_tmpl *tmpl);
void ct_tmpl_close(struct ct_tmpl *tmpl);
int ct_tmpl_lock(struct ct_tmpl *tmpl, bool wait);
int ct_tmpl_work(struct ct_tmpl *tmpl);
int ct_tmpl_begin(struct ct_tmpl *tmpl, char *tmp, char *scratch, mode_t mode);
int ct_tmpl_place(struct ct_tmpl *tmpl, const char *tmp, const char *source, bool replace);
size_t ct_tmpl_users(struct ct_tmpl *tmpl, const char *tree, char *list, size_t size);

/**
 * struct ct_amount - what is in an archive
 * @bytes: room that it takes when it is unpacked
 * @inodes: files, directories and so on
 * @init: one of them can be started
 */
struct ct_amount {
	uint64_t bytes;
	uint64_t inodes;
	bool init;
};

/* measure.c: what is in them */
int ct_measure(const struct ct_run *run, const char *path, struct ct_amount *sum);
int ct_sha256_inside(const char *path, char hex[CT_SHA256_HEX]);
int ct_tmpl_measure(struct ct_tmpl *tmpl);
int ct_sha256_file(const char *path, char hex[CT_SHA256_HEX]);

/* trees.c: unpacked for containers of overlayfs */
int ct_tmpl_tree(struct ct_tmpl *tmpl, char *path);
int ct_tmpl_tree_make(struct ct_tmpl *tmpl);
int ct_tmpl_trees_remove(struct ct_tmpl *tmpl, bool all);

/* build.c, minimal.c, import.c: where they come from */
int ct_build_minimal(const struct ct_run *run, const char *name, const char *path);
int ct_tmpl_build(struct ct_run *run, int argc, char **argv);
int ct_tmpl_import(struct ct_run *run, int argc, char **argv);

/* cmd_template.c */
int ct_cmd_template(struct ct_run *run, int argc, char **argv);

#endif /* BCTL_CT_TEMPLATE_H */
