-- SPDX-License-Identifier: GPL-2.0
-- The usage records of many nodes in PostgreSQL; see Documentation/accounting.rst.
--
-- Written by bctl-ship, by way of two functions, so that a node can add to its own records and
-- nothing else. All of this may be run again on a schema of the same version.

CREATE SCHEMA IF NOT EXISTS beancounter;
COMMENT ON SCHEMA beancounter IS 'usage records of beancounter pools';

CREATE TABLE IF NOT EXISTS beancounter.meta (
	key		text PRIMARY KEY,
	value		text NOT NULL
);
COMMENT ON TABLE beancounter.meta IS 'schema: the version of all this';

CREATE TABLE IF NOT EXISTS beancounter.node (
	node		integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text NOT NULL UNIQUE,
	store		uuid NOT NULL,
	writer		name NOT NULL,
	page_size	integer,
	interval_s	integer,
	"position"	bigint NOT NULL DEFAULT 0,
	mark		text,
	shipped		timestamptz
);
COMMENT ON TABLE beancounter.node IS 'one row for each node, that is each store';
COMMENT ON COLUMN beancounter.node.store IS 'which file it ships from; another one has to be told to';
COMMENT ON COLUMN beancounter.node.writer IS 'the role that may write as this node';
COMMENT ON COLUMN beancounter.node.page_size IS 'bytes';
COMMENT ON COLUMN beancounter.node.interval_s IS 'seconds between two records';
COMMENT ON COLUMN beancounter.node."position" IS 'number in its store of the last record that came';
COMMENT ON COLUMN beancounter.node.mark IS 'which record that is';
COMMENT ON COLUMN beancounter.node.shipped IS 'when records came last';

CREATE TABLE IF NOT EXISTS beancounter.resource (
	res		integer PRIMARY KEY,
	name		text NOT NULL UNIQUE,
	unit		text NOT NULL CHECK (unit IN ('items', 'bytes', 'pages'))
);
COMMENT ON TABLE beancounter.resource IS 'what is held; pages are of the size that the node has';

CREATE TABLE IF NOT EXISTS beancounter.pool (
	pool		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	node		integer NOT NULL REFERENCES beancounter.node,
	boot		text NOT NULL,
	incarnation	bigint NOT NULL,
	id		bigint NOT NULL,
	name		text NOT NULL,
	parent		bigint REFERENCES beancounter.pool,
	cgroup		text,
	created		timestamptz NOT NULL,
	ended		timestamptz,
	cause		text CHECK (cause IN ('deleted', 'cgroup', 'unload', 'lost')),
	UNIQUE (node, boot, incarnation, id)
);
CREATE INDEX IF NOT EXISTS pool_by_name ON beancounter.pool (name);
COMMENT ON TABLE beancounter.pool IS 'one row for each life of a pool; the host is id 0';
COMMENT ON COLUMN beancounter.pool.boot IS 'boot id of the kernel';
COMMENT ON COLUMN beancounter.pool.incarnation IS 'unique within a boot';
COMMENT ON COLUMN beancounter.pool.parent IS 'NULL for the host; its figures have those of this pool in them';
COMMENT ON COLUMN beancounter.pool.ended IS 'NULL while it lives';

