#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bctl usage against another implementation, over random stores.

Usage: test_usage.py BCTL BCTL_FAKE
"""
import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import make_usage_db as made
import random_store
from results import BCTL, FAKE, SCHEMAS, finish, ok
import schema
import usage_model as model

HOUR, DAY = made.HOUR, made.DAY
def run(*args, **more):
    return subprocess.run([BCTL, *args], capture_output=True, timeout=120, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "America/New_York"},
                          **more)


def stamp(ms):
    return model.date(ms).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def usage(path, begin, end, *args):
    """The document, held against its schema."""
    out = run("usage", "--db", str(path), "--from", stamp(begin), "--to", stamp(end), *args, "-j")
    if out.returncode:
        return {"failed": out.stderr.decode()}
    doc = json.loads(out.stdout)
    wrong = list(schema.errors(doc, SCHEMAS["bctl.usage/1"]))
    return {"failed": wrong} if wrong else doc


def flat(obj):
    """The amounts and percentiles of a pool of the document, named as the model does."""
    sums, p95 = {}, {}
    for top in ("cpu", "io"):
        for key, val in obj.get(top, {}).items():
            if key == "p95":
                p95.update({f"{top}.{k}": v for k, v in val.items()})
            else:
                sums[f"{top}.{key}"] = val
    states = {}
    for name, res in obj.get("resources", {}).items():
        for key in ("held_time", "failcnt", "failed"):
            if key in res:
                sums[f"{name}.{key}"] = res[key]
        if "p95" in res:
            p95[f"{name}.held_time"] = res["p95"]["held_time"]
        states[name] = {k: res[k] for k in ("peak", "held", "barrier", "limit", "bounds_changed")
                        if k in res}
    return sums, p95, states


def as_model(pool, tree):
    sums, p95, states = flat(pool)
    if "span_ns" in pool:
        sums["span_ns"] = pool["span_ns"]
    out = {key: pool[key] for key in ("begin_ms", "end_ms", "records", "existed_ms",
                                      "covered_ms", "gaps")}
    out["longest_ms"] = pool.get("longest_ms")
    out.update(sums=sums, p95=p95, states=states, own=flat(pool["own"])[0] if tree else {},
               incomplete=sorted(pool.get("incomplete", [])))
    return out


def key_of(pool, tree, lives):
    label = (pool["path"] if tree else pool["name"],)
    return label + (pool["boot"], pool["incarnation"], pool["id"]) if lives else label


def differences(have, want):
    if set(have) != set(want):
        yield f"only here: {sorted(set(have) - set(want))}"
        yield f"only there: {sorted(set(want) - set(have))}"
    for key in set(have) & set(want):
        for part in want[key]:
            if have[key][part] != want[key][part]:
                yield f"{key} {part}: {have[key][part]} is not {want[key][part]}"


def test_random(seed):
    """One store, some questions, the answers of both."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(tmp) / "usage.db"
        random_store.Maker(rng, path, days=rng.choice((1, 2, 3)), big=seed % 4 == 3)
        store = model.Store(path)
        wrong = []
        for _ in range(5):
            begin = random_store.BEGIN + rng.randrange(-4 * HOUR, 2 * DAY)
            begin -= rng.choice((0, begin % HOUR, begin % DAY))
            end = begin + rng.choice((rng.randrange(1, 4 * DAY), DAY, HOUR))
            by = rng.choice((None, "hour", "day", "month"))
            tree, lives = rng.random() < 0.4, rng.random() < 0.3
            known = sorted({p["name"] for p in store.pools.values()})
            names = rng.sample(known, rng.choice((0, 0, 1)))
            args = [*(["--by", by] if by else []), *(["--tree"] if tree else []),
                    *(["--incarnations"] if lives else []),
                    *(a for n in names for a in ("--pool", n))]
            doc = usage(path, begin, end, *args)
            if "failed" in doc:
                wrong.append((args, doc["failed"]))
                continue
            have = {(key_of(p, tree, lives), p["begin_ms"]): as_model(p, tree)
                    for p in doc["pools"]}
            want = model.usage(store, begin, end, names, by, tree, lives)
            wrong += [(begin, end, args, d) for d in differences(have, want)]
    ok(not wrong, f"store_{seed}_is_read_as_the_model_reads_it", *wrong[:5])


