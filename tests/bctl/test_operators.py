#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What operators use: filters, commands and snapshots of events, stat --delta, check.

Usage: test_operators.py BCTL BCTL_FAKE, as test_cli.py. Nothing here sleeps for a
fixed time; commands leave files behind that are polled for.
"""
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import termios
import time

from results import FAKE, SCHEMAS, ok, poll, run
import schema
import test_cli
from test_cli import Kernel, expect

HOSTILE = "$(>pwned)'\";`>p`\n\t\\"


def kinds(docs):
    return [d["event"] for d in docs]


def make_web(kernel):
    """The pools of fake_sys.c's events, and others."""
    for name, parent in (("top", "host"), ("web", "top"), ("web.worker", "web"), ("db", "host")):
        kernel.run("pool", "create", name, "--parent", parent)


def start(kernel, *args, mode="", pipesize=-1, **more):
    """bctl in the background, events left open."""
    return subprocess.Popen([FAKE, "events", *args], env=kernel.env(mode, **more), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, pipesize=pipesize)


def test_filters(kernel):
    make_web(kernel)
    everything = ["pool-new", "refusal", "refusal", "event-77", "pool-gone"]
    cases = [
        (everything, ["--pool", "web"]),
        (["refusal", "refusal"], ["--pool", "web.worker"]),
        ([], ["--pool", "db"]),
        (everything, ["--pool", "db", "--pool", "web"]),
        (["refusal", "refusal"], ["--res", "privvmpages"]),
        ([], ["--res", "numproc"]),
        (["refusal", "refusal"], ["--res", "numproc", "--res=privvmpages"]),
        (["pool-new"], ["--type", "pool-new"]),
        (["pool-new", "pool-gone"], ["--type", "pool-gone", "--type", "pool-new"]),
        (["refusal", "refusal"], ["--res", "privvmpages", "--min", "256"]),
        (["refusal", "refusal"], ["--res", "privvmpages", "--min", "256P"]),
        ([], ["--res", "privvmpages", "--min", "257"]),
        ([], ["--res", "privvmpages", "--min", "1G"]),
        (["refusal"], ["--type", "refusal", "--count", "1"]),
    ]
    for want, args in cases:
        run = kernel.run("events", "-j", *args)
        got = kinds([json.loads(line) for line in run.stdout.splitlines()])
        ok(run.returncode == 0 and got == want, f"filter: {' '.join(args)}", got, run.stderr)
    expect(kernel, 1, "--res frob: unknown resource", "events", "--res", "frob")
    expect(kernel, 1, "--min 1M: numproc: this resource is counted in items", "events", "--res",
           "numproc", "--min", "1M")
    expect(kernel, 2, "nobody: no such pool; --absent-ok waits for one", "events", "--pool", "nobody")
    run = kernel.run("events", "--pool", "nobody", "--absent-ok")
    ok(run.returncode == 0 and not run.stdout, "absent_pool_is_waited_for", run)
    run = kernel.run("events", "-j", "--type", "refusal", mode="overrun")
    ok(kinds(json.loads(li) for li in run.stdout.splitlines()) == ["refusal"] * 2 and
       b"events were lost" in run.stderr, "lost_is_not_printed_if_it_was_not_asked_for", run)
    docs = kernel.json("events", "--type", "lost", mode="overrun")
    ok(kinds(docs) == ["lost"], "lost_is_a_type", docs)


def test_tree(kernel):
    make_web(kernel)
    # the events are about the incarnation 7003, which is web.worker here
    for name, want in (("web", 5), ("top", 5), ("host", 5), ("web.worker", 5), ("db", 0)):
        run = kernel.run("events", "--pool", name, "--tree")
        ok(run.returncode == 0 and len(run.stdout.splitlines()) == want and
           run.stderr == b"listening\n", f"tree_of_{name}", run)
    run = kernel.run("events", "--pool", "top", "--tree", "--pool", "db", "--type", "pool-gone")
    ok(len(run.stdout.splitlines()) == 1, "tree_and_type", run)
    # nobody has 7003, but the culprit of the refusals is the pool 4, called web.worker
    (kernel.dir / "incarnation").write_text("50")
    run = kernel.run("events", "--pool", "top", "--tree")
    ok(run.returncode == 0 and not run.stdout and b"left out 5 events of pools that were gone" in
       run.stderr, "pool_that_cannot_be_placed_is_left_out_and_told", run)
    run = kernel.run("events", "--pool", "web", "--tree")
    ok(len(run.stdout.splitlines()) == 5, "unless_it_has_the_name", run)


