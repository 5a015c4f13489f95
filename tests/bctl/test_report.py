#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The page of bctl report: what is in it, and how a browser shows it.

Usage: test_report.py BCTL [KEEP]
The last part needs Chromium and is skipped without. KEEP is a directory for the screenshots.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import make_usage_db as made
from results import BCTL, finish, ok, skip

KEEP = sys.argv[2] if len(sys.argv) > 2 else None
EVIL = '<script>alert(1)</script>&"\'\x01'
SPAN = ("--from", "2026-10-01", "--to", "2026-10-03")
VOID = {"meta", "br", "rect", "path", "img"}
class Page(HTMLParser):
    """What is on a page: tags, their attributes, text by tag; and whether tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open, self.wrong = Counter(), [], {}, [], []
        self.feed(text)
        self.close()
        self.wrong += [f"{tag} is not closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *a) for a in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *a) for a in attrs]

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"{tag} is closed at {self.getpos()}")

    def handle_data(self, data):
        tag = self.open[-1] if self.open else None
        self.text[tag] = self.text.get(tag, "") + data


def run(*args):
    return subprocess.run([BCTL, "report", *args], capture_output=True, timeout=120, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})


def evil_store(path):
    """The sample, and a name that no kernel would take."""
    made.sample(path)
    db = made.sqlite3.connect(path)
    db.execute("UPDATE pool SET name = ? WHERE name = 'job'", (EVIL,))
    db.execute("UPDATE meta SET value = ? WHERE key = 'node'", (EVIL,))
    db.commit()
    db.close()


def test_page(path):
    out = run("--html", "--db", path, *SPAN)
    text = out.stdout.decode()
    page = Page(text)
    ok(out.returncode == 0 and not page.wrong, "the_page_is_well_formed", out.stderr, page.wrong)
    ok(page.tags["section"] == 5 and page.text["h1"] == f"Usage on {EVIL[:-1]}\ufffd",
       "a_section_for_each_pool_and_one_for_all", page.tags, page.text["h1"])
    ok("script" not in page.tags and "<script" not in text and EVIL[:-1] in page.text["h2"],
       "names_are_text_and_nothing_else")
    outside = [a for a in page.attributes
               if a[1] in ("src", "href", "srcset", "data", "action") and not a[2].startswith("#")]
    ok(not outside and not re.search(r"https?:|url\((?!#)|@import", text) and
       ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes,
       "nothing_is_fetched", outside)
    handlers = [a for a in page.attributes if a[1].startswith("on")]
    ok(not handlers, "no_handlers", handlers)
    gaps = [a for a in page.attributes if a[1:] == ("class", "gap")]
    ok(len(gaps) > 4 and "nothing is known (lost)" in page.text["title"] and
       "2026-10-02T00:00:00Z" in page.text["td"], "gaps_are_drawn_and_listed", gaps)
    ok("4.896" in page.text["td"] and "99.6 %" in page.text["span"] and
       "12:00\nused 0.1" in page.text["title"], "figures_are_those_of_the_store")
    bad = [a for a in page.attributes if a[1] == "d" and re.search("nan|inf|e[+-]", a[2])]
    ok(page.tags["path"] > 40 and not bad, "paths_have_numbers", bad[:3])
    ok("prefers-color-scheme:dark" in text, "light_and_dark")


def test_command(path, tmp):
    target, plain = Path(tmp) / "page.html", Path(tmp) / "plain"
    plain.touch()
    out = run("--html", str(target), "--db", path, *SPAN, "--pool", "web")
    ok(out.returncode == 0 and not out.stdout and target.read_text().endswith("</html>\n") and
       target.stat().st_mode == plain.stat().st_mode and
       len(list(Path(tmp).glob("page.html*"))) == 1, "the_page_comes_to_its_name_complete", out)
    ok(Page(target.read_text()).tags["section"] == 2, "only_the_pool_that_is_named")
    before = target.read_bytes()
    out = run("--html", str(target), "--db", path, *SPAN, "--pool", "nobody")
    ok(out.returncode == 2 and target.read_bytes() == before, "an_error_leaves_the_old_page", out)
    for status, words, args in ((1, "what kind of report", ()),
                                (1, "unexpected argument", ("--html", "a", "b")),
                                (2, "No such file", ("--html", f"{tmp}/no/where"))):
        out = run("--db", path, *args)
        ok(out.returncode == status and words in out.stderr.decode(), f"refused: {words}", out)
    full = run("--html", "--db", path, "--from", "1970-01-01", "--to", "9999-01-01")
    ok(full.returncode == 0 and not Page(full.stdout.decode()).wrong, "a_period_of_ages", full)
    none = run("--html", "--db", path, "--from", "2025-01-01", "--to", "2025-01-02")
    ok(none.returncode == 0 and Page(none.stdout.decode()).tags["section"] == 1,
       "a_period_without_records", none)


def test_unknown(tmp):
    """A pool of which hardly anything is known."""
    path = f"{tmp}/unknown.db"
    store = made.Store(path)
    store.record(store.pool("host", made.EPOCH), made.EPOCH, made.EPOCH + made.HOUR, cpu_ns=5)
    store.close()
    page = Page(run("--html", "--db", path, *SPAN).stdout.decode())
    ok(page.text["td"].count("\u2013") == 5 and "0" not in page.text["td"].split("0.000")[1][:5] and
       "refused" not in page.text.get("span", ""), "what_is_not_known_is_a_dash_and_not_0",
       page.text["td"])


def pixels(path):
    """All pixels of a PNG as bytes in rows; only what Chromium writes."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    step = {2: 3, 6: 4}[colour]
    assert depth == 8
    raw, last, rows = zlib.decompress(packed), bytearray(width * step), []
    for y in range(height):
        begin = y * (width * step + 1)
        row = unfilter(raw[begin], bytearray(raw[begin + 1:begin + 1 + width * step]), last, step)
        rows.append(row)
        last = row
    return Counter(bytes(row[x:x + 3]) for row in rows for x in range(0, width * step, step))


