// SPDX-License-Identifier: GPL-2.0
/*
 * From cumulative figures to records of what was used
 *
 * Pure: no clock is read here and nothing written. A record is the difference between
 * the figures at its end and those at the end of the one before, so that whatever happens
 * to the records in between, their sum is what the module says; nothing can be lost or
 * counted twice by reading late, or twice, or by ending in the middle.
 *
 * Figures begin with 0 when a pool is created. One that is not known for a while goes on
 * from where it was: its next record has all of it. One that is lower then has begun anew,
 * and it cannot be told how much is missing; that record does not know it. One that is
 * lower without having been away must not be: that time becomes a gap.
 *
 * Times. Records are labelled in UTC and measured on CLOCK_BOOTTIME, which no one can set.
 * A record begins where the one before ended. One that is read just behind a multiple of
 * the interval ends at the multiple: bc_meter_slack() is the most that is rounded off.
 * Where the two clocks disagree, UTC was set. Set forward: the record begins so much later
 * that it is as long as it took, and the time in between never was. Set back: the time
 * between has its records already, and none is written until it is over for the second
 * time; the record that is written then is longer than it looks. But if that would take
 * more than a day, the clock had been wrong before, and labels follow it at once.
 */
#include <string.h>

#include <linux/beancounter.h>

#include "meter.h"

#define BC_MS_NS	1000000ULL
#define BC_DAY_MS	86400000LL
#define BC_SLACK_MS	2000
/* What UTC may be slewed by, rounded up, and what labels are rounded by. */
#define BC_STEP_MS	(BC_SLACK_MS + 1000)
#define BC_SLEW(ms)	((ms) / 1000)

const char * const bc_meter_flows[BC_METER_FLOWS] = {
	"cpu_ns", "cpu_user_ns", "cpu_system_ns", "cpu_wait_ns", "cpu_throttled_ns",
	"cpu_nr_throttled", "io_read_bytes", "io_write_bytes", "io_discard_bytes", "io_reads",
	"io_writes", "io_discards", "io_flushes", "io_wait_ns", "io_service_ns",
	"io_throttled_ns", "io_nr_throttled", "io_dirtied_bytes", "io_cancelled_bytes",
};

/* Numbers that the store has no room for do not come up; they would not be known. */
static void bc_meter_put(struct bc_meter *m, size_t i, bool known, uint64_t value)
{
	if (!known || value > INT64_MAX)
		return;
	m->known |= 1U << i;
	m->flow[i] = value;
}

/**
 * bc_meter_take_cpu() - take the CPU time of a pool
 * @m: receives it
 * @cpu: from the module
 */
void bc_meter_take_cpu(struct bc_meter *m, const struct bc_cpu *cpu)
{
	bc_meter_put(m, 0, cpu->known & BC_CPU_F_USAGE, cpu->usage);
	bc_meter_put(m, 1, cpu->known & BC_CPU_F_USAGE, cpu->user);
	bc_meter_put(m, 2, cpu->known & BC_CPU_F_USAGE, cpu->system);
	bc_meter_put(m, 3, cpu->known & BC_CPU_F_WAIT, cpu->wait);
	bc_meter_put(m, 4, cpu->known & BC_CPU_F_THROTTLED, cpu->throttled);
	bc_meter_put(m, 5, cpu->known & BC_CPU_F_THROTTLED, cpu->nr_throttled);
}

/**
 * bc_meter_take_io() - take the block I/O of a pool
 * @m: receives it
 * @io: from the module
 */
