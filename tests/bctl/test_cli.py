#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Whole runs of bctl: usage errors, and commands on a made-up kernel.

Usage: test_cli.py BCTL BCTL_FAKE
BCTL is the real program; it is only given what it must refuse by itself.
BCTL_FAKE is the same on top of fake_sys.c, see there for BCTL_FAKE_MODE.
"""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from results import BCTL, FAKE, SCHEMAS, TOP, ok, run
import schema

PAGE = resource.getpagesize()
class Kernel:
    """A directory with what passes for a kernel."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="bctl-test-"))
        self.cgroup = self.dir / "cgroup"
        self.cgroup.mkdir()
        (self.dir / "v1").mkdir()
        self.mountinfo(f"1 2 0:3 / {self.cgroup} rw shared:4 - cgroup2 cgroup2 rw\n")

    def mountinfo(self, text):
        (self.dir / "mountinfo").write_text(text)

    def env(self, mode="", **more):
        return {**os.environ, "BCTL_FAKE_DIR": str(self.dir), "BCTL_FAKE_MODE": mode,
                "XDG_STATE_HOME": str(self.dir / "home"), "LC_ALL": "C.UTF-8", **more}

    def run(self, *args, mode="", program=None, data=None, **more):
        env = self.env(mode, **more)
        return subprocess.run([program or FAKE, *args], env=env, capture_output=True,
                              timeout=60, check=False, input=data)

    def json(self, *args, mode=""):
        """Run with -j and hold every line of the output against its schema."""
        run = self.run(*args, "-j", mode=mode)
        docs = [json.loads(line) for line in run.stdout.splitlines()]
        wrong = [e for doc in docs for e in schema.errors(doc, SCHEMAS[doc["schema"]])]
        ok(run.returncode == 0 and docs and not wrong,
           f"{'_'.join(args[:2])}_json_is_as_its_schema_says", run, *wrong)
        return docs

    def log(self):
        """The requests since the last call."""
        path = self.dir / "log"
        text = path.read_text() if path.exists() else ""
        path.write_text("")
        return text.splitlines()

    def pools(self):
        run = self.run("pool", "list", "-q")
        return run.stdout.decode().split()

    def done(self):
        shutil.rmtree(self.dir)


def timeless(pools):
    """Without what grows by itself."""
    for pool in pools:
        for figures in pool["resources"].values():
            figures.pop("held_time", None)
    return pools


def expect(kernel, status, words, *args, mode="", name=None):
    """A run that must fail, with these words and nothing on stdout."""
    run = kernel.run(*args, mode=mode)
    err = run.stderr.decode(errors="replace")
    ok(run.returncode == status and words in err and err.startswith("bctl: ") and not run.stdout,
       name or f"exit_{status}: {' '.join(args)[:60]!r}", f"status {run.returncode}", err)
    return err


USAGE = [
    # words, arguments
    ("unknown command 'frob'", "frob"),
    ("unknown command 'pool frob'", "pool", "frob"),
    ("unknown option '-x'", "-x", "pool", "list"),
    ("unknown option '--frob'", "--frob"),
    ("unknown option '--frob'", "pool", "list", "--frob"),
    ("unknown option '-z'", "stat", "-jz"),
    ("takes no value", "pool", "delete", "--if-exists=1", "web"),
    ("needs a value", "pool", "create", "web", "--parent"),
    ("given twice", "pool", "create", "web", "--id", "1", "--id=2"),
    ("name of a pool is missing", "pool", "create"),
    ("must not be empty", "pool", "create", ""),
    ("at most 63 bytes", "pool", "create", "x" * 64),
    ("at most 63 bytes", "pool", "create", "x" * 5000),
    ("at most 63 bytes", "pool", "create", "web", "--parent", "x" * 100000),
    ("at most 63 bytes", "pool", "show", "x" * 5000),
    ("at most 63 bytes", "pool", "delete", "x" * 5000),
    ("at most 63 bytes", "stat", "web", "x" * 5000),
    ("at most 63 bytes", "exec", "x" * 5000, "--", "true"),
    ("at most 63 bytes", "attach", "x" * 5000, "1"),
    ("cannot be the name of a cgroup directory", "pool", "create", ".."),
    ("cannot be the name of a cgroup directory", "pool", "create", "."),
    ("cannot be the name of a cgroup directory", "pool", "create", "a/../../b"),
    ("path of a cgroup must not be empty", "pool", "create", "web", "--cgroup", ""),
    ("--id -1: not a number", "pool", "create", "web", "--id=-1"),
    ("--id 4294967296: not a number", "pool", "create", "web", "--id", "4294967296"),
    ("--id 1x: not a number", "pool", "create", "web", "--id", "1x"),
    ("'numproc' is not of the form RES=VALUE", "pool", "create", "web", "numproc"),
    ("'=5' is not of the form RES=VALUE", "pool", "set", "web", "=5"),
    ("numproc=: a number or", "pool", "set", "web", "numproc="),
    ("numproc=5:: a number or", "pool", "set", "web", "numproc=5:"),
    ("numproc=:5: a number or", "pool", "set", "web", "numproc=:5"),
    ("numproc=-5: an amount cannot be negative", "pool", "set", "web", "numproc=-5"),
    ("numproc=5:-1: an amount cannot be negative", "pool", "set", "web", "numproc=5:-1"),
    ("numproc=abc: not a number", "pool", "set", "web", "numproc=abc"),
    ("numproc=1:2:3: not a number", "pool", "set", "web", "numproc=1:2:3"),
    ("numproc=9:8: the barrier is above the limit", "pool", "set", "web", "numproc=9:8"),
    ("numproc=unlimited:8: the barrier is above", "pool", "set", "web", "numproc=unlimited:8"),
    ("numproc=2: the resource 'numproc' is given twice", "pool", "set", "web", "numproc=1", "numproc=2"),
    ("ram=2: the resource 'physpages' is given twice", "pool", "set", "web", "physpages=1", "ram=2"),
    ("ram=2: the resource 'physpages' is given twice", "pool", "set", "web", "ram=1", "ram=2"),
    ("ram=: a number or", "pool", "create", "web", "ram="),
    ("ram=2G:1G: the barrier is above the limit", "pool", "create", "web", "ram=2G:1G"),
    ("memory.reservation=1G:2G: a reservation is one amount", "pool", "create", "web",
     "memory.reservation=1G:2G"),
    ("memory.reservation=unlimited: a reservation is one amount", "pool", "create", "web",
     "memory.reservation=unlimited"),
    ("cpu.shares=5: the setting 'cpu.shares' is given twice", "pool", "set", "web", "cpuunits=9",
     "cpu.shares=5"),
    ("cpu.limit=30: not a part of a CPU", "pool", "create", "web", "cpu.limit=30"),
    ("cpu.expandable=maybe: neither yes nor no", "pool", "set", "web", "cpu.expandable=maybe"),
    ("name of a pool is missing", "explain"),
    ("one pool at a time", "explain", "a", "b"),
    ("at most 63 bytes", "explain", "x" * 5000),
    ("name of a pool is missing", "threshold"),
    ("nothing to set", "threshold", "web"),
    ("at most 63 bytes", "threshold", "x" * 5000, "numproc=80%"),
    ("'numproc' is not of the form RES=RISE%", "threshold", "web", "numproc"),
    ("'=80%' is not of the form", "threshold", "web", "=80%"),
    ("numproc=80: not a threshold like", "threshold", "web", "numproc=80"),
    ("numproc=: not a threshold like", "threshold", "web", "numproc="),
    ("numproc=80%:: not a threshold", "threshold", "web", "numproc=80%:"),
    ("numproc=80%%: not a threshold", "threshold", "web", "numproc=80%%"),
    ("numproc=-1%: not a threshold", "threshold", "web", "numproc=-1%"),
    ("numproc=0%: a threshold is 1% to 100%", "threshold", "web", "numproc=0%"),
    ("numproc=101%: a threshold is 1% to 100%", "threshold", "web", "numproc=101%"),
    ("a threshold is 1% to 100%", "threshold", "web", "numproc=4294967376%"),
    ("must be below the first", "threshold", "web", "numproc=80%:80%"),
    ("the resource 'numproc' is given twice", "threshold", "web", "numproc=80%", "numproc=off"),
    ("--peak : the name of a reader", "stat", "--peak", ""),
    ("the name of a reader has 1 to 15 bytes", "stat", "--peak", "x" * 16),
    ("needs a value", "stat", "--peak"),
    ("unknown command 'reader'", "reader"),
    ("name of a reader is missing", "reader", "delete"),
    ("one reader at a time", "reader", "delete", "a", "b"),
    ("unexpected argument 'a'", "reader", "list", "a"),
    ("name of a pool is missing", "pool", "set"),
    ("nothing to set", "pool", "set", "web"),
    ("one pool at a time", "pool", "delete", "a", "b"),
    ("name of a pool is missing", "pool", "delete"),
    ("a tree has one root", "pool", "tree", "a", "b"),
    ("name of a pool is missing", "exec"),
    ("name of a pool is missing", "exec", "--", "true"),
    ("'--' must stand before the command", "exec", "web"),
    ("'--' must stand before the command", "exec", "web", "true"),
    ("the command is missing", "exec", "web", "--"),
    ("name of a pool is missing", "attach"),
    ("process id is missing", "attach", "web"),
    ("'0' is not a process id", "attach", "web", "0"),
    ("'-1' is not a process id", "attach", "--", "web", "-1"),
    ("'1x' is not a process id", "attach", "web", "1", "1x"),
    ("'99999999999' is not a process id", "attach", "web", "99999999999"),
    ("at most 63 bytes", "fairpages", "web", "x" * 5000),
    ("--interval 0: not a number of seconds above 0", "fairpages", "--interval", "0"),
    ("--interval often: not a number", "fairpages", "--interval", "often"),
    ("--count needs --interval", "fairpages", "--count", "2"),
    ("--count 0: not a number above 0", "fairpages", "--interval", "1", "--count", "0"),
    ("--memory 1023K: not a size of at least 1M", "fairpages", "--memory", "1023K"),
    ("--memory unlimited: not a size", "fairpages", "--memory", "unlimited"),
    ("--memory 2M:3M: not a size", "fairpages", "--memory", "2M:3M"),
    ("--memory much: not a number", "fairpages", "--memory", "much"),
    ("--max-rate 0: not a number above 0", "fairpages", "--max-rate", "0"),
    ("unexpected argument 'web'", "events", "web"),
    ("--count 0: not a number above 0", "events", "--count", "0"),
    ("--timeout soon: not a number of seconds", "events", "--timeout", "soon"),
    ("--timeout -1: not a number of seconds", "events", "--timeout=-1"),
    ("--pool a b: not the name of a pool", "events", "--pool", "a b"),
    ("at most 63 bytes", "events", "--pool", "x" * 64),
    ("must not be empty", "events", "--pool="),
    ("more than 64 times", "events", *["--res=numproc"] * 65),
    ("--type frob: no such type", "events", "--type", "refusal", "--type", "frob"),
    ("--tree needs --pool", "events", "--tree"),
    ("--absent-ok needs --pool", "events", "--absent-ok"),
    ("--min needs --res", "events", "--min", "5"),
    ("--min 1:2: not an amount", "events", "--res", "numproc", "--min", "1:2"),
    ("--min unlimited: not an amount", "events", "--res", "numproc", "--min", "unlimited"),
    ("--min -1: not an amount", "events", "--res", "numproc", "--min=-1"),
    ("--exec needs '--' and a command", "events", "--exec"),
    ("--exec needs '--' and a command", "events", "--exec", "--"),
    ("unexpected argument 'true'", "events", "--exec", "true"),
    ("unexpected argument 'true'", "events", "--", "true"),
    ("--jobs needs --exec", "events", "--jobs", "2"),
    ("--exec-timeout needs --exec", "events", "--exec-timeout", "2"),
    ("--keep needs --snapshot", "events", "--keep", "2"),
    ("--rate needs --exec or --snapshot", "events", "--rate", "2"),
    ("--rate 0: not a number from 1 to 60000", "events", "--rate", "0", "--exec", "--", "true"),
    ("--jobs 65: not a number from 1 to 64", "events", "--jobs", "65", "--exec", "--", "true"),
    ("--keep 0: not a number from 1", "events", "--snapshot", "/tmp", "--keep", "0"),
    ("--exec-timeout 0: not a number of seconds", "events", "--exec-timeout", "0", "--exec", "--", "a"),
    ("--delta=a/b: a key is", "stat", "--delta=a/b"),
    ("--delta=: a key is", "stat", "--delta="),
    ("--delta=.x: a key is", "stat", "--delta=.x"),
    ("a key is 1 to 64", "stat", "--delta=" + "x" * 65),
    ("exclude each other", "stat", "--delta", "--interval", "1"),
    ("--count needs --interval", "stat", "--count", "1"),
    ("--interval 0: not a number of seconds", "stat", "--interval", "0"),
    ("--count 0: not a number above 0", "stat", "--interval", "1", "--count", "0"),
    ("--io excludes", "stat", "--interval", "1", "--io"),
    ("-w excludes", "stat", "-w", "--interval", "1"),
    ("-w excludes", "stat", "-w", "1", "--delta"),
    ("-w excludes", "stat", "--watch", "--io"),
    ("-w excludes", "stat", "--watch=2", "--peak", "x"),
    ("-w 0: not a number of seconds from 0.1", "stat", "-w", "0"),
    ("-w 0.09: not a number", "stat", "-w", "0.09"),
    ("-w 1.2.3: not a number", "stat", "-w1.2.3"),
    ("-w soon: not a number", "stat", "--watch=soon"),
    ("-w : not a number", "stat", "--watch="),
    ("given twice", "stat", "-w", "1", "-w", "2"),
    ("--count 0: not a number above 0", "stat", "-w", "1", "-n", "0"),
    ("at most 63 bytes", "stat", "-w", "1", "x" * 5000),
    ("unexpected argument 'web'", "top", "web"),
    ("--delay 0: not a number of seconds from 0.1", "top", "-d", "0"),
    ("--delay soon: not a number", "top", "--delay", "soon"),
    ("--count -1: not a number above 0", "top", "-n", "-1"),
    ("--sort x: none of cpu, memory", "top", "-s", "x"),
    ("--sort : none of cpu, memory", "top", "--sort="),
    ("must not be empty", "top", "-p", ""),
    ("at most 63 bytes", "top", "-p", "x" * 64),
    ("'bctl stat -w -j' prints it", "-j", "top"),
    ("unknown option '-j'", "top", "-j"),
    ("unknown option '-+'", "events", "-+"),
    ("unexpected argument 'x'", "resources", "x"),
    ("one of on, off, status is missing", "compat"),
    ("unexpected argument 'off'", "compat", "on", "off"),
    ("'maybe' is none of on, off, status", "compat", "maybe"),
    ("unknown option '--force'", "compat", "on", "--force"),
    ("unexpected argument 'x'", "info", "x"),
    ("unexpected argument 'x'", "version", "x"),
    ("unknown command 'frob'", "help", "frob"),
]