def test_env(kernel):
    """Everything of the event is in the environment, and nothing that it has not."""
    out = kernel.dir / "out"
    out.mkdir()
    script = f'''env -0 >{out}/$BC_EVENT.$BC_TIME.$$; ls -l /proc/self/fd | wc -l >{out}/fds.$$
        readlink /proc/self/fd/0 >{out}/stdin.$$; echo on-stdout; echo on-stderr >&2'''
    run = kernel.run("events", "-j", "--exec", "--", "sh", "-c", script, BC_RES="inherited",
                     BC_LINE_LENGTH="70", BCTL_FAKE_COMM=HOSTILE)
    docs = [json.loads(line) for line in run.stdout.splitlines()]
    ok(run.returncode == 0 and len(docs) == 5 and b"on-stdout" not in run.stdout,
       "stdout_is_for_the_events", run)
    ok(run.stderr.count(b"on-stdout\n") == run.stderr.count(b"on-stderr\n") == 5,
       "output_of_commands_goes_to_stderr", run.stderr)
    envs = [dict(v.split("=", 1) for v in p.read_text().split("\0") if v)
            for p in sorted(out.iterdir(), key=lambda p: p.stat().st_mtime_ns)
            if p.name[0] in "rpe"]
    ok([e["BC_EVENT"] for e in envs] == kinds(docs), "commands_run_in_order", envs)
    ok({p.read_text() for p in out.glob("stdin.*")} == {"/dev/null\n"}, "stdin_is_dev_null")
    # total, 0, 1, 2, and the directory that ls reads
    ok({p.read_text() for p in out.glob("fds.*")} == {"5\n"}, "no_other_descriptor_is_open",
       [p.read_text() for p in out.glob("fds.*")])
    want = {"BC_EVENT": "refusal", "BC_TIME": "12345678901", "BC_POOL": "web", "BC_POOL_ID": "3",
            "BC_INCARNATION": "7003", "BC_RES": "privvmpages", "BC_UNIT": "pages",
            "BC_AMOUNT": "256", "BC_HELD": "16384", "BC_BARRIER": "16384",
            "BC_LIMIT": "unlimited", "BC_ORIGIN": "web.worker", "BC_ORIGIN_ID": "4",
            "BC_PID": "4711", "BC_COMM": HOSTILE, "BC_SUPPRESSED": "0", "BC_SKIPPED": "0",
            "BC_SCHEMA": "bctl.event/1", "BC_BOOT_ID": docs[1]["boot_id"]}
    got = {k: v for k, v in envs[1].items() if k.startswith("BC_") and k != "BC_LINE_LENGTH"}
    ok(json.loads(got.pop("BC_JSON")) == docs[1], "the_document_is_there_too")
    ok(got == want, "environment_of_a_refusal", got, want)
    ok("BC_PID" not in envs[2] and "BC_COMM" not in envs[2] and envs[2]["BC_SUPPRESSED"] == "9",
       "what_is_not_known_is_not_set", envs[2])
    ok("BC_RES" not in envs[0] and envs[0]["BC_LINE_LENGTH"] == "70" and envs[0]["PATH"],
       "inherited_variables_are_kept_but_for_ours", envs[0])


def test_hostile(kernel):
    """The name of a process stays the value of a variable, in a shell as well."""
    out = kernel.dir / "comm"
    run = subprocess.run([FAKE, "events", "--type", "refusal", "--count", "1", "--exec", "--", "sh",
                          "-c", f'printf %s "$BC_COMM" >{out}; echo $BC_COMM'], check=False,
                         env=kernel.env(BCTL_FAKE_COMM=HOSTILE), capture_output=True, cwd=kernel.dir)
    ok(out.read_text() == HOSTILE and not (kernel.dir / "pwned").exists() and
       not (kernel.dir / "p").exists(), "hostile_name_is_only_a_value", run)
    run = kernel.run("events", "--type", "refusal", "--count", "1", "--exec", "--", "cat", HOSTILE)
    ok(run.returncode == 0 and b"events: cat: failed 1 times of 1, 0" in run.stderr,
       "failures_of_commands_are_told", run)
    expect(kernel, 2, "no-such-command: No such file", "events", "--exec", "--", "no-such-command")
    expect(kernel, 2, "/etc/passwd: Permission denied", "events", "--exec", "--", "/etc/passwd")


