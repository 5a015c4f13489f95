# SPDX-License-Identifier: GPL-2.0
"""What the tests of bctl print: TAP. And what most of them look at."""
import json
import os
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SCHEMAS = {f"bctl.{p.name.split('.')[0]}/1": json.loads(p.read_text())
           for p in (TOP / "Documentation/json").glob("*.schema.json")}
# The real program, and the same on top of fake_sys.c.
BCTL, FAKE = (os.path.abspath(arg) for arg in (sys.argv[1:3] + [""] * 2)[:2])
_count = _failed = 0


def ok(good, name, *why):
    """One result; what is known about a failure."""
    global _count, _failed
    _count += 1
    _failed += not good
    print(f"{'' if good else 'not '}ok {_count} - {name}")
    if not good:
        for line in why:
            print("# " + str(line)[:4000].replace("\n", "\n# "))


def skip(name, why):
    """A test that cannot be done here."""
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {why}")


def poll(func, seconds=30):
    """func() once it is true; or None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = func()
        if value:
            return value
        time.sleep(0.02)
    return None


def finish():
    """The plan, and the exit status."""
    print(f"1..{_count}")
    return bool(_failed)


def run(tests, kernel):
    """Each test with a made-up kernel of its own, kernel(); the exit status."""
    for test in tests:
        mine = kernel()
        try:
            test(mine)
        except Exception as err:    # a test that breaks off is a failure, not the end
            ok(False, f"{test.__name__} broke off", repr(err))
        mine.done()
    return finish()