def test_cuts():
    """However a period is cut, the parts add up to the whole."""
    rng = random.Random(77)
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(tmp) / "usage.db"
        random_store.Maker(rng, path, days=3)
        begin, end = random_store.BEGIN - 4 * HOUR, random_store.BEGIN + 4 * DAY
        whole = {p["name"]: flat(p)[0] for p in usage(path, begin, end)["pools"]}
        marks = sorted([begin, end, *(rng.randrange(begin, end) for _ in range(40))])
        parts = [usage(path, a, b) for a, b in zip(marks, marks[1:]) if a < b]
        cuts = {"by itself": parts, **{by: [usage(path, begin, end, "--by", by)]
                                       for by in ("hour", "day", "month")}}
        for how, docs in cuts.items():
            sums = {}
            for pool in (p for doc in docs for p in doc["pools"]):
                total = sums.setdefault(pool["name"], {})
                for name, amount in flat(pool)[0].items():
                    total[name] = total.get(name, 0) + amount
            ok(sums == whole, f"parts_cut_{how.replace(' ', '_')}_add_up_to_the_unit")
        tree = usage(path, begin, end, "--tree", "--incarnations")["pools"]
        top = sum(p["cpu"]["usage_ns"] for p in tree if p["parent"] is None)
        ok(top == whole["host"]["cpu.usage_ns"], "the_host_is_the_sum_of_its_lives")


def ladder(path):
    """One pool, 40 buckets with 1..40 units in mixed order, and a child with all of it."""
    store = made.Store(path)
    host = store.pool("host", made.EPOCH)
    web = store.pool("web", made.EPOCH, host, 1)
    order = list(range(1, 41))
    random.Random(5).shuffle(order)
    for i, units in enumerate(order):
        begin = made.EPOCH + i * 300000
        for pool in host, web:
            store.record(pool, begin, begin + 300000, io_read_bytes=units, io_reads=0)
    store.close()


def test_percentile():
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(tmp) / "usage.db"
        ladder(path)
        doc = usage(path, made.EPOCH, made.EPOCH + DAY, "--pool", "web")
        p95 = doc["pools"][0]["io"]["p95"]
        ok(p95["read_bytes"] == {"amount": 38, "buckets": 40},
           "of_40_buckets_the_2_highest_are_dropped", p95)
        ok(p95["read_ios"]["amount"] == 0 and "write_bytes" not in p95,
           "what_is_0_has_a_percentile_and_what_is_not_known_has_none", p95)
        tree = usage(path, made.EPOCH, made.EPOCH + DAY, "--tree")["pools"]
        own = {p["name"]: p["own"]["io"]["read_bytes"] for p in tree}
        ok(own == {"host": 0, "web": 820}, "a_parent_is_never_added_to_its_children", own)
        ok([p["path"] for p in tree] == ["host", "host/web"], "parents_stand_before_children")


def test_wide():
    """Amounts that no 64 bits hold."""
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(tmp) / "usage.db"
        store = made.Store(path)
        pool = store.pool("host", made.EPOCH)
        for i in range(5):
            store.record(pool, made.EPOCH + i * HOUR, made.EPOCH + (i + 1) * HOUR,
                         cpu_ns=2**63 - 1, cpu_mhz=4000,
                         figures={"physpages": {"held_time": 2**63 - 1}})
        store.close()
        pool = usage(path, made.EPOCH, made.EPOCH + DAY)["pools"][0]
        ok(pool["cpu"]["usage_ns"] == 5 * (2**63 - 1) and
           pool["resources"]["physpages"]["held_time"] == 5 * (2**63 - 1) and
           pool["cpu"]["mhz_ns"] == 5 * (2**63 - 1) * 4000, "sums_above_64_bits_are_exact", pool)


def csv_rows(*args):
    out = run("usage", *args, "--csv")
    return list(csv.DictReader(io.StringIO(out.stdout.decode())))


def test_csv(path):
    span = ("--db", path, "--from", "2026-10-01", "--to", "2026-10-03")
    rows = csv_rows(*span)
    doc = json.loads(run("usage", *span, "-j").stdout)
    have = {(r["pool"], r["metric"]): r["value"] for r in rows if r["metric"] != "gap"}
    wrong = []
    for pool in doc["pools"]:
        sums, p95, states = flat(pool)
        sums.update({f"{k}.p95": v["amount"] for k, v in p95.items()})
        for name, state in states.items():
            sums.update({f"{name}.{k}": "unlimited" if v is None else v
                         for k, v in state.items() if k != "bounds_changed"})
        wrong += [(pool["name"], k, v) for k, v in sums.items()
                  if have.pop((pool["name"], k), None) != str(v)]
    ok(not wrong and {m for _, m in have} == {"pool.page_size", "pool.existed_ms", "pool.covered_ms",
                                                 "pool.gap_ms"},
       "csv_has_every_figure_of_the_document", *wrong[:5], have)
    ok(list(rows[0]) == ["node", "pool", "boot", "incarnation", "id", "begin", "end", "metric",
                         "unit", "value", "note"], "csv_has_the_columns_that_are_documented")
    gaps = [(r["pool"], r["begin"], r["value"], r["note"]) for r in rows if r["metric"] == "gap"]
    ok(("web", "2026-10-02T00:00:00Z", "600000", "lost") in gaps, "csv_has_the_gaps", gaps)


