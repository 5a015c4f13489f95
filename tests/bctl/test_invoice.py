#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Invoices, recomputed with fractions from what another implementation reads.

Usage: test_invoice.py BCTL
"""
import json
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import make_usage_db as made
import random_store
from results import BCTL, TOP, finish, ok
import schema
import usage_model as model

SCHEMA = json.loads((TOP / "Documentation/json/invoice.schema.json").read_text())
HOUR, DAY = made.HOUR, made.DAY
BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10,
         "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "kbit": Fraction(125),
         "Mbit": Fraction(125000), "Gbit": Fraction(125000000)}
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
ITEMS = {"item": 1, "thousand": 1000, "million": 10**6}
CLOCK = {f"{c}Hz-{t}": c_n * 10**9 * t_n for c, c_n in (("M", 1), ("G", 1000))
          for t, t_n in (("s", 1), ("h", 3600))}
# metric: (units, kind); the unit of a kind is made of them
METRICS = {
    "cpu.usage_ns": ({t: n * 10**9 for t, n in SECONDS.items()}, "sum"),
    "cpu.mhz_ns": (CLOCK, "sum"),
    "io.read_bytes": (BYTES, "sum"), "io.write_ios": (ITEMS, "sum"),
    "physpages.held_time": (BYTES, "time"), "tcpsndbuf.held_time": (BYTES, "time"),
    "numproc.held_time": (ITEMS, "time"),
    "physpages.peak": (BYTES, "peak"), "numproc.peak": (ITEMS, "peak"),
    "io.nr_throttled": (ITEMS, "sum"),
    "numproc.failcnt": (ITEMS, "sum"), "tcpsndbuf.failed": (BYTES, "sum"),
    "io.write_bytes.p95": (BYTES, "rate"), "io.read_ios.p95": (ITEMS, "rate"),
    "physpages.held_time.p95": (BYTES, "level"), "numproc.held_time.p95": (ITEMS, "level"),
    "pool.existed_ms": ({t: n * 1000 for t, n in SECONDS.items()}, "existed"),
    "pool.covered_ms": ({t: n * 1000 for t, n in SECONDS.items()}, "covered"),
}


def run(*args):
    return subprocess.run([BCTL, "usage", *args], capture_output=True, timeout=120, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})


def stamp(ms):
    return model.date(ms).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rounded(value, digits, how):
    """A fraction as an integer of so many decimals."""
    value *= 10**digits
    size = abs(value)
    whole, rest = divmod(size.numerator, size.denominator)
    rest = Fraction(rest, size.denominator)
    half = Fraction(1, 2)
    away = {"down": False, "up": rest > 0, "half-up": rest >= half,
            "half-even": rest > half or (rest == half and whole % 2 == 1)}[how]
    return (whole + away) * (-1 if value < 0 else 1)


class Price:
    """One line of a random tariff."""

    def __init__(self, rng, digits):
        self.metric = rng.choice(sorted(METRICS))
        units, self.kind = METRICS[self.metric]
        name = rng.choice(sorted(units))
        self.size = Fraction(units[name])
        self.unit = name
        if self.kind in ("time", "rate"):
            per = rng.choice(sorted(SECONDS))
            self.unit = f"{name}{'-' if self.kind == 'time' else '/'}{per}"
            self.size *= SECONDS[per] if self.kind == "time" else Fraction(300, SECONDS[per])
        if self.kind == "level":
            self.size *= 300
        self.price = Fraction(rng.randrange(10**6), 10**rng.randrange(7))
        self.free = Fraction(rng.choice((0, 0, rng.randrange(1000))), 10**rng.randrange(digits + 1))

    def text(self):
        price = f"{self.price.numerator * 10**6 // self.price.denominator:07d}"
        free = f"{self.free.numerator * 10**6 // self.free.denominator:07d}"
        free = f"{free[:-6]}.{free[-6:]}".rstrip("0").rstrip(".")
        return (f"price {self.metric} {self.unit} {price[:-6]}.{price[-6:]}"
                f"{f' free {free}' if self.free else ''} as line of {self.metric}\n")

    def base(self, totals, own, page_size):
        """The figure, in base units; bytes are counted in pages where the store does."""
        if self.kind in ("existed", "covered"):
            return totals[self.kind + "_ms"], self.size
        pages = self.metric.startswith("physpages.")
        size = self.size / page_size if pages else self.size
        if self.kind == "peak":
            res = self.metric.split(".")[0]
            return None if own else totals["states"].get(res, {}).get("peak"), size
        if self.kind in ("rate", "level"):
            p95 = totals["p95"].get(self.metric[:-4])
            return None if own or p95 is None else p95["amount"], size
        return totals["own" if own else "sums"].get(self.metric), size


def want_line(price, totals, own, tariff, page_size):
    base, size = price.base(totals, own, page_size)
    if base is None:
        return None, 0
    quantity = rounded(base / size, tariff["digits"], tariff["how"])
    scaled = Fraction(quantity, 10**tariff["digits"])
    billable = scaled if scaled <= 0 else max(Fraction(0), scaled - price.free)
    amount = rounded(billable * price.price, tariff["cents"], tariff["money"])
    return (base, quantity, billable, amount), amount


def have_line(line, tariff):
    if "quantity" not in line:
        return None
    return (int(line["base"]), Fraction(line["quantity"]) * 10**tariff["digits"],
            Fraction(line["billable"]), Fraction(line["amount"]) * 10**tariff["cents"])


def random_tariff(rng, path):
    tariff = {"digits": rng.randrange(9), "how": rng.choice(("half-up", "half-even", "up", "down")),
              "cents": rng.choice((0, 2, 2, 4)),
              "money": rng.choice(("half-up", "half-even", "up", "down"))}
    tariff["prices"] = [Price(rng, min(tariff["digits"], 6)) for _ in range(12)]
    path.write_text("# made up\ncurrency EUR\n\n"
                    f"quantity {tariff['digits']} {tariff['how']}\n"
                    f"amount {tariff['cents']} {tariff['money']}  # cents\n" +
                    "".join(p.text() for p in tariff["prices"]))
    return tariff


def top_level(store):
    """The pools directly below the host, by name."""
    out = {}
    for key, pool in store.pools.items():
        if pool["parent"] is not None and store.pools[pool["parent"]]["parent"] is None:
            out.setdefault(pool["name"], []).append(key)
    return out


def totals_of(store, begin, end, tree):
    if tree:
        return {key[0]: t for (key, _), t in model.usage(store, begin, end, tree=True).items()}
    out = {name: model.slice_totals(store, keys, [], begin, end, False)
           for name, keys in top_level(store).items()}
    return {name: t for name, t in out.items() if t}


def compare(doc, tariff, totals, own, page_size):
    if {p.get("path", p["name"]) for p in doc["pools"]} != set(totals):
        yield "other pools"
        return
    total = 0
    for pool in doc["pools"]:
        want = totals[pool.get("path", pool["name"])]
        of_pool = 0
        for line, price in zip(pool["lines"], tariff["prices"], strict=True):
            figure, amount = want_line(price, want, own, tariff, page_size)
            of_pool += amount
            if have_line(line, tariff) != figure or line["text"] != f"line of {price.metric}":
                yield f"{pool['name']} {price.text()}: {line} is not {figure}"
            shares = sum(r["share"] for r in line.get("records", ()))
            if price.kind in ("sum", "time") and figure and shares != figure[0]:
                yield f"{pool['name']} {price.metric}: the records add up to {shares}"
        if Fraction(pool["total"]) * 10**tariff["cents"] != of_pool:
            yield f"sum of {pool['name']}: {pool['total']} is not {of_pool}"
        total += of_pool
    if Fraction(doc["total"]) * 10**tariff["cents"] != total:
        yield f"total: {doc['total']} is not {total}"


def test_random(seed):
    rng = random.Random(1000 + seed)
    with tempfile.TemporaryDirectory() as tmp:
        path, prices = Path(tmp) / "usage.db", Path(tmp) / "tariff"
        random_store.Maker(rng, path, days=2)
        store = model.Store(path)
        wrong = []
        for _ in range(4):
            tariff = random_tariff(rng, prices)
            begin = random_store.BEGIN + rng.randrange(-2 * HOUR, DAY)
            end = begin + rng.randrange(1, 3 * DAY)
            tree = rng.random() < 0.5
            out = run("--db", str(path), "--from", stamp(begin), "--to", stamp(end), "--price",
                      str(prices), "--explain", "-j", *(["--tree"] if tree else []))
            if out.returncode:
                wrong.append(out.stderr)
                continue
            doc = json.loads(out.stdout)
            wrong += schema.errors(doc, SCHEMA)
            wrong += compare(doc, tariff, totals_of(store, begin, end, tree), tree,
                             int(store.meta["page_size"]))
        ok(not wrong, f"invoices_of_store_{seed}_are_recomputed_with_fractions", *wrong[:5])


BAD = [
    (1, "'cost' is not currency", "cost cpu.usage_ns h 1"),
    (1, "three capital letters", "currency euro"),
    (2, "the currency is given twice", "currency EUR\ncurrency EUR"),
    (2, "unknown metric 'cpu.foo'", "currency EUR\nprice cpu.foo h 1"),
    (2, "unknown metric 'nothing.held_time'", "currency EUR\nprice nothing.held_time GiB-h 1"),
    (2, "of physpages only held_time", "currency EUR\nprice physpages.held GiB 1"),
    (2, "has no 95th percentile", "currency EUR\nprice cpu.wait_ns.p95 cpu 1"),
    (3, "'GB' is no unit of cpu.usage_ns", "currency EUR\n\nprice cpu.usage_ns GB 1"),
    (2, "'GiB' is no unit of physpages.held_time", "currency EUR\nprice physpages.held_time GiB 1"),
    (2, "'GiB-w' is no unit", "currency EUR\nprice physpages.held_time GiB-w 1"),
    (2, "'h' is no unit of numproc.failcnt", "currency EUR\nprice numproc.failcnt h 1"),
    (2, "price '-1'", "currency EUR\nprice cpu.usage_ns h -1"),
    (2, "price '1e3'", "currency EUR\nprice cpu.usage_ns h 1e3"),
    (2, "price '1,5'", "currency EUR\nprice cpu.usage_ns h 1,5"),
    (2, "price '.'", "currency EUR\nprice cpu.usage_ns h ."),
    (2, "price '0.0000000000001'", "currency EUR\nprice cpu.usage_ns h 0.0000000000001"),
    (2, "needs a metric, a unit and a price", "currency EUR\nprice cpu.usage_ns h"),
    (2, "'free' needs a quantity", "currency EUR\nprice cpu.usage_ns h 1 free"),
    (2, "has more decimals than quantities", "currency EUR\nprice cpu.usage_ns h 1 free 0.0000001"),
    (2, "free 'x'", "currency EUR\nprice cpu.usage_ns h 1 free x"),
    (2, "'as' needs a text", "currency EUR\nprice cpu.usage_ns h 1 as"),
    (2, "'from' is not 'free' or 'as'", "currency EUR\nprice cpu.usage_ns h 1 from 3"),
    (3, "has to stand before the first price", "currency EUR\nprice cpu.usage_ns h 1\namount 2 up"),
    (1, "'amount' needs a number of decimals", "amount 13 up"),
    (1, "'near' is not half-up", "quantity 3 near"),
    (1, "the currency is missing", "price cpu.usage_ns h 1"),
    (1, "there is no price", "currency EUR"),
    (0, "the currency is missing", ""),
    (2, "there is a NUL byte", "currency EUR\nprice cpu.usage_ns h 1\0"),
    (1, "more than 16 words", "x " * 17),
]


def test_bad(tmp, path):
    tariff = Path(tmp) / "bad"
    for line, words, text in BAD:
        tariff.write_text(text)
        out = run("--db", path, "--from", "2026-10-01", "--to", "2026-10-03", "--price", str(tariff))
        err = out.stderr.decode()
        ok(out.returncode == 2 and f"{tariff}:{line}: " in err and words in err and not out.stdout,
           f"refused: {text.splitlines()[-1][:40] if text else 'nothing'!r}", out.returncode, err)
    out = run("--db", path, "--price", f"{tmp}/none")
    ok(out.returncode == 2 and b"No such file" in out.stderr, "a_tariff_that_is_not_there", out)


def test_use(tmp, path):
    tariff = Path(tmp) / "good"
    tariff.write_text("currency EUR\nprice cpu.usage_ns h 0.50 free 2 as CPU time\n"
                      "price swappages.held_time GiB-h 1 as Swap\n")
    span = ("--db", path, "--from", "2026-10-01", "--to", "2026-10-03", "--price", str(tariff))
    out = run(*span, "--pool", "web")
    text = out.stdout.decode()
    # 17626560000000 ns are 4.896266..., less 2 is 2.896267, times 0.50 is 1.4481335
    ok("4.896267" in text and "1.45" in text and "total, EUR" in text and
       "nothing is known of 600.000 s" in text, "an_invoice_that_was_computed_by_hand", out)
    swap = [line for line in text.splitlines() if "Swap" in line]
    ok(len(swap) == 1 and swap[0].split()[2] == "-" and swap[0].split()[-1] == "-",
       "what_is_not_known_costs_nothing_but_is_shown", text)
    out = run(*span, "--pool", "web", "--pool", "web.shop")
    ok(out.returncode == 2 and b"would be paid twice" in out.stderr, "nobody_pays_twice", out)
    out = run(*span)
    ok(b"web.shop" not in out.stdout and b"host" not in out.stdout,
       "those_directly_below_the_host_pay_unless_pools_are_named", out)
    out = run(*span, "--pool", "web", "--csv")
    ok(b"CPU time,cpu.usage_ns,17626560000000,3600000000000,4.896267,h,2.000000,0.50,1.45,EUR" in
       out.stdout, "an_invoice_as_csv", out)
    tariff.write_text("currency EUR\nquantity 12 up\nprice cpu.usage_ns ns "
                      "99999999999999999999999 as Dear\n")
    out = run(*span, "--pool", "web")
    ok(out.returncode == 2 and b"too large to be computed exactly" in out.stderr,
       "what_does_not_fit_is_an_error", out)
    for args in (("--by", "day"), ("--incarnations",), ("--cloudevents",)):
        out = run(*span, *args)
        ok(out.returncode == 1 and b"--price takes no" in out.stderr, f"price_with_{args[0]}", out)
    out = run("--db", path, "--explain")
    ok(out.returncode == 1 and b"--explain needs --price" in out.stderr, "explain_alone", out)


def main():
    for seed in range(int(os.environ.get("BC_STORES", "6"))):
        test_random(seed)
    with tempfile.TemporaryDirectory() as tmp:
        path = f"{tmp}/sample.db"
        made.sample(path)
        test_bad(tmp, path)
        test_use(tmp, path)
    sys.exit(finish())


if __name__ == "__main__":
    main()
