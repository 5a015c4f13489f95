#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bctl top and bctl stat -w, on a made-up kernel; top in a pseudo terminal, too.

Usage: test_top.py BCTL BCTL_FAKE
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

from results import FAKE, SCHEMAS, ok, run
from screen import Terminal
import test_cli
from test_cli import Kernel, expect

COLUMNS = ["CPU%", "WAIT%", "THR%", "MEM", "READ/s", "WRITE/s", "IO/s", "IOTHR%", "TASKS", "FAIL"]


def make_pools(kernel, *names):
    for name in names:
        parent = name.rsplit(".", 1)[0] if "." in name else "host"
        kernel.run("pool", "create", name, "--parent", parent)


def thousand(kernel):
    """A thousand pools below three; see test_cli.test_thousand."""
    make_pools(kernel, "p0")
    state = kernel.dir / "state"
    data = state.read_bytes()
    size = len(data) // 1200
    pools = [bytearray(data[size:2 * size]) for _ in range(1000)]
    for number, pool in enumerate(pools, 1):
        pool[0:4] = number.to_bytes(4, sys.byteorder)
        pool[4:8] = (number % 3 if number > 3 else 0).to_bytes(4, sys.byteorder)
        pool[9:73] = f"pool-{number}".encode().ljust(64, b"\0")
    state.write_bytes(data[:size] + b"".join(pools) + data[1001 * size:])


def top(kernel, *args, mode="flow", term="xterm-256color", rows=24, cols=80, locale="C.UTF-8"):
    env = kernel.env(mode, TERM=term, LC_ALL=locale)
    return Terminal([FAKE, "top", "-d", "0.2", *args], env, rows, cols)


def drawn(lines):
    return any(" CPU%" in line for line in lines)


def has_rates(lines):
    return drawn(lines) and re.search(r"\bweb\b.* \d+\.\d ", "\n".join(lines))


def names(lines):
    """Names of the pools on the screen, in order."""
    rows = [re.sub(r"^[!│├└─|` -]+", "", line) for line in lines[2:] if line]
    return [row.split()[0] for row in rows]


def test_plain(kernel):
    make_pools(kernel, "web", "web.db")
    run = kernel.run("top", mode="flow")
    rows = [line.split() for line in run.stdout.decode().splitlines()]
    ok(run.returncode == 0 and not run.stderr and b"\x1b" not in run.stdout and
       [row[0] for row in rows] == ["host", "web", "web.db"] and
       all(len(row) == 11 for row in rows), "top_without_a_terminal_is_plain_lines", run)
    cpu = [float(row[1]) for row in rows]
    ok(abs(cpu[1] - 10) < 2 and abs(cpu[2] - 20) < 4, "cpu_is_percent_of_one_cpu", rows)
    ok(rows[1][4] == "412K" and rows[1][9] == "101" and rows[1][10] == "0", "held_is_held", rows)
    run = kernel.run("top", "-n", "2", "-d", "0.2", "-p", "web", "-s", "name", mode="flow")
    rows = [line.split()[0] for line in run.stdout.decode().splitlines()]
    ok(rows == ["web", "web.db"] * 2, "count_and_subtree", run)
    run = kernel.run("top", "-d", "0.1", mode="flow,nocpu")
    rows = [line.split() for line in run.stdout.decode().splitlines()]
    ok(rows[1][1:4] == ["-", "-", "-"] and rows[1][5] != "-", "unknown_is_a_dash", rows)
    run = kernel.run("top", "-d", "0.1", mode="")
    ok(run.stdout.decode().splitlines()[1].split()[1:] ==
       ["-", "-", "-", "412K", "-", "-", "-", "-", "101", "0"], "only_what_is_counted", run)
    expect(kernel, 2, "top: nobody: no such pool", "top", "-p", "nobody")
    expect(kernel, 2, "module is not loaded", "top", mode="absent")
    expect(kernel, 2, "needs root on the host", "top", mode="eperm")
    kernel.log()
    kernel.run("top", "-n", "3", "-d", "0.1", mode="flow")
    log = [line for line in kernel.log() if line != "close"]
    ok(len(log) == 4 and all(line.startswith("cmd=3 ") for line in log), "one_dump_per_interval", log)
    full = open("/dev/full", "w", encoding="ascii")
    run = subprocess.run([FAKE, "top", "-d", "0.1", "-n", "9"], stdout=full, stderr=subprocess.PIPE,
                         env=kernel.env("flow"), check=False, timeout=30)
    ok(run.returncode == 2 and b"cannot write" in run.stderr, "full_disk_is_the_end", run)


