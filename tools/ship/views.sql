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

-- The months, in UTC, that a time has a part in.
CREATE OR REPLACE FUNCTION beancounter.months(begins timestamptz, ends timestamptz)
RETURNS TABLE (month date, low timestamptz, high timestamptz)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT t::date, t AT TIME ZONE 'UTC', (t + interval '1 month') AT TIME ZONE 'UTC'
	FROM generate_series(date_trunc('month', begins AT TIME ZONE 'UTC'),
			     (ends - interval '1 ms') AT TIME ZONE 'UTC', interval '1 month') AS t
$$;

CREATE OR REPLACE VIEW beancounter.month AS
SELECT n.name AS node, p.name AS pool, m.month, coalesce(bool_or(up.id = 0), false) AS top,
	count(DISTINCT p.pool) AS lives,
	coalesce(sum(extract(epoch FROM least(m.high, r.ends) - greatest(m.low, r.begins)))
		FILTER (WHERE r.kind <> 'gap'), 0) AS known_s,
	coalesce(sum(extract(epoch FROM least(m.high, r.ends) - greatest(m.low, r.begins)))
		FILTER (WHERE r.kind = 'gap'), 0) AS gap_s,
	sum(beancounter.part(r.cpu_ns::numeric * r.cpu_mhz, r.begins, r.ends, m.low, m.high))
		AS cpu_ns_mhz,
	sum(beancounter.part(r.cpu_ns, r.begins, r.ends, m.low, m.high)) AS cpu_ns,
	sum(beancounter.part(r.cpu_user_ns, r.begins, r.ends, m.low, m.high)) AS cpu_user_ns,
	sum(beancounter.part(r.cpu_system_ns, r.begins, r.ends, m.low, m.high)) AS cpu_system_ns,
	sum(beancounter.part(r.cpu_wait_ns, r.begins, r.ends, m.low, m.high)) AS cpu_wait_ns,
	sum(beancounter.part(r.cpu_throttled_ns, r.begins, r.ends, m.low, m.high)) AS cpu_throttled_ns,
	sum(beancounter.part(r.cpu_nr_throttled, r.begins, r.ends, m.low, m.high)) AS cpu_nr_throttled,
	sum(beancounter.part(r.io_read_bytes, r.begins, r.ends, m.low, m.high)) AS io_read_bytes,
	sum(beancounter.part(r.io_write_bytes, r.begins, r.ends, m.low, m.high)) AS io_write_bytes,
	sum(beancounter.part(r.io_discard_bytes, r.begins, r.ends, m.low, m.high)) AS io_discard_bytes,
	sum(beancounter.part(r.io_reads, r.begins, r.ends, m.low, m.high)) AS io_reads,
	sum(beancounter.part(r.io_writes, r.begins, r.ends, m.low, m.high)) AS io_writes,
	sum(beancounter.part(r.io_discards, r.begins, r.ends, m.low, m.high)) AS io_discards,
	sum(beancounter.part(r.io_flushes, r.begins, r.ends, m.low, m.high)) AS io_flushes,
	sum(beancounter.part(r.io_wait_ns, r.begins, r.ends, m.low, m.high)) AS io_wait_ns,
	sum(beancounter.part(r.io_service_ns, r.begins, r.ends, m.low, m.high)) AS io_service_ns,
	sum(beancounter.part(r.io_throttled_ns, r.begins, r.ends, m.low, m.high)) AS io_throttled_ns,
	sum(beancounter.part(r.io_nr_throttled, r.begins, r.ends, m.low, m.high)) AS io_nr_throttled,
	sum(beancounter.part(r.io_dirtied_bytes, r.begins, r.ends, m.low, m.high)) AS io_dirtied_bytes,
	sum(beancounter.part(r.io_cancelled_bytes, r.begins, r.ends, m.low, m.high)) AS io_cancelled_bytes
FROM beancounter.record r
JOIN beancounter.pool p USING (pool)
JOIN beancounter.node n USING (node)
LEFT JOIN beancounter.pool up ON up.pool = p.parent
CROSS JOIN LATERAL beancounter.months(r.begins, r.ends) m
GROUP BY n.name, p.name, m.month;
COMMENT ON VIEW beancounter.month IS 'what each pool used in each month in UTC, all its lives together, those below it included; where some records do not know a figure it is the sum of the others, and NULL if none does';
COMMENT ON COLUMN beancounter.month.top IS 'it is directly below the host; the sum over these counts nothing twice';
COMMENT ON COLUMN beancounter.month.lives IS 'how many pools had the name, one after the other';
COMMENT ON COLUMN beancounter.month.known_s IS 'seconds that have records';
COMMENT ON COLUMN beancounter.month.gap_s IS 'seconds of which nothing is known';
COMMENT ON COLUMN beancounter.month.cpu_ns_mhz IS 'CPU time times nominal clock; 3.6e12 are one MHz hour';

CREATE OR REPLACE VIEW beancounter.month_figure AS
SELECT n.name AS node, p.name AS pool, m.month, s.name AS resource, s.unit, n.page_size,
	coalesce(bool_or(up.id = 0), false) AS top,
	sum(beancounter.part(f.held_time, r.begins, r.ends, m.low, m.high)) AS held_time,
	max(f.peak) AS peak,
	sum(beancounter.part(f.failcnt, r.begins, r.ends, m.low, m.high)) AS failcnt,
	sum(beancounter.part(f.failed, r.begins, r.ends, m.low, m.high)) AS failed,
	bool_or(f.held_time IS NULL OR f.failcnt IS NULL) AS incomplete
FROM beancounter.figure f
JOIN beancounter.record r USING (pool, ends)
JOIN beancounter.resource s USING (res)
JOIN beancounter.pool p USING (pool)
JOIN beancounter.node n USING (node)
LEFT JOIN beancounter.pool up ON up.pool = p.parent
CROSS JOIN LATERAL beancounter.months(r.begins, r.ends) m
GROUP BY n.name, p.name, m.month, s.name, s.unit, n.page_size;
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
			beancounter.months(timestamptz, timestamptz) TO beancounter_reader;
	END IF;
END $$;

INSERT INTO beancounter.meta VALUES ('schema', '1') ON CONFLICT DO NOTHING;