-- Two records of a pool never share any time, so the end is as good a key as can be. What follows
-- cpu_mhz are amounts; ship() and used() have their names from here.
CREATE TABLE IF NOT EXISTS beancounter.record (
	pool		bigint NOT NULL,
	begins		timestamptz NOT NULL,
	ends		timestamptz NOT NULL,
	kind		text NOT NULL CHECK (kind IN ('interval', 'closing', 'gap')),
	reason		text,
	span_ns		bigint,
	cpu_mhz		bigint,
	cpu_ns		bigint,
	cpu_user_ns	bigint,
	cpu_system_ns	bigint,
	cpu_wait_ns	bigint,
	cpu_throttled_ns	bigint,
	cpu_nr_throttled	bigint,
	io_read_bytes	bigint,
	io_write_bytes	bigint,
	io_discard_bytes	bigint,
	io_reads	bigint,
	io_writes	bigint,
	io_discards	bigint,
	io_flushes	bigint,
	io_wait_ns	bigint,
	io_service_ns	bigint,
	io_throttled_ns	bigint,
	io_nr_throttled	bigint,
	io_dirtied_bytes	bigint,
	io_cancelled_bytes	bigint,
	CHECK (begins < ends),
	PRIMARY KEY (pool, ends)
) PARTITION BY RANGE (ends);
CREATE INDEX IF NOT EXISTS record_by_time ON beancounter.record USING brin (begins, ends);
COMMENT ON TABLE beancounter.record IS 'what a pool used from begins up to ends, those below it included; NULL is not known';
COMMENT ON COLUMN beancounter.record.kind IS 'interval; closing: the last one of a pool; gap: nothing is known of this time';
COMMENT ON COLUMN beancounter.record.reason IS 'late: longer than an interval; clock: the clock was set; of a gap: lost, backwards';
COMMENT ON COLUMN beancounter.record.span_ns IS 'ns that passed; less or more than ends - begins where the clock was set';
COMMENT ON COLUMN beancounter.record.cpu_mhz IS 'nominal clock of the CPUs, MHz';
COMMENT ON COLUMN beancounter.record.cpu_ns IS 'CPU time, ns; like all that follow, of this time alone';
COMMENT ON COLUMN beancounter.record.cpu_wait_ns IS 'ns runnable without a CPU';
COMMENT ON COLUMN beancounter.record.cpu_throttled_ns IS 'ns; counted where the cap is, not above';
COMMENT ON COLUMN beancounter.record.io_read_bytes IS 'bytes';
COMMENT ON COLUMN beancounter.record.io_reads IS 'requests';
COMMENT ON COLUMN beancounter.record.io_wait_ns IS 'ns that requests waited';
COMMENT ON COLUMN beancounter.record.io_service_ns IS 'ns that the device took';
COMMENT ON COLUMN beancounter.record.io_throttled_ns IS 'ns; counted where the rate is, not above';
COMMENT ON COLUMN beancounter.record.io_dirtied_bytes IS 'bytes of the page cache';
COMMENT ON COLUMN beancounter.record.io_cancelled_bytes IS 'bytes that were dirtied and never written';

CREATE TABLE IF NOT EXISTS beancounter.figure (
	pool		bigint NOT NULL,
	ends		timestamptz NOT NULL,
	res		integer NOT NULL,
	held_time	bigint,
	held		bigint,
	peak		bigint,
	barrier		bigint,
	lim		bigint,
	failcnt		bigint,
	failed		bigint,
	PRIMARY KEY (pool, ends, res)
) PARTITION BY RANGE (ends);
COMMENT ON TABLE beancounter.figure IS 'one resource in one record, in the unit of the resource; NULL is not known';
COMMENT ON COLUMN beancounter.figure.held_time IS 'unit-seconds in this time';
COMMENT ON COLUMN beancounter.figure.held IS 'at the end';
COMMENT ON COLUMN beancounter.figure.peak IS 'highest in this time';
COMMENT ON COLUMN beancounter.figure.barrier IS 'in force at the end; -1 is unlimited';
COMMENT ON COLUMN beancounter.figure.lim IS 'in force at the end; -1 is unlimited';
COMMENT ON COLUMN beancounter.figure.failcnt IS 'refusals in this time';
COMMENT ON COLUMN beancounter.figure.failed IS 'amounts that were refused in this time';

CREATE TABLE IF NOT EXISTS beancounter.conflict (
	pool		bigint NOT NULL,
	ends		timestamptz NOT NULL,
	seen		timestamptz NOT NULL DEFAULT now(),
	record		beancounter.record NOT NULL,
	PRIMARY KEY (pool, ends)
);
COMMENT ON TABLE beancounter.conflict IS 'records that were not taken because others have a part of their time';

-- The partition of a month has what ends in it, its first instant excluded and its last one
-- included: a record that ends at midnight is one of the day before. It is attached when it is
-- complete, which takes a weaker lock than making it in its place: no other node waits.
CREATE OR REPLACE FUNCTION beancounter.make_month(first date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	tab	text;
	part	text;
	low	timestamptz := first::timestamp AT TIME ZONE 'UTC' + interval '1 ms';
	high	timestamptz := (first + interval '1 month') AT TIME ZONE 'UTC' + interval '1 ms';
BEGIN
	FOREACH tab IN ARRAY ARRAY['record', 'figure'] LOOP
		part := tab || to_char(first, '_YYYY_MM');
		CONTINUE WHEN to_regclass('beancounter.' || part) IS NOT NULL;
		PERFORM pg_advisory_xact_lock(1111709012);
		-- Somebody else may have made it meanwhile; to_regclass() need not know yet.
		CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relname = part AND
				      relnamespace = 'beancounter'::regnamespace);
		EXECUTE format('CREATE TABLE beancounter.%I (LIKE beancounter.%I INCLUDING ALL)',
			       part, tab);
		EXECUTE format('ALTER TABLE beancounter.%I ATTACH PARTITION beancounter.%I '
			       'FOR VALUES FROM (%L) TO (%L)', tab, part, low, high);
	END LOOP;
END $$;

