// SPDX-License-Identifier: GPL-2.0
/*
 * import-conf: take the configuration of a container of OpenVZ over
 *
 * The file is copied as it is, byte for byte, and a report says of every line what becomes
 * of it here. What would not start is refused before.
 */
#include <errno.h>
#include <string.h>

#include "ct.h"
#include "fetch.h"
#include "keys.h"

static int ct_import_check(struct ct *ct, const char *name)
{
	const char *key, *why, *missing;
	struct ct_ubc ubc;
	int status = ct_report(ct->run, &ct->conf, name);

	if (status)
		return CT_E_BAD_CONF;
	if (ct_ubc_read(&ct->conf, bc_page_size(), &ubc, &key, &why))
		return ct_fail(ct->run, CT_E_BAD_CONF, name, "%s: %s", key, why);
	missing = ct_ubc_missing(&ubc);
	if (missing)
		ct_note(ct->run, name, "%s is not set, and it does not start without", missing);
	/* What it says of places may be those of the other machine. */
	return ct_places(ct);
}

/**
 * ct_cmd_import_conf() - import-conf
 * @ct: the container, of which there is nothing yet
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_import_conf(struct ct *ct, int argc, char **argv)
{
	struct ct_conf given;
	int status, ret;

	if (argc != 1)
		return ct_fail(ct->run, argc ? CT_E_SYNTAX : CT_E_FEW, ct->text, "one file");
	ret = ct_conf_load(&given, argv[0]);
	if (ret)
		return ct_fail(ct->run, CT_E_BAD_CONF, argv[0], "%s", strerror(-ret));
	status = ct_lock(ct);
	if (!status && ct->exists)
		status = ct_fail(ct->run, CT_E_EXISTS, ct->text, "it exists already: %s",
				 ct->conf_path);
	if (status) {
		ct_conf_clear(&given);
		return status;
	}
	ct_conf_clear(&ct->conf);
	ct->conf = given;
	status = ct_import_check(ct, argv[0]);
	ret = status ? 0 : ct_conf_save(&ct->conf, ct->conf_path);
	return ret ? ct_fail(ct->run, CT_E_SAVE, ct->conf_path, "%s", strerror(-ret)) : status;
}