def test_rate(kernel):
    out = kernel.dir / "ran"
    note = ["--exec", "--", "sh", "-c", f"echo $BC_SKIPPED >>{out}"]
    begin = time.monotonic()
    run = kernel.run("events", "--rate", "7", *note, mode="storm")
    took = time.monotonic() - begin
    ran = out.read_text().split()
    ok(len(ran) == 7 and ran[0] == "0" and sum(map(int, ran)) <= 493 and
       len(run.stdout.splitlines()) == 500, "no_more_commands_than_the_rate_but_all_events", out.read_text())
    ok(b"events: sh: not run for 493 events" in run.stderr and took < 30, "left_out_are_counted", run.stderr)
    out.unlink()
    # one at a time: the first runs, 256 wait, the others are left out and told to the next
    run = kernel.run("events", "--rate", "60000", *note, mode="storm")
    ran = out.read_text().split()
    ok(257 <= len(ran) < 500 and sum(map(int, ran)) == 500 - len(ran) and
       f"not run for {500 - len(ran)} events".encode() in run.stderr, "a_full_queue_leaves_events_out", len(ran), run.stderr)


def test_jobs(kernel):
    """As many at once as wanted, and no more."""
    running = kernel.dir / "running"
    running.mkdir()
    script = f'''touch {running}/$$; until [ -e {kernel.dir}/go ]; do sleep 0.02; done
        ls {running} | wc -l >{kernel.dir}/most.$$; rm {running}/$$'''
    proc = start(kernel, "--rate", "9", "--jobs", "3", "--exec", "--", "sh", "-c", script, mode="storm")
    ok(poll(lambda: len(list(running.iterdir())) == 3), "three_run_at_once")
    (kernel.dir / "go").touch()
    out, err = proc.communicate(timeout=60)
    most = [int(p.read_text()) for p in kernel.dir.glob("most.*")]
    ok(proc.returncode == 0 and len(most) == 9 and max(most) == 3, "and_never_more", most, err, len(out))


def children(proc):
    with open(f"/proc/{proc.pid}/task/{proc.pid}/children", encoding="ascii") as f:
        return f.read().split()


def test_hanging(kernel):
    """A command that hangs is ended with all of its group; events go on meanwhile."""
    mark = kernel.dir / "mark"
    script = f"trap '' TERM; sleep 1000 & echo $! $$ >>{mark}; while :; do sleep 1000; done"
    proc = start(kernel, "--exec-timeout", "0.3", "--type", "refusal", "--exec", "--", "sh", "-c", script)
    lines = [proc.stdout.readline() for _ in range(2)]
    ok(all("refusal" in li for li in lines), "events_do_not_wait_for_a_command", lines)
    out, err = proc.communicate(timeout=60)
    ok(proc.returncode == 0 and "failed 2 times of 2, 2 of them out of time" in err,
       "hanging_commands_are_killed", out, err)
    pids = mark.read_text().split()
    ok(len(pids) == 4 and poll(lambda: not any(os.path.exists(f"/proc/{p}") and
                               "Z" not in open(f"/proc/{p}/stat", encoding="ascii").read().split()[2]
                               for p in pids)), "with_what_they_started", pids)


