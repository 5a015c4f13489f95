/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * beancounter - the generic netlink interface of beancounter.ko
 *
 * This header is the manual of the interface; the same facts stand in machine
 * readable form in Documentation/netlink/specs/beancounter.yaml.
 *
 * Family BC_GENL_NAME, version BC_GENL_VERSION. The family exists in the
 * initial network namespace only. Every command needs CAP_NET_ADMIN and
 * CAP_SYS_RESOURCE in the *initial* user namespace and a caller in the initial
 * pid namespace, so that the root of a container can neither read other
 * accounts nor change a limit; -EPERM otherwise. Listening to the groups needs
 * CAP_SYS_ADMIN in the initial user namespace.
 *
 * Units: every amount is an integer in the base unit of its resource (items,
 * bytes, or pages of the running kernel), never negative. The one value with a
 * meaning of its own is BC_UNLIMITED. Times are CLOCK_BOOTTIME nanoseconds.
 *
 * Every refusal carries an extended ACK with a message and, where one attribute
 * is to blame, its offset. A refused request has changed nothing.
 *
 * BC_CMD_POOL_NEW (do)
 *	Binds a new pool to a cgroup v2 directory. What the cgroup's members
 *	already hold is taken into the books.
 *	    BC_A_NAME		string, required, 1..BC_NAME_MAX of [A-Za-z0-9_.:-]
 *	    BC_A_CGROUP_FD	s32, an open cgroup v2 directory; or
 *	    BC_A_CGROUP_PATH	string, path below the cgroup2 root, no leading /
 *				(exactly one of the two is required)
 *	    BC_A_ID		u32, wanted id, optional; else the lowest free one
 *	    BC_A_PARENT		string, optional; the name the parent must have
 *				(it follows from the cgroup tree), else -EINVAL
 *	    BC_A_LIMIT		nest, repeated, as in BC_CMD_POOL_SET
 *	    BC_A_SETTING	nest, repeated, as in BC_CMD_POOL_SET
 *	Answers with one BC_CMD_POOL_NEW message that has the attributes of
 *	BC_CMD_POOL_GET but for BC_A_CPU and BC_A_IO. Errors: EEXIST name, id or
 *	cgroup is taken; EINVAL bad name, bad limit, wrong parent, the root cgroup;
 *	ENOENT no such cgroup;
 *	EBADF the descriptor is no cgroup v2 directory; ENOSPC a cap is reached
 *	(number of pools, BC_DEPTH_MAX levels); ENOMEM.
 *
 * BC_CMD_POOL_SET (do)
 *	Sets barriers, limits and settings of one pool, all of them or none.
 *	    BC_A_NAME or BC_A_ID	which pool (exactly one)
 *	    BC_A_LIMIT		nest, repeated; a resource may be named once:
 *		BC_LIMIT_A_RES		u32, enum bc_res_id
 *		BC_LIMIT_A_BARRIER	u64
 *		BC_LIMIT_A_LIMIT	u64, not below the barrier
 *	    BC_A_SETTING	nest, repeated; a setting may be named once:
 *		BC_SETTING_A_ID		u32, enum bc_setting_id
 *		BC_SETTING_A_VALUE	u64, in its range
 *	At least one limit or setting is required.
 *	Lowering below what is held is legal, evicts nothing, and makes further
 *	charges fail. Resources of BC_KIND_NATIVE may have a limit without a
 *	barrier; those of memory are set in the pool's cgroup and restored when
 *	the pool is deleted. Errors: ENOENT no such pool; EINVAL unknown resource,
 *	barrier over limit, amount over BC_AMOUNT_MAX, resource named twice;
 *	EOPNOTSUPP the resource cannot be limited on this kernel, or for this
 *	cgroup; ENOSPC a guarantee that cannot be backed, EBUSY one that the
 *	pools below need.
 *	Settings: ERANGE out of its range; EOPNOTSUPP it cannot be set on this
 *	kernel, or for this cgroup; ENOSPC a reservation that cannot be backed;
 *	EBUSY one that the pools below need.
 *
 * BC_CMD_POOL_GET (do and dump)
 *	    BC_A_NAME or BC_A_ID	do only: which pool
 *	    BC_A_SINCE		u64, dump only, optional: just the pools whose
 *				figures or limits changed after that generation. CPU
 *				time and block I/O alone are no change: they change
 *				all the time, and are in every answer
 *	    BC_A_DETAIL		flag, optional: also the figures that take the kernel
 *				some 70,000 instructions for each pool: BC_A_MEMORY and
 *				the records of kmemsize, dcachesize and numiptent, for
 *				which it counts the rules that have changed. They do
 *				not count as a change
 *	    BC_A_READER		string, optional, 1..BC_READER_NAME_MAX of the
 *				characters of a pool's name: take the peaks of
 *				this reader, see below; not with BC_A_SINCE
 *	Each answer describes one pool:
 *	    BC_A_ID, BC_A_NAME, BC_A_INCARNATION u64, BC_A_STATE u32 (enum
 *	    bc_pool_state), BC_A_PARENT_ID u32 and BC_A_PARENT string (absent for the host),
 *	    BC_A_CGROUP_PATH string, BC_A_CGROUP_ID u64, BC_A_CREATED u64,
 *	    BC_A_CHILDREN u32, BC_A_GENERATION u64, BC_A_CHANGED u64 when that was, as far as
 *	    readers have looked, BC_A_TAKEN u64 the instant that the figures are of, the same
 *	    in all messages of a dump, BC_A_RECORD_SIZE u32, BC_A_TABLE (see struct
 *	    bc_record), BC_A_MEMORY (see struct bc_memory; absent without BC_A_DETAIL, and
 *	    when the memory controller is not enabled for the cgroup), BC_A_SETTINGS
 *	    (see struct bc_setting), BC_A_CPU (see struct bc_cpu), BC_A_IO (see struct
 *	    bc_io; both are absent when nothing of them is counted), and for each
 *	    threshold BC_A_THRESHOLD nest with
 *	    BC_THRESHOLD_A_RES u32, BC_THRESHOLD_A_RISE u32, BC_THRESHOLD_A_FALL u32,
 *	    BC_THRESHOLD_A_ABOVE u32 (1 if the last crossing was upwards, else 0).
 *	The host is the pool with id 0 and name "host": the sum of all pools;
 *	it has no cgroup attributes. BC_A_CGROUP_ID is the inode number of the
 *	directory. A dying pool is found by id only, and by that only while no
 *	live pool has the id; its path is where the cgroup was. The dump shows
 *	all pools, dying ones too, at one instant, parents before children. A
 *	dying pool may have the id and the name of a live one; the incarnation
 *	tells them apart. The dump is marked NLM_F_DUMP_INTR when pools came or
 *	went while it was sent: ask again. Errors: ENOENT.
 *
 *	A reader is a name under which peaks are taken: the highest held of
 *	each resource since the same reader last took that pool, since the pool
 *	was created, or since the reader was, whichever is latest. Nobody else's
 *	intervals are touched, nor is maxheld. The first taking of a name that is
 *	not known creates the reader and takes nothing yet; records have
 *	BC_RECORD_F_PEAK when their peak is valid. What was taken is gone,
 *	whether the answer arrives or not; such a dump is not marked
 *	NLM_F_DUMP_INTR, for it is not to be asked for again. There are at most
 *	BC_READERS_MAX readers. If all places are taken, the reader that has not
 *	taken anything for longest gives its place up if that is an hour at
 *	least; ENOSPC else. EINVAL for a bad name.
 *
 * BC_CMD_POOL_DEL (do)
 *	    BC_A_NAME or BC_A_ID	which pool
 *	Unbinds. Its cgroup, tasks and sockets stay and count to the parent from
 *	now on. Errors: ENOENT; EBUSY it has child pools; EINVAL it is the host.
 *
 * BC_CMD_RES_GET (dump)
 *	One answer for each resource:
 *	    BC_A_RES u32, BC_A_RES_NAME string, BC_A_RES_UNIT u32 (enum
 *	    bc_unit), BC_A_RES_KIND u32 (enum bc_kind), BC_A_RES_STATUS u32
 *	    (enum bc_status), BC_A_REASON string (why it is not enforced; absent
 *	    when it is), BC_A_DESC string.
 *
 * BC_CMD_SETTING_GET (dump)
 *	One answer for each setting:
 *	    BC_A_SETTING nest with BC_SETTING_A_ID u32, BC_SETTING_A_NAME string,
 *	    BC_SETTING_A_UNIT u32 (enum bc_unit), BC_SETTING_A_LOWEST u64 and
 *	    BC_SETTING_A_HIGHEST u64 its range, BC_SETTING_A_UNLIMITED u32 (1: BC_UNLIMITED is
 *	    a value, too), BC_SETTING_A_VALUE u64 what a new pool has, and beside the
 *	    nest BC_A_RES_STATUS u32, BC_A_REASON, BC_A_DESC as for a resource.
 *
 * BC_CMD_IO_GET (dump)
 *	    BC_A_NAME or BC_A_ID	which pool (exactly one)
 *	One answer for each block device that the pool has used, and a first one for
 *	all of them:
 *	    BC_A_DEVICE string, "major:minor", absent in the first one; BC_A_IO (see
 *	    struct bc_io); BC_A_IO_TIMES (see struct bc_io_times; absent when they are
 *	    not known).
 *	A device that was removed keeps its answer, and another one with its number goes on
 *	with it. Devices after the 64th of a pool are in the sum only.
 *	Errors: ENOENT; EINVAL no pool is named.
 *
 * BC_CMD_INFO_GET (do)
 *	    BC_A_VERSION string, BC_A_POOLS u32 live pools without the host,
 *	    BC_A_POOLS_MAX u32, BC_A_DYING u32, BC_A_GENERATION u64,
 *	    BC_A_HOOKED u32 (0 or 1), BC_A_SUPPRESSED u64 events not sent since
 *	    load, BC_A_UNBALANCED u64 pools released with something held (a bug
 *	    if ever not 0), BC_A_UNTRACKED u64 objects left uncounted for want of
 *	    memory, BC_A_PAGE_SIZE u32, BC_A_INSTANCE u64 when the module was loaded,
 *	    BC_A_SERIAL u64 of the last closing record (one that no record has, if there
 *	    was none yet), BC_A_CLOSED_KEPT u32 closing records that are kept,
 *	    BC_A_CLOSED_MAX u32 how many may be, BC_A_CLOSED_LOST u64 those that had to go
 *	    before they were acknowledged.
 *
 * BC_CMD_REFUSAL_GET (dump)
 *	    BC_A_NAME or BC_A_ID	which pool (exactly one)
 *	The last refusals by that pool, the newest first; none if it never
 *	refused. Refusals of one resource by one task are one answer:
 *	    BC_A_ID, BC_A_NAME, BC_A_INCARNATION of the pool that refused,
 *	    BC_A_RES u32, BC_A_RES_NAME string, BC_A_COUNT u64 how many there were,
 *	    BC_A_FIRST u64 time of the first one, BC_A_TIME u64 time of the last one,
 *	    BC_A_AMOUNT u64 asked for at last, BC_A_LARGEST u64 the most that was asked
 *	    for at once, BC_A_HELD u64, BC_A_BARRIER u64, BC_A_LIMIT_VALUE u64 at the
 *	    last one, BC_A_BOUND u32 (enum bc_bound), BC_A_ORIGIN_ID u32,
 *	    BC_A_ORIGIN_NAME string, BC_A_ORIGIN_INCARNATION u64, BC_A_PID u32 and
 *	    BC_A_COMM string (both absent in softirq).
 *	The last one of each resource is always among them, and so are the last
 *	eight; a storm at one resource by one pool displaces only its own. They
 *	are noted whether events are sent or not, and end with the pool.
 *	Errors: ENOENT; EINVAL no pool is named.
 *
 * BC_CMD_THRESHOLD_SET (do)
 *	    BC_A_NAME or BC_A_ID	which pool (exactly one)
 *	    BC_A_THRESHOLD	nest, repeated, at least one; a resource may be
 *				named once:
 *		BC_THRESHOLD_A_RES	u32, enum bc_res_id
 *		BC_THRESHOLD_A_RISE	u32, percent of the barrier, 1..100; 0 removes
 *					the threshold
 *		BC_THRESHOLD_A_FALL	u32, percent, below the other; absent with 0
 *	All of them are set or none. When held rises to RISE percent of the
 *	barrier, BC_EVENT_THRESHOLD is sent, and once it has fallen to FALL
 *	percent another one; only then the first can come again. What is above
 *	when the threshold is set is told at once. The figures follow the
 *	barrier; there is nothing to tell while that is BC_UNLIMITED. Falling is
 *	noticed within half a second. So is rising of what the kernel itself counts
 *	(physpages, swappages, oomguarpages), what happens in between is not; there
 *	the limit is meant where it is below the barrier, and is what
 *	BC_A_BARRIER tells. Errors: ENOENT; EINVAL unknown resource,
 *	bad percent, resource named twice; EOPNOTSUPP the resource is not counted
 *	on this kernel, or not for this cgroup, or is one of those that are seen
 *	with BC_A_DETAIL only, or vmguarpages, of which no held is known.
 *
 * BC_CMD_READER_GET (dump)
 *	One answer for each reader: BC_A_READER string, BC_A_TIME u64 of its last
 *	taking.
 *
 * BC_CMD_READER_DEL (do)
 *	    BC_A_READER		string, required
 *	Forgets a reader. Errors: ENOENT.
 *
 * BC_CMD_CLOSED_GET (dump)
 *	    BC_A_SERIAL		u64, optional: just the records after this one
 *	The closing records of pools that are gone, the oldest first: their final
 *	figures. One is made when a pool is released, and kept until all readers that
 *	acknowledge such records have acknowledged it; until then, if there is none. There are
 *	at most BC_A_CLOSED_MAX of them (module parameter max_closed); then the oldest goes,
 *	and is counted. A parent's figures include those of its dead children anyway.
 *	    BC_A_SERIAL u64, ascending, never used twice between two boots, BC_A_CLOSED u64
 *	    when the pool was released, BC_A_DIED u64 when it ceased to be live, BC_A_CAUSE
 *	    u32 (enum bc_cause), and of the attributes of BC_CMD_POOL_GET: BC_A_ID,
 *	    BC_A_NAME, BC_A_INCARNATION, BC_A_PARENT_ID, BC_A_PARENT, BC_A_CGROUP_PATH,
 *	    BC_A_CGROUP_ID, BC_A_CREATED, BC_A_RECORD_SIZE, BC_A_TABLE, BC_A_SETTINGS,
 *	    BC_A_CPU, BC_A_IO; besides BC_A_PARENT_INCARNATION u64.
 *	Figures of what the kernel counts are those that were last seen while the pool was
 *	live, its limits those that were in force then.
 *
 * BC_CMD_CLOSED_ACK (do)
 *	    BC_A_READER		string, required; who has stored them
 *	    BC_A_SERIAL		u64, required: all up to this one; 0 to begin with
 *	Makes the reader if it is not known (see BC_CMD_POOL_GET), and from then on
 *	records are kept for it, too. One that has not acknowledged anything for an hour
 *	may lose its place as any reader. Errors: EINVAL bad name, a serial that no record
 *	has had yet; ENOSPC too many readers.
 *
 * BC_CMD_EVENT (notification, groups BC_MCGRP_REFUSAL, BC_MCGRP_POOL and
 * BC_MCGRP_THRESHOLD)
 *	    BC_A_EVENT u32 (enum bc_event), BC_A_TIME u64, BC_A_ID, BC_A_NAME,
 *	    BC_A_INCARNATION of the pool it is about; for a refusal that is the
 *	    pool *at the level that refused*, and there is besides
 *	    BC_A_RES u32, BC_A_RES_NAME, BC_A_AMOUNT u64 asked for, BC_A_HELD
 *	    u64, BC_A_BARRIER u64, BC_A_LIMIT_VALUE u64 at that level,
 *	    BC_A_ORIGIN_ID u32 and BC_A_ORIGIN_NAME the pool of the culprit
 *	    (the refusing pool itself or one below it),
 *	    BC_A_PID u32 (initial namespace) and BC_A_COMM string of the task
 *	    that ran (in softirq there is none: absent), BC_A_SUPPRESSED u64
 *	    refusals of this pool not sent since its last event.
 *	    For a threshold there is BC_A_RES, BC_A_RES_NAME, BC_A_HELD and
 *	    BC_A_BARRIER when it was crossed, BC_A_PERCENT u32 the percent of the
 *	    barrier that was crossed, BC_A_DIRECTION u32 (enum bc_direction),
 *	    BC_A_SUPPRESSED crossings in this pool not sent since its last one.
 *
 * Group BC_MCGRP_USAGE gets each closing record when it is made, as BC_CMD_CLOSED_GET
 * message. When the module is unloaded, all pools are closed, the host last, whose record
 * has no attributes of a parent or a cgroup, and this is how their final figures are still
 * to be had; the last message is a BC_CMD_EVENT with BC_EVENT_UNLOAD and BC_A_SERIAL.
 */