-- Who ships as a node: whoever did first, and those who own all of this.
CREATE OR REPLACE FUNCTION beancounter.admit(n beancounter.node) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF n.writer <> session_user AND NOT pg_has_role(session_user, current_user, 'MEMBER') THEN
		RAISE EXCEPTION 'node % belongs to role %', n.name, n.writer
			USING ERRCODE = 'insufficient_privilege';
	END IF;
END $$;

-- Answers how far a store has come: the number of the last record, and which one that is.
CREATE OR REPLACE FUNCTION beancounter.hello(hello json) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n	beancounter.node;
	file	uuid := (hello->>'store')::uuid;
BEGIN
	INSERT INTO beancounter.node (name, store, writer)
		VALUES (hello->>'node', file, session_user) ON CONFLICT (name) DO NOTHING;
	SELECT * INTO n FROM beancounter.node WHERE name = hello->>'node' FOR UPDATE;
	PERFORM beancounter.admit(n);
	IF n.store <> file AND NOT (hello->>'take_over')::boolean THEN
		RAISE EXCEPTION 'the records of node % come from another store; '
			'with --take-over they come from this one', n.name
			USING ERRCODE = 'unique_violation';
	ELSIF n.store <> file THEN
		UPDATE beancounter.node SET store = file, "position" = 0, mark = NULL
			WHERE node = n.node RETURNING * INTO n;
	END IF;
	RETURN n."position" || ' ' || coalesce(n.mark, '-');
END $$;

