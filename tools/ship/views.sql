-- SPDX-License-Identifier: GPL-2.0
-- What is for reading, and who may read; the second part of fleet.sql.
--
-- Sums are numeric: a month of byte-seconds may well pass 2^63.

-- The part of an amount that came between low and high: see "Amounts" in accounting.rst. Parts of
-- times that touch add up to the whole, to the unit.
CREATE OR REPLACE FUNCTION beancounter.part(amount numeric, begins timestamptz, ends timestamptz,
					    low timestamptz, high timestamptz) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN low <= begins AND high >= ends THEN amount
	ELSE div(amount * extract(epoch FROM least(high, ends) - begins),
		 extract(epoch FROM ends - begins)) -
	     div(amount * extract(epoch FROM greatest(low, begins) - begins),
		 extract(epoch FROM ends - begins)) END
$$;

-- The records that have a part in a time, from low up to high; at most one of each pool goes on
-- after it. Where these are months, each is in a partition of its own.
CREATE OR REPLACE FUNCTION beancounter.records(low timestamptz, high timestamptz)
RETURNS SETOF beancounter.record LANGUAGE sql STABLE AS $$
	SELECT * FROM beancounter.record
	WHERE ends >= low + interval '1 ms' AND ends < high + interval '1 ms'
	UNION ALL
	SELECT * FROM beancounter.record WHERE ends >= high + interval '1 ms' AND begins < high
$$;

CREATE OR REPLACE FUNCTION beancounter.figures(low timestamptz, high timestamptz)
RETURNS SETOF beancounter.figure LANGUAGE sql STABLE AS $$
	SELECT * FROM beancounter.figure
	WHERE ends >= low + interval '1 ms' AND ends < high + interval '1 ms'
	UNION ALL
	SELECT f.* FROM beancounter.record r JOIN beancounter.figure f USING (pool, ends)
	WHERE r.ends >= high + interval '1 ms' AND r.begins < high
$$;

-- Each amount of a record is added up, in the order of the table's columns.
DO $make$
DECLARE
	types	text;
	sums	text;
BEGIN
	SELECT string_agg(format('%I numeric', a.attname), ', ' ORDER BY a.attnum),
		string_agg(format('sum(beancounter.part(r.%I, r.begins, r.ends, low, high))',
				  a.attname), ', ' ORDER BY a.attnum)
	INTO types, sums
	FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attribute mhz USING (attrelid)
	WHERE a.attrelid = 'beancounter.record'::regclass AND mhz.attname = 'cpu_mhz' AND
		a.attnum > mhz.attnum AND NOT a.attisdropped;
	EXECUTE format($f$
CREATE OR REPLACE FUNCTION beancounter.used(low timestamptz, high timestamptz)
RETURNS TABLE (node text, pool text, top boolean, lives bigint, known_s numeric, gap_s numeric,
	cpu_ns_mhz numeric, %s)
LANGUAGE sql STABLE AS $$
	SELECT n.name, p.name, coalesce(bool_or(up.id = 0), false), count(DISTINCT p.pool),
		coalesce(sum(extract(epoch FROM least(high, r.ends) - greatest(low, r.begins)))
			FILTER (WHERE r.kind <> 'gap'), 0),
		coalesce(sum(extract(epoch FROM least(high, r.ends) - greatest(low, r.begins)))
			FILTER (WHERE r.kind = 'gap'), 0),
		sum(beancounter.part(r.cpu_ns::numeric * r.cpu_mhz, r.begins, r.ends, low, high)),
		%s
	FROM beancounter.records(low, high) r
	JOIN beancounter.pool p USING (pool)
	JOIN beancounter.node n USING (node)
	LEFT JOIN beancounter.pool up ON up.pool = p.parent
	GROUP BY n.name, p.name
$$ $f$, types, sums);
END $make$;
COMMENT ON FUNCTION beancounter.used IS 'what each pool used from low up to high';

CREATE OR REPLACE FUNCTION beancounter.held(low timestamptz, high timestamptz)
RETURNS TABLE (node text, pool text, resource text, unit text, page_size integer, top boolean,
	held_time numeric, peak bigint, failcnt numeric, failed numeric, incomplete boolean)
LANGUAGE sql STABLE AS $$
	SELECT n.name, p.name, s.name, s.unit, n.page_size, coalesce(bool_or(up.id = 0), false),
		sum(beancounter.part(f.held_time, r.begins, r.ends, low, high)), max(f.peak),
		sum(beancounter.part(f.failcnt, r.begins, r.ends, low, high)),
		sum(beancounter.part(f.failed, r.begins, r.ends, low, high)),
		bool_or(f.held_time IS NULL OR f.failcnt IS NULL)
	FROM beancounter.figures(low, high) f
	JOIN beancounter.records(low, high) r USING (pool, ends)
	JOIN beancounter.resource s USING (res)
	JOIN beancounter.pool p USING (pool)
	JOIN beancounter.node n USING (node)
	LEFT JOIN beancounter.pool up ON up.pool = p.parent
	GROUP BY n.name, p.name, s.name, s.unit, n.page_size
$$;
COMMENT ON FUNCTION beancounter.held IS 'what each pool held from low up to high';

