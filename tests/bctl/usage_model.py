# SPDX-License-Identifier: GPL-2.0
"""What "bctl usage" has to say of a store, worked out in another way.

Written from Documentation/accounting.rst, not from the C: everything is taken from the
tables with plain Python integers, time is cut at every boundary that there is, and a
percentile is taken from a sorted list.
"""
import sqlite3
from datetime import datetime, timedelta, timezone

FLOWS = {"cpu_ns": "cpu.usage_ns", "cpu_user_ns": "cpu.user_ns", "cpu_system_ns": "cpu.system_ns",
         "cpu_wait_ns": "cpu.wait_ns", "cpu_throttled_ns": "cpu.throttled_ns",
         "cpu_nr_throttled": "cpu.nr_throttled", "io_read_bytes": "io.read_bytes",
         "io_write_bytes": "io.write_bytes", "io_discard_bytes": "io.discard_bytes",
         "io_reads": "io.read_ios", "io_writes": "io.write_ios", "io_discards": "io.discard_ios",
         "io_flushes": "io.flush_ios", "io_wait_ns": "io.wait_ns",
         "io_service_ns": "io.service_ns", "io_throttled_ns": "io.throttled_ns",
         "io_nr_throttled": "io.nr_throttled", "io_dirtied_bytes": "io.dirtied_bytes",
         "io_cancelled_bytes": "io.cancelled_bytes"}
RATES = ("cpu.usage_ns", "io.read_bytes", "io.write_bytes", "io.read_ios", "io.write_ios")
LOCAL = {"cpu.throttled_ns", "cpu.nr_throttled", "io.throttled_ns", "io.nr_throttled"}
BUCKET = 300000
START = datetime(1970, 1, 1, tzinfo=timezone.utc)


def date(ms):
    return START + timedelta(milliseconds=ms)


def millis(when):
    return (when - START) // timedelta(milliseconds=1)


def next_boundary(ms, by):
    """The first beginning of an hour, a day or a month after a time."""
    when = date(ms).replace(minute=0, second=0, microsecond=0)
    if by == "hour":
        return millis(when + timedelta(hours=1))
    when = when.replace(hour=0)
    if by == "day":
        return millis(when + timedelta(days=1))
    return millis((when.replace(day=1) + timedelta(days=32)).replace(day=1))


def came_before(amount, begin, end, when):
    """How much of an amount had come before a time."""
    if when <= begin:
        return 0
    return amount if when >= end else amount * (when - begin) // (end - begin)


def share(amount, rec, begin, end):
    return (came_before(amount, rec["begin_ms"], rec["end_ms"], end) -
            came_before(amount, rec["begin_ms"], rec["end_ms"], begin))


class Store:
    """All tables of a store as dictionaries."""

    def __init__(self, path):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        db.row_factory = sqlite3.Row
        self.meta = {r["key"]: r["value"] for r in db.execute("SELECT * FROM meta")}
        self.units = {r["name"]: r["unit"] for r in db.execute("SELECT * FROM resource")}
        names = {r["id"]: r["name"] for r in db.execute("SELECT * FROM resource")}
        self.pools = {r["pool"]: dict(r) for r in db.execute("SELECT * FROM pool")}
        self.records = {r["record"]: {**dict(r), "figures": {}}
                        for r in db.execute("SELECT * FROM record")}
        for row in db.execute("SELECT * FROM figure"):
            self.records[row["record"]]["figures"][names[row["res"]]] = dict(row)
        self.of_pool = {key: [] for key in self.pools}
        for rec in self.records.values():
            self.of_pool[rec["pool"]].append(rec)
        ends = [r["end_ms"] for r in self.records.values() if r["kind"] != "closing"]
        self.reach = max(ends, default=0)
        db.close()

    def above(self, key):
        key = self.pools[key]["parent"]
        while key is not None:
            yield key
            key = self.pools[key]["parent"]

    def path(self, key):
        names = [self.pools[k]["name"] for k in (key, *self.above(key))]
        return "/".join(reversed(names))


def amounts(rec):
    """All that can be cut: {name: amount}, None where a record does not know it."""
    out = {name: rec[column] for column, name in FLOWS.items()}
    cpu, mhz = rec["cpu_ns"], rec["cpu_mhz"]
    out["cpu.mhz_ns"] = cpu * mhz if cpu is not None and mhz else None
    out["span_ns"] = rec["span_ns"]
    for name, figure in rec["figures"].items():
        for key in ("held_time", "failcnt", "failed"):
            out[f"{name}.{key}"] = figure[key]
    return {name: amount for name, amount in out.items() if amount is not None}


