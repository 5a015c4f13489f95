-- SPDX-License-Identifier: GPL-2.0
-- What the customers of a fleet pay for a month, out of what bctl-ship(8) has sent.
--
--   psql -v month=2026-10-01 -f fleet-invoice.sql
--
-- Which pools are whose is told in this table. Name only such as are not below one another, or
-- something is paid twice.
CREATE TABLE IF NOT EXISTS customer (
	customer	text NOT NULL,
	node		text NOT NULL,
	pool		text NOT NULL,
	PRIMARY KEY (node, pool)
);

SELECT c.customer,
	round(sum(m.cpu_ns) / 3.6e12, 6) AS cpu_h,
	round(sum(f.held_time * f.page_size) / (3600 * 1024 ^ 3)::numeric, 6) AS memory_gib_h,
	round(sum(m.io_write_bytes) / 1e9, 6) AS written_gb,
	round(0.0080 * coalesce(sum(m.cpu_ns) / 3.6e12, 0) +
	      0.0045 * coalesce(sum(f.held_time * f.page_size) / (3600 * 1024 ^ 3)::numeric, 0) +
	      0.0200 * coalesce(sum(m.io_write_bytes) / 1e9, 0), 2) AS amount,
	sum(m.gap_s) AS unknown_s
FROM customer c
JOIN beancounter.month m USING (node, pool)
LEFT JOIN beancounter.month_figure f ON f.node = m.node AND f.pool = m.pool AND
	f.resource = 'physpages' AND f.month = date :'month'
WHERE m.month = date :'month'
GROUP BY c.customer
ORDER BY c.customer;
