#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""One of the machines of tests/reset/run: containers come and go until it is reset.

usage: day.py NUMBER MACHINES SECONDS [last]

What is done to whom is in a book of its own (tests/lib/book.py), with nothing from the
module in it but the names of things: which load of it and which incarnation. audit.py
compares that with what bctl usage tells in the end.
"""
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import audit  # noqa: E402
import bc  # noqa: E402
import book  # noqa: E402
import disk  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

DIR = '/scratch'
DB, BOOK, DATA, BALLAST = (f'{DIR}/{name}' for name in ('usage.db', 'book', 'data', 'ballast'))
SAID = '/tmp/collect.said'
MODULE = '/root/beancounter.ko'
BOOT = bc.read('/proc/sys/kernel/random/boot_id').strip()
DAY = 1793491200                # 1 November 2026, 00:00 UTC
STEP = 2


def lock(pages):
    addr = bc.touch(pages)
    if bc.libc.mlock(bc.ctypes.c_void_p(addr), bc.ctypes.c_size_t(pages * bc.PAGE)):
        raise OSError(bc.ctypes.get_errno(), 'mlock')


def crowd(count, refused):
    """So many children more, up to the limit, and so many that are refused."""
    for _ in range(count):
        bc.fork_idle()
    bc.refused_forks(refused)


def settle():
    """Whoever has ended is switched away from, which is when the kernel adds what it ran last.

    That is a little after it is gone for others; who gets onto its processor comes later.
    """
    allowed = os.sched_getaffinity(0)
    for cpu in allowed:
        os.sched_setaffinity(0, {cpu})
    os.sched_setaffinity(0, allowed)


def key_of(incarnation):
    return f'{BOOT}/{incarnation}'


class Collector:
    """bctl collect, which is killed again and again, and comes again."""

    def __init__(self, pace):
        self.pace = pace        # seconds from one kill to the next, about
        self.killer = None
        self.proc = None
        self.start()

    def start(self):
        with open(SAID, 'w', encoding='utf-8') as said:
            self.proc = subprocess.Popen(['bctl', 'collect', '--db', DB, '--interval', str(STEP)],
                                         stderr=said)
        self.doom()

    def doom(self):
        """At some instant that nobody knows."""
        self.killer = os.fork()
        if not self.killer:
            bc.libc.prctl(1, signal.SIGKILL)
            time.sleep(random.uniform(0.1, 2 * self.pace))
            os.kill(self.proc.pid, signal.SIGKILL)
            os._exit(0)         # pylint: disable=protected-access

    def spare(self):
        if self.killer:
            os.kill(self.killer, signal.SIGKILL)
            os.waitpid(self.killer, 0)
            self.killer = None

    def tend(self):
        """Start it again if it was killed, or ended because it could not begin."""
        if self.proc.poll() is None:
            return
        self.killed()
        self.spare()
        self.start()

    def killed(self):
        if self.proc.wait() == -signal.SIGKILL:
            print('# killed 1', flush=True)

    def kill(self):
        self.spare()
        self.proc.kill()
        self.killed()

    def keep(self):
        """It is to live on for a while."""
        self.spare()
        if self.proc.poll() is not None:
            self.killed()
            self.start()
            self.spare()

    def end(self):
        self.keep()
        bc.wait_for(lambda: 'collecting' in bc.read(SAID), 'the collector')
        self.proc.send_signal(signal.SIGTERM)
        return self.proc.wait(bc.WAIT)


class Host:
    """What goes on in this life of the machine."""

    def __init__(self, number, pace):
        self.book = book.Book(BOOK)
        self.number = number
        self.serial = 0
        self.waiting = {}       # serial: pool, whose closing record the module still has
        self.ears = None
        self.containers = []
        self.count = 0
        self.attend()
        self.collector = Collector(pace)

    def attend(self):
        """The module is here, anew."""
        host = bc.nl.get('host')
        self.key = key_of(host['incarnation'])
        self.book.tell('pool', pool=self.key, name='host', parent=None, created=host['created'],
                       life=self.number)
        self.ears = genl.Client(rcvbuf=1 << 21)
        self.ears.subscribe('usage')

    def stored(self):
        """Whose closing records the module has forgotten, because they were acknowledged?"""
        for event in self.ears.events(0.001):
            if 'closed' in event:
                self.waiting[event['serial']] = key_of(event['incarnation'])
        kept = {rec['serial'] for rec in bc.nl.closed()}
        gone = set(self.waiting) - kept
        if gone:
            self.book.tell('stored', pools=[self.waiting.pop(serial) for serial in gone])

    def container(self, parent=None, limit=None):
        self.count += 1
        one = Container(self, f'ct{self.number}-{self.count}', parent, limit)
        self.containers.append(one)
        return one


class Container:
    """A pool with a process in it."""

    def __init__(self, host, name, parent, limit):
        self.host, self.book, self.parent = host, host.book, parent
        self.limit = limit or random.randint(1, 4)
        self.roomy = bool(limit)        # others may be below it
        self.children = self.locked = 0
        self.pool = bc.Pool(name, parent=parent.pool if parent else None, numproc=self.limit)
        self.key = key_of(self.pool.incarnation)
        self.book.tell('pool', pool=self.key, name=name, parent=parent.key if parent else host.key,
                       created=bc.nl.get(name)['created'], life=host.number)
        with self.book.doing(self.key, numproc=1):
            self.member = bc.Member(self.pool)

    def read_cpu(self, final=False):
        """The other reader of CPU time: the kernel's own file."""
        if final:
            settle()
        begin = book.now()
        usec = int(bc.read(f'{self.pool.path}/cpu.stat').split()[1])
        self.book.tell('cpu', pool=self.key, begin=begin, end=book.now(), usec=usec, final=final)

    def work(self):
        random.choice((self.write, self.read, self.crowd, self.crowd, self.lock, self.burn))()
        if random.random() < 0.5:
            self.read_cpu()

    def write(self):
        count = random.randint(1, 40)
        with self.book.doing(self.key, write_bytes=4096 * count, writes=count):
            self.member.call(disk.direct, DATA, 4096, count, True)

    def read(self):
        count = random.randint(1, 40)
        with self.book.doing(self.key, read_bytes=4096 * count, reads=count):
            self.member.call(disk.direct, DATA, 4096, count)

    def burn(self):
        self.member.call(bc.burn, random.uniform(0.001, 0.05))

    def lock(self):
        pages = random.randint(1, 100)
        with self.book.doing(self.key, lockedpages=pages):
            self.member.call(lock, pages)
        self.locked += pages

    def crowd(self):
        """Up to the limit and beyond, or down from it."""
        if self.roomy or self.children:
            self.thin()
            return
        more, refused = self.limit - 1, random.randint(0, 5)
        with self.book.doing(self.key, numproc=more, failcnt=refused, failed=refused):
            self.member.call(crowd, more, refused)
        self.children = more

    def thin(self):
        with self.book.doing(self.key, numproc=-self.children):
            self.member.call(bc.end_children)
        self.children = 0

    def _left(self):
        """What goes when all of its processes do."""
        return {'numproc': -1 - self.children, 'lockedpages': -self.locked}

    def _gone(self, how, begin):
        bc.wait_gone()
        self.book.tell('end', pool=self.key, begin=begin, end=book.now(), how=how)
        self.host.containers.remove(self)

    def delete(self):
        """In good order."""
        if self.children:
            self.thin()
        with self.book.doing(self.key, **self._left()):
            self.member.end()
        self.read_cpu(final=True)
        begin = book.now()
        self.pool.delete()
        self._gone('deleted', begin)
        bc.rmdir(self.pool.path)

    def crash(self):
        """All of it at once, and nobody says anything to the module."""
        with self.book.doing(self.key, **self._left()):
            bc.write(f'{self.pool.path}/cgroup.kill', '1')
            self.member.end()
            bc.wait_for(lambda: 'populated 0' in bc.read(f'{self.pool.path}/cgroup.events'),
                        'the end of all processes')
            bc.wait_held(self.pool, 'numproc', 0)
        self.read_cpu(final=True)
        begin = book.now()
        bc.rmdir(self.pool.path)
        self._gone('cgroup', begin)

    def below(self):
        return [one for one in self.host.containers if one.parent is self]

    def finish(self):
        for one in self.below():
            one.finish()
        random.choice((self.delete, self.crash))()