#ifndef _UAPI_LINUX_BEANCOUNTER_H
#define _UAPI_LINUX_BEANCOUNTER_H

#include <linux/types.h>

#define BC_GENL_NAME		"beancounter"
#define BC_GENL_VERSION		1
#define BC_MCGRP_REFUSAL	"refusal"
#define BC_MCGRP_POOL		"pool"
#define BC_MCGRP_THRESHOLD	"threshold"
#define BC_MCGRP_USAGE		"usage"

/* The longest name of a pool, without the final NUL. */
#define BC_NAME_MAX		63
/* How many levels of pools may lie below the host. */
#define BC_DEPTH_MAX		16
/* The longest name of a reader of peaks, without the final NUL. */
#define BC_READER_NAME_MAX	15
/* How many readers there may be. */
#define BC_READERS_MAX		8
/* The longest cgroup path that is accepted or reported, without the NUL. */
#define BC_PATH_MAX		4095
/* "No limit". Never a figure: print it as a word, or as null in JSON. */
#define BC_UNLIMITED		0xffffffffffffffffULL
/* The largest barrier or limit other than BC_UNLIMITED. */
#define BC_AMOUNT_MAX		0x3fffffffffffffffULL

/**
 * enum bc_res_id - resources, with the numbers that OpenVZ gave them
 * @BC_RES_KMEMSIZE: kernel memory, bytes
 * @BC_RES_LOCKEDPAGES: locked memory, pages
 * @BC_RES_PRIVVMPAGES: private writable address space and stacks, pages
 * @BC_RES_SHMPAGES: shared memory, pages
 * @BC_RES_NUMPROC: tasks (threads count one each)
 * @BC_RES_PHYSPAGES: memory, pages: @barrier is memory.high, @limit memory.max
 * @BC_RES_VMGUARPAGES: guarantee, pages: @barrier is memory.low
 * @BC_RES_OOMGUARPAGES: guarantee that holds when memory is out, pages: @barrier is
 *	memory.min, @held anonymous memory and swap, @failcnt processes killed
 * @BC_RES_NUMTCPSOCK: TCP sockets
 * @BC_RES_NUMFLOCK: file locks
 * @BC_RES_NUMPTY: pseudo-terminals
 * @BC_RES_NUMSIGINFO: queued signals
 * @BC_RES_TCPSNDBUF: TCP send buffers, bytes
 * @BC_RES_TCPRCVBUF: TCP receive buffers, bytes
 * @BC_RES_OTHERSOCKBUF: send buffers of all other sockets, bytes
 * @BC_RES_DGRAMRCVBUF: receive buffers of datagram sockets, bytes
 * @BC_RES_NUMOTHERSOCK: sockets other than TCP
 * @BC_RES_DCACHESIZE: kernel memory that can be reclaimed, bytes
 * @BC_RES_NUMFILE: open files
 * @BC_RES_NUMIPTENT: packet filter rules of nf_tables in the network namespaces of the
 *	pool's tasks, of each namespace 65,536 at most
 * @BC_RES_SWAPPAGES: swap, pages: @barrier is memory.swap.high, @limit memory.swap.max
 * @BC_RES_ID_END: one more than the largest number
 *
 * Which of them a running module counts is told by BC_CMD_RES_GET.
 */