def test_signals(kernel):
    done = kernel.dir / "done"
    for sig in (signal.SIGINT, signal.SIGTERM):
        started = kernel.dir / f"started.{sig}"
        script = f"touch {started}; until [ -e {kernel.dir}/go.{sig} ]; do sleep 0.02; done; echo >>{done}"
        proc = start(kernel, "--exec", "--", "sh", "-c", script, mode="wait")
        ok(poll(started.exists), "command_runs")
        proc.send_signal(sig)
        time.sleep(0)
        ok(proc.poll() is None, f"signal_{sig}_waits_for_the_command")
        (kernel.dir / f"go.{sig}").touch()
        out, err = proc.communicate(timeout=60)
        ok(proc.returncode == 0 and len(out.splitlines()) == 5 and "not run for 4 events" in err,
           f"signal_{sig}_ends_cleanly", proc.returncode, out, err)
    ok(len(done.read_text().splitlines()) == 2, "the_running_command_ended_by_itself")
    started = kernel.dir / "started"
    proc = start(kernel, "--exec", "--", "sh", "-c", f"touch {started}; sleep 1000", mode="wait")
    poll(started.exists)
    proc.send_signal(signal.SIGTERM)
    poll(lambda: proc.poll() is not None, 0.2)
    proc.send_signal(signal.SIGTERM)
    out, err = proc.communicate(timeout=60)
    ok(proc.returncode == 0 and "1 of them out of time" in err, "second_signal_ends_the_command", err)
    proc = start(kernel, "--exec", "--", "true", mode="wait")
    ok(poll(lambda: not children(proc)) is not None, "no_zombie_stays")
    lines = [proc.stdout.readline() for _ in range(5)]
    ok(len(lines) == 5 and poll(lambda: not children(proc)), "no_zombie_stays_after_all_events")
    proc.send_signal(signal.SIGTERM)
    ok(proc.communicate(timeout=60) and proc.returncode == 0, "idle_bctl_ends_at_a_signal")


def test_stuck_reader(kernel):
    """Who reads the events has stopped reading: bctl can be ended all the same."""
    proc = start(kernel, "-j", mode="storm", pipesize=4096)
    size = 4096     # each line is written at once or not at all
    buf = bytearray(4)

    def full():
        fcntl.ioctl(proc.stdout.fileno(), termios.FIONREAD, buf)
        return int.from_bytes(buf, sys.byteorder) > size - 500
    ok(poll(full), "pipe_is_full")
    proc.send_signal(signal.SIGTERM)
    ok(poll(lambda: proc.poll() is not None) and proc.returncode == 2 and
       "cannot write the output" in proc.stderr.read(), "stuck_output_can_be_ended", proc.poll())
    if proc.poll() is None:
        proc.kill()
    proc.communicate()


def fake_proc(kernel, pid, comm="sh", cmdline=b"sh\0-c\0x\0", fds=3, state="S (sleeping)"):
    """A process, as far as bctl looks."""
    path = kernel.dir / f"proc/{pid}"
    (path / "fd").mkdir(parents=True)
    for fd in range(fds):
        (path / f"fd/{fd}").touch()
    (path / "status").write_text(
        f"Name:\tescaped\\n\nState:\t{state}\nTgid:\t{pid}\nPPid:\t1\nUid:\t33\t0\t0\t0\n"
        "VmSize:\t    2048 kB\nVmRSS:\t     512 kB\nThreads:\t2\n")
    (path / "comm").write_text(comm + "\n")
    (path / "cmdline").write_bytes(cmdline)
    (path / "cgroup").write_text("1:name=x:/y\n0::/bc/top/web\n")


def snapshots(directory):
    docs = [json.loads(p.read_text()) for p in sorted(directory.iterdir())]
    wrong = [e for d in docs for e in schema.errors(d, SCHEMAS["bctl.snapshot/1"])]
    ok(not wrong, "snapshots_are_as_their_schema_says", *wrong)
    return docs