def test_csv_quotes(tmp):
    name = '-a,"b"'
    path = f"{tmp}/quotes.db"
    store = made.Store(path, node="n\n1")
    store.record(store.pool(name, made.EPOCH), made.EPOCH, made.EPOCH + HOUR, cpu_ns=5)
    store.close()
    rows = csv_rows("--db", path, "--from", "2026-10-01", "--to", "2026-10-02")
    ok({(r["node"], r["pool"]) for r in rows} == {("n\n1", name)}, "csv_is_quoted_as_rfc_4180_says",
       rows[0])


def events(path, begin, end):
    out = run("usage", "--db", path, "--from", begin, "--to", end, "--cloudevents")
    return [json.loads(line) for line in out.stdout.splitlines()]


def test_cloudevents(path):
    every = events(path, "2026-09-30", "2026-10-03")
    store = model.Store(path)
    wrong = [e for event in every for e in schema.errors(event, SCHEMAS["bctl.cloudevent/1"])]
    ok(len(every) == len(store.records) and not wrong, "every_record_is_an_event", *wrong[:5])
    ids = {(e["source"], e["id"]) for e in every}
    ok(len(ids) == len(every), "ids_are_unique")
    cut = [e for a, b in (("2026-09-30", "2026-10-01T12:34:56Z"), ("2026-10-01T12:34:56Z",
           "2026-10-01T12:40Z"), ("2026-10-01T12:40Z", "2026-10-03")) for e in events(path, a, b)]
    ok(sorted(e["id"] for e in cut) == sorted(e["id"] for e in every),
       "periods_that_touch_ship_each_record_once")
    total = sum(e["data"]["cpu"]["usage_ns"] for e in every
                if "cpu" in e["data"] and e["subject"] == "web")
    web = json.loads(run("usage", "--db", path, "--from", "2026-09-30", "--to", "2026-10-03",
                         "--pool", "web", "-j").stdout)["pools"][0]
    ok(total == web["cpu"]["usage_ns"], "events_add_up_to_the_total")
    gap = next(e for e in every if e["data"]["kind"] == "gap")
    ok(gap["type"] == "io.beancounter.usage.gap.v1" and "cpu" not in gap["data"] and
       gap["data"]["reason"] == "lost", "a_gap_is_an_event_without_figures", gap)


def test_text(path):
    span = ("--db", path, "--from", "2026-10-01", "--to", "2026-10-03")
    text = run("usage", *span).stdout.decode()
    ok("4.8963" in text and "99.6%" in text and "GAP-FROM" in text, "tables_of_usage", text)
    text = run("usage", *span, "--pool", "web", "-b").stdout.decode()
    ok("17626560000000" in text and "195915600" in text, "raw_tables_have_exact_amounts", text)
    ok("~" not in text, "short_records_are_not_marked")
    coarse = Path(path).parent / "coarse.db"
    store = made.Store(coarse)
    store.record(store.pool("host", made.EPOCH), made.EPOCH, made.EPOCH + HOUR, cpu_ns=36 * 10**11)
    store.close()
    text = run("usage", "--db", str(coarse), *span[2:]).stdout.decode()
    ok("~1.000" in text, "percentiles_of_averages_are_marked", text)
    text = run("usage", *span, "--tree").stdout.decode()
    ok("host/web (own)" in text, "a_tree_shows_what_is_a_pools_own", text)
    text = run("usage", *span, "--incarnations").stdout.decode()
    ok("INCARNATION" in text and len(text.split("\n\n")[1].splitlines()) == 7,
       "each_incarnation_has_a_line", text)


USAGE = [
    ("not a time", "--from", "tomorrow"), ("there is no such date", "--from", "2026-02-29"),
    ("there is no such date", "--to", "2026-13-01"), ("not a time ago", "--from", "-24"),
    ("not a time", "--from", "2026-10-01T25:00"), ("not a time", "--from", "2026-10-01T12:30.5"),
    ("not a time", "--from", "2026-10-01T12:30+25:00"), ("not a time", "--from", ""),
    ("the period is empty", "--from", "2026-10-02", "--to", "2026-10-02"),
    ("before the year 1", "--from", "-9999999999d"),
    ("not hour, day or month", "--by", "week"), ("only one of", "--csv", "-j"),
    ("unexpected argument", "web"), ("takes no --by", "--cloudevents", "--by", "hour"),
]