def reload(host, with_collector):
    """The module goes with all that is in it, and comes again."""
    col = host.collector
    for one in host.containers:
        one.read_cpu()
    if with_collector:
        col.keep()
        bc.wait_for(lambda: len(query('SELECT 1 FROM pool WHERE ended_ms IS NULL AND boot = ?',
                                      BOOT)) > len(host.containers), 'the collector')
    else:
        col.kill()
    host.stored()
    begin = book.now()
    bc.nl.close()
    bc.wait_for(lambda: not subprocess.run(['rmmod', 'beancounter'], capture_output=True,
                                           check=False).returncode, 'rmmod')
    end = book.now()
    host.ears.close()
    if with_collector:
        bc.wait_for(lambda: query("SELECT count(*) FROM pool WHERE ended_ms IS NULL AND boot = ? "
                                  "AND name <> 'host'", BOOT) == [(0,)], 'all ends are stored')
    for one in host.containers:
        host.book.tell('end', pool=one.key, begin=begin, end=end,
                       how='unload' if with_collector else 'unheard')
    host.book.tell('end', pool=host.key, begin=begin, end=end,
                   how='unload' if with_collector else 'unheard')
    for one in host.containers:
        one.member.call(bc.end_children)
        one.member.end()
    for one in reversed(host.containers):
        bc.rmdir(one.pool.path)
    host.containers.clear()
    subprocess.run(['insmod', MODULE], check=True)
    bc.nl = genl.Client()
    bc.linger(bc.LINGER)
    host.waiting.clear()
    host.attend()
    if with_collector:
        col.doom()
    else:
        col.start()
    tap.note(f'the module was loaded anew, {"with" if with_collector else "without"} a collector')


