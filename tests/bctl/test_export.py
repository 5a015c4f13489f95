#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bctl export: both formats, the file, the server, hostile clients, a real Prometheus.

Usage: test_export.py BCTL BCTL_FAKE, as test_cli.py. Prometheus and promtool come from
tests/vm/get-prometheus; what needs them is skipped if they are not in the cache, unless
BC_LONG is set.
"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from decimal import Decimal
from pathlib import Path

from results import FAKE, TOP, finish, ok, poll, skip
from test_cli import PAGE, Kernel, expect

EXAMPLES = TOP / "Documentation/examples"
OPEN = "application/openmetrics-text"
# What Prometheus 2.42 sends.
ACCEPT = (f"{OPEN};version=1.0.0,{OPEN};version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$)')
NOTHING = "is not in the cache; tests/vm/get-prometheus fetches it"


# ---- reading metrics, strictly ----

def labels(text):
    found, pos = {}, 0
    while text and pos < len(text):
        match = LABEL.match(text, pos)
        if not match or match[1] in found:
            raise ValueError(f"labels: {text}")
        found[match[1]] = re.sub(r'\\(.)', lambda m: {"n": "\n"}.get(m[1], m[1]), match[2])
        pos = match.end()
    return tuple(sorted(found.items()))


class Metrics:
    """The lines of an exposition: families by name, samples by name and labels."""

    def __init__(self, text, openmetrics=False):
        self.types, self.helps, self.units, self.samples = {}, {}, {}, {}
        self.family = None
        lines = text.split("\n")
        if lines.pop():
            raise ValueError("no line feed at the end")
        if openmetrics and lines.pop() != "# EOF":
            raise ValueError("no EOF")
        for line in lines:
            self.line(line, openmetrics)
        for name, kind in self.types.items():
            if kind == "histogram":
                self.histogram(name)

    def line(self, line, openmetrics):
        if line.startswith("# "):
            what, name, rest = line[2:].split(" ", 2)
            into = {"HELP": self.helps, "TYPE": self.types, "UNIT": self.units}[what]
            if name in into or (what == "HELP" and name in self.types):
                raise ValueError(f"twice: {line}")
            if what == "UNIT" and not (openmetrics and name.endswith("_" + rest)):
                raise ValueError(line)
            into[name] = rest
            self.family = name
            return
        match = LINE.match(line)
        if not match:
            raise ValueError(f"no sample: {line}")
        name, value = match[1], match[3]
        kind = self.types[self.family]
        ends = {"counter": ("_total",) if openmetrics else ("",), "info": ("_info",),
                "histogram": ("_bucket", "_sum", "_count")}.get(kind, ("",))
        if name not in {self.family + end for end in ends}:
            raise ValueError(f"{name} in the family {self.family}, a {kind}")
        key = (name, labels(match[2]))
        if key in self.samples:
            raise ValueError(f"twice: {line}")
        if not re.fullmatch(r"\d+(\.\d+)?", value):
            raise ValueError(f"value: {line}")
        self.samples[key] = Decimal(value)

    def histogram(self, name):
        series = {}
        for (full, tags), value in self.samples.items():
            if full == name + "_bucket":
                rest = tuple(tag for tag in tags if tag[0] != "le")
                series.setdefault(rest, []).append((float(dict(tags)["le"]), value))
        for rest, buckets in series.items():
            counts = [value for _, value in sorted(buckets)]
            if (counts != sorted(counts) or sorted(buckets)[-1][0] != float("inf") or
                    counts[-1] != self.samples[(name + "_count", rest)] or
                    (name + "_sum", rest) not in self.samples):
                raise ValueError(f"{name} {rest}: {buckets}")

    def get(self, full, **tags):
        return self.samples.get((full, tuple(sorted(tags.items()))))

    def names(self):
        return {name for name, _ in self.samples}


def text_of(kernel, *args, mode="flow"):
    run = kernel.run("export", "--textfile", "-", *args, mode=mode)
    if run.returncode or run.stderr:
        ok(False, "export_to_stdout", run)
    return run.stdout.decode()


# ---- what the metrics are ----

def make_pools(kernel):
    for name in ("cgroup.controllers", "cgroup.subtree_control"):
        (kernel.cgroup / name).write_text("cpu io memory pids\n")
    (kernel.cgroup / "bc").mkdir()
    for name in ("cgroup.controllers", "cgroup.subtree_control"):
        (kernel.cgroup / "bc" / name).write_text("cpu io memory pids\n")
    for args in (("web", "numproc=10:20", "cpu.limit=150%", "io.rbps=1M", "privvmpages=100:200"),
                 # the largest one: in bytes it takes more than 64 bits
                 ("web.child", "--parent", "web", f"privvmpages={(1 << 62) - 1}")):
        run = kernel.run("pool", "create", *args)
        ok(run.returncode == 0, f"pool_{args[0]}", run)


def test_figures(kernel):
    """The same as bctl pool show -j tells."""
    shown = json.loads(kernel.run("pool", "show", "-j", mode="frozen").stdout)
    m = Metrics(text_of(kernel, mode="frozen"))
    bad = []
    for pool in shown["pools"]:
        for name, res in pool["resources"].items():
            if res["unit"] not in ("items", "bytes", "pages"):
                continue
            kind = "items" if res["unit"] == "items" else "bytes"
            factor = PAGE if res["unit"] == "pages" else 1
            for key in ("held", "maxheld", "barrier", "limit"):
                want = res.get(key)
                have = m.get(f"bc_{key}_{kind}", pool=pool["name"], resource=name)
                if have != (None if want is None else want * factor):
                    bad.append((pool["name"], name, key, want, have))
            if m.get("bc_failures_total", pool=pool["name"], resource=name) != res.get("failcnt"):
                bad.append((pool["name"], name, "failcnt"))
        cpu = pool["cpu"]
        if m.get("bc_cpu_seconds_total", pool=pool["name"], mode="user") * 10**9 != cpu["user_ns"]:
            bad.append((pool["name"], "cpu", cpu))
        if m.get("bc_io_bytes_total", pool=pool["name"], direction="write") != \
                pool["io"]["write_bytes"]:
            bad.append((pool["name"], "io", pool["io"]))
    ok(not bad, "figures_are_those_of_pool_show", *bad)
    ok(m.get("bc_held_byte_seconds_total", pool="web", resource="privvmpages") ==
       100 * 5 * PAGE and
       m.get("bc_held_item_seconds_total", pool="web", resource="numproc") == 101 * 5,
       "integrals_of_five_seconds")
    ok(m.get("bc_cpu_limit_cpus", pool="web") == Decimal("1.5") and
       m.get("bc_cpu_limit_cpus", pool="web.child") is None, "unlimited_is_absent")
    ok(m.get("bc_io_limit_bytes_per_second", pool="web", direction="read") == 1 << 20,
       "limit_of_block_io")
    ok(m.get("bc_held_bytes", pool="web", resource="vmguarpages") is None and
       m.get("bc_held_items", pool="web", resource="numfile") is None and
       m.get("bc_resource_enforced", resource="numfile") == 0, "what_is_not_known_is_absent")
    ok(m.get("bc_pool_info", pool="web.child", id="2", parent="web", cgroup="bc/web/web.child") == 1,
       "pool_info", sorted(k for k in m.samples if k[0] == "bc_pool_info"))
    ok(m.get("bc_closed_records") == 0 and m.get("bc_closed_records_lost_total") == 0, "closing")
    ok(not [n for n in m.names() if n.startswith("bc_io_request_service")] and
       "bc_memory_bytes" not in m.names(), "costly_ones_are_for_those_who_ask")
    times = m.get("bc_pool_start_time_seconds", pool="web"), m.get("bc_snapshot_timestamp_seconds")
    ok(times[1] - times[0] == 5, "pool_is_five_seconds_old", times)


def test_less(kernel):
    m = Metrics(text_of(kernel, mode="flow,old"))
    ok(m.get("bc_up") == 1 and not {n for n in m.names() if "_seconds_total" in n and
                                    n.startswith("bc_held")} and
       "bc_closed_records" not in m.names() and "bc_module_start_time_seconds" not in m.names(),
       "an_older_module_has_less")
    m = Metrics(text_of(kernel, mode="nosettings"))
    ok(not [n for n in m.names() if n.startswith(("bc_cpu", "bc_io"))], "no_flows_no_metrics")
    m = Metrics(text_of(kernel, "--detail", mode=""))
    ok(m.get("bc_memory_bytes", pool="web", kind="anon") == 1 << 20, "detail_has_memory")
    m = Metrics(text_of(kernel, mode="newstate"))
    ok("bc_pool_info" not in m.names(), "only_live_pools_are_told")
    run = kernel.run("export", "--textfile", "-", mode="absent")
    m = Metrics(run.stdout.decode())
    ok(run.returncode == 0 and b"not loaded" in run.stderr and m.get("bc_up") == 0 and
       m.names() == {"bc_up", "bc_build_info", "bc_scrape_duration_seconds"},
       "no_module_is_bc_up_0", run)
    run = kernel.run("export", "--textfile", "-", mode="eperm")
    ok(Metrics(run.stdout.decode()).get("bc_up") == 0, "no_permission_is_bc_up_0", run)


def test_histogram(kernel):
    m = Metrics(text_of(kernel, "--histograms", mode="frozen,spread"))
    name = "bc_io_request_service_seconds"
    tags = {"pool": "web", "direction": "read"}
    # 90 below 128 us, 10 more below 2.048 ms
    got = [m.get(name + "_bucket", le=le, **tags)
           for le in ("0.000064", "0.000256", "0.001024", "0.004096", "+Inf")]
    ok(got == [0, 90, 90, 100, 100] and m.get(name + "_count", **tags) == 100 and
       m.get(name + "_sum", **tags) == Decimal("0.000000013"), "buckets_of_service", got)
    wait = "bc_io_request_wait_seconds_bucket"
    got = [m.get(wait, le=le, pool="web", direction="write") for le in ("0.000016", "0.000064")]
    ok(got == [0, 3], "what_is_below_a_bound_is_in_its_bucket", got)
    ok(m.get(name + "_bucket", le="16.777216", pool="web", direction="write") == 0 and
       m.get(name + "_bucket", le="+Inf", pool="web", direction="write") == 1,
       "the_last_bucket_has_no_bound")


def test_labels(kernel):
    """A cgroup may have any name."""
    hostile = 'a "b\\c\nd\xff\xc3\xa9}'.encode("latin-1")
    os.mkdir(os.path.join(os.fsencode(kernel.cgroup), hostile))
    run = kernel.run("pool", "create", "odd", "--cgroup",
                     os.fsencode(kernel.cgroup) + b"/" + hostile)
    text = text_of(kernel, "--compat", "cadvisor")
    m = Metrics(text)
    found = [dict(tags)["cgroup"] for name, tags in m.samples
             if name == "bc_pool_info" and dict(tags)["pool"] == "odd"]
    want = 'a "b\\c\nd\ufffd\u00e9}'
    ok(run.returncode == 0 and found == [want], "labels_are_escaped", run, found)
    ok(m.get("container_threads", id="/" + want, name="odd") is not None, "and_those_of_cadvisor")
    kernel.run("pool", "delete", "odd")


def test_cadvisor(kernel):
    m = Metrics(text_of(kernel, "--compat", "cadvisor", mode="frozen"))
    tags = {"id": "/bc/web", "name": "web"}
    ok(m.get("container_cpu_usage_seconds_total", cpu="total", **tags) ==
       m.get("bc_cpu_seconds_total", pool="web", mode="user") +
       m.get("bc_cpu_seconds_total", pool="web", mode="system"), "cadvisor_cpu")
    ok(m.get("container_memory_usage_bytes", **tags) ==
       m.get("bc_held_bytes", pool="web", resource="physpages"), "cadvisor_memory")
    ok(m.get("container_memory_rss", **tags) == 1 << 20, "cadvisor_rss_without_detail")
    ok(m.get("container_spec_cpu_quota", **tags) == 150000 and
       m.get("container_spec_cpu_period", **tags) == 100000 and
       m.get("container_spec_cpu_shares", **tags) == 1024, "cadvisor_cpu_limits")
    ok(m.get("container_threads_max", **tags) == 20 and
       m.get("container_threads_max", id="/bc/web/web.child", name="web.child") is None and
       m.get("container_threads", id="/") == 1, "cadvisor_tasks")
    ok(m.get("container_sockets", **tags) is None and
       "container_memory_working_set_bytes" not in m.names(), "cadvisor_unknown_is_absent")
    wrong = [n for n in text_of(kernel).split("\n") if n.startswith("container")]
    ok(not wrong, "cadvisor_only_on_request", *wrong)


# ---- the file ----

def test_file(kernel):
    path = kernel.dir / "bc.prom"
    run = kernel.run("export", "--textfile", str(path), mode="flow")
    ok(run.returncode == 0 and not run.stdout and Metrics(path.read_text()).get("bc_up") == 1,
       "file_is_written", run)
    ok(path.stat().st_mode & 0o777 == 0o644, "others_may_read_it")
    ok([p.name for p in kernel.dir.iterdir() if "tmp" in p.name] == [], "nothing_is_left_behind")
    expect(kernel, 2, "No such file", "export", "--textfile", str(kernel.dir / "no/bc.prom"))
    first = path.stat().st_ino
    said = kernel.dir / "said"
    with open(said, "w", encoding="utf-8") as err:
        proc = subprocess.Popen([FAKE, "export", "--textfile", str(path), "--interval", "0.1"],
                                env=kernel.env("flow"), stderr=err)
    seen = set()

    def changing():
        # whenever it is read, it is whole
        Metrics(path.read_text())
        seen.add(path.stat().st_ino)
        return len(seen - {first}) >= 3
    ok(poll(changing), "file_is_replaced_again_and_again", seen)
    (kernel.dir / "gone").touch()
    ok(poll(lambda: Metrics(path.read_text()).get("bc_up") == 0), "module_goes")
    (kernel.dir / "gone").unlink()
    ok(poll(lambda: Metrics(path.read_text()).get("bc_up") == 1), "module_comes")
    path.unlink()
    path.mkdir()
    ok(poll(lambda: said.read_text().count("cannot write: Is a directory") > 1),
       "a_path_that_cannot_be_written_is_told_and_not_the_end", said.read_text())
    path.rmdir()
    ok(poll(path.exists), "and_then_it_goes_on")
    proc.send_signal(signal.SIGTERM)
    proc.wait(30)
    err = said.read_text()
    ok(proc.returncode == 0 and err.count("not loaded") == 1 and err.count("answers again") == 1,
       "it_ends_when_asked", proc.returncode, err)


def test_full_disk(kernel):
    """What does not fit leaves the old file as it was."""
    path = kernel.dir / "full.prom"
    path.write_text("old\n")
    run = subprocess.run(["sh", "-c", 'ulimit -f 1; trap "" XFSZ; exec "$@"', "sh", FAKE, "export",
                          "--textfile", str(path)], env=kernel.env("flow,readonly"),
                         capture_output=True, check=False)
    ok(run.returncode == 2 and b"File too large" in run.stderr and path.read_text() == "old\n" and
       not [p for p in kernel.dir.iterdir() if p.name.endswith(".tmp")], "full_disk", run)


# ---- the server ----

class Server:
    """bctl export on a port of its own."""

    def __init__(self, kernel, *args, mode="flow", listen="127.0.0.1:0"):
        self.proc = subprocess.Popen([FAKE, "export", "--listen", listen, *args],
                                     env=kernel.env(mode), stderr=subprocess.PIPE, text=True)
        line = self.proc.stderr.readline()
        match = re.search(r"listening on http://(.*):(\d+)/metrics", line)
        ok(match, f"server_listens_{listen}", line)
        self.host, self.port = match[1].strip("[]"), int(match[2])

    def get(self, path="/metrics", method="GET", **headers):
        conn = http.client.HTTPConnection(self.host, self.port, timeout=30)
        conn.request(method, path, headers=headers)
        answer = conn.getresponse()
        answer.body = answer.read().decode()
        conn.close()
        return answer

    def connect(self):
        return socket.create_connection((self.host, self.port), timeout=30)

    def end(self):
        self.proc.send_signal(signal.SIGTERM)
        _, err = self.proc.communicate(timeout=30)
        return self.proc.returncode, err


def test_formats(server):
    accepts = [
        (False, None), (True, ACCEPT), (False, "text/plain"), (False, "*/*"), (True, OPEN),
        (True, f"text/plain;q=0.5, {OPEN};q=0.6"), (False, f"text/plain, {OPEN};q=0.6"),
        (False, f"{OPEN};q=0"), (False, f"{OPEN}-not"), (False, ",,;q=,"), (False, "q=1" * 1000),
    ]
    for want, accept in accepts:
        answer = server.get(**({"Accept": accept} if accept else {}))
        kind = answer.headers["Content-Type"]
        good = answer.status == 200 and kind.startswith(OPEN if want else "text/plain;")
        try:
            Metrics(answer.body, want)
        except ValueError as err:
            good, kind = False, err
        ok(good and "Accept" in answer.headers["Vary"], f"accept_{str(accept)[:60]}", kind)


def test_requests(server):
    ok(server.get("/").status == 200, "there_is_a_hint")
    ok(server.get("/etc/passwd").status == 404 and server.get("/metrics/../x").status == 404,
       "other_paths_are_not_found")
    answer = server.get(method="POST")
    ok(answer.status == 405 and answer.headers["Allow"] == "GET, HEAD", "post_is_not_allowed")
    head = server.get(method="HEAD")
    ok(head.status == 200 and not head.body and int(head.headers["Content-Length"]) > 1000, "head")
    ok(server.get("/metrics?x=y").status == 200, "a_query_is_ignored")
    ok(server.get(**{"X-Long": "x" * 100000}).status in (413, 431), "a_huge_head_is_refused")


def test_hostile(server):
    """Nobody can keep others from being served."""
    idle = [server.connect() for _ in range(100)]
    half = [server.connect() for _ in range(20)]
    for sock in half:
        try:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        except OSError:
            pass
    begin = time.monotonic()
    good = all(server.get().status == 200 for _ in range(5))
    ok(good and time.monotonic() - begin < 10, "scrapes_beside_120_idle_clients",
       time.monotonic() - begin)
    # these ask and never read
    for _ in range(20):
        sock = server.connect()
        idle.append(sock)
        try:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        except OSError:
            pass
    ok(server.get().status == 200, "scrape_beside_clients_that_do_not_read")
    for rubbish in (b"\0" * 5000, b"\r\n" * 5000, b"GET " + b"/" * 60000, os.urandom(5000),
                    b"GET /metrics HTTP/9.9\r\n\r\n", b"POST /metrics HTTP/1.1\r\n"
                    b"Host: x\r\nContent-Length: 99999999999999999999\r\n\r\nx"):
        sock = server.connect()
        idle.append(sock)
        try:
            sock.sendall(rubbish)
        except OSError:
            pass
    ok(server.get().status == 200 and server.proc.poll() is None, "scrape_after_rubbish")
    for sock in idle + half:
        sock.close()


def dripped(server):
    """One byte at a time: how long that goes on."""
    sock = server.connect()
    begin = time.monotonic()
    try:
        for byte in b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 5000:
            sock.sendall(bytes([byte]))
            time.sleep(0.2)
            if time.monotonic() - begin > 60:
                break
    except OSError:
        pass
    sock.close()
    return time.monotonic() - begin


def test_slow(server):
    if not os.environ.get("BC_LONG"):
        skip("a_client_that_drips_is_ended", "takes 15 s; BC_LONG=1 runs it")
        return
    seconds = dripped(server)
    ok(14 < seconds < 40, "a_client_that_drips_is_ended", seconds)


def test_rare(kernel, server):
    """Many clients do not make many requests to the module."""
    kernel.log()
    begin = time.monotonic()
    asked = 0
    while time.monotonic() - begin < 1.5 or asked < 20:
        server.get()
        asked += 1
    seconds = time.monotonic() - begin
    dumps = [line for line in kernel.log() if line.startswith("cmd=3 ")]
    ok(1 <= len(dumps) <= 1 + seconds, "one_look_serves_all_who_ask_within_a_second",
       asked, seconds, dumps)


def test_caps(server):
    status = dict(line.split(":", 1) for line in
                  Path(f"/proc/{server.proc.pid}/status").read_text().splitlines() if ":" in line)
    allowed = 1 << 12 | 1 << 24
    ok(int(status["CapEff"], 16) | allowed == allowed and
       int(status["CapPrm"], 16) | allowed == allowed and status["NoNewPrivs"].strip() == "1",
       "only_two_capabilities_are_left", status["CapEff"], status["CapPrm"])
    ok(status["Threads"].strip() == "1", "one_thread")


def test_server(kernel):
    server = Server(kernel)
    test_formats(server)
    test_requests(server)
    test_rare(kernel, server)
    test_caps(server)
    test_hostile(server)
    test_slow(server)
    expect(kernel, 2, "Address already in use", "export", "--listen", f"127.0.0.1:{server.port}",
           name="a_port_that_is_taken")
    (kernel.dir / "gone").touch()
    ok(poll(lambda: Metrics(server.get().body).get("bc_up") == 0), "server_without_module")
    (kernel.dir / "gone").unlink()
    (kernel.dir / "reloads").write_text("5")
    ok(poll(lambda: Metrics(server.get().body).get("bc_up") == 1), "server_after_a_reload")
    before = Metrics(server.get().body).get("bc_snapshot_timestamp_seconds")
    (kernel.dir / "reloads").write_text("6")

    def fresh():
        m = Metrics(server.get().body)
        return m if m.get("bc_snapshot_timestamp_seconds") != before else None
    ok(poll(fresh).get("bc_up") == 1, "a_reload_between_two_looks_is_not_noticed")
    status, err = server.end()
    ok(status == 0 and "not loaded" in err and "Sanitizer" not in err, "server_ends", status, err)
    (kernel.dir / "reloads").unlink()
    if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
        server = Server(kernel, listen="[::1]:0")
        ok(server.get().status == 200, "ipv6")
        server.end()


def test_usage(kernel):
    for words, *args in (
            ("exclude each other", "--listen", "127.0.0.1:1", "--textfile", "x"),
            ("--interval is for", "--interval", "5"),
            ("must not be empty", "--textfile", ""),
            ("only 'cadvisor'", "--compat", "docker"),
            ("not a number of seconds", "--textfile", "x", "--interval", "0"),
            ("not of the form", "--listen", "9823"),
            ("not of the form", "--listen", "localhost:9823"),
            ("not of the form", "--listen", "127.0.0.1:65536"),
            ("not of the form", "--listen", "127.0.0.1:"),
            ("not of the form", "--listen", ":9823"),
            ("not of the form", "--listen", "::1:9823"),
            ("not of the form", "--listen", "127.0.0.1:99999999999999999999"),
            ("not of the form", "--listen", "x" * 5000 + ":1"),
            ("unexpected argument", "web")):
        expect(kernel, 1, words, "export", *args, name=f"usage_{'_'.join(args)[:50]}")


def test_many(kernel):
    """A hundred pools, with all that there is."""
    before = (kernel.dir / "state").read_bytes()
    for number in range(100):
        os.mkdir(kernel.cgroup / f"many{number}")
    script = "\n".join(f'"$0" pool create many{n} --cgroup "$1/many{n}" || exit' for n in range(100))
    subprocess.run(["sh", "-c", script, FAKE, str(kernel.cgroup)], env=kernel.env(), check=True)
    server = Server(kernel, "--compat", "cadvisor", "--histograms")
    m = Metrics(server.get(Accept=OPEN).body, True)
    ok(len([1 for name, _ in m.samples if name == "bc_pool_info"]) == 103, "a_hundred_pools",
       len(m.samples))
    server.end()
    (kernel.dir / "state").write_bytes(before)


# ---- Prometheus itself ----

def prometheus():
    args = [] if os.environ.get("BC_LONG") else ["--cached"]
    run = subprocess.run([TOP / "tests/vm/get-prometheus", *args], capture_output=True, text=True,
                         check=False)
    return run.stdout.strip() if run.returncode == 0 else None


def test_promtool(kernel, where):
    tests = ["check_metrics", "check_rules", "test_rules", "check_config", "check_vmagent",
             "dashboard"]
    if not where:
        for name in tests:
            skip(f"promtool_{name}", f"prometheus {NOTHING}")
        return

    def tool(name, *args, data=None):
        run = subprocess.run([f"{where}/promtool", *args], input=data, capture_output=True,
                             text=True, check=False)
        ok(run.returncode == 0, f"promtool_{name}", run.stdout, run.stderr)
        return run
    run = tool("check_metrics", "check", "metrics",
               data=text_of(kernel, "--compat", "cadvisor", "--histograms"))
    ok(not run.stdout and not run.stderr, "promtool_has_no_remarks", run.stdout, run.stderr)
    rules = EXAMPLES / "prometheus-rules.yml"
    tool("check_rules", "check", "rules", str(rules))
    test = kernel.dir / "rules.test.yml"
    test.write_text((TOP / "tests/bctl/prometheus-rules.test.yml").read_text()
                    .replace("RULES", str(rules)))
    tool("test_rules", "test", "rules", str(test))
    tool("check_config", "check", "config", str(EXAMPLES / "prometheus.yml"))
    tool("check_vmagent", "check", "config", str(EXAMPLES / "vmagent.yml"))
    board = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    queries = [t["expr"] for panel in board["panels"] for t in panel.get("targets", [])]
    made = "groups:\n- name: x\n  rules:\n" + "".join(
        "  - record: x%d\n    expr: %s\n" % (i, json.dumps(q.replace("$__rate_interval", "5m")))
        for i, q in enumerate(queries))
    (kernel.dir / "board.yml").write_text(made)
    tool("dashboard", "check", "rules", str(kernel.dir / "board.yml"))


def test_names(kernel):
    """What rules, the dashboard and vmagent ask for is there."""
    have = Metrics(text_of(kernel, "--histograms")).names() | {"up"}
    rules = (EXAMPLES / "prometheus-rules.yml").read_text()
    have |= set(re.findall(r"record: (\S+)", rules))
    for name in ("prometheus-rules.yml", "grafana-dashboard.json", "vmagent.yml"):
        text = re.sub(r"#.*", "", (EXAMPLES / name).read_text()) if name.endswith("yml") else \
            (EXAMPLES / name).read_text()
        asked = set(re.findall(r"\b(?:[a-z_]+:)?bc_[a-z0-9_]+(?::\w+)?", text))
        ok(asked and not asked - have, f"{name}_asks_for_what_there_is", asked - have)


def test_scrape(kernel, where):
    """A Prometheus finds the figures, and its rules work on them."""
    if not where:
        skip("prometheus_scrapes", f"prometheus {NOTHING}")
        return
    server = Server(kernel, "--histograms")
    base = kernel.dir / "prometheus"
    base.mkdir()
    shutil.copy(EXAMPLES / "prometheus-rules.yml", base)
    (base / "prometheus.yml").write_text(
        (EXAMPLES / "prometheus.yml").read_text().replace("9823", str(server.port))
        .replace("15s", "1s"))
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    log = open(base / "log", "w", encoding="utf-8")
    proc = subprocess.Popen([f"{where}/prometheus", f"--config.file={base}/prometheus.yml",
                             f"--storage.tsdb.path={base}/data",
                             f"--web.listen-address=127.0.0.1:{port}"],
                            stdout=log, stderr=log, cwd=base)

    def ask(query):
        try:
            conn = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            conn.request("GET", "/api/v1/" + query)
            return json.loads(conn.getresponse().read())["data"]
        except (OSError, ValueError, KeyError):
            return None

    def value(expr):
        data = ask("query?query=" + urllib.parse.quote(expr))
        found = data["result"] if data else []
        return float(found[0]["value"][1]) if len(found) == 1 else None
    try:
        ok(poll(lambda: value("bc_up") == 1, 120), "prometheus_scrapes", (base / "log").read_text())
        ok(value('bc_held_items{pool="web",resource="numproc"}') == 101 and
           value('bc_held_bytes{pool="web",resource="privvmpages"}') == 100 * PAGE,
           "prometheus_has_the_figures")
        ok(value('up{job="beancounter"}') == 1 and value("scrape_samples_scraped") > 100,
           "prometheus_took_all")
        ok(poll(lambda: value('pool_resource:bc_held_barrier:ratio'
                              '{pool="web",resource="numproc"}') == 10.1, 60),
           "prometheus_applies_the_rules")
        rules = ask("rules")
        bad = [rule for group in rules["groups"] for rule in group["rules"]
               if rule["health"] == "err"]
        ok(not bad, "no_rule_fails", *bad)
        ok(poll(lambda: value('rate(bc_cpu_seconds_total{pool="web",mode="user"}[30s])'), 60),
           "prometheus_makes_rates")
        meta = ask("metadata?metric=bc_cpu_seconds_total") or ask("metadata?metric=bc_cpu_seconds")
        ok("counter" in str(meta), "prometheus_knows_the_type", meta)
    finally:
        proc.terminate()
        proc.wait(30)
        log.close()
        server.end()


# ---- the services ----

def test_units(kernel):
    for name in ("beancounter-export", "beancounter-textfile"):
        text = (TOP / f"tools/systemd/{name}.service").read_text()
        if not shutil.which("systemd-analyze"):
            skip(f"unit_{name}", "there is no systemd-analyze")
            continue
        unit = kernel.dir / f"{name}.service"
        unit.write_text(text.replace("/usr/sbin/bctl", "/bin/true")
                        .replace("User=prometheus", "User=daemon"))
        run = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], text=True,
                             capture_output=True, check=False)
        said = [line for line in run.stderr.splitlines() if unit.name in line]
        ok(run.returncode == 0 and not said, f"unit_{name}", run.stdout, run.stderr)
        words = text.split("ExecStart=/usr/sbin/bctl ")[1].split("\n\n")[0].replace("\\\n", " ")
        ok(words.startswith("export "), f"unit_{name}_runs_export", words)


def main():
    kernel = Kernel()
    make_pools(kernel)
    where = prometheus()
    test_usage(kernel)
    test_figures(kernel)
    test_less(kernel)
    test_histogram(kernel)
    test_labels(kernel)
    test_cadvisor(kernel)
    test_file(kernel)
    test_full_disk(kernel)
    test_server(kernel)
    test_many(kernel)
    test_names(kernel)
    test_promtool(kernel, where)
    test_scrape(kernel, where)
    test_units(kernel)
    kernel.done()
    sys.exit(finish())


main()