def test_snapshot(kernel):
    make_web(kernel)
    web = kernel.cgroup / "bc/top/web"
    (web / "web.worker/cgroup.procs").write_text("4711\n20\n")
    (web / "cgroup.procs").write_text("30\n40\n0\n")
    fake_proc(kernel, 4711, comm=HOSTILE)
    fake_proc(kernel, 20, cmdline=b"\xff\x1b[2J\0" + b"y" * 5000)
    fake_proc(kernel, 30, cmdline=b"", fds=0)
    into = kernel.dir / "snaps"
    # incarnation 7002 is that of "web" here, 7003 that of the event
    (kernel.dir / "incarnation").write_text("1")
    run = kernel.run("events", "-j", "--snapshot", str(into), "--exec", "--", "sh", "-c",
                     'echo "$BC_EVENT=$BC_SNAPSHOT="', mode="proc", BCTL_FAKE_COMM=HOSTILE)
    docs = snapshots(into)
    events = [json.loads(line) for line in run.stdout.splitlines()]
    ok(run.returncode == 0 and len(docs) == 2, "a_file_for_each_refusal", run)
    ok(all(os.path.exists(e["snapshot"]) == (e["event"] == "refusal") for e in events
           if "snapshot" in e) and sum("snapshot" in e for e in events) == 2 and
       f"refusal={events[1]['snapshot']}=\n".encode() in run.stderr and
       b"pool-new==\n" in run.stderr, "its_name_is_told", run)
    doc = docs[0]
    one = {"pid": 4711, "ppid": 1, "uid": 33, "state": "S", "comm": HOSTILE,
           "cmdline": ["sh", "-c", "x"], "vsz_bytes": 2 << 20, "rss_bytes": 512 << 10,
           "threads": 2, "fds": 3, "cgroup": "bc/top/web"}
    ok(doc["processes"][0] == one, "culprit_comes_first", doc["processes"][0])
    rest = {p["pid"]: p for p in doc["processes"]}
    ok(set(rest) == {4711, 20, 30} and len(doc["processes"]) == 3, "all_below_and_none_twice", rest)
    ok(rest[20]["cmdline"][0] == "\ufffd\x1b[2J" and len(rest[20]["cmdline"][1]) < 2048 and
       rest[20]["cmdline_cut"] and "cmdline" not in rest[30] and rest[30]["fds"] == 0,
       "hostile_and_missing_arguments", rest[20], rest[30])
    ok((doc["listed"], doc["vanished"], doc["left_out"], doc["skipped"]) == (4, 1, 0, 0) and
       doc["cgroup"] == "bc/top/web" and doc["event"]["pool"] == "web", "counts_of_a_snapshot", doc)
    raw = next(into.iterdir()).read_bytes()
    ok(b"\x1b" not in raw and raw.count(b"\n") == 1, "control_characters_are_escaped")
    ok(all(p.stat().st_mode & 0o777 == 0o600 for p in into.iterdir()), "only_the_owner_may_read")
    (kernel.dir / "incarnation").write_text("5")
    shutil.rmtree(into)
    kernel.run("events", "--snapshot", str(into), "--count", "2", mode="proc")
    doc, = snapshots(into)
    ok(doc["error"] == "the pool or its cgroup is gone" and "cgroup" not in doc and
       [p["pid"] for p in doc["processes"]] == [4711], "another_incarnation_is_not_shown", doc)


def test_snapshot_bounds(kernel):
    make_web(kernel)
    (kernel.dir / "incarnation").write_text("1")
    pids = range(5000, 5600)
    for pid in pids:
        fake_proc(kernel, pid, fds=0)
    (kernel.cgroup / "bc/top/web/cgroup.procs").write_text("".join(f"{p}\n" for p in pids))
    into = kernel.dir / "snaps"
    into.mkdir()
    (into / "mine").write_text("{}")
    args = ("events", "--snapshot", str(into), "--keep", "3", "--rate", "5")
    run = kernel.run(*args, mode="storm,proc")
    (into / "mine").unlink()
    docs = snapshots(into)
    ok(len(docs) == 3 and b"no snapshot of 495 refusals" in run.stderr, "rate_and_number_are_kept",
       len(docs), run.stderr)
    doc = docs[-1]
    ok(doc["listed"] == 600 and len(doc["processes"]) + doc["left_out"] + doc["vanished"] == 601 and
       len(doc["processes"]) <= 512 and doc["left_out"] >= 88, "processes_are_bounded",
       len(doc["processes"]), doc["left_out"], doc["vanished"])
    shutil.rmtree(into)
    into.write_text("")
    expect(kernel, 2, "snaps: Not a directory", *args)
    into.unlink()
    if os.geteuid() == 0:
        into.mkdir()
        os.chown(into, 12345, 12345)
        expect(kernel, 2, "snaps: the directory is another user's", *args)
        into.rmdir()
    proc = start(kernel, "--snapshot", str(into), "--type", "refusal", mode="wait")
    proc.stdout.readline()
    out, err = end(proc)
    ok(into.is_dir() and proc.returncode == 0, "directory_is_made", err)


def end(proc):
    proc.send_signal(signal.SIGTERM)
    return proc.communicate(timeout=60)