def test_watch(kernel):
    make_pools(kernel, "web", "web.db")
    run = kernel.run("stat", "-w", "0.2", "-n", "2", mode="flow")
    rows = [line.split() for line in run.stdout.decode().splitlines()]
    ok(run.returncode == 0 and rows[0] == ["POOL", *COLUMNS] and len(rows) == 7 and
       [row[0] for row in rows[1:]] == ["host", "web", "web.db"] * 2, "headings_stand_once", run)
    docs = [json.loads(line) for line in
            kernel.run("stat", "-w0.2", "-n", "2", "-j", mode="flow").stdout.splitlines()]
    wrong = [e for doc in docs for e in test_cli.schema.errors(doc, SCHEMAS[doc["schema"]])]
    ok(len(docs) == 2 and not wrong, "watch_json_is_as_its_schema_says", docs, *wrong)
    pool = docs[1]["pools"][1]
    ok(pool["name"] == "web" and docs[1]["pools"][0]["parent"] is None and
       docs[1]["taken_ns"] - docs[1]["interval_ns"] == docs[0]["taken_ns"],
       "intervals_follow_each_other", docs)
    rate = pool["cpu"]["usage_ns"] / docs[1]["interval_ns"]
    ok(0.08 < rate < 0.12, "rate_is_what_it_is", rate)
    run = kernel.run("stat", "web.db", "web", "-w", "0.1", "--count=1", mode="flow")
    ok([line.split()[0] for line in run.stdout.decode().splitlines()] == ["POOL", "web.db", "web"],
       "named_pools_in_their_order", run)
    start = time.monotonic()
    run = kernel.run("stat", "-w", "web", "-n", "1", mode="flow")
    ok(0.9 < time.monotonic() - start < 15 and len(run.stdout.splitlines()) == 2,
       "the_default_is_a_second", run)
    expect(kernel, 2, "stat: nobody: no such pool", "stat", "-w", "1", "nobody")
    (kernel.dir / "failcnt").write_text("0")
    proc = subprocess.Popen([FAKE, "stat", "-w", "0.2", "-n", "1000", "-j"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=kernel.env("flow"))
    proc.stdout.readline()
    (kernel.dir / "failcnt").write_text("4")
    refused = 0
    for _ in range(50):
        refused += json.loads(proc.stdout.readline())["pools"][1]["refusals"]
        if refused:
            break
    ok(refused == 4 * 5, "refusals_of_all_resources_are_told_once", refused)
    (kernel.dir / "gone").touch()
    said = proc.stderr.readline()
    ok(b"stat: the beancounter module is not loaded" in said and b"waiting" in said,
       "unloading_is_told", said)
    (kernel.dir / "gone").unlink()
    doc = json.loads(proc.stdout.readline())
    ok(doc["interval_ns"] < 10**9 and "cpu" in doc["pools"][1], "it_goes_on_when_the_module_is_back", doc)
    (kernel.dir / "reloads").write_text("1")
    told = [json.loads(proc.stdout.readline())["pools"][1]["name"] for _ in range(5)]
    proc.terminate()
    ok(proc.wait() == -signal.SIGTERM, "and_ends_when_told_to")
    ok(told == ["web"] * 5 and not proc.communicate()[1], "a_quick_reload_is_not_worth_a_word")


def test_watch_terminal(kernel):
    make_pools(kernel, "web", "web.db")
    term = Terminal([FAKE, "stat", "-w", "0.1", "-n", "6"], kernel.env("flow", TERM="vt100"), 8, 100)
    ok(term.wait() == 0, "watch_on_a_terminal_ends")
    lines = term.screen.text()
    heads = [n for n, line in enumerate(lines) if line.startswith("POOL ")]
    ok(len(heads) >= 1 and len([x for x in lines if "." in x]) >= 5, "headings_on_each_screen", *lines)
    term.close()
    log = kernel.dir / "out"
    term = Terminal(["sh", "-c", f"{FAKE} stat -w 0.1 -n 8 | tee {log}; exec {FAKE} stat -w 0.1 -n 8"],
                    kernel.env("flow", TERM="vt100"), 200, 100)
    ok(term.wait() == 0 and log.read_text().count("POOL ") == 1, "one_heading_in_a_pipe")
    ok(sum(line.startswith("POOL ") for line in term.screen.text()) == 2,
       "one_heading_on_a_large_screen", *term.screen.text()[:60])
    term.close()
    term = Terminal([FAKE, "stat", "-w", "0.1", "-n", "8"], kernel.env("flow", TERM="vt100"), 10, 100)
    seen = []
    while term.proc.poll() is None:
        term.read(0.05)
        seen.append("\n".join(term.screen.text()))
    ok(any(text.count("POOL ") >= 1 and not text.startswith("POOL ") for text in seen),
       "headings_come_again", *seen[-1:])
    term.close()


def test_screen(kernel):
    make_pools(kernel, "web", "web.db", "app")
    term = top(kernel)
    lines = term.until(has_rates) or term.screen.text()
    ok(lines[0].startswith("bctl top ") and lines[1].split() == ["POOL", *COLUMNS[:7], *COLUMNS[8:]],
       "title_and_headings", *lines)
    ok(names(lines) == ["host", "app", "web", "web.db"], "a_tree_sorted_by_cpu", *lines)
    ok(lines[2].startswith(" host ") and lines[3].startswith(" ├─app ") and
       lines[4].startswith(" └─web ") and lines[5].startswith("   └─web.db "), "with_branches", *lines)
    ok(max(map(len, lines)) <= 80, "nothing_is_wider_than_the_screen")
    ok(term.screen.alternate and not term.screen.cursor, "on_a_screen_of_its_own")
    for key, order in (("n", "host app web web.db"), ("n", "host web web.db app"),
                       ("t", "web.db web host app"), ("n", "app host web web.db"),
                       ("m", "app web.db web host"), ("i", "app web.db web host"),
                       ("i", "host web web.db app"), ("c", "app web.db web host"),
                       ("t", "host app web web.db")):
        term.send(key)
        lines = term.until(lambda rows, want=order.split(): names(rows) == want)
        ok(lines, f"key_{key}: {order}", *term.screen.text())
    term.send("h")
    lines = term.until(lambda rows: "reverses the order" in "\n".join(rows))
    ok(lines and not drawn(lines[1:2]), "help", *term.screen.text())
    term.send("x")
    ok(term.until(has_rates), "any_key_leaves_the_help")
    term.send("q")
    ok(term.wait() == 0 and term.restored(), "q_quits_and_the_terminal_is_as_it_was")
    term.close()
    term = top(kernel, "-n", "2", "-s", "name", "-p", "web")
    seen = term.until(has_rates)
    ok(seen and names(seen) == ["web", "web.db"], "only_a_subtree", seen)
    ok(term.wait() == 0 and term.restored(), "count_ends_it")
    term.close()


def test_refusals(kernel):
    make_pools(kernel, "web", "app")
    (kernel.dir / "failcnt").write_text("0")
    term = top(kernel, "-s", "f")
    ok(term.until(has_rates) and not any(line.startswith("!") for line in term.screen.text()),
       "no_mark_without_a_refusal")
    ok(31 not in term.screen.colours and 33 in term.screen.colours, "yellow_is_throttled",
       term.screen.colours)
    (kernel.dir / "failcnt").write_text("1")
    ok(term.until(lambda rows: sum(line.startswith("!") and line.split()[-1] == "5"
                                   for line in rows) == 3), "refusals_are_marked", *term.screen.text())
    ok(31 in term.screen.colours, "and_red", term.screen.colours)
    ok(term.until(lambda rows: drawn(rows) and not any(line.startswith("!") for line in rows)),
       "for_one_interval", *term.screen.text())
    (kernel.dir / "gone").touch()
    lines = term.until(lambda rows: "not loaded" in rows[0] and len(names(rows)) == 0)
    ok(lines, "unloaded_module_is_told", *term.screen.text())
    (kernel.dir / "gone").unlink()
    ok(term.until(has_rates), "and_waited_for", *term.screen.text())
    kernel.run("pool", "create", "late")
    ok(term.until(lambda rows: "late" in names(rows)), "a_new_pool_appears")
    kernel.run("pool", "delete", "app")
    ok(term.until(lambda rows: "app" not in names(rows)), "a_deleted_one_goes")
    (kernel.dir / "incarnation").write_text("1")
    ok(term.until(lambda rows: drawn(rows) and re.search(r"web +- +- ", "\n".join(rows))),
       "another_incarnation_has_no_rate_yet", *term.screen.text())
    term.send("q")
    ok(term.wait() == 0, "and_q_quits")
    term.close()
    term = top(kernel, "-p", "web")
    term.until(has_rates)
    kernel.run("pool", "delete", "web")
    ok(term.until(lambda rows: rows[0].startswith("web: no such pool")), "root_of_the_tree_may_go",
       *term.screen.text())
    kernel.run("pool", "create", "web")
    ok(term.until(has_rates), "and_come_again")
    term.close()


def test_sizes(kernel):
    thousand(kernel)
    term = top(kernel, "-s", "n")
    ok(term.until(lambda rows: "pools 1001" in rows[0] and len(names(rows)) == 22), "a_thousand_pools",
       *term.screen.text())
    term.send("\x1b[6~")
    ok(term.until(lambda rows: names(rows)[:1] != ["host"] and len(names(rows)) == 22), "page_down",
       *term.screen.text())
    while term.read(0.1):   # to the end of a frame: the next one is due in a fifth of a second
        pass
    before = names(term.screen.text())
    term.send("\x1bOB")
    ok(term.until(lambda rows: names(rows)[:21] == before[1:]), "line_down", *term.screen.text())
    term.send("\x1bOA")
    ok(term.until(lambda rows: names(rows) == before), "line_up", *term.screen.text())
    term.send("\x1bOF")
    ok(term.until(lambda rows: names(rows)[-1:] == ["pool-999"] and len(names(rows)) == 22),
       "end_shows_a_full_page", *term.screen.text())
    term.send("\x1bOH")
    ok(term.until(lambda rows: names(rows)[:1] == ["host"]), "home")
    term.resize(50, 200)
    ok(term.until(lambda rows: len(names(rows)) == 48 and "IOTHR%" in rows[1]), "larger_window",
       *term.screen.text())
    for rows, cols in ((5, 20), (3, 10), (2, 2), (1, 80), (1, 1), (60, 1), (1, 300), (100, 12)):
        term.resize(rows, cols)
        good = term.until(lambda lines: lines[-1] and (len(lines) < 3 or lines[2].strip(" -|`")))
        ok(good and term.proc.poll() is None, f"window_of_{rows}x{cols}", *term.screen.text()[:5])
    for number in range(60):
        term.resize(1 + number * 7 % 30, 1 + number * 13 % 90)
        term.send("tnch\x1b[6~"[number % 5])
        term.read(0.01)
    term.resize(24, 80)
    term.send(" ")
    ok(term.until(lambda lines: drawn(lines) and len(names(lines)) == 22), "many_sizes_in_a_row",
       *term.screen.text())
    term.send("q")
    ok(term.wait() == 0 and term.restored(), "and_it_still_quits")
    term.close()


def test_terminals(kernel):
    make_pools(kernel, "web", "web.db", "app")
    for name, locale, branch in (("vt100", "C", " |-app"), ("linux", "C.UTF-8", " ├─app"),
                                 ("xterm-256color", "C", " |-app"), ("screen", "C.UTF-8", " ├─app")):
        term = top(kernel, term=name, locale=locale)
        lines = term.until(has_rates) or term.screen.text()
        ok(any(line.startswith(branch) for line in lines), f"{name}_in_the_locale_{locale}", *lines)
        ok(bool(term.screen.colours) == (name != "vt100"), f"{name}_has_its_colours",
           term.screen.colours)
        term.send("q")
        ok(term.wait() == 0 and term.restored(), f"{name}_is_put_back")
        term.close()
    for name in ("dumb", "no-such-terminal", ""):
        term = top(kernel, term=name)
        ok(term.wait() == 2 and "cannot be drawn on" in " ".join(term.screen.text()) and
           term.restored(), f"terminal_{name!r}_is_refused", *term.screen.text()[:3])
        term.close()


def test_signals(kernel):
    make_pools(kernel, "web")
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        term = top(kernel)
        term.until(has_rates)
        term.kill(sig)
        ok(term.wait() == -sig and term.restored(), f"{sig.name}_restores_the_terminal",
           term.proc.returncode, term.screen.alternate, term.screen.cursor)
        term.close()
    term = top(kernel)
    term.until(has_rates)
    term.send("\x03")
    ok(term.wait() == -signal.SIGINT and term.restored(), "ctrl_c_is_one")
    term.close()
    for sig in (signal.SIGABRT, signal.SIGPIPE):
        term = top(kernel)
        term.until(has_rates)
        term.kill(sig)
        ok(term.wait() == -sig and term.restored(), f"death_by_{sig.name}_restores_the_terminal",
           term.proc.returncode, term.screen.alternate, term.screen.cursor)
        term.close()
    shell = f"set -m; {FAKE} top -d 0.2; echo STOPPED; read x; fg >/dev/null; echo CODE $?"
    term = Terminal(["bash", "-c", shell], kernel.env("flow", TERM="xterm-256color"))
    term.until(has_rates)
    term.send("\x1a")
    ok(term.until(lambda rows: any("STOPPED" in row for row in rows) and term.restored()),
       "ctrl_z_gives_the_terminal_back", *term.screen.text())
    term.send("\n")
    ok(term.until(lambda rows: term.screen.alternate and has_rates(rows) and names(rows)[1] == "web"),
       "and_takes_it_again", *term.screen.text())
    term.send("q")
    ok(term.wait() == 0 and any("CODE 0" in row for row in term.screen.text()), "and_quits",
       *term.screen.text())
    term.close()
    term = top(kernel)
    term.until(has_rates)
    os.close(term.slave)
    os.close(term.master)
    ok(term.proc.wait(15) in (-signal.SIGHUP, 2), "hangup_is_the_end", term.proc.returncode)


def main():
    tests = [test_plain, test_watch, test_watch_terminal, test_screen, test_refusals, test_sizes,
             test_terminals, test_signals]
    return run(tests, Kernel)


if __name__ == "__main__":
    sys.exit(main())