-- All months, in UTC, from the first pool on up to the newest partition.
CREATE OR REPLACE FUNCTION beancounter.months()
RETURNS TABLE (month date, low timestamptz, high timestamptz) LANGUAGE sql STABLE AS $$
	SELECT t::date, t AT TIME ZONE 'UTC', (t + interval '1 month') AT TIME ZONE 'UTC'
	FROM generate_series(
		(SELECT date_trunc('month', min(created) AT TIME ZONE 'UTC') FROM beancounter.pool),
		(SELECT max(to_date(right(c.relname, 7), 'YYYY_MM'))::timestamp
		 FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
		 WHERE i.inhparent = 'beancounter.record'::regclass), interval '1 month') AS t
$$;

CREATE OR REPLACE VIEW beancounter.month AS
SELECT m.month, u.*
FROM beancounter.months() m CROSS JOIN LATERAL beancounter.used(m.low, m.high) u;
COMMENT ON VIEW beancounter.month IS 'what each pool used in each month in UTC, all its lives together, those below it included; where some records do not know a figure it is the sum of the others, and NULL if none does';
COMMENT ON COLUMN beancounter.month.top IS 'it is directly below the host; the sum over these counts nothing twice';
COMMENT ON COLUMN beancounter.month.lives IS 'how many pools had the name, one after the other';
COMMENT ON COLUMN beancounter.month.known_s IS 'seconds that have records';
COMMENT ON COLUMN beancounter.month.gap_s IS 'seconds of which nothing is known';
COMMENT ON COLUMN beancounter.month.cpu_ns_mhz IS 'CPU time times nominal clock; 3.6e12 are one MHz hour';

CREATE OR REPLACE VIEW beancounter.month_figure AS
SELECT m.month, h.*
FROM beancounter.months() m CROSS JOIN LATERAL beancounter.held(m.low, m.high) h;
COMMENT ON VIEW beancounter.month_figure IS 'what each pool held in each month; like month';
COMMENT ON COLUMN beancounter.month_figure.unit IS 'items, bytes, or pages of page_size bytes';
COMMENT ON COLUMN beancounter.month_figure.held_time IS 'unit-seconds';
COMMENT ON COLUMN beancounter.month_figure.peak IS 'the highest that is known';
COMMENT ON COLUMN beancounter.month_figure.incomplete IS 'some records do not know it';

CREATE OR REPLACE VIEW beancounter.gap AS
SELECT n.name AS node, p.name AS pool, g.begins, g.ends, g.reason
FROM (SELECT pool, begins, ends, reason FROM beancounter.record WHERE kind = 'gap'
      UNION ALL
      SELECT pool, before, begins, CASE reason WHEN 'clock' THEN 'clock' ELSE 'missing' END
      FROM (SELECT r.pool, r.begins, r.reason,
		lag(r.ends, 1, p.created) OVER (PARTITION BY r.pool ORDER BY r.ends) AS before
	    FROM beancounter.record r JOIN beancounter.pool p USING (pool)) t
      WHERE before < begins) g
JOIN beancounter.pool p USING (pool)
JOIN beancounter.node n USING (node);
COMMENT ON VIEW beancounter.gap IS 'times that a pool existed and of which nothing is known, or that never were because the clock was set forward';
COMMENT ON COLUMN beancounter.gap.reason IS 'lost, backwards: the node tells so; missing: no record has come; clock';

-- Roles are those of the whole server: they are made if that is allowed.
DO $$
DECLARE
	who	text;
BEGIN
	FOREACH who IN ARRAY ARRAY['beancounter_writer', 'beancounter_reader'] LOOP
		CONTINUE WHEN to_regrole(who) IS NOT NULL;
		BEGIN
			EXECUTE format('CREATE ROLE %I NOLOGIN', who);
		EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
			NULL;
		END;
	END LOOP;
	REVOKE ALL ON ALL FUNCTIONS IN SCHEMA beancounter FROM PUBLIC;
	IF to_regrole('beancounter_writer') IS NOT NULL THEN
		GRANT USAGE ON SCHEMA beancounter TO beancounter_writer;
		GRANT SELECT ON beancounter.meta TO beancounter_writer;
		GRANT EXECUTE ON FUNCTION beancounter.hello(json), beancounter.ship(json)
			TO beancounter_writer;
	END IF;
	IF to_regrole('beancounter_reader') IS NOT NULL THEN
		GRANT USAGE ON SCHEMA beancounter TO beancounter_reader;
		GRANT SELECT ON ALL TABLES IN SCHEMA beancounter TO beancounter_reader;
		GRANT EXECUTE ON FUNCTION
			beancounter.part(numeric, timestamptz, timestamptz, timestamptz, timestamptz),
			beancounter.records(timestamptz, timestamptz),
			beancounter.figures(timestamptz, timestamptz),
			beancounter.used(timestamptz, timestamptz),
			beancounter.held(timestamptz, timestamptz), beancounter.months()
			TO beancounter_reader;
	END IF;
END $$;

INSERT INTO beancounter.meta VALUES ('schema', '1') ON CONFLICT DO NOTHING;