def test_usage(kernel):
    """The real bctl refuses these before it opens a socket, hence also here."""
    for words, *args in USAGE:
        run = kernel.run(*args, program=BCTL)
        err = run.stderr.decode(errors="replace")
        ok(run.returncode == 1 and words in err and not run.stdout and len(err) < 1000,
           f"usage: {' '.join(args)[:60]!r}", f"status {run.returncode}", err)


def test_help(kernel):
    run = kernel.run("help", program=BCTL)
    commands = re.findall(r"^  bctl (\S+(?: \S+)?)  ", run.stdout.decode(), re.M)
    commands = [c.strip() for c in commands]
    ok(run.returncode == 0 and len(commands) == 29, "help_lists_the_commands", commands)
    man = (TOP / "Documentation/man/bctl.8").read_text()
    completion = (TOP / "tools/bctl/completion/bctl").read_text()
    for command in commands:
        one = kernel.run("help", *command.split(), program=BCTL)
        long = kernel.run(*command.split(), "--help", program=BCTL)
        usage = one.stdout.decode()
        ok(one.returncode == long.returncode == 0 and usage.startswith(f"usage: bctl {command}")
           and one.stdout == long.stdout, f"help_and_--help_of_{command}_agree", one, long)
        section = man.split(f".SS {command}\n")
        text = section[1].split("\n.S")[0] if len(section) == 2 else ""
        options = re.findall(r"--[a-z-]+", usage)
        short = re.findall(r"\[-([a-z]+)\]", usage)
        options += ["-" + letter for group in short for letter in group]
        missing = [o for o in options if o.replace("-", "\\-") not in text and
                   o.replace("-", "\\-") not in man.split(".SH OPTIONS")[1].split(".SH")[0]]
        ok(text and not missing, f"man_page_describes_{command}", f"missing: {missing}")
        ok(all(word in completion for word in [*command.split(), *re.findall("--[a-z-]+", usage)]),
           f"completion_knows_{command}")
    for args in (["-h"], ["--help"], ["version"], ["--version"], ["-V"]):
        run = kernel.run(*args, program=BCTL)
        ok(run.returncode == 0 and run.stdout.startswith(b"bctl "), f"{args[0]}_works", run)
    full = open("/dev/full", "w", encoding="ascii")
    run = subprocess.run([BCTL, "help"], stdout=full, stderr=subprocess.PIPE, check=False)
    ok(run.returncode == 2 and b"cannot write the output" in run.stderr, "full_disk_is_no_success", run)


def test_create(kernel):
    bc = kernel.cgroup / "bc"
    run = kernel.run("pool", "create", "web", "privvmpages=64M:72M", "numproc=240", "tcpsndbuf=2P")
    ok(run.returncode == 0 and not run.stdout and not run.stderr and (bc / "web").is_dir(),
       "create_makes_pool_and_directory", run)
    ok(all("ack=1" in line for line in kernel.log() if line != "close"), "every_request_asks_for_an_ack")
    pool = kernel.json("pool", "show", "web")[0]["pools"][0]
    res = pool["resources"]
    ok(pool["name"] == "web" and pool["parent"] == "host" and pool["cgroup"] == "bc/web" and
       pool["id"] == 1 and pool["state"] == "live", "create_has_the_defaults", pool)
    ok([res["privvmpages"][k] * PAGE for k in ("barrier", "limit")] == [64 << 20, 72 << 20] and
       res["numproc"]["limit"] == 240 and res["tcpsndbuf"]["limit"] == 2 * PAGE,
       "create_sets_the_limits_in_their_units", res)
    ok("numfile" not in res, "uncounted_resource_is_absent")
    expect(kernel, 2, "create: web: the name or the id is taken (File exists)", "pool", "create", "web")
    ok((bc / "web").is_dir(), "existing_directory_survives_a_refusal")
    doc = kernel.json("pool", "create", "web.a", "--parent", "web")[0]
    ok(doc["pools"][0]["cgroup"] == "bc/web/web.a" and doc["pools"][0]["parent"] == "web",
       "parent_decides_where_the_directory_is", doc)
    expect(kernel, 2, "no such pool", "pool", "create", "x", "--parent", "nobody")
    expect(kernel, 2, "too many pools (No space left on device)", "pool", "create", "full", mode="full")
    ok(not (bc / "full").exists() and bc.exists(), "refused_pool_leaves_no_directory")
    expect(kernel, 2, "bad name (Invalid argument)", "pool", "create", "a b")
    ok(not (bc / "a b").exists(), "bad_name_leaves_no_directory")
    expect(kernel, 2, "web: numfile=3: this resource cannot be limited",
           "pool", "set", "web", "numproc=7", "numfile=3")
    kernel.run("pool", "create", "host2", "--parent", "host")
    ok((bc / "host2").is_dir(), "child_of_the_host_is_below_bc")
    expect(kernel, 2, "host: the name or the id is taken", "pool", "create", "host")
    run = kernel.run("pool", "create", "numbered", "--id=77", "--parent=host")
    ok(run.returncode == 0 and kernel.json("stat", "numbered")[0]["pools"][0]["id"] == 77,
       "wanted_id_is_given", run)