-- The rows of pools, and which of ours each is.
CREATE OR REPLACE FUNCTION beancounter.ship_pools(own integer, pools json)
RETURNS TABLE (key bigint, pool bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO beancounter.pool AS p (node, boot, incarnation, id, name, cgroup, created, ended, cause)
	SELECT own, j.boot, j.incarnation, j.id, j.name, j.cgroup,
		'epoch'::timestamptz + j.created_ms * interval '1 ms',
		'epoch'::timestamptz + j.ended_ms * interval '1 ms', j.cause
	FROM json_to_recordset(pools) AS j(boot text, incarnation bigint, id bigint, name text,
		cgroup text, created_ms bigint, ended_ms bigint, cause text)
	ORDER BY j.boot, j.incarnation, j.id
	ON CONFLICT (node, boot, incarnation, id) DO UPDATE SET name = excluded.name,
		cgroup = excluded.cgroup, created = excluded.created, ended = excluded.ended,
		cause = excluded.cause
	WHERE (p.name, p.cgroup, p.created, p.ended, p.cause) IS DISTINCT FROM
		(excluded.name, excluded.cgroup, excluded.created, excluded.ended, excluded.cause);

	RETURN QUERY WITH map AS MATERIALIZED (
		SELECT j.key, j.parent, p.pool, p.parent AS has
		FROM json_to_recordset(pools) AS j(key bigint, parent bigint, boot text,
			incarnation bigint, id bigint)
		JOIN beancounter.pool p ON p.node = own AND p.boot = j.boot AND
			p.incarnation = j.incarnation AND p.id = j.id
	), above AS (
		UPDATE beancounter.pool p SET parent = up.pool
		FROM map m JOIN map up ON up.key = m.parent
		WHERE p.pool = m.pool AND m.has IS DISTINCT FROM up.pool
	)
	SELECT map.key, map.pool FROM map;
END $$;

-- A record that shares time with others that are there. These have it all already if it was made
-- out of them since, or they out of it. It has theirs if the store was put back to an earlier
-- state, and this is the record that covers what the store had forgotten. Answers whether
-- it is to be taken.
CREATE OR REPLACE FUNCTION beancounter.settle(c beancounter.record) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	first	timestamptz;
	last	timestamptz;
	covered	interval;
BEGIN
	SELECT min(r.begins), max(r.ends), sum(r.ends - r.begins) INTO first, last, covered
	FROM (SELECT begins, ends FROM beancounter.record
	      WHERE pool = c.pool AND ends > c.begins AND ends <= c.ends
	      UNION ALL
	      (SELECT begins, ends FROM beancounter.record
	       WHERE pool = c.pool AND ends > c.ends ORDER BY ends LIMIT 1)) r
	WHERE r.begins < c.ends;
	IF first IS NULL THEN
		RETURN true;
	ELSIF covered = last - first AND first <= c.begins AND last >= c.ends THEN
		RETURN false;
	ELSIF first >= c.begins AND last <= c.ends THEN
		DELETE FROM beancounter.figure
			WHERE pool = c.pool AND ends > c.begins AND ends <= c.ends;
		DELETE FROM beancounter.record
			WHERE pool = c.pool AND ends > c.begins AND ends <= c.ends;
		RETURN true;
	END IF;
	INSERT INTO beancounter.conflict (pool, ends, record) VALUES (c.pool, c.ends, c)
		ON CONFLICT DO NOTHING;
	RETURN false;
END $$;

-- Takes a batch: all of it or nothing. Answers the position, and how many records came, how many
-- of these were new, and how many could not be taken.
CREATE OR REPLACE FUNCTION beancounter.ship(batch json) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	n	beancounter.node;
	c	beancounter.record;
	came	beancounter.record[];
	pools	bigint[];
	keys	bigint[];
	no	bigint[] := '{}';
	no_ends	timestamptz[] := '{}';
	fresh	bigint;
	before	bigint;
BEGIN
	SELECT * INTO n FROM beancounter.node WHERE name = batch->>'node' FOR UPDATE;
	PERFORM beancounter.admit(n);
	IF n.store IS DISTINCT FROM (batch->>'store')::uuid THEN
		RAISE EXCEPTION 'the records of node % come from another store', batch->>'node'
			USING ERRCODE = 'unique_violation';
	END IF;
	PERFORM beancounter.make_month(m::date)
	FROM (SELECT DISTINCT date_trunc('month', ('epoch'::timestamptz + (j.end_ms - 1) *
			interval '1 ms') AT TIME ZONE 'UTC') AS m
	      FROM json_to_recordset(batch->'records') AS j(end_ms bigint) ORDER BY 1) t;
	INSERT INTO beancounter.resource (res, name, unit)
	SELECT j.id, j.name, j.unit
	FROM json_to_recordset(batch->'resources') AS j(id integer, name text, unit text)
	ON CONFLICT (res) DO NOTHING;
	SELECT array_agg(s.key), array_agg(s.pool) INTO keys, pools
	FROM beancounter.ship_pools(n.node, batch->'pools') s;

	-- The columns of the table that have the names of a record's members, and these three.
	SELECT array_agg(json_populate_record(json_populate_record(NULL::beancounter.record, j.r),
			json_build_object('pool', p.pool,
			'begins', 'epoch'::timestamptz + (j.r->>'begin_ms')::bigint * interval '1 ms',
			'ends', 'epoch'::timestamptz + (j.r->>'end_ms')::bigint * interval '1 ms')))
	INTO came
	FROM json_array_elements(batch->'records') AS j(r)
	JOIN unnest(keys, pools) AS p(key, pool) ON p.key = (j.r->>'pool')::bigint;
	IF cardinality(came) <> json_array_length(batch->'records') THEN
		RAISE EXCEPTION 'a record without a pool' USING ERRCODE = 'data_exception';
	END IF;

	-- Hardly ever is there any.
	SELECT count(*) INTO before FROM beancounter.conflict;
	FOR c IN SELECT i.* FROM unnest(came) i WHERE EXISTS (
			SELECT FROM beancounter.record r
			WHERE r.pool = i.pool AND r.ends > i.begins AND r.ends <= i.ends)
		OR (SELECT r.begins FROM beancounter.record r
		    WHERE r.pool = i.pool AND r.ends > i.ends ORDER BY r.ends LIMIT 1) < i.ends
	LOOP
		IF NOT beancounter.settle(c) THEN
			no := no || c.pool;
			no_ends := no_ends || c.ends;
		END IF;
	END LOOP;
	IF cardinality(no) > 0 THEN
		came := (SELECT array_agg(i) FROM unnest(came) i WHERE (i.pool, i.ends) NOT IN
			 (SELECT * FROM unnest(no, no_ends)));
	END IF;
	INSERT INTO beancounter.record SELECT i.* FROM unnest(came) i;
	GET DIAGNOSTICS fresh = ROW_COUNT;
	INSERT INTO beancounter.figure
	SELECT i.pool, i.ends, (f.v->>0)::integer, (f.v->>1)::bigint, (f.v->>2)::bigint,
		(f.v->>3)::bigint, (f.v->>4)::bigint, (f.v->>5)::bigint, (f.v->>6)::bigint,
		(f.v->>7)::bigint
	FROM json_to_recordset(batch->'records') AS j(pool bigint, end_ms bigint, figures json)
	JOIN unnest(keys, pools) AS p(key, pool) ON p.key = j.pool
	JOIN unnest(came) i ON i.pool = p.pool AND
		i.ends = 'epoch'::timestamptz + j.end_ms * interval '1 ms'
	CROSS JOIN json_array_elements(j.figures) AS f(v);
	UPDATE beancounter.node SET "position" = (batch->>'position')::bigint,
		mark = batch->>'mark', page_size = (batch->>'page_size')::integer,
		interval_s = (batch->>'interval_s')::integer, shipped = now()
	WHERE node = n.node;
	RETURN (batch->>'position') || ' ' || json_array_length(batch->'records') || ' ' || fresh
		|| ' ' || (SELECT count(*) FROM beancounter.conflict) - before;
END $$;
