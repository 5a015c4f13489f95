# SPDX-License-Identifier: GPL-2.0
"""Random stores of usage records, for tests that compare two ways to read them.

They have what a real one has: reboots and module loads, nested pools, short lives that
end at any millisecond, names that come again, gaps, holes, figures that are not known,
clocks that were set, records that were made one out of many, month ends.
"""
import make_usage_db as made

MINUTE, HOUR, DAY = made.MINUTE, made.HOUR, made.DAY
# a day before a month ends: 2026-10-31 00:00 UTC
BEGIN = made.EPOCH + 30 * DAY
FLOWS = ("cpu_ns", "cpu_user_ns", "cpu_system_ns", "cpu_wait_ns", "cpu_throttled_ns",
         "cpu_nr_throttled", "io_read_bytes", "io_write_bytes", "io_discard_bytes", "io_reads",
         "io_writes", "io_discards", "io_flushes", "io_wait_ns", "io_service_ns",
         "io_throttled_ns", "io_nr_throttled", "io_dirtied_bytes", "io_cancelled_bytes")
RESOURCES = ("physpages", "numproc", "tcpsndbuf", "vmguarpages")
NAMES = ("web", "db", "acme", "acme.shop", "acme-2", "x:y_z", "a")


class Maker:
    """One random store of so many days."""

    def __init__(self, rng, path, days=2, big=False):
        self.rng, self.days = rng, days
        self.most = 2**62 // 1000 if big else 10**13
        self.store = made.Store(path, page_size=rng.choice((4096, 4096, 16384)))
        at = BEGIN + rng.randrange(-3 * HOUR, 3 * HOUR)
        self.end = BEGIN + days * DAY
        boot = 0
        while at < self.end:
            stop = min(at + rng.randrange(HOUR, (days + 1) * DAY), self.end)
            self.boot(f"boot-{boot}", at, stop, last=stop == self.end)
            at = stop + rng.randrange(1, 2 * HOUR)
            boot += 1
        self.store.close()

    def amount(self):
        rng = self.rng
        return rng.choice((0, rng.randrange(10), rng.randrange(10**6), rng.randrange(self.most)))

    def boot(self, boot, begin, end, last):
        host = self.life("host", 0, None, boot, begin, end, last)
        alive = [(host, begin, end)]
        for ident in range(1, self.rng.randrange(2, 7)):
            above, low, high = self.rng.choice(alive)
            if high - low < 2000:
                continue
            born = low + self.rng.randrange(0, high - low - 1000)
            dead = self.rng.choice((high, born + self.rng.randrange(1, high - born + 1)))
            name = self.rng.choice(NAMES)
            pool = self.life(name, ident, above, boot, born, dead, last and dead == end)
            alive.append((pool, born, dead))

    def life(self, name, ident, parent, boot, begin, end, lives):
        cause = self.rng.choice(("deleted", "cgroup", "unload"))
        ended = {} if lives else {"ended_ms": end, "cause": cause}
        pool = self.store.pool(name, begin, parent, ident, boot, **ended)
        step = self.rng.choice((5 * MINUTE, 5 * MINUTE, HOUR))
        at = begin
        # what is older may have been deleted
        if self.rng.random() < 0.1:
            at = min(at + self.rng.randrange(3 * HOUR), end)
        while at < end:
            stop = min(at - at % step + step * self.rng.choice((1, 1, 1, 2)), end)
            self.record(pool, at, stop, "closing" if stop == end and ended else "interval")
            at = stop
        return pool

    def record(self, pool, begin, end, kind):
        chance = self.rng.random()
        if chance < 0.02:
            return
        if chance < 0.06:
            self.store.record(pool, begin, end, "gap", span_ns=None,
                              reason=self.rng.choice(("lost", "backwards")))
            return
        flows = {name: self.amount() for name in FLOWS if self.rng.random() > 0.01}
        if self.rng.random() > 0.03:
            flows["cpu_mhz"] = self.rng.choice((2400, 3100))
        if self.rng.random() < 0.02:
            flows.update(reason="clock", span_ns=self.amount())
        figures = {name: self.figure() for name in RESOURCES if self.rng.random() > 0.01}
        self.store.record(pool, begin, end, kind, figures, **flows)

    def figure(self):
        barrier = self.rng.choice((-1, 100, 100, 100, 1000))
        figure = {"held_time": self.amount(), "held": self.amount(), "peak": self.amount(),
                  "barrier": barrier, "lim": self.rng.choice((-1, barrier)),
                  "failcnt": self.rng.choice((0, 0, 0, 1, 7)), "failed": self.amount()}
        return {key: val for key, val in figure.items() if self.rng.random() > 0.01}