def test_create_rollback_base(kernel):
    expect(kernel, 2, "too many pools", "pool", "create", "web", mode="full")
    ok(not (kernel.cgroup / "bc").exists(), "first_refused_pool_leaves_no_base")
    expect(kernel, 1, "nosuch=5: unknown resource 'nosuch'; 'bctl resources' lists them",
           "pool", "create", "web", "nosuch=5")
    expect(kernel, 1, "numproc=5M: this resource is counted in items and takes no suffix",
           "pool", "create", "web", "numproc=5M")
    expect(kernel, 1, "numproc=5P", "pool", "create", "web", "numproc=5P")
    expect(kernel, 1, "too large; did you mean", "pool", "create", "web",
           "numproc=4611686018427387904")
    expect(kernel, 1, "too large", "pool", "create", "web", "numproc=99999999999999999999999")
    expect(kernel, 1, "barrier is above the limit", "pool", "create", "web", "tcpsndbuf=2P:5K")
    expect(kernel, 1, "unknown resource", "pool", "create", "web", "x" * 5000 + "=1")
    ok(not (kernel.cgroup / "bc").exists() and kernel.pools() == ["host"],
       "bad_values_make_nothing")
    kernel.mountinfo("")
    expect(kernel, 2, "no cgroup v2 hierarchy is mounted", "pool", "create", "web")


