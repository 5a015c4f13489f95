-- SPDX-License-Identifier: GPL-2.0
-- The store of usage records; see Documentation/accounting.rst.
--
-- Written by "bctl collect", and by bctl-ship as to what was sent; read by anybody. Amounts are
-- integers in base units; NULL is a figure that is not known; -1 in barrier and lim is
-- "unlimited". Columns *_ms are UTC, in milliseconds since 1970. A record's time is
-- begin_ms <= t < end_ms. The figures of a pool include those of the pools below it.
--
-- A change that a reader has to know of raises user_version, and 'schema' in meta with it.

PRAGMA application_id = 1111709011;	-- "BCUS"
PRAGMA user_version = 1;

-- schema, node, page_size, interval_s; store: a random UUID, if anything is sent
CREATE TABLE meta (
	key		TEXT PRIMARY KEY,
	value		TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE resource (
	id		INTEGER PRIMARY KEY,	-- the public number
	name		TEXT UNIQUE NOT NULL,
	unit		TEXT NOT NULL CHECK (unit IN ('items', 'bytes', 'pages'))
) STRICT;

-- One row for each life of a pool. The host is id 0, with a row for each load of the module.
CREATE TABLE pool (
	pool		INTEGER PRIMARY KEY,
	boot		TEXT NOT NULL,		-- boot id of the kernel
	incarnation	INTEGER NOT NULL,
	id		INTEGER NOT NULL,
	name		TEXT NOT NULL,
	parent		INTEGER REFERENCES pool,	-- NULL for the host
	cgroup		TEXT,
	created_ms	INTEGER NOT NULL,
	ended_ms	INTEGER,		-- NULL while it lives
	cause		TEXT CHECK (cause IN ('deleted', 'cgroup', 'unload', 'lost')),
	UNIQUE (boot, incarnation, id)
) STRICT;

CREATE INDEX pool_by_name ON pool (name);
CREATE INDEX pool_alive ON pool (pool) WHERE ended_ms IS NULL;

-- The records of a pool neither overlap nor run backwards. kind:
--	interval	what it used in this time
--	closing		the same, and it ends with the pool
--	gap		nothing is known of this time, all figures are NULL
-- reason, where there is one:
--	late		it is longer than an interval: the collector did not run, or could not
--			write, or the pool is older than the store
--	clock		the clock was set in this time; span_ns is how long it took
--	lost		a gap: the pool went, and its final figures with it
--	backwards	a gap: the module's figures fell, which is a bug
CREATE TABLE record (
	record		INTEGER PRIMARY KEY AUTOINCREMENT,	-- ascending as they are written
	pool		INTEGER NOT NULL REFERENCES pool,
	begin_ms	INTEGER NOT NULL,
	end_ms		INTEGER NOT NULL,
	kind		TEXT NOT NULL CHECK (kind IN ('interval', 'closing', 'gap')),
	reason		TEXT CHECK (reason IN ('late', 'clock', 'lost', 'backwards')),
	span_ns		INTEGER,	-- CLOCK_BOOTTIME that passed
	cpu_mhz		INTEGER,	-- nominal clock of the CPUs
	cpu_ns		INTEGER,	-- this and what follows: of this record's time alone
	cpu_user_ns	INTEGER,
	cpu_system_ns	INTEGER,
	cpu_wait_ns	INTEGER,
	cpu_throttled_ns	INTEGER,
	cpu_nr_throttled	INTEGER,
	io_read_bytes	INTEGER,
	io_write_bytes	INTEGER,
	io_discard_bytes	INTEGER,
	io_reads	INTEGER,
	io_writes	INTEGER,
	io_discards	INTEGER,
	io_flushes	INTEGER,
	io_wait_ns	INTEGER,
	io_service_ns	INTEGER,
	io_throttled_ns	INTEGER,
	io_nr_throttled	INTEGER,
	io_dirtied_bytes	INTEGER,
	io_cancelled_bytes	INTEGER,
	CHECK (begin_ms < end_ms),
	UNIQUE (pool, end_ms, kind)
) STRICT;

CREATE INDEX record_by_end ON record (end_ms);

-- One row for each resource that is counted; none in a gap.
CREATE TABLE figure (
	record		INTEGER NOT NULL REFERENCES record ON DELETE CASCADE,
	res		INTEGER NOT NULL REFERENCES resource,
	held_time	INTEGER,	-- unit-seconds in this time
	held		INTEGER,	-- at the end
	peak		INTEGER,	-- highest in this time
	barrier		INTEGER,	-- in force at the end
	lim		INTEGER,
	failcnt		INTEGER,	-- refusals in this time
	failed		INTEGER,	-- amounts that were refused in this time
	PRIMARY KEY (record, res)
) STRICT, WITHOUT ROWID;

-- What follows is the collector's own business.

-- Cumulative figures at the end of the newest record of each pool that has one and has not
-- ended; NULL was never known. They are written in one transaction with that record.
CREATE TABLE last_pool (
	pool		INTEGER PRIMARY KEY REFERENCES pool,
	end_ms		INTEGER NOT NULL,	-- where the next record begins
	end_ns		INTEGER NOT NULL,	-- the same instant on CLOCK_BOOTTIME
	unknown		INTEGER NOT NULL,	-- bits: not known at that instant
	cpu_ns		INTEGER,
	cpu_user_ns	INTEGER,
	cpu_system_ns	INTEGER,
	cpu_wait_ns	INTEGER,
	cpu_throttled_ns	INTEGER,
	cpu_nr_throttled	INTEGER,
	io_read_bytes	INTEGER,
	io_write_bytes	INTEGER,
	io_discard_bytes	INTEGER,
	io_reads	INTEGER,
	io_writes	INTEGER,
	io_discards	INTEGER,
	io_flushes	INTEGER,
	io_wait_ns	INTEGER,
	io_service_ns	INTEGER,
	io_throttled_ns	INTEGER,
	io_nr_throttled	INTEGER,
	io_dirtied_bytes	INTEGER,
	io_cancelled_bytes	INTEGER
) STRICT;

CREATE TABLE last_figure (
	pool		INTEGER NOT NULL REFERENCES last_pool ON DELETE CASCADE,
	res		INTEGER NOT NULL,
	unknown		INTEGER NOT NULL,	-- bits: not known at that instant
	held_time	INTEGER,
	failcnt		INTEGER,
	failed		INTEGER,
	maxheld		INTEGER,
	PRIMARY KEY (pool, res)
) STRICT, WITHOUT ROWID;

-- How far the records have been sent elsewhere; what was not is neither compacted nor deleted.
CREATE TABLE outlet (
	name		TEXT PRIMARY KEY,
	record		INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
