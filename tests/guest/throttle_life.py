#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# timeout: 600
"""Limits of block I/O: who sleeps wakes when it should, and the module goes at once."""
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import disk  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

MIB = 1 << 20
FILE = f'{disk.SCRATCH}/life'
SOON = 15                       # seconds; the debts here take minutes
MODULE = '/root/beancounter.ko'
TASKS = 20 if bc.DEBUG_KERNEL else 100


def io(pool):
    return bc.nl.get(pool.name)['io']


def asleep(pid):
    with open(f'/proc/{pid}/stack', encoding='ascii') as f:
        return 'bc_sleep' in f.read()


def sleeper(pool):
    """A member that has a debt of many minutes."""
    member = bc.Member(pool)
    member.start(disk.direct, FILE, 1 << 20, 2)
    bc.wait_for(lambda: asleep(member.pid), 'it sleeps')
    return member


def wakes():
    pool = bc.Pool('sleepy')
    bc.nl.tune('sleepy', {'io.bps': 4096})
    member = sleeper(pool)
    start = time.monotonic()
    os.kill(member.pid, signal.SIGKILL)
    member.wait()
    tap.ok(time.monotonic() - start < SOON, 'SIGKILL ends it at once')
    member = sleeper(pool)
    bc.write('test/sleepy/cgroup.freeze', '1')
    tap.ok(tap.poll_until(5, lambda: 'frozen 1' in bc.read('test/sleepy/cgroup.events')),
           'the pool can be frozen while it sleeps')
    bc.write('test/sleepy/cgroup.freeze', '0')
    os.kill(member.pid, signal.SIGSTOP)
    tap.ok(tap.poll_until(5, lambda: stopped(member.pid)), 'and stopped')
    os.kill(member.pid, signal.SIGCONT)
    start = time.monotonic()
    bc.nl.tune('sleepy', {'io.bps': 1 << 40})
    member.result()
    tap.ok(time.monotonic() - start < SOON, 'it wakes when the limit is raised')
    bc.nl.tune('sleepy', {'io.bps': 4096})
    member.start(disk.direct, FILE, 1 << 20, 2)
    bc.wait_for(lambda: asleep(member.pid), 'it sleeps')
    start = time.monotonic()
    pool.delete()
    member.result()
    tap.ok(time.monotonic() - start < SOON, 'it wakes when the pool is deleted')
    member.end()


def carry():
    """A debt belongs to the pool, not to who made it, and a tighter limit does not end it."""
    pool = bc.Pool('debtor')
    bc.nl.tune('debtor', {'io.bps': 8192})
    member = sleeper(pool)
    member.end()
    bc.nl.tune('debtor', {'io.bps': 4096})
    member = bc.Member(pool)
    member.start(disk.direct, FILE, 4096, 1)
    tap.ok(tap.poll_until(SOON, lambda: asleep(member.pid)), 'a tighter limit keeps the debt')
    member.end()
    bc.nl.tune('debtor', {'io.bps': None})
    bc.nl.tune('debtor', {'io.bps': 1 << 20})
    member = bc.Member(pool)
    tap.ok(member.call(disk.direct, FILE, 4096, 1) < SOON, 'no limit forgives it')
    member.end()
    pool.remove()


def stopped(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        return f.read().rpartition(')')[2].split()[0] == 'T'


def storm():
    """Signals by a timer, and what is done in spite of them."""
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    count = disk.direct_for(FILE, 1 << 16, 6)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return count


def signals():
    pool = bc.Pool('stormy')
    bc.nl.tune('stormy', {'io.bps': 1 << 14})
    member = bc.Member(pool)
    count = member.call(storm)
    tap.between(count, 1, 14, 'signals do not help to get along without paying')
    member.end()
    pool.remove()


# ---- pools that do nothing

def busy():
    with open('/proc/stat', encoding='ascii') as f:
        words = [int(w) for w in f.readline().split()[1:]]
    return sum(words) - words[3] - words[4]


def idle():
    """Pools with buckets that nobody draws from."""
    before = busy()
    time.sleep(2)
    without = busy() - before
    for i in range(20 if bc.DEBUG_KERNEL else tap.rounds(200, 1000)):
        pool = bc.Pool(f'idle{i}')
        bc.nl.tune(pool.name, {'io.bps': MIB, 'io.iops': 100})
    time.sleep(1)
    before = busy()
    time.sleep(2)
    used = busy() - before
    tap.ok(used <= without + 60, 'idle pools with limits cost nothing',
           f'{used} ticks, {without} without')


# ---- the end of the module

def one_read(path, woken):
    """More than the limit gives in a minute; then the time is noted."""
    disk.direct(path, MIB, 2)
    woken.append(time.monotonic())


def sleep_all(path, tasks):
    """As many threads as are wanted, each with a debt; when each of them woke."""
    woken = []
    threads = [threading.Thread(target=one_read, args=(path, woken)) for _ in range(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return woken


def unload():
    """The tasks do nothing else once they are awake: nobody else needs the processor."""
    pool = bc.Pool('many')
    bc.nl.tune('many', {'io.bps': 4096})
    member = bc.Member(pool)
    member.start(sleep_all, FILE, TASKS)
    tasks = f'/proc/{member.pid}/task'
    bc.wait_for(lambda: sum(asleep(f'{member.pid}/task/{t}') for t in os.listdir(tasks)) == TASKS,
                f'{TASKS} tasks sleep')
    start = time.monotonic()
    with subprocess.Popen(['rmmod', 'beancounter']) as rmmod:
        woken = member.result()
        tap.equal(rmmod.wait(), 0, 'the module is gone')
    took = max(woken) - start
    tap.ok(len(woken) == TASKS and 0 < took < SOON, f'unloading wakes {TASKS} tasks at once',
           f'{len(woken)} tasks, {took:.1f} s')
    tap.note(f'all awake after {took:.1f} s, rmmod took {time.monotonic() - start:.1f} s')
    member.end()
    disk.run('insmod', MODULE)
    bc.nl = genl.Client()


def main():
    disk.controllers()
    disk.make(FILE, 16 * MIB)
    wakes()
    carry()
    signals()
    unload()
    idle()
    bc.finish()


main()