def test_snapshot_error(kernel):
    """A disk that takes nothing: told once, counted, and the events go on."""
    make_web(kernel)
    into = kernel.dir / "snaps"
    into.mkdir()
    limited = ["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh", FAKE, "events", "-j",
               "--snapshot", str(into)]
    run = subprocess.run(limited, env=kernel.env("readonly"), capture_output=True, check=False)
    ok(run.returncode == 0 and len(run.stdout.splitlines()) == 5 and
       run.stderr.count(b"cannot write a snapshot: File too large") == 1 and
       b"no snapshot of 2 refusals, 2 of them for an error" in run.stderr and
       not list(into.iterdir()), "error_of_a_snapshot_is_told_and_that_is_all", run)


def deltas(doc, name="web", res="numproc"):
    pool = next(p for p in doc["pools"] if p["name"] == name)
    return pool["delta"]["since"], pool["resources"][res]["delta"]["failcnt"]


def test_delta(kernel):
    kernel.run("pool", "create", "web", "numproc=5")
    number, made = kernel.dir / "failcnt", kernel.dir / "created"
    run = kernel.run("stat", "--delta")
    ok(run.returncode == 0 and b"default: no earlier call with this key" in run.stderr and
       b"SINCE" in run.stdout and b"creation" in run.stdout, "first_call_says_so", run)
    number.write_text("10")
    run = kernel.run("stat", "--delta", "web")
    ok(not run.stderr and run.stdout.count(b" last") == 6 and b" 10 last" in run.stdout,
       "delta_as_text", run)
    doc, = kernel.json("stat", "--delta", "web")
    ok(deltas(doc) == ("last", 0) and doc["delta"] == {"key": "default", "first": False},
       "nothing_new_is_0", doc)
    number.write_text("17")
    doc, = kernel.json("stat", "--delta=other", "web")
    ok(deltas(doc) == ("creation", 18) and doc["delta"]["first"], "each_key_has_its_own_past", doc)
    doc, = kernel.json("stat", "web", "--delta")
    ok(deltas(doc) == ("last", 7) and doc["pools"][0]["resources"]["numproc"]["failcnt"] == 18,
       "delta_is_of_the_last_call", doc)
    doc, = kernel.json("stat", "host", "--delta")
    ok(deltas(doc, "host") == ("last", 17), "pools_that_were_not_looked_at_keep_their_past", doc)
    number.write_text("3")
    made.write_text("9")
    doc, = kernel.json("stat", "--delta")
    ok(deltas(doc) == ("creation", 4), "recreated_pool_begins_anew", doc)
    doc, = kernel.json("stat", "--delta")
    ok(deltas(doc) == ("last", 0), "and_goes_on", doc)
    number.write_text("1")
    doc, = kernel.json("stat", "--delta")
    ok(deltas(doc) == ("last", 2), "nothing_is_negative", doc)
    state = kernel.dir / "home/bctl/delta/default.json"
    base = json.loads(state.read_text())
    web = next(v for k, v in base["pools"].items() if k.startswith("web/"))
    web["resources"]["gone"] = {"failcnt": 8, "failed": 8}
    state.write_text(json.dumps(base))
    kernel.run("stat", "--delta")
    ok('"gone":{"failcnt":8' in state.read_text(), "a_resource_that_went_may_come_back")
    state.write_text(json.dumps({**base, "boot_id": "another"}))
    doc, = kernel.json("stat", "--delta")
    ok(deltas(doc)[0] == "creation" and doc["delta"]["first"], "reboot_begins_anew", doc)
    ok(len(json.loads(state.read_text())["pools"]) == 2, "the_dead_are_forgotten", state.read_text())
    ok(state.stat().st_mode & 0o777 == 0o600, "state_is_private")


