/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kernel that is made up, below bctl; see fake_sys.c.
 */
#ifndef BCTL_TEST_FAKE_H
#define BCTL_TEST_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/beancounter.h>

struct nl_msg;
struct nlattr;
struct nlmsghdr;

#define FAKE_FAMILY	0x1d
#define FAKE_POOLS	1200
#define FAKE_RES	7
#define FAKE_SETTINGS	BC_SETTING_ID_END
/* The group of closing records, after those of events. */
#define FAKE_GROUP_USAGE	43

struct fake_pool {
	uint32_t id, parent;
	bool used;
	char name[BC_NAME_MAX + 1];
	char cgroup[256];
	/* The last two are 0 but in the mode "born". */
	uint64_t cgroup_id, created, incarnation;
	uint64_t barrier[FAKE_RES], limit[FAKE_RES];
	uint32_t rise[FAKE_RES], fall[FAKE_RES];
	uint64_t setting[FAKE_SETTINGS];
	bool set[FAKE_SETTINGS];
};

void fake_answer(const void *buf, size_t len);
void fake_answer_msg(struct nl_msg *msg);
struct nl_msg *fake_new(uint16_t type, uint32_t seq, int flags, uint8_t cmd);
void fake_ack(const struct nlmsghdr *req, int err, const char *words, uint32_t offset);
void fake_done(const struct nlmsghdr *req, int flags, int err);
void fake_family(const struct nlmsghdr *req);

/* The time that figures are of; 0 for now. */
extern uint64_t fake_at;

/* What fake_usage.c needs of fake_sys.c... */
bool fake_mode(const char *word);
const char *fake_path(const char *name);
uint64_t fake_number(const char *name);
uint64_t fake_uptime(void);
uint64_t fake_incarnation(const struct fake_pool *pool);
const char *fake_parent(const struct fake_pool *pool);
void fake_put_closed_pool(struct nl_msg *msg, const struct fake_pool *pool);
const struct fake_pool *fake_pool_at(size_t i);

/* ... and the other way round. */
void fake_closed_add(const struct fake_pool *pool, uint32_t cause);
void fake_closed_dump(const struct nlmsghdr *req, struct nlattr **tb);
void fake_closed_ack(const struct nlmsghdr *req, struct nlattr **tb);
void fake_closed_info(struct nl_msg *msg);
void fake_usage_join(void);
bool fake_usage_joined(void);
void fake_usage_tell(void);

/* Called for each request; the kernel of fake_sys.c unless a test sets another. */
extern void (*fake_handler)(const struct nlmsghdr *req);

#endif /* BCTL_TEST_FAKE_H */