def fill(_host):
    """No room on the disk."""
    with open(BALLAST, 'wb', buffering=0) as ballast:
        for size in (1 << 24, 1 << 16, 4096):
            try:
                while True:
                    os.posix_fallocate(ballast.fileno(), os.fstat(ballast.fileno()).st_size, size)
            except OSError:
                pass
    tap.note('the disk is full')


def empty(_host=None):
    try:
        os.unlink(BALLAST)
    except FileNotFoundError:
        pass


def step(seconds):
    def set_clock(_host):
        time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
        tap.note(f'the clock was set by {seconds} s')
    return set_clock


def query(sql, *args):
    try:
        db = sqlite3.connect(f'file:{DB}?mode=ro', uri=True, timeout=30)
    except sqlite3.OperationalError:
        return []               # there is none yet
    try:
        return db.execute(sql, args).fetchall()
    except sqlite3.OperationalError:
        return []               # it has no tables yet, or a journal that the collector must see
    finally:
        db.close()


def plan(number, seconds):
    """What happens in this life besides: [(when, what)]."""
    todo = []
    if number % 3 == 1:
        todo.append((0.5, lambda host: reload(host, number % 6 == 1)))
    if number % 4 == 2:
        todo += [(0.2, fill), (0.5, empty)]
    if number % 2 == 0:
        todo.append((0.6, step(random.randint(60, 1800))))
    if number % 5 == 3:
        todo.append((0.3, step(-random.randint(1, 8))))
    return sorted(((when * seconds, what) for when, what in todo), key=lambda one: one[0])


def live(host, seconds, ending):
    """Containers, until it is time; or until the machine is reset, which is mostly later."""
    todo = plan(host.number, seconds)
    begin = time.monotonic()
    if not ending and (not todo or random.random() < 0.2):
        reset_later(random.uniform(0.3, 1) * seconds)
        ending = None
    long = [host.container(limit=50), host.container()]
    long.append(host.container(parent=long[0]))
    while todo or not ending or time.monotonic() < begin + seconds:
        if todo and time.monotonic() >= begin + todo[0][0]:
            todo.pop(0)[1](host)
            if not todo and ending is False:
                reset_later(random.uniform(0.1, 0.6) * seconds)
        host.collector.tend()
        if len(host.containers) < 6:
            roomy = [one for one in host.containers if one.roomy] or [None]
            host.container(parent=random.choice(roomy) if random.random() < 0.3 else None)
        one = random.choice(host.containers)
        one.work()
        if one not in long and random.random() < 0.75:
            one.finish()
        host.stored()


def reset_later(seconds):
    """At some instant, without a word to anybody."""
    bc.write('/proc/sys/kernel/sysrq', '1')
    print('resetting', flush=True)
    if not os.fork():
        time.sleep(seconds)
        with open('/proc/sysrq-trigger', 'w', encoding='ascii') as trigger:
            trigger.write('b')


def check_boot(host):
    """What the resets before have left."""
    host.collector.keep()
    if os.path.exists(BALLAST):
        # the file system may have found some room when it was mounted
        bc.wait_for(lambda: 'collecting' in bc.read(SAID), 'the collector')
        tap.note('the disk is full since before, ' +
                 ('and the collector waits' if 'full' in bc.read(SAID) else 'but for a little'))
        empty()
    tap.ok(tap.poll_until(bc.WAIT, lambda: query('SELECT 1 FROM record JOIN pool USING (pool) '
                                                 'WHERE boot = ? LIMIT 1', BOOT)),
           'the collector goes on')
    tap.equal(query('PRAGMA integrity_check'), [('ok',)], 'the file is whole')
    tap.equal(query('SELECT count(*) FROM pool WHERE ended_ms IS NULL AND boot <> ?', BOOT),
              [(0,)], 'nothing lives on from before')
    host.collector.doom()


def warm():
    """What is read from a disk when a thing is done first, is read on nobody's account."""
    member = bc.Member()
    member.call(disk.direct, DATA, 4096, 1)
    member.call(disk.direct, DATA, 4096, 1, True)
    member.call(crowd, 1, 1)
    member.call(bc.end_children)
    member.call(lock, 1)
    member.call(bc.burn, 0.01)
    member.end()


def main():
    number, lives, seconds = map(int, sys.argv[1:4])
    random.seed()
    # each life has its part of the day
    time.clock_settime(time.CLOCK_REALTIME, DAY + number * 86400 // lives + 60)
    if not os.path.exists(DATA):
        disk.make(DATA, 1 << 20)
    warm()
    bc.mkdir(bc.BASE)
    disk.controllers()
    host = Host(number, pace=seconds / 14)
    if number:
        check_boot(host)
    ending = sys.argv[-1] == 'last'
    live(host, seconds, ending)
    while host.containers:
        host.containers[0].finish()
    tap.equal(host.collector.end(), 0, 'the collector ends')
    print('life ends', flush=True)
    audit.check(DB, BOOK, DAY)
    bc.finish()


main()