def test_delta_damage(kernel):
    kernel.run("pool", "create", "web", "numproc=5")
    state = kernel.dir / "home/bctl/delta/k.json"
    kernel.run("stat", "--delta=k")
    good = json.loads(state.read_text())
    key = next(iter(good["pools"]))
    bad = [b"", b"{", b"null", b"[]", b"\0\xff", b"{}", b"[" * 100000,
           json.dumps({**good, "schema": "bctl.delta/9"}).encode(),
           json.dumps({**good, "pools": []}).encode(),
           json.dumps({**good, "pools": {key: 5}}).encode(),
           json.dumps({**good, "pools": {"x": good["pools"][key]}}).encode(),
           json.dumps({**good, "pools": {key: {"taken_ns": 1, "resources": {"a": []}}}}).encode(),
           json.dumps({**good, "pools": {key: {"taken_ns": 1, "resources":
                      {"a": {"failcnt": -1, "failed": 0}}}}}).encode(),
           json.dumps({k: v for k, v in good.items() if k != "boot_id"}).encode()]
    for data in bad:
        state.write_bytes(data)
        run = kernel.run("stat", "--delta=k")
        again = kernel.run("stat", "--delta=k")
        ok(run.returncode == again.returncode == 0 and b"k.json is damaged" in run.stderr and
           not again.stderr, f"damaged_state_is_replaced: {data[:30]!r}", run, again)
    state.unlink()
    state.symlink_to("/etc/passwd")
    run = kernel.run("stat", "--delta=k")
    ok(run.returncode == 0 and b"damaged" in run.stderr and not state.is_symlink() and
       "root" in open("/etc/passwd", encoding="ascii").read(), "symbolic_link_is_replaced", run)
    state.unlink()
    state.mkdir()
    run = kernel.run("stat", "--delta=k")
    ok(run.returncode == 2 and b"cannot keep the figures" in run.stderr and not run.stdout,
       "what_cannot_be_kept_is_not_told", run)
    state.rmdir()
    limited = ["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh", FAKE, "stat", "--delta=new"]
    run = subprocess.run(limited, env=kernel.env("readonly"), capture_output=True, check=False)
    ok(run.returncode == 2 and b"cannot keep the figures: File too large" in run.stderr and
       not run.stdout and not list(state.parent.glob(".bctl*")), "full_disk_leaves_nothing", run)
    expect_env = kernel.env(XDG_STATE_HOME="/proc/nowhere")
    run = subprocess.run([FAKE, "stat", "--delta"], env=expect_env, capture_output=True, check=False)
    ok(run.returncode == 2 and b"/proc/nowhere" in run.stderr, "no_place_for_the_state", run)


def test_delta_together(kernel):
    """Many at once: each failure is told exactly once."""
    kernel.run("pool", "create", "web", "numproc=5")
    kernel.run("stat", "--delta")
    (kernel.dir / "failcnt").write_text("1000")
    procs = [subprocess.Popen([FAKE, "stat", "web", "--delta", "-j"], env=kernel.env(mode="readonly"),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)]
    docs = [json.loads(proc.communicate(timeout=60)[0]) for proc in procs]
    ok(sum(deltas(d)[1] for d in docs) == 1000, "nothing_is_told_twice", [deltas(d) for d in docs])


def test_interval(kernel):
    kernel.run("pool", "create", "web", "numproc=5")
    docs = kernel.json("stat", "web", "--interval", "0.05", "--count", "3")
    ok(len(docs) == 3 and all(deltas(d) == ("last", 0) for d in docs) and
       all("key" not in d["delta"] for d in docs) and
       docs[2]["pools"][0]["delta"]["since_ns"] == docs[1]["taken_ns"], "interval", docs)
    ok(not (kernel.dir / "home").exists(), "interval_keeps_nothing")
    proc = subprocess.Popen([FAKE, "stat", "web", "-j", "--interval", "0.1"], text=True,
                            env=kernel.env(), stdout=subprocess.PIPE)
    proc.stdout.readline()
    (kernel.dir / "failcnt").write_text("5")
    seen = [deltas(json.loads(proc.stdout.readline()))[1] for _ in range(5)]
    proc.kill()
    proc.wait()
    ok(sum(seen) == 5, "interval_shows_what_is_new", seen)


def check(kernel, status, words, *args, mode="", name=None, **more):
    run = kernel.run("check", *args, mode=mode, **more)
    out = run.stdout.decode()
    ok(run.returncode == status and words in out and not run.stderr and out.count("\n") == 1 and
       out.startswith("BEANCOUNTER " + ("OK", "WARNING", "CRITICAL", "UNKNOWN")[status] + " - "),
       name or f"check_{status}: {' '.join(args)[:60]}", run.returncode, out, run.stderr)
    return out