enum bc_res_id {
	BC_RES_KMEMSIZE		= 0,
	BC_RES_LOCKEDPAGES	= 1,
	BC_RES_PRIVVMPAGES	= 2,
	BC_RES_SHMPAGES		= 3,
	BC_RES_NUMPROC		= 5,
	BC_RES_PHYSPAGES	= 6,
	BC_RES_VMGUARPAGES	= 7,
	BC_RES_OOMGUARPAGES	= 8,
	BC_RES_NUMTCPSOCK	= 9,
	BC_RES_NUMFLOCK		= 10,
	BC_RES_NUMPTY		= 11,
	BC_RES_NUMSIGINFO	= 12,
	BC_RES_TCPSNDBUF	= 13,
	BC_RES_TCPRCVBUF	= 14,
	BC_RES_OTHERSOCKBUF	= 15,
	BC_RES_DGRAMRCVBUF	= 16,
	BC_RES_NUMOTHERSOCK	= 17,
	BC_RES_DCACHESIZE	= 18,
	BC_RES_NUMFILE		= 19,
	BC_RES_NUMIPTENT	= 23,
	BC_RES_SWAPPAGES	= 24,
	/* add new resources above here */
	BC_RES_ID_END
};

/**
 * struct bc_record - the figures of one resource in one pool
 * @res: enum bc_res_id
 * @flags: BC_RECORD_F_*
 * @held: in use now
 * @maxheld: highest @held since the pool was created
 * @barrier: bound for requests that an application can be refused politely
 * @limit: bound for requests that cannot be refused without damage
 * @failcnt: refused requests, counted at the level that refused
 * @failed: sum of the amounts of the refused requests
 * @last_fail: time of the last refusal, 0 when there was none
 * @peak: highest @held of the reader's interval; valid with BC_RECORD_F_PEAK
 * @integral: @held summed up over the time since the pool was created, in units times
 *	seconds, rounded down; valid with BC_RECORD_F_INTEGRAL. Never falls while the pool
 *	lives. Time that the machine was suspended is not in it. How exact it is for which
 *	kind of resource: Documentation/accounting.rst
 *
 * BC_A_TABLE is an array of these in ascending order of @res. BC_A_RECORD_SIZE
 * gives the distance from one to the next: later versions may add members at
 * the end. A resource that is not counted has no record.
 */