void bc_meter_take_io(struct bc_meter *m, const struct bc_io *io)
{
	size_t i;

	for (i = 0; i < 3; i++)
		bc_meter_put(m, 6 + i, io->known & BC_IO_F_AMOUNT, io->bytes[i]);
	for (i = 0; i < 4; i++)
		bc_meter_put(m, 9 + i, io->known & BC_IO_F_AMOUNT, io->ios[i]);
	bc_meter_put(m, 13, io->known & BC_IO_F_TIMES, io->wait[0] + io->wait[1]);
	bc_meter_put(m, 14, io->known & BC_IO_F_TIMES, io->service[0] + io->service[1]);
	bc_meter_put(m, 15, io->known & BC_IO_F_THROTTLED, io->throttled);
	bc_meter_put(m, 16, io->known & BC_IO_F_THROTTLED, io->nr_throttled);
	bc_meter_put(m, 17, io->known & BC_IO_F_DIRTY, io->dirtied);
	bc_meter_put(m, 18, io->known & BC_IO_F_DIRTY, io->cancelled);
}

static void bc_meter_figure(struct bc_meter_res *r, enum bc_meter_figure i, bool known,
			    uint64_t value)
{
	bool unlimited = value == BC_UNLIMITED && (i == BC_FIG_BARRIER || i == BC_FIG_LIM);

	if (!known || (value > INT64_MAX && !unlimited))
		return;
	r->known |= 1U << i;
	r->v[i] = value;
}

/**
 * bc_meter_take_res() - take the figures of a resource
 * @m: receives them; resources come in ascending order
 * @rec: from the module
 * @peaks: a peak is that of the time since the last record
 */
void bc_meter_take_res(struct bc_meter *m, const struct bc_record *rec, bool peaks)
{
	struct bc_meter_res *r = &m->res[m->count];
	uint32_t f = rec->flags;

	if (m->count == BC_METER_RES)
		return;
	m->count++;
	memset(r, 0, sizeof(*r));
	r->res = rec->res;
	bc_meter_figure(r, BC_FIG_HELD_TIME, f & BC_RECORD_F_INTEGRAL, rec->integral);
	bc_meter_figure(r, BC_FIG_FAILCNT, !(f & BC_RECORD_F_NO_FAILCNT), rec->failcnt);
	bc_meter_figure(r, BC_FIG_FAILED, !(f & BC_RECORD_F_NO_FAILED), rec->failed);
	bc_meter_figure(r, BC_FIG_MAXHELD, !(f & BC_RECORD_F_NO_MAXHELD), rec->maxheld);
	bc_meter_figure(r, BC_FIG_HELD, !(f & BC_RECORD_F_NO_HELD), rec->held);
	bc_meter_figure(r, BC_FIG_PEAK, peaks && f & BC_RECORD_F_PEAK, rec->peak);
	bc_meter_figure(r, BC_FIG_BARRIER, true, rec->barrier);
	bc_meter_figure(r, BC_FIG_LIM, true, rec->limit);
}

/**
 * bc_meter_begin() - the figures that a pool begins with
 * @m: receives them
 * @utc_ms: when it was created
 * @boot_ns: the same on CLOCK_BOOTTIME
 */
void bc_meter_begin(struct bc_meter *m, int64_t utc_ms, uint64_t boot_ns)
{
	memset(m, 0, offsetof(struct bc_meter, res));
	m->utc_ms = utc_ms;
	m->boot_ns = boot_ns;
	m->fresh = true;
}

/**
 * struct bc_step - a cumulative figure, then and now
 * @then: at the end of the last record, 0 at the beginning
 * @stale: it was not known any more at the end of the last record
 * @known: it is known now
 * @now: what it is
 */
struct bc_step {
	uint64_t then;
	bool stale;
	bool known;
	uint64_t now;
};

enum bc_stepped { BC_STEP_KNOWN, BC_STEP_UNKNOWN, BC_STEP_FELL };

static enum bc_stepped bc_step(const struct bc_step *s)
{
	if (!s->known)
		return BC_STEP_UNKNOWN;
	if (s->now >= s->then)
		return BC_STEP_KNOWN;
	return s->stale ? BC_STEP_UNKNOWN : BC_STEP_FELL;
}