def refused(status, words, *args):
    out = run("usage", *args)
    err = out.stderr.decode()
    ok(out.returncode == status and words in err and err.startswith("bctl: usage: ") and
       not out.stdout, f"exit_{status}: {' '.join(args)[:60]!r}", out.returncode, err)


def test_refusals(path, tmp):
    for words, *args in USAGE:
        refused(1, words, *args)
    refused(2, "No such file", "--db", f"{tmp}/none.db")
    refused(2, "no record of such a pool", "--db", path, "--pool", "nobody")
    bad = Path(tmp) / "bad.db"
    bad.write_text("this is no database, but it is long enough to look like one" * 20)
    refused(2, "file is not a database", "--db", str(bad))
    made.sqlite3.connect(Path(tmp) / "empty.db").execute("CREATE TABLE x(y)")
    refused(2, "not a store of usage records", "--db", f"{tmp}/empty.db")
    new = Path(tmp) / "new.db"
    made.Store(new).close()
    made.sqlite3.connect(new, isolation_level=None).execute(
        "UPDATE meta SET value = 2 WHERE key = 'schema'")
    refused(2, "it has version 2", "--db", str(new))


def test_times(path):
    """The same period, written in different ways."""
    want = json.loads(run("usage", "--db", path, "--from", "2026-10-01", "--to", "2026-10-02",
                          "-j").stdout)
    for begin, end in (("2026-10", "2026-10-02T00:00"), ("2026-10-01T02:00+02:00",
                       "2026-10-01T19:00:00-0500"), ("2026-10-01 00:00:00.000Z",
                       "2026-10-01T24:00Z"), ("2026-10-01T00:00:00.0004", "2026-10-02T05:30+0530")):
        doc = json.loads(run("usage", "--db", path, "--from", begin, "--to", end, "-j").stdout)
        ok(doc == want, f"{begin}_to_{end}".replace(" ", "_"))


def test_empty(tmp):
    """A store that was made a moment ago."""
    path = Path(tmp) / "fresh.db"
    made.Store(path).close()
    db = made.sqlite3.connect(path, isolation_level=None)
    db.execute("DELETE FROM meta WHERE key = 'page_size'")
    db.close()
    for option in ("-j", "--csv", "--cloudevents", "--tree"):
        out = run("usage", "--db", str(path), option)
        ok(out.returncode == 0 and (option != "-j" or json.loads(out.stdout)["pools"] == []),
           f"an_empty_store_{option}", out)


def test_readers(tmp):
    """Without any right to write, with a collector beside it and without."""
    home = Path(tmp) / "readonly"
    home.mkdir()
    path = home / "usage.db"
    made.sample(path)
    db = made.sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("INSERT INTO meta VALUES ('x', 'y')")
    db.commit()
    reader = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BCTL, "usage",
              "--db", str(path), "--from", "2026-10-01", "--to", "2026-10-03", "-j"]
    for where in (tmp, home):
        os.chmod(where, 0o755)
    if os.geteuid() or subprocess.run(reader[:5] + ["--version"], capture_output=True,
                                      check=False).returncode:
        ok(True, "readers # SKIP needs root, and a bctl that others may run")
        db.close()
        return
    out = subprocess.run(reader, capture_output=True, check=False)
    ok(out.returncode == 0 and json.loads(out.stdout)["pools"],
       "a_store_that_is_written_to_is_read_without_rights", out)
    db.close()
    for name in home.glob("usage.db-*"):
        name.unlink()
    out = subprocess.run(reader, capture_output=True, check=False)
    ok(out.returncode == 0 and json.loads(out.stdout)["pools"] and
       [p.name for p in home.iterdir()] == ["usage.db"],
       "a_store_of_a_collector_that_has_ended_is_read_without_rights", out)


def live(tmp, *args, mode="born"):
    env = {**os.environ, "BCTL_FAKE_DIR": str(tmp), "BCTL_FAKE_MODE": mode, "LC_ALL": "C.UTF-8"}
    return subprocess.run([FAKE, *args], env=env, capture_output=True, timeout=60, check=False)