struct bc_record {
	__u32	res;
	__u32	flags;
	__u64	held;
	__u64	maxheld;
	__u64	barrier;
	__u64	limit;
	__u64	failcnt;
	__u64	failed;
	__u64	last_fail;
	__u64	peak;
	__u64	integral;
};

/* A limit on this resource is enforced (else it is only counted). */
#define BC_RECORD_F_ENFORCED	(1U << 0)
/* What the kernel does not keep is not known: the member is 0 and means nothing. */
#define BC_RECORD_F_NO_HELD	(1U << 1)
#define BC_RECORD_F_NO_MAXHELD	(1U << 2)
#define BC_RECORD_F_NO_FAILCNT	(1U << 3)
/* Neither @failed nor @last_fail is known. */
#define BC_RECORD_F_NO_FAILED	(1U << 4)
/* The request named a reader, and @peak is that of its last interval. */
#define BC_RECORD_F_PEAK	(1U << 5)
/* @integral is known. */
#define BC_RECORD_F_INTEGRAL	(1U << 6)

/**
 * struct bc_memory - what the memory of a pool is used for, in bytes
 * @anon: anonymous memory
 * @file: those parts of @cache and @shmem that are mapped by processes
 * @shmem: shared memory and tmpfs
 * @cache: page cache of files
 * @kernel: kernel memory, sockets' buffers excepted
 * @slab: the part of @kernel that is small objects
 * @reclaimable: the part of @slab that can be reclaimed
 * @sock: socket buffers
 * @swap: swapped out
 *
 * @anon, @shmem, @cache, @kernel and @sock add up to physpages, as exactly as the
 * kernel's sums are up to date. Later versions may add members at the end.
 */
