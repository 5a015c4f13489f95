# SPDX-License-Identifier: GPL-2.0
"""What bctl usage tells of a day against the book of those who made the load.

Of each pool it is known until when it was recorded: it was created at an instant that the
module told when that happened, and span_ns of bctl usage is how long its records took. What
was done before that instant has to be in the sums, and nothing that was begun later:

* amounts and failures to the unit. Only what was under way at that very instant, or was
  begun and not done when the machine was reset, may be in them or not;
* CPU time to the microsecond of cpu.stat, which is what the kernel shows, when there was a
  reading after the last process had ended; else between the readings before and after;
* integrals within the bounds of accounting.rst (tests/lib/ledger.py).

Who was deleted or removed, or was there when the module was unloaded in front of a collector,
must have been recorded to the end. Who was there, or whose end was not stored yet, when the
machine was reset must have a gap from then on. Who came so late that he has no row at all
must have come when the host has its gap.
"""
import json
import subprocess
import time

import book
import ledger
import tap

FLOWS = {'read_bytes': ('io', 'read_bytes'), 'write_bytes': ('io', 'write_bytes'),
         'reads': ('io', 'read_ios'), 'writes': ('io', 'write_ios')}
COUNTS = ('failcnt', 'failed')
HELD = ('numproc', 'lockedpages')


class Account:
    """A pool, as the book has it."""

    def __init__(self, line):
        self.name, self.parent, self.created = line['name'], line['parent'], line['created']
        self.life, self.key = line['life'], line['pool']
        self.doings = {}                # number: line
        self.cpu = []
        self.end = None
        self.stored = False
        self.below = []

    def changes(self, name):
        """What it has held: (so much more, not before, not after or None)."""
        found = [(line['adds'][name], line['begin'] - line['late'], line.get('end'))
                 for line in self.doings.values() if line['adds'].get(name)]
        if self.end and self.end['how'].startswith('un'):
            # it was let go of while the module was unloaded
            found.append((-sum(amount for amount, _, _ in found), self.end['begin'],
                          self.end['end']))
        return found

    def all(self):
        """It, and those that were below it."""
        return [self] + [one for child in self.below for one in child.all()]


def read(path):
    """{key: Account}"""
    pools = {}
    for line in book.lines(path):
        what = line['what']
        if what == 'pool':
            pools[line['pool']] = one = Account(line)
            if line['parent']:
                pools[line['parent']].below.append(one)
        elif what in ('do', 'done'):
            pools[line['pool']].doings[line['number']] = line
        elif what == 'cpu':
            pools[line['pool']].cpu.append(line)
        elif what == 'end':
            pools[line['pool']].end = line
        else:
            for key in line['pools']:
                if key in pools:
                    pools[key].stored = True
    return pools


def usage(db, day, *args):
    """What bctl usage -j says of the day."""
    period = [time.strftime('%F', time.gmtime(when)) for when in (day, day + 86400)]
    done = subprocess.run(['bctl', 'usage', '--db', db, '--from', period[0], '--to', period[1],
                           *args, '-j'], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)['pools']


def lost(pool):
    """How long nothing is known of it. A clock that is set leaves out time that never was."""
    return sum(gap['end_ms'] - gap['begin_ms'] for gap in pool['gaps'] if gap['reason'] == 'lost')


def dig(what, *path):
    for name in path:
        what = what.get(name, {})
    return what or 0