def test_check(kernel):
    # held of the pool 1 is 100, 101, 102
    kernel.run("pool", "create", "web", "numproc=240")
    out = check(kernel, 0, "1 resources below 80 %")
    ok(out.endswith(" | 'web.numproc'=101;192;216;0;240\n"), "perfdata", out)
    kernel.run("pool", "set", "web", "numproc=126")
    check(kernel, 1, "web.numproc holds 101 of 126 (80 %) | 'web.numproc'=101;101;114;0;126", "web")
    kernel.run("pool", "set", "web", "numproc=127")
    check(kernel, 0, "'web.numproc'=101;102;115;0;127", "web", name="just_below_is_ok")
    check(kernel, 1, "79 %", "web", "-w", "79")
    check(kernel, 1, "79 %", "web", "-w79%", "-c80%")
    check(kernel, 2, "79 %", "web", "-w", "50", "-c", "79")
    check(kernel, 0, "", "web", "--warning", "100", "--critical=100")
    kernel.run("pool", "set", "web", "numproc=0:0", "tcpsndbuf=113")
    check(kernel, 2, "web.numproc holds 101 of 0, web.tcpsndbuf holds 102 of 113 (90 %)", "web")
    check(kernel, 2, "'web.tcpsndbuf'=102B;91;102;0;113", "web", "--res", "tcpsndbuf")
    kernel.run("pool", "set", "web", "numproc=120")
    check(kernel, 2, "web.tcpsndbuf holds 102 of 113 (90 %), web.numproc holds 101 of 120 (84 %)",
          name="critical_comes_first")
    check(kernel, 0, "nothing has a barrier", "web", "--res", "privvmpages")
    check(kernel, 0, "nothing has a barrier", "host")
    for number in range(12):
        kernel.run("pool", "create", f"p{number}", "numproc=1")
    out = check(kernel, 2, " and 5 more")
    ok(out.count(" holds ") == 9 and out.count(".numproc'=") == 13, "words_are_bounded", out)


def test_check_unknown(kernel):
    kernel.run("pool", "create", "web", "numproc=240")
    check(kernel, 3, "the beancounter module is not loaded", mode="absent")
    check(kernel, 3, "needs root on the host", mode="eperm")
    check(kernel, 3, "malformed", mode="shortrec")
    check(kernel, 3, "nobody: no such pool", "nobody")
    check(kernel, 3, "frob: unknown resource", "--res", "frob")
    check(kernel, 3, "numfile: not counted on this kernel", "--res", "numfile")
    for words, *args in (("-w 0: not a percentage", "-w", "0"), ("-w 101: not", "-w101"),
                         ("-c x: not a percentage", "-c", "x"), ("-c %: not", "-c", "%"),
                         ("-w 95 is above -c 90", "-w", "95"), ("needs a value", "-w"),
                         ("unknown option '-j'", "-j"), ("given twice", "-w1", "-w2"),
                         ("--failures=: a key is", "--failures="), ("at most 63", "x" * 64),
                         ("a_b", "a|b")):
        check(kernel, 3, words, *args)
    run = kernel.run("check", "-w", "x", program=test_cli.BCTL)
    ok(run.returncode == 3 and not run.stderr, "wrong_command_line_is_unknown", run)
    check(kernel, 3, "/proc/nowhere", "--failures", XDG_STATE_HOME="/proc/nowhere")


def test_check_failures(kernel):
    kernel.run("pool", "create", "web", "numproc=240")
    out = check(kernel, 2, "web.numproc was refused 1 times", "web", "--failures")
    ok("failures since the pools were made" in out and "'web.numproc.failures'=1" in out,
       "first_check_counts_from_the_beginning", out)
    check(kernel, 0, "'web.numproc.failures'=0", "web", "--failures")
    (kernel.dir / "failcnt").write_text("4")
    check(kernel, 0, "", "web", name="failures_do_not_count_if_not_wanted")
    out = check(kernel, 2, "web.numproc was refused 4 times", "web", "--failures=check")
    ok("since the pools were made" not in out, "later_checks_are_relative", out)
    check(kernel, 0, "'web.numproc.failures'=0", "web", "--failures")


def main():
    tests = [test_filters, test_tree, test_env, test_hostile, test_rate, test_jobs, test_hanging,
             test_signals, test_stuck_reader, test_snapshot, test_snapshot_bounds, test_snapshot_error, test_delta,
             test_delta_damage, test_delta_together, test_interval, test_check, test_check_unknown,
             test_check_failures]
    return run(tests, Kernel)


if __name__ == "__main__":
    sys.exit(main())