struct bc_memory {
	__u64	anon;
	__u64	file;
	__u64	shmem;
	__u64	cache;
	__u64	kernel;
	__u64	slab;
	__u64	reclaimable;
	__u64	sock;
	__u64	swap;
};

/**
 * enum bc_setting_id - what can be set for a pool besides barriers and limits
 * @BC_SETTING_CPU_SHARES: part of the CPU time under contention, relative to that of
 *	the siblings; 1000 is what a cgroup has that nobody has set. The kernel's weights end
 *	at 256000: above, those of all siblings are lowered in proportion
 * @BC_SETTING_CPU_LIMIT: CPU time that is never exceeded, ns per second: 10^9 is one CPU
 * @BC_SETTING_CPU_RESERVATION: CPU time that is guaranteed among the siblings, ns per
 *	second; backed by the parent's, or by the CPUs that are online below the host
 * @BC_SETTING_CPU_EXPANDABLE: 1: what the pools below reserve may be taken from the
 *	pools above when this one's reservation does not suffice; else 0
 * @BC_SETTING_IO_BPS: block I/O, reads and writes together, over all devices, bytes
 *	per second. Members sleep before they return to user mode until the average is
 *	kept. This and the others that bound writes have BC_SETTING_F_EFFECTIVE only when
 *	what is written back later is known, see BC_IO_F_WRITEBACK
 * @BC_SETTING_IO_RBPS: reads alone
 * @BC_SETTING_IO_WBPS: writes alone
 * @BC_SETTING_IO_IOPS: requests per second, reads and writes together
 * @BC_SETTING_IO_RIOPS: reads alone
 * @BC_SETTING_IO_WIOPS: writes alone
 * @BC_SETTING_IO_BURST: how long an idle pool may save up for each of the limits above, ms
 * @BC_SETTING_IO_WEIGHT: part of a device under contention, relative to the siblings'. The
 *	module cannot set it, and it is in no BC_A_SETTINGS: it is what is in io.weight and
 *	io.bfq.weight of the cgroup, where bctl reads and writes it
 * @BC_SETTING_ID_END: one more than the largest number
 */