class Audit:
    """The comparison."""

    def __init__(self, pools, found):
        self.pools, self.found = pools, found
        # the latest tick that was seen in each life; those of the readings were not seen
        self.late = {one.life: 0 for one in pools.values()}
        for one in pools.values():
            self.late[one.life] = max([self.late[one.life], *(line['late'] for line in
                                                              one.doings.values())])
        self.wrong = []
        self.count = dict.fromkeys(('exact', 'cut', 'unseen', 'unsure', 'cpu', 'integrals'), 0)

    def fail(self, one, words):
        self.wrong.append(f'{one.name} of life {one.life}: {words}')

    def cut(self, one):
        """Until when it was recorded."""
        return one.created + dig(self.found[one.key], 'span_ns')

    def check_amount(self, one, name, got, cut, members):
        """Something that adds up, to the unit."""
        low = high = 0
        for line in (line for it in members for line in it.doings.values()):
            amount = line['adds'].get(name, 0)
            low += amount * (line['what'] == 'done' and line['end'] <= cut)
            high += amount * (line['begin'] < cut)
        self.count['exact' if low == high else 'unsure'] += 1
        if not low <= got <= high:
            self.fail(one, f'{name}: {got} in the store, {low} to {high} in the book')

    def check_cpu(self, one, cut):
        got = dig(self.found[one.key], 'cpu', 'usage_ns') // 1000
        before = [line for line in one.cpu if line['end'] <= cut]
        after = [line['usec'] for line in one.cpu if line['begin'] >= cut]
        low = before[-1]['usec'] if before else 0
        high = low if before and before[-1]['final'] else after[0] if after else got
        self.count['cpu'] += low == high
        if not low <= got <= high:
            self.fail(one, f'CPU: {got} us, but {low} to {high} in cpu.stat')

    def check_integral(self, one, name, cut):
        own = ledger.Ledger()
        # what was under way when the machine was reset has come as late as that, if at all
        own.changes = [(amount, begin, min(end or cut, cut)) for it in one.all()
                       for amount, begin, end in it.changes(name) if begin < cut]
        low, high = own.unit_seconds(cut, self.late[one.life])
        got = dig(self.found[one.key], 'resources', name, 'held_time')
        self.count['integrals'] += 1
        if not low <= got <= high:
            self.fail(one, f'{name}: {got} unit-seconds, but {low} to {high} in the book')

    def check_figures(self, one):
        found, cut = self.found[one.key], self.cut(one)
        for name in HELD:
            self.check_integral(one, name, cut)
        if one.name == 'host':
            return
        for name, path in FLOWS.items():
            self.check_amount(one, name, dig(found, *path), cut, one.all())
        for name in COUNTS:
            self.check_amount(one, name, dig(found, 'resources', 'numproc', name), cut, [one])
        self.check_cpu(one, cut)

    def check_ending(self, one, host):
        """How it ended, and whether that is in the store as it has to be."""
        found, end = self.found.get(one.key), one.end
        known = end and end['how'] != 'unheard' and \
            (one.stored or end['end'] < self.cut(host) or end['how'] == 'unload')
        if not found:
            self.count['unseen'] += 1
            if known or one.created < self.cut(host):
                self.fail(one, f'is not in the store, though it was there at {one.created} and '
                               f'the host was recorded until {self.cut(host)}')
            return False
        recorded = found.get('cause') != 'lost'
        if known and not recorded:
            self.fail(one, f'its end is lost, but it was {end["how"]}')
        if recorded:
            if not end or found.get('cause') != end['how'] or \
                    not end['begin'] <= self.cut(one) <= end['end']:
                self.fail(one, f'cause {found.get("cause")}, recorded until {self.cut(one)}: {end}')
            if lost(found):
                self.fail(one, f'a gap of {lost(found)} ms')
        else:
            self.count['cut'] += 1
            if not lost(found):
                self.fail(one, 'is lost without a gap')
        return True

    def check_host(self, one):
        found = self.found.get(one.key)
        if not found:
            # it was reset, or unloaded, before there was a round
            self.count['unseen'] += 1
            return
        if found.get('cause') == 'lost' and not lost(found):
            self.fail(one, 'is lost without a gap')
        if one.end and one.end['how'] == 'unload' and (found.get('cause') != 'unload' or lost(found)):
            self.fail(one, f'cause {found.get("cause")}, {lost(found)} ms lost')
        self.check_figures(one)

    def run(self):
        for one in self.pools.values():
            if one.name == 'host':
                self.check_host(one)
                continue
            host = one
            while host.parent:
                host = self.pools[host.parent]
            if host.key not in self.found:
                self.count['unseen'] += 1
            elif self.check_ending(one, host):
                self.check_figures(one)


def amounts(pool, path=''):
    """All that adds up, as {path: number}."""
    found = {}
    for name, value in pool.items():
        if isinstance(value, dict) and name not in ('p95', 'own'):
            found.update(amounts(value, f'{path}{name}.'))
        elif path and name not in ('held', 'peak', 'barrier', 'limit') and type(value) is int:
            found[path + name] = value
    return found


def check_hours(db, day, found):
    """The hours add up to the day."""
    hours = {}
    for part in usage(db, day, '--incarnations', '--by', 'hour'):
        own = hours.setdefault((part['boot'], part['incarnation']), {})
        for name, value in amounts(part).items():
            own[name] = own.get(name, 0) + value
    wrong = [pool['name'] for pool in found.values()
             if amounts(pool) != hours.get((pool['boot'], pool['incarnation']))]
    tap.equal(wrong, [], 'the hours of the day add up to the day, to the unit')


def check(db, path, day):
    """All of it."""
    pools = read(path)
    found = {f'{pool["boot"]}/{pool["incarnation"]}': pool
             for pool in usage(db, day, '--incarnations')}
    it = Audit(pools, found)
    it.run()
    tap.ok(not it.wrong, 'bctl usage agrees with the book', '\n'.join(it.wrong[:20]))
    tap.equal([key for key in found if key not in pools], [], 'and has nothing else')
    check_hours(db, day, found)
    ends = [one.end['how'] for one in pools.values() if one.end and one.name != 'host']
    units = [line for one in pools.values() for line in one.doings.values()]
    tap.note(f'{len([1 for p in pools.values() if p.name != "host"])} containers: '
             f'{ends.count("deleted")} deleted, {ends.count("cgroup")} crashed, '
             f'{ends.count("unload")} unloaded, {ends.count("unheard")} without a collector; '
             f'{it.count["cut"]} have a gap, {it.count["unseen"]} came in the gap of their host')
    tap.note(f'{len(units)} things done, {sum(u["what"] == "do" for u in units)} of them perhaps; '
             f'{it.count["exact"]} sums to the unit, {it.count["unsure"]} cut in the middle of '
             f'something; CPU time of {it.count["cpu"]} to the microsecond; '
             f'{it.count["integrals"]} integrals within their bounds')
    tap.note(f'the latest tick was {max(it.late.values()) / 1e6:.0f} ms old')
    tap.note(f'{len(it.wrong)} do not agree')
