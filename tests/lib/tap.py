# SPDX-License-Identifier: GPL-2.0
"""TAP for Python tests.

    sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
    import tap
    tap.equal(held('numproc'), 3, 'three processes are held')
    tap.done()
"""
import os
import sys
import time

LONG = bool(os.environ.get('BC_LONG'))
_count = 0
_failed = 0


def ok(good, name, detail=''):
    """One result; detail explains a failure."""
    global _count, _failed
    _count += 1
    _failed += not good
    print(f'{"ok" if good else "not ok"} {_count} - {name}', flush=True)
    if not good and detail:
        for line in str(detail).splitlines():
            print(f'#   {line}', flush=True)
    return bool(good)


def equal(got, want, name):
    return ok(got == want, name, f'got:    {got!r}\nwanted: {want!r}')


def between(got, low, high, name):
    return ok(low <= got <= high, name, f'got {got}, wanted {low}..{high}')


def raises(kind, func, name):
    """func() raises kind; the exception."""
    try:
        func()
    except kind as err:
        ok(True, name)
        return err
    except Exception as err:        # pylint: disable=broad-except
        ok(False, name, f'raised {err!r}')
        return err
    ok(False, name, 'nothing was raised')
    return None


def skip(name, why):
    global _count
    _count += 1
    print(f'ok {_count} - {name} # SKIP {why}', flush=True)


def note(text):
    for line in str(text).splitlines():
        print(f'# {line}', flush=True)


def rounds(plain, long):
    """How often, or how long, something is done for the sake of chance: make test, make soak."""
    return long if LONG else plain


def poll_until(seconds, func):
    """Repeat func() until it returns something true, which is returned; or None."""
    deadline = time.monotonic() + seconds
    while True:
        value = func()
        if value:
            return value
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.05)


def skip_all(why):
    """Instead of any result."""
    print(f'1..0 # SKIP {why}', flush=True)
    sys.exit(0)


def done():
    """The plan; ends the test."""
    print(f'1..{_count}', flush=True)
    sys.exit(1 if _failed else 0)