/* One array of figures: false if one fell. What is not known now is kept in @now, stale. */
static bool bc_steps(const uint64_t *then, uint32_t then_known, uint32_t then_stale,
		     uint64_t *now, uint32_t *now_known, uint32_t *now_stale,
		     uint64_t *used, uint32_t *used_known, size_t count)
{
	bool good = true;
	size_t i;

	for (i = 0; i < count; i++) {
		uint32_t bit = 1U << i;
		struct bc_step s = {
			.then = then_known & bit ? then[i] : 0,
			.stale = then_stale & bit,
			.known = *now_known & bit,
			.now = now[i],
		};
		enum bc_stepped how = bc_step(&s);

		if (how == BC_STEP_FELL)
			good = false;
		if (how == BC_STEP_KNOWN) {
			used[i] = s.now - s.then;
			*used_known |= bit;
		}
		if (!s.known && then_known & bit) {
			now[i] = s.then;
			*now_known |= bit;
			*now_stale |= bit;
		}
	}
	return good;
}

/*
 * The peak: what the reader's interval had. Without that it is known all the same when it
 * is the highest ever, and else it is not.
 */
static void bc_meter_peak(const struct bc_meter_res *then, bool fresh,
			  const struct bc_meter_res *now, struct bc_meter_res *used)
{
	uint32_t max = 1U << BC_FIG_MAXHELD;

	if (now->known & 1U << BC_FIG_PEAK)
		bc_meter_figure(used, BC_FIG_PEAK, true, now->v[BC_FIG_PEAK]);
	else if (now->known & max &&
		 (fresh || (then->known & max && now->v[BC_FIG_MAXHELD] > then->v[BC_FIG_MAXHELD])))
		bc_meter_figure(used, BC_FIG_PEAK, true, now->v[BC_FIG_MAXHELD]);
}

static const struct bc_meter_res *bc_meter_find(const struct bc_meter *m, uint32_t res)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->res[i].res == res)
			return &m->res[i];
	return NULL;
}

static bool bc_meter_use_res(const struct bc_meter *then, struct bc_meter_res *now,
			     struct bc_meter_res *used)
{
	static const struct bc_meter_res none;
	const struct bc_meter_res *base = bc_meter_find(then, now->res);
	uint32_t max = 1U << BC_FIG_MAXHELD;

	base = base ? base : &none;
	memset(used, 0, sizeof(*used));
	used->res = now->res;
	memcpy(used->v, now->v, sizeof(used->v));
	used->known = now->known & (1U << BC_FIG_HELD | 1U << BC_FIG_BARRIER |
				    1U << BC_FIG_LIM);
	bc_meter_peak(base, then->fresh, now, used);
	if (base->known & max && !(now->known & max))
		bc_meter_figure(now, BC_FIG_MAXHELD, true, base->v[BC_FIG_MAXHELD]);
	return bc_steps(base->v, base->known, base->stale, now->v, &now->known, &now->stale,
			used->v, &used->known, BC_FIG_SUMS);
}

/* A resource that is not counted now is kept in @now, as far as there is room. */
static void bc_meter_keep(const struct bc_meter *then, struct bc_meter *now)
{
	size_t i;

	for (i = 0; i < then->count; i++) {
		struct bc_meter_res *r = &now->res[now->count];

		if (bc_meter_find(now, then->res[i].res) || now->count == BC_METER_RES)
			continue;
		*r = then->res[i];
		r->stale = r->known;
		now->count++;
	}
}

/* When the record begins and ends, and whether the clock was set meanwhile. */
static void bc_usage_time(const struct bc_meter *then, const struct bc_meter *now,
			  uint32_t step_ms, struct bc_usage *u)
{
	int64_t span, odd, slack = bc_meter_slack(step_ms), even;

	u->span_ns = now->boot_ns > then->boot_ns ? now->boot_ns - then->boot_ns : 0;
	u->timed = true;
	span = u->span_ns / BC_MS_NS;
	u->begin_ms = then->utc_ms;
	u->end_ms = now->utc_ms;
	odd = u->end_ms - u->begin_ms - span;
	if (odd > BC_STEP_MS + BC_SLEW(span) || odd < -BC_STEP_MS - BC_SLEW(span))
		u->reason = BC_WHY_CLOCK;
	if (u->reason && (odd > 0 || u->begin_ms - u->end_ms > BC_DAY_MS))
		u->begin_ms = u->end_ms - span;
	even = u->end_ms - u->end_ms % step_ms;
	if (u->kind == BC_USED_INTERVAL && u->end_ms - even <= slack && even > u->begin_ms)
		u->end_ms = even;
	if (u->end_ms <= u->begin_ms)
		u->end_ms = u->begin_ms + 1;
	if (!u->reason && (u->end_ms - 1 - slack) / step_ms > u->begin_ms / step_ms)
		u->reason = BC_WHY_LATE;
}