def percentile(values):
    """Sort, drop the highest 5 percent, take the highest one that is left."""
    values = sorted(values)
    return values[len(values) - len(values) * 5 // 100 - 1]


def rate_names(store):
    return [*RATES, *(f"{name}.held_time" for name in store.units)]


def percentiles(store, records, begin, end):
    out = {}
    for name in rate_names(store):
        buckets = {}
        for rec in records:
            amount = amounts(rec).get(name)
            if amount is None:
                continue
            at = max(rec["begin_ms"], begin) // BUCKET * BUCKET
            while at < min(rec["end_ms"], end):
                low, high = max(at, begin), min(at + BUCKET, end)
                buckets[at] = buckets.get(at, 0) + share(amount, rec, low, high)
                at += BUCKET
        if buckets:
            out[name] = {"amount": percentile(buckets.values()), "buckets": len(buckets)}
    return out


def coverage(store, members, records, begin, end):
    """Cut the period at every boundary and ask of each piece what it is."""
    lives = [(store.pools[m]["created_ms"], store.pools[m]["ended_ms"]) for m in members]
    lives = [(a, store.reach if b is None else b) for a, b in lives]
    gaps = [r for r in records if r["kind"] == "gap"]
    known = [r for r in records if r["kind"] != "gap"]
    marks = {begin, end}
    for rec in records:
        marks |= {rec["begin_ms"], rec["end_ms"]}
    for life in lives:
        marks |= set(life)
    marks = sorted(m for m in marks if begin <= m <= end)
    existed = covered = 0
    pieces = []
    for low, high in zip(marks, marks[1:]):
        alive = any(a <= low and high <= b for a, b in lives)
        existed += (high - low) * alive
        if any(r["begin_ms"] <= low and high <= r["end_ms"] for r in known):
            covered += high - low
            continue
        why = [r["reason"] for r in gaps if r["begin_ms"] <= low and high <= r["end_ms"]]
        if not why and not alive:
            continue
        why = why[0] if why else "missing"
        if pieces and pieces[-1][1] == low and pieces[-1][2] == why:
            pieces[-1][1] = high
        else:
            pieces.append([low, high, why])
    return existed, covered, [{"begin_ms": a, "end_ms": b, "reason": c} for a, b, c in pieces]


def states(store, records):
    """Peak, what was held at the end, bounds, and whether these changed."""
    out = {}
    for rec in sorted(records, key=lambda r: r["end_ms"]):
        for name, figure in rec["figures"].items():
            res = out.setdefault(name, {})
            if figure["peak"] is not None:
                res["peak"] = max(res.get("peak", 0), figure["peak"])
            if figure["held"] is not None:
                res["held"] = figure["held"]
            if figure["barrier"] is None or figure["lim"] is None:
                continue
            bounds = [None if b == -1 else b for b in (figure["barrier"], figure["lim"])]
            res.setdefault("all", []).append(tuple(bounds))
            res["barrier"], res["limit"] = bounds
    for res in out.values():
        if "all" in res:
            res["bounds_changed"] = len(set(res.pop("all"))) > 1
    return out


def slice_totals(store, members, children, begin, end, tree):
    """All that is said of some pools in one period."""
    touching = [r for m in members for r in store.of_pool[m]
                if r["begin_ms"] < end and r["end_ms"] > begin]
    known = [r for r in touching if r["kind"] != "gap"]
    below = [r for c in children for r in store.of_pool[c]
             if r["kind"] != "gap" and r["begin_ms"] < end and r["end_ms"] > begin]
    existed, covered, gaps = coverage(store, members, touching, begin, end)
    if not known and not existed and not gaps:
        return None
    sums, own, counts, lacks = {}, {}, {}, set()
    for rec in known:
        for name, amount in amounts(rec).items():
            sums[name] = sums.get(name, 0) + share(amount, rec, begin, end)
            counts[name] = counts.get(name, 0) + 1
    for name, total in sums.items() if tree else ():
        local = name in LOCAL or name.endswith((".failcnt", ".failed"))
        parts = [] if local else [(amounts(r).get(name), r) for r in below]
        if counts[name] < len(known) or any(a is None for a, _ in parts):
            continue
        own[name] = total - sum(share(a, r, begin, end) for a, r in parts)
    lacks = {name for name, count in counts.items() if count < len(known)} - {"span_ns"}
    own.pop("span_ns", None)
    longest = max((r["end_ms"] - r["begin_ms"] for r in known), default=None)
    return {"begin_ms": begin, "end_ms": end, "records": len(known), "existed_ms": existed,
            "longest_ms": longest,
            "covered_ms": covered, "gaps": gaps, "sums": sums, "own": own,
            "incomplete": sorted(lacks), "p95": percentiles(store, known, begin, end),
            "states": states(store, known)}


def groups(store, names=(), tree=False, lives=False):
    """{key: pools}, each without those that are below another one of it."""
    out = {}
    for key, pool in store.pools.items():
        chain = (key, *store.above(key)) if tree else (key,)
        if names and not any(store.pools[k]["name"] in names for k in chain):
            continue
        label = store.path(key) if tree else pool["name"]
        ident = (label, pool["boot"], pool["incarnation"], pool["id"]) if lives else (label,)
        out.setdefault(ident, []).append(key)
    return out


def usage(store, begin, end, names=(), by=None, tree=False, lives=False):
    """{(key, begin of the slice): totals}"""
    out = {}
    for key, everyone in groups(store, names, tree, lives).items():
        members = [m for m in everyone if not set(store.above(m)) & set(everyone)]
        children = [k for k, p in store.pools.items()
                    if p["parent"] in everyone and k not in everyone]
        at = begin
        while at < end:
            after = min(next_boundary(at, by), end) if by else end
            totals = slice_totals(store, members, children, at, after, tree)
            if totals:
                out[key, at] = totals
            at = after
    return out