def test_live():
    with tempfile.TemporaryDirectory() as tmp:
        (Path(tmp) / "cgroup").mkdir()
        (Path(tmp) / "v1").mkdir()
        (Path(tmp) / "mountinfo").write_text(
            f"1 2 0:3 / {tmp}/cgroup rw shared:4 - cgroup2 cgroup2 rw\n")
        live(tmp, "pool", "create", "acme")
        live(tmp, "pool", "create", "web", "--parent", "acme", "numproc=10")
        out = live(tmp, "usage", "--live", "--tree", "-j")
        doc = json.loads(out.stdout)
        wrong = list(schema.errors(doc, SCHEMAS["bctl.usage/1"]))
        pools = {p["path"]: p for p in doc["pools"]}
        ok(not wrong and list(pools) == ["host", "host/acme", "host/acme/web"],
           "live_usage_is_as_its_schema_says", *wrong, pools)
        stat = {p["name"]: p for p in json.loads(live(tmp, "stat", "-j").stdout)["pools"]}
        for pool in doc["pools"]:
            want = stat[pool["name"]]
            same = all(res.get(key) == want["resources"][name].get(other)
                       for name, res in pool["resources"].items()
                       for key, other in (("peak", "maxheld"), ("barrier", "barrier"),
                                          ("failcnt", "failcnt"), ("failed", "failed")))
            ok(same and set(pool["resources"]) == set(want["resources"]) and
               pool["incarnation"] == want["incarnation"] and pool["gaps"] == [] and
               not any("p95" in r for r in pool["resources"].values()),
               f"live_{pool['name']}_is_what_the_module_says", pool, want)
        web = pools["host/acme/web"]["resources"]["physpages"]
        own = pools["host/acme"]["own"]["resources"]["physpages"]
        ok(own["held_time"] == pools["host/acme"]["resources"]["physpages"]["held_time"] -
           web["held_time"], "live_what_is_a_pools_own")
        flow = json.loads(live(tmp, "usage", "--live", "-j", mode="born,frozen").stdout)["pools"]
        stat = json.loads(live(tmp, "stat", "-j", mode="born,frozen").stdout)["pools"]
        wrong = [(a, b) for a, b in zip(flow, stat, strict=True) for kind in ("cpu", "io")
                 for key, val in a[kind].items() if key in b[kind] and not key.endswith("wait_ns")
                 and not key.endswith("service_ns") and b[kind][key] != val]
        ok(not wrong and {"usage_ns", "nr_throttled"} < set(flow[0]["cpu"]) and
           {"read_bytes", "flush_ios", "dirtied_bytes", "service_ns"} < set(flow[0]["io"]) and
           flow[0]["io"]["wait_ns"] == sum(stat[0]["io"]["wait_ns"].values()),
           "live_flows_are_what_the_module_says", *wrong[:2], flow[0])
        old = json.loads(live(tmp, "usage", "--live", "-j", mode="old").stdout)
        ok(not any("held_time" in r for p in old["pools"] for r in p["resources"].values()),
           "an_old_module_has_no_integrals")
        for status, words, args in ((2, "there is no such pool", ("--pool", "nobody")),
                                    (1, "it takes only", ("--from", "today"))):
            out = live(tmp, "usage", "--live", *args)
            ok(out.returncode == status and words in out.stderr.decode(), f"live: {words}", out)


def test_interrupted(tmp):
    """What a collector leaves that is killed while it writes."""
    path, left = Path(tmp) / "busy.db", Path(tmp) / "left.db"
    made.sample(path)
    db = made.sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA cache_size = 1")
    db.execute("BEGIN")
    db.execute("UPDATE record SET cpu_ns = 0")
    for suffix in ("", "-journal"):
        Path(f"{left}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    db.execute("ROLLBACK")
    db.close()
    span = ("--from", "2026-10-01", "--to", "2026-10-03", "-j")
    want = run("usage", "--db", str(path), *span).stdout
    out = run("usage", "--db", str(left), *span)
    ok(out.stdout == want if out.returncode == 0 else
       b"its last change was interrupted" in out.stderr and not out.stdout,
       "half_a_change_is_not_read", out)
    db = made.sqlite3.connect(left)
    db.execute("SELECT count(*) FROM record").fetchall()
    db.close()
    ok(run("usage", "--db", str(left), *span).stdout == want, "once_it_is_undone_it_is_read")


def main():
    for seed in range(int(os.environ.get("BC_STORES", "8"))):
        test_random(seed)
    test_cuts()
    test_percentile()
    test_wide()
    test_live()
    with tempfile.TemporaryDirectory() as tmp:
        path = f"{tmp}/sample.db"
        made.sample(path)
        test_csv(path)
        test_csv_quotes(tmp)
        test_cloudevents(path)
        test_text(path)
        test_times(path)
        test_refusals(path, tmp)
        test_readers(tmp)
        test_empty(tmp)
        test_interrupted(tmp)
    sys.exit(finish())


if __name__ == "__main__":
    main()