enum bc_setting_id {
	BC_SETTING_CPU_SHARES,
	BC_SETTING_CPU_LIMIT,
	BC_SETTING_CPU_RESERVATION,
	BC_SETTING_CPU_EXPANDABLE,
	BC_SETTING_IO_BPS,
	BC_SETTING_IO_RBPS,
	BC_SETTING_IO_WBPS,
	BC_SETTING_IO_IOPS,
	BC_SETTING_IO_RIOPS,
	BC_SETTING_IO_WIOPS,
	BC_SETTING_IO_BURST,
	BC_SETTING_IO_WEIGHT,
	/* add new settings above here */
	BC_SETTING_ID_END
};

/**
 * struct bc_setting - one setting of a pool
 * @id: enum bc_setting_id
 * @flags: BC_SETTING_F_*
 * @value: what is in force, in the setting's unit, or BC_UNLIMITED
 *
 * BC_A_SETTINGS is an array of these in ascending order of @id. A setting that
 * the running kernel does not have for the pool's cgroup is not among them.
 */
struct bc_setting {
	__u32	id;
	__u32	flags;
	__u64	value;
};

/* It was set through this interface (else it is what the kernel has by itself). */
#define BC_SETTING_F_SET	(1U << 0)
/* It acts now: no device or controller is missing for it. */
#define BC_SETTING_F_EFFECTIVE	(1U << 1)

/**
 * struct bc_cpu - CPU time of a pool and of those below it
 * @known: BC_CPU_F_* mask of what is known; the rest is 0 and means nothing
 * @usage: CPU time, ns; that of a running task up to its last tick
 * @user: the part of @usage in user mode, ns
 * @system: the rest of @usage, ns
 * @wait: time that tasks were runnable but had no CPU, summed over tasks, ns; counted
 *	when it ends
 * @switches: times that a task gave the CPU up by itself
 * @preemptions: times that a task had it taken
 * @throttled: time that the pool's own limit kept it from running, ns
 * @nr_throttled: how often that was
 * @load: load averages of 1, 5 and 15 minutes, in thousandths
 * @entitlement: CPU time it gets when all pools are busy, ns per second
 * @reservable: what pools below it may still reserve, ns per second
 *
 * All but the loads, @entitlement and @reservable begin with 0 when the pool is made,
 * and never fall while it lives; pools that are gone stay in the figures of their
 * parent. What takes the cpu controller, BC_CPU_F_THROTTLED and BC_CPU_F_ENTITLEMENT, is
 * known only if that is enabled for the pool's cgroup; the latter for the host, too.
 * Later versions may add members at the end.
 */
struct bc_cpu {
	__u64	known;
	__u64	usage;
	__u64	user;
	__u64	system;
	__u64	wait;
	__u64	switches;
	__u64	preemptions;
	__u64	throttled;
	__u64	nr_throttled;
	__u64	load[3];
	__u64	entitlement;
	__u64	reservable;
};

/* @usage, @user and @system */
#define BC_CPU_F_USAGE		(1U << 0)
/* @wait, @switches and @preemptions */
#define BC_CPU_F_WAIT		(1U << 1)
/* @throttled and @nr_throttled */
#define BC_CPU_F_THROTTLED	(1U << 2)
#define BC_CPU_F_LOAD		(1U << 3)
/* @entitlement and @reservable */
#define BC_CPU_F_ENTITLEMENT	(1U << 4)

/* Directions of block I/O: indices of the arrays below. */
#define BC_IO_READ		0
#define BC_IO_WRITE		1
#define BC_IO_DISCARD		2
#define BC_IO_FLUSH		3

/**
 * struct bc_io - block I/O of a pool and of those below it
 * @known: BC_IO_F_* mask of what is known; the rest is 0 and means nothing
 * @bytes: read, written and discarded
 * @ios: requests that read, write, discard and flush
 * @in_flight: reads and writes that are not finished
 * @wait: time that finished reads and writes waited before the device had them, ns
 * @service: time that the device took for them, ns
 * @throttled: time that tasks slept for the pool's own limits, summed over tasks, ns
 * @nr_throttled: how often that was
 * @dirtied: bytes of files that were made dirty in the page cache
 * @cancelled: the part of @dirtied that was never written because it was truncated
 *
 * All but @in_flight never fall while the pool lives; what pools below it did stays when
 * they are deleted. @bytes and @ios are those of bios, counted when they are submitted,
 * before they are split or merged; a flush that comes with a write counts as both. The rest
 * is measured for the requests that the device gets. A request that failed counts.
 * For a device, @throttled and all after it are unknown. Later versions may add members
 * at the end.
 */
struct bc_io {
	__u64	known;
	__u64	bytes[3];
	__u64	ios[4];
	__u64	in_flight[2];
	__u64	wait[2];
	__u64	service[2];
	__u64	throttled;
	__u64	nr_throttled;
	__u64	dirtied;
	__u64	cancelled;
};

/* @bytes and @ios */
#define BC_IO_F_AMOUNT		(1U << 0)
/* @in_flight, @wait, @service and struct bc_io_times. Needs the controller io. */
#define BC_IO_F_TIMES		(1U << 1)
/* @throttled and @nr_throttled */
#define BC_IO_F_THROTTLED	(1U << 2)
/* @dirtied and @cancelled */
#define BC_IO_F_DIRTY		(1U << 3)
/*
 * What the kernel writes later on is counted here, too, and not above this pool. Needs the
 * controllers io and memory in the pool's cgroup.
 */