def unfilter(kind, row, last, step):
    for i, byte in enumerate(row):
        left = row[i - step] if i >= step else 0
        corner = last[i - step] if i >= step else 0
        guess = left + last[i] - corner
        near = min((left, last[i], corner), key=lambda v: abs(guess - v))
        row[i] = (byte + (0, left, last[i], (left + last[i]) // 2, near)[kind]) & 255
    return row


def screenshot(chromium, page, target, *args):
    with tempfile.TemporaryDirectory() as home:
        out = subprocess.run([chromium, "--headless=new", "--no-sandbox", "--disable-gpu",
                              "--hide-scrollbars", "--window-size=900,900", f"--user-data-dir={home}",
                              f"--screenshot={target}", *args, f"file://{page}"],
                             capture_output=True, timeout=180, check=False,
                             env={**os.environ, "HOME": home})
    return out


def test_browser(path, tmp):
    chromium = shutil.which("chromium")
    if not chromium:
        skip("the_page_in_a_browser", "chromium is not installed")
        return
    page = Path(tmp) / "shown.html"
    run("--html", str(page), "--db", path, *SPAN)
    for scheme, back, line in ((1, "f4f5f7", "2563c9"), (0, "12151a", "6ea8fe")):
        name = ("dark", "light")[scheme]
        target = Path(KEEP or tmp) / f"report-{name}.png"
        out = screenshot(chromium, page, target, f"--blink-settings=preferredColorScheme={scheme}")
        if not target.exists():
            ok(False, f"{name}_page_is_shown", out.stderr.decode())
            continue
        seen = pixels(target)
        common = seen.most_common(2)
        ok(bytes.fromhex(back) in dict(common) and seen[bytes.fromhex(line)] > 100 and
           len(seen) > 100, f"{name}_page_is_shown_in_a_browser", common,
           seen[bytes.fromhex(line)])


def main():
    with tempfile.TemporaryDirectory() as tmp:
        path = f"{tmp}/usage.db"
        evil_store(path)
        test_page(path)
        test_command(path, tmp)
        test_unknown(tmp)
        test_browser(path, tmp)
    sys.exit(finish())


if __name__ == "__main__":
    main()
