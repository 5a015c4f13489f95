# SPDX-License-Identifier: GPL-2.0
"""An independent ledger of what was held for how long.

    book = ledger.Ledger()
    with book.change(+3):               # it happens somewhere in here
        member.call(fork_more, 3)
    low, high = book.unit_seconds(record_taken_ns)

Time is CLOCK_BOOTTIME in ns, as the kernel's. The kernel's integral must be between the
two, but for a tick for each unit that came or went, and for what is below a unit-second.
"""
import contextlib
import time

TICK = 1e9 / 100                # of the slowest clock that a kernel can have


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Ledger:
    """One amount of one pool."""

    def __init__(self, held=0, since=None):
        since = now() if since is None else since
        self.changes = [(held, since, since)] if held else []

    @contextlib.contextmanager
    def change(self, amount):
        """By so much, at some time in the block."""
        before = now()
        yield
        self.changes.append((amount, before, now()))

    def unit_seconds(self, taken):
        """The least and the most that a reading of that instant may say."""
        low = high = 0
        for amount, before, after in self.changes:
            early, late = taken - before, taken - min(after, taken)
            low += amount * (late if amount > 0 else early)
            high += amount * (early if amount > 0 else late)
            low -= abs(amount) * TICK
            high += abs(amount) * TICK
        return low / 1e9 - 1, high / 1e9