#define BC_IO_F_WRITEBACK	(1U << 4)
/* It makes I/O of other devices of it, so it is no part of the sum over all devices. */
#define BC_IO_F_STACKED		(1U << 5)

#define BC_IO_BUCKETS		32

/**
 * struct bc_io_times - how long block I/O took: numbers of finished requests
 * @wait: reads and writes by the time before the device had them
 * @service: by the time that the device took
 *
 * Bucket 0 counts times below 1 us, bucket n those of at least 2^(n-1) us and less
 * than 2^n us, the last one all longer ones.
 */
struct bc_io_times {
	__u64	wait[2][BC_IO_BUCKETS];
	__u64	service[2][BC_IO_BUCKETS];
};

/**
 * enum bc_unit - unit of the amounts of a resource or setting
 * @BC_UNIT_ITEMS: a number of things
 * @BC_UNIT_BYTES: bytes
 * @BC_UNIT_PAGES: pages of BC_A_PAGE_SIZE bytes
 * @BC_UNIT_SHARES: relative to others of the same kind
 * @BC_UNIT_NS_PER_SEC: nanoseconds of CPU time per second
 * @BC_UNIT_BYTES_PER_SEC: bytes per second
 * @BC_UNIT_PER_SEC: things per second
 * @BC_UNIT_MS: milliseconds
 * @BC_UNIT_BOOL: 0 or 1
 */
enum bc_unit {
	BC_UNIT_ITEMS,
	BC_UNIT_BYTES,
	BC_UNIT_PAGES,
	BC_UNIT_SHARES,
	BC_UNIT_NS_PER_SEC,
	BC_UNIT_BYTES_PER_SEC,
	BC_UNIT_PER_SEC,
	BC_UNIT_MS,
	BC_UNIT_BOOL,
};

/**
 * enum bc_kind - who counts a resource
 * @BC_KIND_NATIVE: the kernel, per cgroup
 * @BC_KIND_DERIVED: the kernel, per object; summed up when it matters
 * @BC_KIND_CHARGED: this module, at allocation and release
 * @BC_KIND_FLOW: this module, as a monotone counter
 */
enum bc_kind {
	BC_KIND_NATIVE,
	BC_KIND_DERIVED,
	BC_KIND_CHARGED,
	BC_KIND_FLOW,
};

/**
 * enum bc_status - what can be said of a resource on the running kernel
 * @BC_STATUS_IDLE: nothing is attached because there is no pool
 * @BC_STATUS_ENFORCED: counted, and its limits are enforced
 * @BC_STATUS_COUNTED: counted only
 * @BC_STATUS_UNAVAILABLE: not counted; BC_A_REASON tells why
 */
enum bc_status {
	BC_STATUS_IDLE,
	BC_STATUS_ENFORCED,
	BC_STATUS_COUNTED,
	BC_STATUS_UNAVAILABLE,
};

/**
 * enum bc_bound - which bound a refused request was over
 * @BC_BOUND_BARRIER: the barrier
 * @BC_BOUND_LIMIT: the limit: the request could not be refused without damage
 */
enum bc_bound {
	BC_BOUND_BARRIER,
	BC_BOUND_LIMIT,
};

/**
 * enum bc_direction - which way a threshold was crossed
 * @BC_DIRECTION_UP: held has risen
 * @BC_DIRECTION_DOWN: held has fallen
 */
enum bc_direction {
	BC_DIRECTION_UP,
	BC_DIRECTION_DOWN,
};

/**
 * enum bc_cause - why a pool was closed
 * @BC_CAUSE_DELETED: by request
 * @BC_CAUSE_CGROUP: its cgroup was removed
 * @BC_CAUSE_UNLOAD: the module was unloaded
 */
enum bc_cause {
	BC_CAUSE_DELETED,
	BC_CAUSE_CGROUP,
	BC_CAUSE_UNLOAD,
};

/**
 * enum bc_pool_state - life of a pool
 * @BC_POOL_LIVE: bound to its cgroup, findable
 * @BC_POOL_DYING: unbound, charged until its last object is gone
 */
enum bc_pool_state {
	BC_POOL_LIVE,
	BC_POOL_DYING,
};

/**
 * enum bc_event - what a notification is about
 * @BC_EVENT_UNSPEC: none
 * @BC_EVENT_REFUSAL: a charge was refused (group "refusal")
 * @BC_EVENT_POOL_NEW: a pool was created (group "pool")
 * @BC_EVENT_POOL_SET: limits of a pool were set
 * @BC_EVENT_POOL_DYING: a pool was deleted or its cgroup went away
 * @BC_EVENT_POOL_GONE: the last object of a dying pool was released
 * @BC_EVENT_THRESHOLD: a threshold was crossed (group "threshold")
 * @BC_EVENT_UNLOAD: the module goes, all closing records were sent (group "usage")
 */
enum bc_event {
	BC_EVENT_UNSPEC,
	BC_EVENT_REFUSAL,
	BC_EVENT_POOL_NEW,
	BC_EVENT_POOL_SET,
	BC_EVENT_POOL_DYING,
	BC_EVENT_POOL_GONE,
	BC_EVENT_THRESHOLD,
	BC_EVENT_UNLOAD,
};

