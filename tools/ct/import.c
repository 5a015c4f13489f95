// SPDX-License-Identifier: GPL-2.0
/*
 * template import
 *
 * A directory is archived as it is. Of an image, laid out as OCI says or saved by docker,
 * as a directory or in an archive, the layers are unpacked on top of each other, and what
 * comes out is archived. All that lies in TEMPLATE/cache/.NAME.work.tmp, which goes when
 * it is done, or when somebody tries again after it was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "image.h"
#include "template.h"
#include "unpack.h"

/**
 * struct ct_import - what is to be imported
 * @from: the directory or archive
 * @tag: --tag
 * @replace: --replace
 * @tmpl: the template that it becomes
 * @tmp: the archive meanwhile
 * @work: where it is unpacked
 */
struct ct_import {
	const char *from;
	const char *tag;
	bool replace;
	struct ct_tmpl tmpl;
	char tmp[PATH_MAX];
	char work[PATH_MAX];
};

static bool ct_has(const char *dir, const char *name)
{
	char path[PATH_MAX];

	return !ct_path(path, sizeof(path), "%s/%s", dir, name) && !access(path, F_OK);
}

static int ct_import_work(struct ct_import *import, const char *name, char *path)
{
	int ret = ct_path(path, PATH_MAX, "%s/%s", import->work, name);

	if (!ret && mkdir(path, 0755))
		ret = -errno;
	return ret ? ct_fail(import->tmpl.run, CT_E_SYSTEM, import->work, "%s", strerror(-ret)) :
		CT_OK;
}

/* Room for what is unpacked and for its archive, which is smaller. */
static int ct_import_room(struct ct_import *import, const struct ct_amount *sum)
{
	return ct_room(import->tmpl.run, import->tmpl.name, import->work,
		       sum->bytes + sum->bytes / 2, sum->inodes);
}

static int ct_import_layers(struct ct_import *import, struct ct_image *image, const char *root)
{
	struct ct_run *run = import->tmpl.run;
	struct ct_amount sum = { 0 };
	char path[64];
	int status = CT_OK;
	size_t i;

	for (i = 0; i < image->layers && !status; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", image->layer[i]);
		status = ct_measure(run, path, &sum);
	}
	if (!status)
		status = ct_import_room(import, &sum);
	for (i = 0; i < image->layers && !status; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", image->layer[i]);
		status = ct_unpack_to(run, import->tmpl.name, path, root, true);
	}
	return status;
}

/* The root of a container out of an image that lies in a directory. */
static int ct_import_image(struct ct_import *import, const char *dir, char *root)
{
	struct ct_image image = { .run = import->tmpl.run, .name = import->tmpl.name,
				  .tag = import->tag };
	int status = ct_import_work(import, "root", root);

	if (status)
		return status;
	image.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (image.dir < 0)
		return ct_fail(image.run, CT_E_SYSTEM, dir, "%s", strerror(errno));
	/* "docker save" writes both nowadays; what has a tag there is in manifest.json. */
	if (ct_has(dir, "manifest.json"))
		status = ct_docker_layers(&image);
	else
		status = ct_oci_layers(&image);
	if (!status)
		status = ct_import_layers(import, &image, root);
	ct_image_close(&image);
	return status;
}

static int ct_import_archive(struct ct_import *import, char *root)
{
	struct ct_amount sum = { 0 };
	char dir[PATH_MAX];
	int status = ct_measure(import->tmpl.run, import->from, &sum);

	if (!status)
		status = ct_import_room(import, &sum);
	if (!status)
		status = ct_import_work(import, "archive", dir);
	if (!status)
		status = ct_unpack_to(import->tmpl.run, import->tmpl.name, import->from, dir,
				      false);
	if (status)
		return status;
	if (ct_has(dir, "manifest.json") || ct_has(dir, "index.json"))
		return ct_import_image(import, dir, root);
	return ct_path(root, PATH_MAX, "%s", dir) ? CT_E_SYSTEM : CT_OK;
}

/* Where the root of the container is in the end. */
static int ct_import_root(struct ct_import *import, char *root)
{
	struct stat st;

	if (stat(import->from, &st))
		return ct_fail(import->tmpl.run, CT_E_VALUE, import->from, "%s", strerror(errno));
	if (S_ISREG(st.st_mode))
		return ct_import_archive(import, root);
	if (!S_ISDIR(st.st_mode))
		return ct_fail(import->tmpl.run, CT_E_VALUE, import->from,
			       "neither a directory nor an archive");
	if (ct_has(import->from, "manifest.json") || ct_has(import->from, "index.json"))
		return ct_import_image(import, import->from, root);
	return ct_path(root, PATH_MAX, "%s", import->from) ? CT_E_VALUE : CT_OK;
}

static int ct_import_pack(struct ct_import *import, const char *root)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool init = fd >= 0 && ct_has_init(fd);

	if (fd >= 0)
		close(fd);
	if (!init)
		return ct_fail(import->tmpl.run, CT_E_BAD_TEMPLATE, import->tmpl.name,
			       "there is no /sbin/init in it: nothing could be started");
	return ct_pack_tree(import->tmpl.run, import->tmp, root);
}

static int ct_import(struct ct_run *run, struct ct_import *import, const char *name)
{
	char root[PATH_MAX], source[PATH_MAX + 16];
	int status = ct_tmpl_base(run, name, &import->tmpl);

	if (!status && ct_tmpl_find(&import->tmpl) && !import->replace)
		status = ct_fail(run, CT_E_EXISTS, name,
				 "there is such a template; --replace replaces it");
	if (!status)
		status = ct_tmpl_work(&import->tmpl);
	if (!status)
		status = ct_tmpl_begin(&import->tmpl, import->tmp, import->work, 0700);
	if (status)
		return status;
	status = ct_import_root(import, root);
	if (!status)
		status = ct_import_pack(import, root);
	snprintf(source, sizeof(source), "import of %s", import->from);
	if (!status)
		status = ct_tmpl_place(&import->tmpl, import->tmp, source, import->replace);
	(void)ct_tree_remove(import->work);
	return status;
}

/**
 * ct_tmpl_import() - template import
 * @run: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: an exit status of vzctl.
 */
int ct_tmpl_import(struct ct_run *run, int argc, char **argv)
{
	struct ct_import import = { .tmpl = { .lock = -1, .work = -1 } };
	const struct bc_opt opts[] = {
		{ "tag", 0, NULL, &import.tag }, { "replace", 0, &import.replace, NULL },
		{ "progress", 0, &run->progress, NULL }, BC_OPT_END
	};
	int status = bctl_args(&run->b, &argc, argv, opts);

	if (status >= 0)
		return status ? ct_fail(run, CT_E_SYNTAX, NULL, "%s", run->said) : CT_OK;
	if (argc != 2)
		return ct_fail(run, CT_E_FEW, NULL, "import: a name, and a directory or archive");
	import.from = argv[1];
	status = ct_import(run, &import, argv[0]);
	if (!status)
		ct_note(run, argv[0], "the template was imported");
	ct_tmpl_close(&import.tmpl);
	return status;
}
