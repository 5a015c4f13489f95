-- SPDX-License-Identifier: GPL-2.0
-- A batch of records as one document; see fleet.sql, which takes it.
--
-- ?1 is the number of the record after which it begins, ?2 how many records it has at most. The
-- flows are put in as 'cpu_ns', r.cpu_ns, and so on. In it are the pools of these records with
-- all that are above them, and all resources.
WITH RECURSIVE r AS MATERIALIZED (
	SELECT * FROM record WHERE record > ?1 ORDER BY record LIMIT ?2
), up(pool) AS (
	SELECT pool FROM r
	UNION
	SELECT p.parent FROM pool p JOIN up USING (pool) WHERE p.parent IS NOT NULL
), last(record, mark) AS (
	SELECT r.record, p.boot || '/' || p.incarnation || '/' || p.id || '/' || r.end_ms || '/' ||
		r.kind
	FROM r JOIN pool p USING (pool) ORDER BY r.record DESC LIMIT 1
)
SELECT record, mark, json_object(
	'node', (SELECT value FROM meta WHERE key = 'node'),
	'store', (SELECT value FROM meta WHERE key = 'store'),
	'page_size', (SELECT value FROM meta WHERE key = 'page_size'),
	'interval_s', (SELECT value FROM meta WHERE key = 'interval_s'),
	'position', record,
	'mark', mark,
	'resources', (SELECT json_group_array(json_object('id', id, 'name', name, 'unit', unit))
		      FROM resource),
	'pools', (SELECT json_group_array(json_object('key', p.pool, 'parent', p.parent,
			'boot', p.boot, 'incarnation', p.incarnation, 'id', p.id,
			'name', p.name, 'cgroup', p.cgroup, 'created_ms', p.created_ms,
			'ended_ms', p.ended_ms, 'cause', p.cause))
		  FROM pool p JOIN up USING (pool)),
	'records', (SELECT json_group_array(json_object('pool', r.pool,
			'begin_ms', r.begin_ms, 'end_ms', r.end_ms, 'kind', r.kind,
			'reason', r.reason, 'span_ns', r.span_ns, 'cpu_mhz', r.cpu_mhz%s,
			'figures', json((
				SELECT json_group_array(json_array(f.res, f.held_time, f.held,
					f.peak, f.barrier, f.lim, f.failcnt, f.failed))
				FROM figure f WHERE f.record = r.record))))
		    FROM r))
FROM last