/**
 * bc_meter_use() - make a record
 * @then: the figures at the end of the last one
 * @now: the figures now; on return they are what the next record is made from, which is:
 *	with its own end, and with what is not known any more from @then
 * @step_ms: intervals are multiples of this
 * @kind: BC_USED_INTERVAL or BC_USED_CLOSING
 * @usage: receives it
 *
 * Return: whether all figures are at least what they were. If not, the record is a gap.
 */
bool bc_meter_use(const struct bc_meter *then, struct bc_meter *now, uint32_t step_ms,
		  enum bc_record_kind kind, struct bc_usage *usage)
{
	size_t i, count = now->count;
	bool good;

	memset(usage, 0, offsetof(struct bc_usage, used.res));
	usage->kind = kind;
	bc_usage_time(then, now, step_ms, usage);
	now->stale = 0;
	good = bc_steps(then->flow, then->known, then->stale, now->flow, &now->known,
			&now->stale, usage->used.flow, &usage->used.known, BC_METER_FLOWS);
	for (i = 0; i < count; i++)
		good &= bc_meter_use_res(then, &now->res[i], &usage->used.res[i]);
	usage->used.count = count;
	bc_meter_keep(then, now);
	now->utc_ms = usage->end_ms;
	now->fresh = false;
	if (good)
		return true;
	usage->kind = BC_USED_GAP;
	usage->reason = BC_WHY_BACKWARDS;
	usage->used.count = 0;
	usage->used.known = 0;
	return false;
}

/**
 * bc_meter_gap() - make a record of a time that nothing is known of
 * @then: the figures at the end of the last record
 * @end_ms: when it ended at the latest
 * @reason: why
 * @usage: receives it
 */
void bc_meter_gap(const struct bc_meter *then, int64_t end_ms, enum bc_record_reason reason,
		  struct bc_usage *usage)
{
	memset(usage, 0, offsetof(struct bc_usage, used.res));
	usage->kind = BC_USED_GAP;
	usage->reason = reason;
	usage->begin_ms = then->utc_ms;
	usage->end_ms = end_ms > then->utc_ms ? end_ms : then->utc_ms + 1;
}

/**
 * bc_meter_hold() - must no record be written because the clock was set back?
 * @newest_ms: when the newest record of a living pool ends
 * @now_ms: what the clock says
 *
 * Return: how long until records may be written again, in ms; 0 if that is now.
 */
int64_t bc_meter_hold(int64_t newest_ms, int64_t now_ms)
{
	if (now_ms > newest_ms || newest_ms - now_ms > BC_DAY_MS)
		return 0;
	return newest_ms - now_ms + 1;
}

/**
 * bc_meter_due() - when the next record ends
 * @now_ms: what the clock says
 * @step_ms: interval
 *
 * Return: the time, later than now.
 */
int64_t bc_meter_due(int64_t now_ms, uint32_t step_ms)
{
	return now_ms - now_ms % step_ms + step_ms;
}

/**
 * bc_meter_slack() - by how much a record may end late that is labelled as if it did not
 * @step_ms: interval
 *
 * Return: milliseconds.
 */
uint32_t bc_meter_slack(uint32_t step_ms)
{
	return step_ms / 10 < BC_SLACK_MS ? step_ms / 10 : BC_SLACK_MS;
}
