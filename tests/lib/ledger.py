# SPDX-License-Identifier: GPL-2.0
"""An independent ledger of what was held for how long.

    book = ledger.Ledger()
    with book.change(+3):               # it happens somewhere in here
        member.call(fork_more, 3)
    low, high = book.unit_seconds(record_taken_ns)

Time is CLOCK_BOOTTIME in ns, as the kernel's. The kernel's integral must be between the
two, but for a tick for each unit that came or went, and for what is below a unit-second.

Where somebody else takes processors away, as on a busy host of emulated ones, ticks are late. How
late can be seen: a coarse clock stands still between two of them.
"""
import contextlib
import time

TICK = 1e9 / 100                # of the slowest clock that a kernel can have
MONOTONIC_COARSE = 6


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def behind():
    """How long ago the last tick was."""
    coarse = time.clock_gettime_ns(MONOTONIC_COARSE)
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) - coarse


class Ledger:
    """One amount of one pool."""

    def __init__(self, held=0, since=None):
        since = now() if since is None else since
        self.changes = [(held, since, since)] if held else []

    @contextlib.contextmanager
    def change(self, amount):
        """By so much, at some time in the block."""
        before = now() - behind()
        yield
        self.changes.append((amount, before, now()))

    def unit_seconds(self, taken, late=0):
        """The least and the most that a reading of that instant may say; its tick may be late."""
        held = sum(amount for amount, _, _ in self.changes)
        low = high = 0
        low -= abs(held) * max(late - TICK, 0)
        for amount, before, after in self.changes:
            early, late = taken - before, taken - min(after, taken)
            low += amount * (late if amount > 0 else early)
            high += amount * (early if amount > 0 else late)
            low -= abs(amount) * TICK
            high += abs(amount) * TICK
        return low / 1e9 - 1, high / 1e9