/* Commands; described at the head of this file. */
enum bc_cmd {
	BC_CMD_UNSPEC,
	BC_CMD_POOL_NEW,
	BC_CMD_POOL_SET,
	BC_CMD_POOL_GET,
	BC_CMD_POOL_DEL,
	BC_CMD_RES_GET,
	BC_CMD_INFO_GET,
	BC_CMD_EVENT,
	BC_CMD_REFUSAL_GET,
	BC_CMD_THRESHOLD_SET,
	BC_CMD_READER_GET,
	BC_CMD_READER_DEL,
	BC_CMD_SETTING_GET,
	BC_CMD_IO_GET,
	BC_CMD_CLOSED_GET,
	BC_CMD_CLOSED_ACK,
	/* add new commands above here */
	__BC_CMD_LAST
};

#define BC_CMD_MAX		(__BC_CMD_LAST - 1)

/* Attributes of a message; types at the head of this file. */
enum bc_attr {
	BC_A_UNSPEC,
	BC_A_PAD,
	BC_A_ID,
	BC_A_NAME,
	BC_A_PARENT_ID,
	BC_A_PARENT,
	BC_A_INCARNATION,
	BC_A_STATE,
	BC_A_CGROUP_FD,
	BC_A_CGROUP_PATH,
	BC_A_CGROUP_ID,
	BC_A_CREATED,
	BC_A_CHILDREN,
	BC_A_GENERATION,
	BC_A_SINCE,
	BC_A_LIMIT,
	BC_A_TABLE,
	BC_A_RECORD_SIZE,
	BC_A_RES,
	BC_A_RES_NAME,
	BC_A_RES_UNIT,
	BC_A_RES_KIND,
	BC_A_RES_STATUS,
	BC_A_REASON,
	BC_A_DESC,
	BC_A_VERSION,
	BC_A_POOLS,
	BC_A_POOLS_MAX,
	BC_A_DYING,
	BC_A_HOOKED,
	BC_A_SUPPRESSED,
	BC_A_UNBALANCED,
	BC_A_UNTRACKED,
	BC_A_PAGE_SIZE,
	BC_A_EVENT,
	BC_A_TIME,
	BC_A_AMOUNT,
	BC_A_HELD,
	BC_A_BARRIER,
	BC_A_LIMIT_VALUE,
	BC_A_ORIGIN_ID,
	BC_A_ORIGIN_NAME,
	BC_A_PID,
	BC_A_COMM,
	BC_A_DETAIL,
	BC_A_MEMORY,
	BC_A_COUNT,
	BC_A_FIRST,
	BC_A_LARGEST,
	BC_A_BOUND,
	BC_A_ORIGIN_INCARNATION,
	BC_A_THRESHOLD,
	BC_A_PERCENT,
	BC_A_DIRECTION,
	BC_A_READER,
	BC_A_SETTING,
	BC_A_SETTINGS,
	BC_A_CPU,
	BC_A_IO,
	BC_A_DEVICE,
	BC_A_IO_TIMES,
	BC_A_CHANGED,
	BC_A_TAKEN,
	BC_A_INSTANCE,
	BC_A_SERIAL,
	BC_A_CLOSED,
	BC_A_DIED,
	BC_A_CAUSE,
	BC_A_PARENT_INCARNATION,
	BC_A_CLOSED_KEPT,
	BC_A_CLOSED_MAX,
	BC_A_CLOSED_LOST,
	/* add new attributes above here */
	__BC_A_LAST
};

#define BC_A_MAX		(__BC_A_LAST - 1)

/* Attributes inside BC_A_LIMIT. */
enum bc_limit_attr {
	BC_LIMIT_A_UNSPEC,
	BC_LIMIT_A_PAD,
	BC_LIMIT_A_RES,
	BC_LIMIT_A_BARRIER,
	BC_LIMIT_A_LIMIT,
	/* add new attributes above here */
	__BC_LIMIT_A_LAST
};

#define BC_LIMIT_A_MAX		(__BC_LIMIT_A_LAST - 1)

/* Attributes inside BC_A_THRESHOLD. */
enum bc_threshold_attr {
	BC_THRESHOLD_A_UNSPEC,
	BC_THRESHOLD_A_RES,
	BC_THRESHOLD_A_RISE,
	BC_THRESHOLD_A_FALL,
	BC_THRESHOLD_A_ABOVE,
	/* add new attributes above here */
	__BC_THRESHOLD_A_LAST
};

#define BC_THRESHOLD_A_MAX	(__BC_THRESHOLD_A_LAST - 1)

/* Attributes inside BC_A_SETTING. */
enum bc_setting_attr {
	BC_SETTING_A_UNSPEC,
	BC_SETTING_A_PAD,
	BC_SETTING_A_ID,
	BC_SETTING_A_VALUE,
	BC_SETTING_A_NAME,
	BC_SETTING_A_UNIT,
	BC_SETTING_A_LOWEST,
	BC_SETTING_A_HIGHEST,
	BC_SETTING_A_UNLIMITED,
	/* add new attributes above here */
	__BC_SETTING_A_LAST
};

#define BC_SETTING_A_MAX	(__BC_SETTING_A_LAST - 1)

#endif /* _UAPI_LINUX_BEANCOUNTER_H */