def test_memory(kernel):
    """Presets, the controller above the pool, what memory is used for."""
    def control(path, controllers=None):
        """Files as they are in a real cgroup."""
        top = kernel.cgroup / path
        top.mkdir(exist_ok=True)
        for name, text in (("subtree_control", ""), ("procs", ""), ("type", "domain\n"),
                           ("controllers", controllers)):
            if text is not None:
                (top / f"cgroup.{name}").write_text(text)
        return top

    def enabled(path):
        return (kernel.cgroup / path / "cgroup.subtree_control").read_text()

    top, bc = control("", "cpu io pids\n"), control("bc")
    expect(kernel, 2, "web: ram=1G: the memory controller cannot be enabled below", "pool", "create",
           "web", "numproc=5", "ram=1G")
    ok(not (bc / "web").exists() and not enabled("") and not enabled("bc") and
       kernel.pools() == ["host"], "missing_controller_changes_nothing")
    (top / "cgroup.controllers").write_text("cpu io memory pids\n")
    for name, text, words in (("procs", "17\n", "there are processes in it"),
                              ("type", "threaded\n", "threaded"),
                              ("type", "domain threaded\n", "threaded")):
        (bc / f"cgroup.{name}").write_text(text)
        expect(kernel, 2, words, "pool", "create", "web", "ram=1G")
        ok(not (bc / "web").exists() and not enabled("") and not enabled("bc"),
           f"obstacle_changes_nothing: {text.strip()}")
        control("bc")
    (top / "cgroup.procs").write_text("1\n")   # the root may have some
    expect(kernel, 2, "too many pools", "pool", "create", "web", "ram=1G", mode="full")
    ok(enabled("") == enabled("bc") == "-memory\n" and not (bc / "web").exists(),
       "refused_pool_switches_it_off_again", enabled(""), enabled("bc"))
    control("bc")
    (top / "cgroup.subtree_control").write_text("cpu memory\n")
    run = kernel.run("pool", "create", "web", "ram=1G", "swap=unlimited", "memory.reservation=5P")
    ok(run.returncode == 0 and enabled("") == "cpu memory\n" and enabled("bc") == "+memory\n",
       "it_is_switched_on_where_it_is_not", run)
    res = kernel.json("pool", "show", "web")[0]["pools"][0]["resources"]
    bounds = {name: (res[name]["barrier"], res[name]["limit"])
              for name in ("physpages", "swappages", "vmguarpages")}
    ok(bounds == {"physpages": (None, (1 << 30) // PAGE), "swappages": (None, None),
                  "vmguarpages": (5, None)}, "presets_set_one_bound", bounds)
    ok("held" not in res["vmguarpages"] and "failcnt" not in res["vmguarpages"] and
       "failed" not in res["vmguarpages"] and "held" in res["physpages"],
       "unknown_figures_are_absent", res)
    kernel.run("pool", "set", "web", "ram=1G:2G")
    pool = kernel.json("stat", "web")[0]["pools"][0]
    ok([pool["resources"]["physpages"][k] * PAGE for k in ("barrier", "limit")] == [1 << 30, 2 << 30],
       "ram_takes_a_barrier", pool)
    ok(pool["memory"] == {k: n << 20 for k, n in (("anon", 1), ("file", 2), ("shmem", 3), ("cache", 4),
                                                  ("kernel", 5), ("slab", 6), ("sock", 8), ("swap", 9))},
       "memory_is_what_was_sent", pool["memory"])
    ok("memory" not in kernel.json("pool", "list")[0]["pools"][0], "a_list_asks_for_no_details")
    text = kernel.run("pool", "show", "web").stdout.decode()
    ok("memory    anon 1M file 2M shmem 3M cache 4M kernel 5M slab 6M sock 8M swap 9M\n" in text,
       "text_has_memory", text)
    line = [row.split() for row in text.splitlines() if "vmguarpages" in row]
    ok(line[0][2:] == ["-", "-", f"{5 * PAGE >> 10}K", "unlimited", "-", "-", "yes"],
       "text_shows_a_dash", line)
    expect(kernel, 2, "malformed", "pool", "show", "web", mode="shortmem")


def test_create_cgroup(kernel):
    (kernel.cgroup / "a/b").mkdir(parents=True)
    (kernel.dir / "v1/x").mkdir()
    run = kernel.run("pool", "create", "rel", "--cgroup", "a/b")
    ok(run.returncode == 0, "relative_cgroup_is_bound", run)
    run = kernel.run("pool", "create", "abs", "--cgroup", str(kernel.cgroup / "a"))
    ok(run.returncode == 0, "absolute_cgroup_is_bound", run)
    pools = {p["name"]: p for p in kernel.json("pool", "list")[0]["pools"]}
    ok(pools["rel"]["cgroup"] == "a/b" and pools["abs"]["cgroup"] == "a", "bound_where_told", pools)
    expect(kernel, 2, "this is a cgroup v1 directory", "pool", "create", "v1", "--cgroup",
           str(kernel.dir / "v1/x"))
    expect(kernel, 2, "this is not a cgroup directory", "pool", "create", "v1", "--cgroup", "/etc")
    expect(kernel, 2, "this is not a cgroup directory", "pool", "create", "v1", "--cgroup", "../..")
    expect(kernel, 2, "cannot open this cgroup: No such file", "pool", "create", "v1", "--cgroup", "c")
    expect(kernel, 2, "Not a directory", "pool", "create", "v1", "--cgroup", "/etc/passwd")
    expect(kernel, 2, "no cgroup, or the root cgroup", "pool", "create", "v1", "--cgroup", ".")
    expect(kernel, 2, "the parent is another pool", "pool", "create", "v1", "--cgroup", "a",
           "--parent", "rel")
    run = kernel.run("pool", "delete", "rel")
    ok(run.returncode == 0 and (kernel.cgroup / "a/b").is_dir(), "bound_cgroup_survives_its_pool", run)


def test_exist_ok(kernel):
    for _ in range(2):
        run = kernel.run("pool", "create", "web", "--exist-ok", "numproc=9")
        ok(run.returncode == 0 and not run.stderr, "exist_ok_creates_and_then_accepts", run)
    run = kernel.run("pool", "create", "web", "--exist-ok", "numproc=11")
    res = kernel.json("stat", "web")[0]["pools"][0]["resources"]
    ok(run.returncode == 0 and res["numproc"]["limit"] == 11, "exist_ok_applies_the_limits", run)
    (kernel.cgroup / "other").mkdir()
    expect(kernel, 2, "exists, but with the cgroup /bc/web", "pool", "create", "web",
           "--exist-ok", "--cgroup", "other")
    expect(kernel, 2, "exists, but with the id 1", "pool", "create", "web", "--exist-ok", "--id", "5")
    expect(kernel, 2, "exists, but with the parent host", "pool", "create", "web", "--exist-ok",
           "--parent", "web")
    run = kernel.run("pool", "create", "web", "--exist-ok", "--cgroup", "bc/web")
    ok(run.returncode == 0, "exist_ok_knows_the_same_cgroup_by_its_path", run)
    expect(kernel, 2, "another pool", "pool", "create", "web2", "--exist-ok", "--id", "1")
    ok(not (kernel.cgroup / "bc/web2").exists(), "exist_ok_rolls_back")


def test_set(kernel):
    kernel.run("pool", "create", "web", "numproc=5", "privvmpages=100")
    before = timeless(kernel.json("stat", "web")[0]["pools"])
    expect(kernel, 1, "unknown resource", "pool", "set", "web", "numproc=6", "nosuch=1")
    expect(kernel, 2, "cannot be limited", "pool", "set", "web", "numproc=6", "numfile=1")
    ok(timeless(kernel.json("stat", "web")[0]["pools"]) == before, "one_bad_pair_changes_nothing")
    kernel.log()
    doc = kernel.json("pool", "set", "web", "numproc=6:7", "privvmpages=unlimited")[0]
    res = doc["pools"][0]["resources"]
    ok((res["numproc"]["barrier"], res["numproc"]["limit"]) == (6, 7) and
       res["privvmpages"]["limit"] is None, "set_sets_and_unlimited_is_null", res)
    ok(sum("cmd=2 " in line for line in kernel.log()) == 1, "several_pairs_are_one_request")
    for _ in range(2):
        run = kernel.run("pool", "set", "web", "numproc=6:7")
        ok(run.returncode == 0 and not run.stdout, "set_to_the_same_value_succeeds", run)
    expect(kernel, 2, "set: nobody: no such pool (No such file or directory)",
           "pool", "set", "nobody", "numproc=1")


def test_delete(kernel):
    kernel.run("pool", "create", "web")
    kernel.run("pool", "create", "a", "--parent", "web")
    expect(kernel, 2, "has child pools (Device or resource busy)", "pool", "delete", "web")
    ok((kernel.cgroup / "bc/web").is_dir(), "refused_delete_leaves_the_directory")
    (kernel.cgroup / "bc/web/a/cgroup.procs").write_text("1\n")
    run = kernel.run("pool", "delete", "a")
    ok(run.returncode == 0 and b"bc/web/a is not empty and stays" in run.stderr and not run.stdout,
       "cgroup_in_use_stays_with_a_note", run)
    ok(kernel.pools() == ["host", "web"], "its_pool_is_gone")
    (kernel.cgroup / "bc/web/a/cgroup.procs").unlink()
    (kernel.cgroup / "bc/web/a").rmdir()
    doc = kernel.json("pool", "delete", "web")[0]
    ok(doc["pools"][0]["name"] == "web" and not (kernel.cgroup / "bc/web").exists(),
       "delete_prints_what_was_there_and_removes_the_directory", doc)
    expect(kernel, 2, "no such pool", "pool", "delete", "web")
    doc = kernel.json("pool", "delete", "web", "--if-exists")[0]
    ok(doc["pools"] == [], "delete_if_exists_of_nothing_succeeds", doc)
    expect(kernel, 2, "the host cannot be deleted", "pool", "delete", "host")


def test_views(kernel):
    for name, parent in (("web", "host"), ("a", "web"), ("aa", "a"), ("db", "host")):
        kernel.run("pool", "create", name, "--parent", parent, "privvmpages=3G")
    bare, listed = kernel.run(), kernel.run("pool", "list")
    ok(bare.returncode == 0 and bare.stdout == listed.stdout == kernel.run("pool").stdout and
       len(bare.stdout.splitlines()) == 6, "bare_bctl_lists_the_pools", bare)
    names = [p["name"] for p in kernel.json("pool", "tree", "web")[0]["pools"]]
    ok(names == ["web", "a", "aa"], "tree_of_a_pool_is_its_subtree", names)
    expect(kernel, 2, "no such pool", "pool", "tree", "nobody")
    text = kernel.run("pool", "tree").stdout.decode()
    ok("└─a" in text and text.count("─") >= 4, "tree_is_drawn", text)
    doc = kernel.json("stat")[0]
    ok([p["id"] for p in doc["pools"]][0] == 0 and doc["pools"][0]["name"] == "host" and
       doc["pools"][0]["parent"] is None and doc["pools"][0]["cgroup"] == "", "host_is_pool_0", doc)
    ok(doc["page_size"] == PAGE, "page_size_is_told")
    run = kernel.run("stat", "web", "db")
    ok(run.stdout.count(b"\nweb ") == 6 and run.stdout.count(b"\ndb ") == 6 and b" 3G " in run.stdout,
       "stat_of_named_pools", run)
    ok(str(3 << 30 >> PAGE.bit_length() - 1).encode() in kernel.run("stat", "-b").stdout,
       "raw_stat_is_exact")
    expect(kernel, 2, "stat: nobody: no such pool", "stat", "web", "nobody")
    run = kernel.run("-j", "stat", "web")
    ok(json.loads(run.stdout)["pools"][0]["name"] == "web", "options_may_stand_first", run)
    names = [r["name"] for r in kernel.json("resources")[0]["resources"]]
    ok(len(names) == 21 and names == sorted(set(names), key=names.index), "resources_are_listed", names)
    ok(kernel.run("resources", "-q").stdout.split() == [b"privvmpages", b"numproc", b"tcpsndbuf",
       b"physpages", b"swappages", b"vmguarpages", b"numfile"], "resource_names_only_of_the_module")
    text = kernel.run("resources").stdout.decode()
    ok("security_file_alloc is missing" in text, "reason_is_shown", text)
    ok(kernel.json("info")[0]["hooked"] is True, "info_tells_the_state")
    ok(b"unbalanced    0" in kernel.run("info").stdout, "info_as_text")


def test_text_and_json_agree(kernel):
    kernel.run("pool", "create", "web", "privvmpages=64M:72M", "numproc=5:unlimited")
    rows = [line.split() for line in kernel.run("stat", "-b").stdout.decode().splitlines()]
    want = [["POOL", "RESOURCE", "UNIT", "HELD", "MAXHELD", "BARRIER", "LIMIT", "FAILCNT"]]
    for pool in kernel.json("stat")[0]["pools"]:
        for name, res in pool["resources"].items():
            want.append([pool["name"], name, res["unit"], *(
                "-" if k not in res else "unlimited" if res[k] is None else str(res[k])
                for k in ("held", "maxheld", "barrier", "limit", "failcnt"))])
    ok(rows == want, "text_and_json_agree", rows, want)


def test_thousand(kernel):
    """As many pools as the fake has room for, in one dump."""
    for number in range(3):
        kernel.run("pool", "create", f"p{number}")
    state = kernel.dir / "state"
    data = state.read_bytes()
    size = len(data) // 1200
    pools = [bytearray(data[size:2 * size]) for _ in range(1000)]
    for number, pool in enumerate(pools, 1):
        pool[0:4] = number.to_bytes(4, sys.byteorder)
        pool[9:73] = f"pool-{number}".encode().ljust(64, b"\0")
    state.write_bytes(data[:size] + b"".join(pools) + data[1001 * size:])
    names = [p["name"] for p in kernel.json("stat")[0]["pools"]]
    ok(names == ["host"] + [f"pool-{n}" for n in range(1, 1001)], "dump_of_a_thousand_pools", len(names))


def test_modes(kernel):
    kernel.run("pool", "create", "web", "numproc=5")
    before = timeless(kernel.json("stat")[0]["pools"])
    for mode in ("longrec", "newattr", "intr"):
        ok(timeless(kernel.json("stat", mode=mode)[0]["pools"]) == before, f"same_figures_with_{mode}")
    doc = kernel.json("stat", mode="newstate")[0]
    ok(doc["pools"][0]["state"] == "state-9", "unknown_state_is_a_number", doc)
    for mode in ("shortrec", "oddtable", "cut"):
        expect(kernel, 2, "malformed", "stat", mode=mode, name=f"{mode}_is_malformed")
    expect(kernel, 2, "Cannot allocate memory", "stat", mode="done-error", name="error_at_the_end_of_a_dump")
    expect(kernel, 2, "come and go too fast", "stat", mode="intr-always", name="never_consistent_dump")
    expect(kernel, 2, "malformed", "pool", "set", "web", "numproc=1", mode="bad-ack",
           name="positive_error_is_no_success")
    for args in (("stat",), ("pool", "create", "x"), ("pool", "set", "web", "numproc=1"),
                 ("pool", "delete", "web"), ("exec", "web", "--", "true"), ("events",), ("info",)):
        expect(kernel, 2, "the beancounter module is not loaded, or", *args, mode="absent")
        expect(kernel, 2, "needs root on the host", *args, mode="eperm")
    ok(timeless(kernel.json("stat")[0]["pools"]) == before and
       not (kernel.cgroup / "bc/x").exists(),
       "refusals_change_nothing")


def test_known_resources(kernel):
    """The names of OpenVZ are those of the header, and the module's word comes first."""
    header = (TOP / "uapi/linux/beancounter.h").read_text()
    numbers = {name.lower(): int(num) for name, num in
               re.findall(r"^\tBC_RES_([A-Z]+)\t+= (\d+),", header, re.M)}
    listed = kernel.json("resources")[0]["resources"]
    known = {r["name"]: r["id"] for r in listed}
    ok(known == numbers and [r["id"] for r in listed] == sorted(known.values()),
       "every_number_of_the_header_has_its_name", known, numbers)
    rows = {r["name"]: r for r in listed}
    ok(rows["numproc"]["status"] == "enforced" and rows["numproc"]["description"] == "tasks" and
       rows["numfile"]["reason"] == "security_file_alloc is missing",
       "what_the_module_sends_is_shown", rows)
    ok(rows["numpty"]["status"] == "unavailable" and "kind" not in rows["numpty"] and
       rows["numpty"]["reason"] == "the loaded module does not have it",
       "what_it_does_not_send_is_unavailable", rows["numpty"])
    text = kernel.run("resources").stdout.decode()
    ok(re.search(r"^numpty +items +- +unavailable .*does not have it", text, re.M),
       "and_so_in_the_table", text)


def test_exec(kernel):
    kernel.run("pool", "create", "web")
    expect(kernel, 2, "web: cannot enter the pool: No such file", "exec", "web", "--", "true")
    procs = kernel.cgroup / "bc/web/cgroup.procs"
    procs.write_text("")
    run = kernel.run("exec", "web", "--", "sh", "-c", "echo $$; cat; ls /proc/self/fd | wc -l; exit 42",
                     data=b"input\n")
    lines = run.stdout.decode().split()
    ok(kernel.log()[-1] == "close", "exec_closes_its_socket_before_the_command_runs")
    ok(run.returncode == 42, "exec_passes_the_status", run)
    ok(procs.read_text() == lines[0] + "\n", "exec_moves_itself_and_keeps_its_pid", run)
    ok(lines[1:] == ["input", "4"], "exec_passes_stdin_and_no_other_descriptor", run)
    run = kernel.run("exec", "web", "--", "sh", "-c", "kill -9 $$")
    ok(run.returncode == -9, "exec_dies_of_the_commands_signal", run)
    run = kernel.run("exec", "web", "--", "echo", "--", "-j", "--help")
    ok(run.stdout == b"-- -j --help\n", "exec_leaves_the_commands_options_alone", run)
    expect(kernel, 127, "exec: no-such-command: No such file", "exec", "web", "--", "no-such-command")
    expect(kernel, 126, "exec: /etc/passwd: Permission denied", "exec", "web", "--", "/etc/passwd")
    expect(kernel, 2, "exec: nobody: no such pool", "exec", "nobody", "--", "true")
    procs.write_text("")
    run = kernel.run("attach", "web", "123", "456")
    ok(run.returncode == 0 and not run.stdout, "attach", run)
    procs.unlink()
    err = expect(kernel, 2, "attach: web: 123: No such file", "attach", "web", "123", "456")
    ok("456:" in err, "attach_goes_on_after_a_failure", err)
    keep = kernel.cgroup / "bc/keep"
    keep.mkdir()    # takes the next inode number, so that the new "web" has another
    (kernel.cgroup / "bc/web").rmdir()
    (kernel.cgroup / "bc/keep2").mkdir()
    (kernel.cgroup / "bc/web").mkdir()
    expect(kernel, 2, "is not the pool's cgroup any more", "attach", "web", "1")


def test_events(kernel):
    run = kernel.run("events", "--timeout", "1")
    ok(run.returncode == 0 and run.stderr == b"listening\n" and len(run.stdout.splitlines()) == 5 and
       b"\x1b" not in run.stdout, "events_as_text", run)
    docs = kernel.json("events")
    ok([d["event"] for d in docs] == ["pool-new", "refusal", "refusal", "event-77", "pool-gone"],
       "events_in_order", docs)
    ok(docs[1]["comm"] == "stress\x1b[2J\ufffd" and docs[1]["limit"] is None and docs[1]["pid"] == 4711,
       "refusal_tells_the_culprit", docs[1])
    ok("pid" not in docs[2] and docs[2]["suppressed"] == 9, "softirq_has_no_culprit", docs[2])
    ok(len(kernel.json("events", "--count", "2")) == 2, "count_is_kept")
    docs = kernel.json("events", mode="overrun")
    ok(docs[0]["event"] == "lost" and len(docs) == 6, "lost_events_are_an_event", docs)
    run = kernel.run("events", mode="cut")
    ok(run.returncode == 2, "malformed_resources_are_an_error", run)
    full = open("/dev/full", "w", encoding="ascii")
    env = {**os.environ, "BCTL_FAKE_DIR": str(kernel.dir), "BCTL_FAKE_MODE": ""}
    run = subprocess.run([FAKE, "events"], stdout=full, stderr=subprocess.PIPE, env=env, check=False)
    ok(run.returncode == 2 and run.stderr.count(b"cannot write") == 1, "events_stop_on_a_full_disk", run)


def test_compat(kernel):
    switch, foreign = kernel.dir / "compat", kernel.dir / "user_beancounters"
    for word in ("on", "off", "status"):
        expect(kernel, 2, f"compat: {word}: the beancounter module is not loaded\n", "compat", word)
    foreign.touch()
    expect(kernel, 2, "is not loaded; the files that are in /proc are another's", "compat", "on")
    for value, word in ("Y", b"on\n"), ("N", b"off\n"):
        switch.write_text(value + "\n")
        run = kernel.run("compat", "status")
        ok(run.returncode == 0 and run.stdout == word and
           (b"are another's" in run.stderr) == (value == "N"), f"compat_status_of_{value}", run)
    for word, value in ("on", "1\n"), ("off", "0\n"):
        run = kernel.run("compat", word)
        ok(run.returncode == 0 and not run.stdout and not run.stderr and
           switch.read_text() == value, f"compat_{word}_writes_the_parameter", run)
    expect(kernel, 2, "compat: status: Bad message", "compat", "status")
    switch.unlink()
    switch.mkdir()
    expect(kernel, 2, "compat: on: Is a directory", "compat", "on")
    switch.rmdir()
    switch.symlink_to("/dev/full")
    expect(kernel, 2, "compat: off: No space left", "compat", "off")


FILE, EXCL, PRESENT, SWAPPED = 1 << 61, 1 << 56, 1 << 63, 1 << 62
KPF_ANON, KPF_ZERO = 1 << 12, 1 << 24
FAIR_TREE = (("web", "host", 1), ("a", "web", 2), ("db", "host", 3), ("lone", "host", 4))


def poke(path, index, *words):
    """Write 64-bit words into a file that has a hole before them."""
    with open(path, "r+b" if path.exists() else "w+b") as f:
        f.seek(8 * index)
        f.write(b"".join(word.to_bytes(8, sys.byteorder) for word in words))


class Proc:
    """What passes for /proc: processes are made of mappings, and of page table entries."""

    def __init__(self, kernel):
        self.kernel, self.dir = kernel, kernel.dir / "proc"
        self.dir.mkdir()
        poke(self.dir / "kpageflags", 0, 0)

    def flags(self, pfn, flags):
        poke(self.dir / "kpageflags", pfn, flags)

    def add(self, pid, cgroup, *mappings, thread=None):
        """mappings: (page number of the start, inode, entries)"""
        path = self.dir / str(pid)
        path.mkdir()
        (path / "cgroup").write_text(f"12:pids:/x\n0::{cgroup}\n")
        (path / "task").mkdir()
        (path / "task" / str(pid)).symlink_to("..")
        (path / "maps").write_text("")
        (path / "pagemap").write_text("")
        if thread:
            path = path / "task" / str(thread)
            path.mkdir()
        with open(path / "maps", "w", encoding="ascii") as maps:
            for start, inode, entries in mappings:
                maps.write(f"{start * PAGE:x}-{(start + len(entries)) * PAGE:x} rw-p 00000000 "
                           f"00:00 {inode} /a file - (deleted)\n")
                poke(path / "pagemap", start, *entries)
            maps.write("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n")

    def run(self, *args, mode="", ns="cgroup:[4026531835]", self_pid="$$"):
        """bctl fairpages in a shell's place, for /proc/self has to be right."""
        self_dir = self.dir / "self"
        script = (f'mkdir -p {self.dir}/$$/ns; ln -sfn {self_pid} {self_dir}; '
                  f'ln -sfn "{ns}" {self.dir}/$$/ns/cgroup; exec {FAKE} fairpages "$@"')
        run = self.kernel.run("-c", script, "sh", *args, mode=mode, program="/bin/sh")
        self_dir.unlink(missing_ok=True)
        for path in self.dir.glob("*/ns"):
            shutil.rmtree(path.parent)
        return run

    def json(self, *args):
        run = self.run("-j", *args)
        docs = [json.loads(line) for line in run.stdout.splitlines()]
        wrong = [e for doc in docs for e in schema.errors(doc, SCHEMAS[doc["schema"]])]
        ok(run.returncode == 0 and docs and not wrong and not run.stderr,
           f"fairpages_{'_'.join(args)}_json_is_as_its_schema_says", run, *wrong)
        return docs

    def refused(self, words, *args, **kwargs):
        run = self.run(*args, **kwargs)
        ok(run.returncode == 2 and words in run.stderr.decode() and not run.stdout,
           f"fairpages: {words}", run)


def make_fair(kernel):
    for name, parent, number in FAIR_TREE:
        kernel.run("pool", "create", name, "--parent", parent, "--id", str(number))
    return Proc(kernel)


def file_pages(first, count):
    return [PRESENT | FILE | pfn for pfn in range(first, first + count)]


def anon_pages(first, count):
    return [PRESENT | EXCL | pfn for pfn in range(first, first + count)]


def fair_figures(doc):
    return {p["name"]: (p["own"]["fairpages"], p["fairpages"], p["mapped"], p["shared"],
                        p["private"]) for p in doc["pools"]}


def test_fairpages(kernel):
    proc = make_fair(kernel)
    lib = (0x1000, 77, file_pages(100, 12))
    proc.add(1, "/", lib, (0x2000, 0, anon_pages(200, 5)))
    proc.add(2, "/bc/web", lib, (0x7000, 0, [0, SWAPPED | 3, 0]))
    proc.add(3, "/bc/web", lib, (0x2000, 0, anon_pages(300, 4)))
    proc.add(4, "/bc/web/a/below/it", lib)
    proc.add(5, "/bc/webby", (0x9000, 0, anon_pages(400, 1)))
    proc.add(6, "/bc/web/a", thread=60)
    proc.add(7, "/bc/db", lib, (0x1000 + 12, 78, file_pages(500, 3)), thread=70)
    proc.add(8, "/bc/db (deleted)")
    doc = proc.json()[0]
    ok(fair_figures(doc) == {
        "host": (3 + 5 + 1, 25, 25, 0, 25), "web": (3 + 4, 10, 16, 12, 4),
        "a": (3, 3, 12, 12, 0), "db": (3 + 3, 6, 15, 12, 3), "lone": (0, 0, 0, 0, 0)},
       "each_of_four_pools_pays_a_quarter", fair_figures(doc))
    ok(doc["pages"] == 25 and doc["processes"] == 6 and doc["passes"] == 1 and
       doc["excluded"] == doc["vanished"] == 0, "processes_with_memory_are_counted", doc)
    ok(doc["pools"][1]["own"]["shares"] == [{"pools": 1, "pages": 4}, {"pools": 4, "pages": 12}],
       "shares_are_told_exactly", doc["pools"][1])
    docs = proc.json("db", "host")[0]["pools"]
    ok(docs == [doc["pools"][3], doc["pools"][0]], "named_pools_in_the_order_of_the_names", docs)
    proc.refused("fairpages: nobody: no such pool", "web", "nobody")
    text = proc.run("-b", "web", "a").stdout.decode().split()
    ok(text == ["POOL", "FAIRPAGES", "MAPPED", "SHARED", "PRIVATE", "OWN",
                "web", "10", "16", "12", "4", "7", "a", "3", "12", "12", "0", "3"],
       "table_of_shares", text)
    proc.add(9, "/bc/lone", lib)
    doc = proc.json()[0]
    ok(sum(p["own"]["fair_bytes"] for p in doc["pools"]) == 25 * PAGE and
       sum(p["own"]["fairpages"] for p in doc["pools"]) == 25 and
       all(abs(5 * p["own"]["fair_bytes"] - PAGE * (12 + 5 * whole)) < 5 for p, whole in
           zip(doc["pools"], (6, 4, 0, 3, 0))), "fifths_add_up_exactly", doc)


def test_fairpages_kinds(kernel):
    """What is a page and what is not, by the flags of entries and frames."""
    proc = make_fair(kernel)
    for pfn, flags in ((50, KPF_ZERO), (51, KPF_ANON), (52, 0), (53, KPF_ZERO), (54, 0)):
        proc.flags(pfn, flags)
    beyond = 1 << 30
    proc.add(1, "/bc/db", (0x1000, 0, [PRESENT | 50, PRESENT | 51, PRESENT | 52, PRESENT | beyond,
                                       PRESENT | FILE | 53, PRESENT | FILE | 54]))
    proc.add(2, "/bc/lone", (0x1000, 9, [PRESENT | 51, PRESENT | 52, PRESENT | FILE | 52,
                                         PRESENT | FILE | 53]))
    doc = proc.json()[0]
    # 51 is shared; 52 is a page for one and a device for the other; so is 53
    ok(fair_figures(doc)["db"] == (1.5, 1.5, 2, 1, 1) and doc["excluded"] == 2 and
       fair_figures(doc)["lone"] == (2.5, 2.5, 3, 1, 2), "zero_page_and_devices_are_no_pages", doc)


def test_fairpages_slices(kernel):
    proc = make_fair(kernel)
    proc.add(1, "/bc/web", (0x1000, 5, file_pages(1000, 150000)))
    proc.add(2, "/bc/web", (0x1000, 5, file_pages(1000, 150000)))
    proc.add(3, "/bc/db", (0x1000, 5, file_pages(1000, 150000)))
    one, many = proc.json()[0], proc.json("--memory", "1M")[0]
    ok(one["passes"] == 1 and many["passes"] > 2 and one["pools"] == many["pools"] and
       one["pages"] == many["pages"] == 150000 and many["processes"] == 3,
       "little_memory_takes_more_passes_and_tells_the_same", one, many)
    run = proc.run("--interval", "0.01", "--count", "3", "-b", "db")
    lines = run.stdout.decode().splitlines()
    ok(len(lines) == 8 and lines[0] == lines[3] and lines[2] == "" and lines[1] == lines[7],
       "samples_are_repeated", run)
    ok(len(proc.json("--interval", "0.01", "--count", "3")) == 3, "samples_as_json_lines")
    doc = proc.json("--max-rate", "1000000")[0]
    ok(doc["took_ns"] >= 440_000_000, "max_rate_is_kept", doc["took_ns"])


def test_fairpages_gone(kernel):
    """Processes that end while they are read, at each of the steps."""
    proc = make_fair(kernel)
    proc.add(1, "/bc/web", (0x1000, 5, file_pages(1000, 4)))
    (proc.dir / "2").mkdir()
    proc.add(3, "/bc/db", (0x1000, 5, file_pages(1000, 4)))
    (proc.dir / "3/pagemap").unlink()
    proc.add(4, "/bc/db", (0x1000, 5, file_pages(1000, 4)))
    (proc.dir / "4/maps").unlink()
    proc.add(5, "/bc/db", (0x1000, 5, file_pages(2000, 4)), (0x2000, 5, file_pages(3000, 1)))
    os.truncate(proc.dir / "5/pagemap", 8 * 0x1002)
    doc = proc.json()[0]
    ok(fair_figures(doc)["web"][0] == 4 and fair_figures(doc)["db"][0] == 2 and
       doc["vanished"] == 1 and doc["processes"] == 2, "what_was_read_of_a_process_counts", doc)
    (proc.dir / "6").mkdir()
    (proc.dir / "6/cgroup").mkdir()
    proc.refused("proc/6/cgroup: Is a directory")
    shutil.rmtree(proc.dir / "6")
    shutil.rmtree(proc.dir / "5")
    (proc.dir / "1/pagemap").unlink()
    poke(proc.dir / "1/pagemap", 0x1000, *[PRESENT | FILE] * 4)
    proc.refused("the kernel hides the numbers of page frames; this needs root")
    (proc.dir / "kpageflags").unlink()
    proc.refused("proc/kpageflags: No such file")


def test_fairpages_view(kernel):
    proc = make_fair(kernel)
    proc.add(1, "/bc/web", (0x1000, 5, file_pages(1000, 4)))
    root = (kernel.dir / "mountinfo").read_text()
    mount = f"24 1 0:22 / {proc.dir} rw,nosuid - proc proc rw%s\n"
    for opts, good in ((",hidepid=2", False), (",gid=4,hidepid=invisible", False), ("", True),
                       (",hidepid=ptraceable", False), (",hidepid=0", True), (",hidepid=off", True)):
        kernel.mountinfo(root + mount % opts)
        if good:
            proc.json("web")
        else:
            proc.refused("it is mounted with hidepid")
    kernel.mountinfo(root + mount % ",hidepid=2" + mount % "")
    proc.json("web")
    proc.refused("not the host's cgroup namespace", ns="cgroup:[4026532000]")
    proc.refused("that of another pid namespace", self_pid="1")
    proc.refused("the beancounter module is not loaded", mode="absent")
    shutil.rmtree(proc.dir)
    proc.dir.symlink_to("nowhere")
    run = kernel.run("fairpages")
    ok(run.returncode == 2 and b"/proc: No such file" in run.stderr, "no_proc_no_figures", run)


def test_explain(kernel):
    for name, parent in (("top", "host"), ("web", "top"), ("inner", "web"), ("other", "top")):
        kernel.run("pool", "create", name, "--parent", parent, "numproc=100:110",
                   "tcpsndbuf=100:110")
    run = kernel.run("explain", "web", mode="peace,nofail")
    ok(run.returncode == 0 and run.stdout == b"web: nothing was refused\n" and not run.stderr,
       "explain_says_that_nothing_was_refused", run)
    ok(kernel.json("explain", "web", mode="peace,nofail")[0]["causes"] == [], "in_json_as_well")
    doc = kernel.json("explain", "web")[0]
    found = {(c["resource"], c["pool"]): c for c in doc["causes"]}
    ok(list(found) == [("numproc", "web"), ("tcpsndbuf", "web"), ("physpages", "web"),
                           ("swappages", "web"), ("tcpsndbuf", "top")],
       "explain_has_own_refusals_and_those_of_ancestors_that_concern_it", list(found))
    own = found["numproc", "web"]
    ok(own["relation"] == "self" and own["bound"] == "barrier" and own["culprits"][0]["pid"] == 4711 and
       own["known"] == 3, "explain_tells_the_culprit", own)
    # held 201, maxheld 206, and somebody asked for 50: 256 and a quarter, in two digits
    ok(own["proposal"] == {"barrier": 320, "limit": 330,
                           "command": "bctl pool set web numproc=320:330"},
       "proposal_is_rounded_and_keeps_the_room_to_the_limit", own)
    above = found["tcpsndbuf", "top"]
    ok(above["relation"] == "parent" and [c["origin"] for c in above["culprits"]] == ["web"] and
       above["bound"] == "limit" and "pid" not in above["culprits"][0],
       "parent_shows_only_what_came_from_the_pool", above)
    inner = kernel.json("explain", "inner")[0]["causes"]
    ok({(c["pool"], c["relation"]) for c in inner} ==
       {("inner", "self"), ("web", "parent")}, "sibling_and_parent_are_not_mixed", inner)
    text = kernel.run("explain", "web").stdout.decode()
    ok("\x1b" not in text and "pid 4711 (ev\\x1b[2Jil) asked for 40 when 90 was held; 3 times" in text and
       "proposal: bctl pool set web numproc=320:330\n" in text and
       "refused by web itself, at its barrier of 100\n" in text and
       "refused by its parent top, at its limit of 110" in text and
       "the network for inner asked" in text and "the network asked" in text, "explain_as_text", text)
    expect(kernel, 2, "nobody: there is no such pool", "explain", "nobody")
    kernel.run("pool", "set", "web", "ram=400K")
    memory = {c["resource"]: c for c in kernel.json("explain", "web")[0]["causes"]}["physpages"]
    text = kernel.run("explain", "web").stdout.decode()
    # 100 pages, and 208 were held
    ok(memory["bound"] == "limit" and memory["proposal"] ==
       {"barrier": None, "limit": 320, "command": "bctl pool set web ram=1280K"} and
       "web itself, at its limit of 400K\n" in text and
       "swappages: 4 requests were refused by web itself, which has no limit now\n" in text, "memory_is_proposed_as_a_limit", (memory, text))


def test_thresholds(kernel):
    kernel.run("pool", "create", "web", "numproc=5")
    run = kernel.run("threshold", "web", "numproc=80%", "privvmpages=3%")
    ok(run.returncode == 0 and not run.stdout, "threshold_sets", run)
    res = kernel.json("threshold", "web", "tcpsndbuf=90%:10%")[0]["pools"][0]["resources"]
    ok([res[n]["threshold"] for n in ("numproc", "privvmpages", "tcpsndbuf")] ==
       [{"rise": 80, "fall": 75, "above": True}, {"rise": 3, "fall": 0, "above": False},
        {"rise": 90, "fall": 10, "above": False}], "pool_show_has_thresholds", res)
    text = kernel.run("pool", "show", "web").stdout.decode()
    ok("  threshold numproc 80%:75%, above\n" in text, "as_text", text)
    kernel.run("threshold", "web", "numproc=off")
    res = kernel.json("pool", "show", "web")[0]["pools"][0]["resources"]
    ok("threshold" not in res["numproc"], "off_removes_it", res)
    expect(kernel, 1, "nosuch=80%: unknown resource 'nosuch'", "threshold", "web", "nosuch=80%")
    expect(kernel, 2, "nobody: no such pool", "threshold", "nobody", "numproc=80%")
    docs = kernel.json("events", mode="crossing")
    ok([d.get("direction") for d in docs[-3:]] == ["up", "down", "direction-9"] and
       docs[-1]["percent"] == 90, "crossings_are_events", docs[-3:])
    lines = kernel.run("events", mode="crossing").stdout.decode().splitlines()
    ok(lines[-3].endswith("threshold web privvmpages: rose to 90%, held 58.6M, barrier 64M; "
                          "2 before it not reported"), "and_text", lines[-3])


def test_readers(kernel):
    run = kernel.run("stat", "--peak", "new")
    ok(run.returncode == 0 and b"new: a new reader: its first interval begins now" in run.stderr and
       b"PEAK" in run.stdout, "new_reader_is_told_so", run)
    doc = kernel.json("stat", "--peak", "hourly")[0]
    res = doc["pools"][0]["resources"]["numproc"]
    ok(doc["reader"] == "hourly" and res["peak"] == res["held"] + 1, "peaks_are_in_json", doc)
    lines = kernel.run("stat", "host", "-b", "--peak=hourly").stdout.decode().splitlines()
    ok(lines[0].split()[-1] == "PEAK" and lines[2].split()[-1] == "2", "and_a_column", lines)
    ok("peak" not in kernel.json("stat")[0]["pools"][0]["resources"]["numproc"],
       "without_a_reader_there_is_none")
    doc = kernel.json("reader", "list")[0]
    ok(doc["readers"] == [{"name": "hourly", "last_taken_ns": 123456789}], "readers_are_listed", doc)
    ok(kernel.run("reader", "list", "-q").stdout == b"hourly\n", "by_name")
    ok(kernel.run("reader", "delete", "hourly").returncode == 0, "reader_is_deleted")
    expect(kernel, 2, "nobody: there is no such reader", "reader", "delete", "nobody")


def test_flows(kernel):
    """CPU time, block I/O and settings."""
    kernel.run("pool", "create", "web")
    plain = kernel.json("pool", "show", "web")[0]["pools"][0]
    ok(set(plain["cpu"]) == {"shares", "limit", "reservation", "expandable"} and
       set(plain["io"]) == {"limits"}, "not_counted_is_absent", plain)
    ok(plain["settings"]["cpu.limit"] == {"unit": "ns-per-second", "value": None, "set": False,
                                          "effective": True} and
       plain["cpu"]["limit"] is None and plain["cpu"]["shares"] == 1000 and
       plain["io"]["limits"]["burst_ms"] == 100 and "io.weight" not in plain["settings"],
       "settings_are_shown", plain)
    old = kernel.json("pool", "show", "web", mode="nosettings")[0]["pools"][0]
    ok(not {"cpu", "io", "settings"} & set(old), "an_old_module_has_none", old)
    pool = kernel.json("pool", "show", "web", mode="frozen")[0]["pools"][0]
    cpu, block = pool["cpu"], pool["io"]
    ok((cpu["usage_ns"], cpu["user_ns"], cpu["wait_ns"], cpu["throttled_ns"], cpu["nr_throttled"],
        cpu["load"], cpu["entitlement"]) ==
       (10**9, 75 * 10**7, 5 * 10**8, 10**9, 5, [1.25, 0.5, 0.025], 1500000000), "cpu_is_what_was_sent", cpu)
    ok((block["read_bytes"], block["flush_ios"], block["in_flight"], block["cancelled"]) ==
       (10 << 20, 4, {"read": 1, "write": 2}, 4096), "and_io", block)
    ok([d["device"] for d in block["devices"]] == ["8:0", "259:7"] and
       [d["stacked"] for d in block["devices"]] == [False, True] and block["writeback"] and
       block["devices"][1]["read_bytes"] == 0, "devices_are_listed", block["devices"])
    hist = block["histograms"]
    ok(hist["read_service"]["count"] == 100 and hist["read_service"]["buckets"][7] == 90 and
       64000 <= hist["read_service"]["p50_ns"] <= 128000 and
       1024000 <= hist["read_service"]["p99_ns"] <= 2048000 and
       hist["write_wait"] == {"count": 0, "buckets": [0] * 32}, "percentiles_of_the_histograms", hist)
    ok("devices" not in kernel.json("stat", "web", mode="frozen")[0]["pools"][0]["io"] and
       "devices" in kernel.json("stat", "web", "--io", mode="frozen")[0]["pools"][0]["io"],
       "stat_has_devices_with_--io")
    kernel.log()
    kernel.json("stat", mode="frozen")
    ok(sum("cmd=13 " in line for line in kernel.log()) == 0, "and_asks_for_them_only_then")
    same = kernel.json("pool", "show", "web", mode="frozen,longflow")[0]["pools"][0]
    ok(same == pool, "longer_record_is_no_other")
    short = kernel.json("pool", "show", "web", mode="frozen,shortflow")[0]["pools"][0]
    ok("usage_ns" in short["cpu"] and "throttled_ns" not in short["cpu"] and
       "load" not in short["cpu"] and "throttled_ns" in short["io"] and
       "dirtied" not in short["io"] and "histograms" not in short["io"],
       "what_an_older_module_does_not_send_is_absent", short)
    more = kernel.json("pool", "show", "web", mode="newsetting")[0]["pools"][0]["settings"]
    ok(more["setting-99"]["value"] == 7 and "unit" not in more["setting-99"],
       "unknown_setting_is_a_number", more)
    for mode in ("frozen,badflow", "oddsettings"):
        expect(kernel, 2, "malformed", "stat", mode=mode, name=f"{mode}_is_malformed")
    text = kernel.run("pool", "show", "web", mode="frozen").stdout.decode()
    ok("  cpu       usage 1.000s user 750.0ms" in text and "entitlement 150% reservable 12.5%" in text and
       "  io        read 10M write 40K" in text, "show_has_lines_for_them", text)
    ok(re.search(r"^cpu.limit +ns-per-second +unlimited no +yes$", text, re.M) and
       re.search(r"^web +8:0 +read +10M +1000 +500ns +950ns +990ns ", text, re.M) and
       re.search(r"^web +259:7[+] +read +0 +0 ", text, re.M), "and_tables", text)
    text = kernel.run("stat", mode="frozen,noio").stdout.decode()
    ok(re.search(r"^web +1.000s +750.0ms .* 1.25/0.50/0.03 +150% +12.5%$", text, re.M) and
       "READ-IOS" not in text, "stat_has_a_table_of_what_is_known", text)
    text = kernel.run("stat", "-b", mode="frozen").stdout.decode()
    ok(re.search(r"^web +1000000000 +750000000 ", text, re.M), "raw_times_are_nanoseconds", text)
    listed = kernel.json("resources")[0]["settings"]
    ok(len(listed) == 12 and listed[1]["unit"] == "ns-per-second" and listed[1]["initial"] is None and
       listed[1]["lowest"] == 10**7 and listed[1]["unlimited"] and "reason" not in listed[1] and
       listed[11]["reason"].startswith("no device has the scheduler") and
       "by io.cost or BFQ" in listed[11]["description"], "resources_lists_the_settings", listed)
    text = kernel.run("resources").stdout.decode()
    ok(re.search(r"^cpu.limit +ns-per-second +1% +unlimited +unlimited +enforced ", text, re.M),
       "as_a_second_table", text)
    ok(kernel.json("resources", mode="nosettings")[0]["settings"] == [], "if_there_are_any")


def test_weight(kernel):
    """io.weight is in the cgroup's files, and the module has no part in it."""
    def control(path):
        top = kernel.cgroup / path
        top.mkdir(exist_ok=True)
        for name, text in (("subtree_control", "io\n"), ("procs", ""), ("type", "domain\n"),
                           ("controllers", "cpu io memory\n")):
            (top / f"cgroup.{name}").write_text(text)
        return top

    def device(name, number, sched):
        path = kernel.dir / "block" / name
        (path / "queue").mkdir(parents=True)
        (path / "dev").write_text(f"{number}\n")
        (path / "queue/scheduler").write_text(f"{sched}\n")
        return path

    def setting(*args, mode=""):
        pool = kernel.json("pool", "show", "web", *args, mode=mode)[0]["pools"][0]
        one = pool["settings"].get("io.weight", {})
        ok(pool.get("io", {}).get("weight") == one.get("value"), "weight_is_the_same_twice", pool)
        return one

    def notes():
        return sorted(path.name.split("-", 1)[1] + " " + path.read_text()
                      for path in (kernel.dir / "notes").glob("*"))

    control("")
    web = control("web")
    cost, bfq = web / "io.weight", web / "io.bfq.weight"
    expect(kernel, 2, "web: io.weight=200: the kernel has no weights of block I/O, io.cost or bfq", "pool", "create",
           "web", "--cgroup", "web", "io.weight=200")
    ok(kernel.pools() == ["host"], "no_file_no_pool")
    cost.write_text("default 100\n8:0 50\n")
    expect(kernel, 2, "too many pools", "pool", "create", "web", "--cgroup", "web", "numproc=5",
           "io.weight=200", mode="full")
    ok(cost.read_text() == "100\n" and not notes(), "refused_pool_gets_no_weight", notes())
    expect(kernel, 2, "web: io.weight=200: the weight cannot be set", "pool", "create", "web",
           "--cgroup", "web", "io.weight=200", mode="nonotes")
    ok(cost.read_text() == "100\n" and kernel.pools() == ["host"], "nor_one_that_cannot_be_noted")
    run = kernel.run("pool", "create", "web", "--cgroup", "web", "io.weight=200", "numproc=9")
    ok(run.returncode == 0 and cost.read_text() == "200\n" and
       notes() == ["trusted.beancounter.io.weight 100 200"], "created_with_a_weight", run, notes())
    want = {"unit": "shares", "value": 200, "set": True, "effective": False,
            "reason": "no device has the scheduler bfq or io.cost"}
    ok(setting() == want, "no_device_not_effective", setting())
    vda = device("vda", "254:0", "[none] mq-deadline bfq")
    device("sda", "8:0", "none [mq-deadline]")
    ok(setting() == want, "no_weigher_not_effective")
    ok("no device that the pool has used" in setting(mode="frozen")["reason"], "of_those_it_used")
    (kernel.cgroup / "io.cost.qos").write_text("254:0 enable=1 ctrl=auto\n8:0 enable=0 ctrl=auto\n")
    ok(setting()["acts"] == [{"device": "254:0", "by": "io.cost"}], "io_cost_makes_it_effective")
    ok("acts" not in setting(mode="frozen"), "but_not_on_a_device_that_it_has_not_used")
    text = kernel.run("pool", "show", "web").stdout.decode()
    ok(re.search(r"^io.weight +shares +200 yes +yes: 254:0 by io.cost$", text, re.M), "as_text", text)
    (kernel.cgroup / "io.cost.qos").unlink()
    bfq.write_text("default 100\n")
    (vda / "queue/scheduler").write_text("none mq-deadline [bfq]\n")
    ok("another value" in setting()["reason"], "bfq_came_later_and_has_another_one", setting())
    kernel.log()
    run = kernel.run("pool", "set", "web", "io.weight=4000")
    ok(run.returncode == 0 and (cost.read_text(), bfq.read_text()) == ("4000\n", "1000\n") and
       notes() == ["trusted.beancounter.io.bfq.weight 100 1000",
                   "trusted.beancounter.io.weight 100 4000"], "bfq_has_at_most_1000", run, notes())
    ok(not any("cmd=2 " in line for line in kernel.log()), "no_request_without_anything_in_it")
    ok(setting()["acts"] == [{"device": "254:0", "by": "bfq"}], "which_counts_as_that")
    expect(kernel, 2, "numfile=1: ", "pool", "set", "web", "io.weight=7", "numproc=6", "numfile=1")
    ok((cost.read_text(), bfq.read_text()) == ("4000\n", "1000\n") and len(notes()) == 2,
       "one_bad_pair_sets_it_back", cost.read_text(), bfq.read_text())
    run = kernel.run("pool", "create", "web", "--cgroup", "web", "--exist-ok", "ioprio=0")
    ok(run.returncode == 0 and setting()["value"] == 64, "ioprio_0_is_64", run)
    values = []
    for prio in range(8):
        kernel.run("pool", "set", "web", f"ioprio={prio}")
        values.append(int(cost.read_text()))
    ok(values == [64, 73, 82, 92, 100, 110, 120, 128], "ioprio_is_a_fifth_of_openvz's", values)
    bfq.write_text("300\n")
    ok(setting()["set"] and not setting()["effective"], "somebody_else_has_set_one")
    listed = kernel.json("resources")[0]["settings"][11]
    ok(listed["status"] == "enforced" and "reason" not in listed, "resources_tells_it", listed)
    run = kernel.run("pool", "delete", "web")
    ok(run.returncode == 0 and (cost.read_text(), bfq.read_text()) == ("100\n", "300\n") and
       not notes(), "deleting_restores_what_is_still_ours", run, cost.read_text(), notes())
    expect(kernel, 2, "host: io.weight=5: the pool has no cgroup", "pool", "set", "host", "io.weight=5")
    for bad in ("io.weight=0", "io.weight=10001", "io.weight=unlimited", "ioprio=8", "ioprio=-1",
                "ioprio=", "ioprio=10"):
        expect(kernel, 1, "not a number from", "pool", "set", "web", bad)
    expect(kernel, 1, "the setting 'io.weight' is given twice", "pool", "set", "web", "ioprio=1",
           "io.weight=100")


def test_schemas():
    """The checker itself: a good document, and one fault of each kind."""
    good = {"schema": "bctl.info/1", "boot_id": "x", "taken_ns": 1, "bctl_version": "1",
            "version": "1", "hooked": False, "page_size": 4096,
            **{k: 0 for k in ("pools", "pools_max", "dying", "generation", "suppressed",
                              "unbalanced", "untracked")}}
    faults = [{"schema": "bctl.info/2"}, {"pools": "0"}, {"pools": -1}, {"pools": True},
              {"hooked": 1}, {"page_size": 0}, {"extra": 1}, {"pools": None}, {"pools": 1.5}]
    want = SCHEMAS["bctl.info/1"]
    ok(not list(schema.errors(good, want)), "checker_accepts_a_good_document")
    for fault in faults:
        ok(list(schema.errors({**good, **fault}, want)), f"checker_finds_{fault}")
    less = {k: v for k, v in good.items() if k != "pools"}
    ok(list(schema.errors(less, want)), "checker_finds_a_missing_key")
    ok(list(schema.errors({}, {"oneOf": []})), "checker_refuses_a_schema_it_does_not_know")
    number = {"type": "number", "minimum": 0}
    ok(not list(schema.errors(0.5, number)) and list(schema.errors(-0.5, number)) and
       list(schema.errors("1", number)), "checker_knows_numbers")
    event = {"schema": "bctl.event/1", "boot_id": "x", "event": "pool-new", "time_ns": 1}
    want = SCHEMAS["bctl.event/1"]
    ok(not list(schema.errors(event, want)) and list(schema.errors({**event, "event": "refusal"}, want)),
       "checker_follows_if_and_then")
    names = {name for path in (TOP / "tools").glob("*/*.c")
             for name in re.findall(r'"(bctl\.[a-z]+/\d+)"', path.read_text())}
    # a file of stat --delta's own, and what is within a CloudEvent
    missing = names - set(SCHEMAS) - {"bctl.delta/1", "bctl.record/1"}
    ok(len(names) > 15 and not missing, "what_bctl_prints_has_a_schema", names, missing)


def main():
    tests = [test_usage, test_help, test_create, test_create_rollback_base, test_create_cgroup,
             test_memory, test_exist_ok, test_set, test_delete, test_views,
             test_text_and_json_agree, test_thousand, test_modes, test_known_resources,
             test_exec, test_events, test_compat, test_fairpages, test_fairpages_kinds,
             test_fairpages_slices, test_fairpages_gone, test_fairpages_view, test_explain,
             test_thresholds, test_readers, test_flows, test_weight]
    test_schemas()
    return run(tests, Kernel)


if __name__ == "__main__":
    sys.exit(main())
