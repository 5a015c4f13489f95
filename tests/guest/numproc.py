#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# timeout: 400
"""numproc: forks and threads end at exactly the barrier, and only there."""
import errno
import os
import resource
import signal
import subprocess
import sys
import threading
import _thread

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

RES = 'numproc'
NOBODY = 65534


def bomb(depth, width, hold, tell):
    """Each process forks some that do the same; a byte goes to tell for every EAGAIN.

    All of them stay until hold is closed at its other end.
    """
    def spread(left):
        for _ in range(width):
            try:
                if os.fork():
                    continue
            except OSError as err:
                os.write(tell, b'x' if err.errno == errno.EAGAIN else b'?')
                continue
            if left:
                spread(left - 1)
            os.read(hold, 1)
            os._exit(0)         # pylint: disable=protected-access
    spread(depth)


def reap_all():
    """Wait for all children; how many there were."""
    count = 0
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return count
        count += 1


def fork_and_wait(count=1):
    for _ in range(count):
        pid = os.fork()
        if not pid:
            os._exit(0)         # pylint: disable=protected-access
        os.waitpid(pid, 0)


def start_threads(most):
    """How many threads there could be."""
    for done in range(most):
        try:
            _thread.start_new_thread(threading.Event().wait, ())
        except RuntimeError:
            return done
    return most


def end_threads():
    """Replace the whole process, threads and all."""
    os.execv('/bin/sleep', ['sleep', '1000'])


def become_nobody(nproc):
    resource.setrlimit(resource.RLIMIT_NPROC, (nproc, nproc))
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def fork_under_fire(count):
    """Fork while a timer interrupts; some forks begin anew."""
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
    fork_and_wait(count)
    signal.setitimer(signal.ITIMER_REAL, 0)


def spawn(how):
    if how == 'posix_spawn':
        os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)
    else:
        subprocess.run(['/bin/true'], close_fds=False, check=True)


def check_bomb():
    pool, neighbour = bc.Pool('bomb', numproc=20), bc.Pool('neighbour', numproc=3)
    other = bc.Member(neighbour)
    hold, tell = os.pipe(), os.pipe()
    member = bc.Member(pool)
    member.call(os.close, hold[1])
    member.start(bomb, 3, 6, hold[0], tell[1])
    seen, beside = [], []
    while bc.held(pool, RES) < 20 or bc.failcnt(pool, RES) < 20:
        seen.append(bc.held(pool, RES))
        beside.append(other.call(bc.errno_of, fork_and_wait))
        fork_and_wait()
    member.result()
    os.close(tell[1])
    os.set_blocking(tell[0], False)

    def at_rest():
        before = bc.figures(pool)[RES]
        bc.coarse_ticks(20)
        return bc.figures(pool)[RES]._replace(integral=before.integral) == before
    bc.wait_for(at_rest, 'the bomb is spent')
    record = bc.figures(pool)[RES]
    refused = b''

    def told():
        nonlocal refused, record
        record = bc.figures(pool)[RES]      # a late one may still try
        try:
            refused += os.read(tell[0], 1 << 16)
        except BlockingIOError:
            pass
        return len(refused) == record.failcnt
    tap.poll_until(bc.WAIT, told)
    tap.equal((record.held, record.maxheld), (20, 20), 'a fork bomb fills its pool exactly')
    tap.equal(bc.count_threads(pool.path), 20, 'the kernel counts as many threads')
    tap.equal(set(refused), {ord('x')}, 'what it gets is EAGAIN and nothing else')
    tap.equal(record.failcnt, len(refused), 'failcnt is the number of refused forks')
    tap.ok(max(seen + [0]) <= 20, 'at no time there were more', seen)
    tap.equal(set(beside), {0}, f'a neighbour pool and the host fork meanwhile ({len(beside)} times)')
    tap.equal(bc.failcnt(neighbour, RES), 0, 'no failure is counted to the neighbour')
    os.close(hold[0])
    os.close(hold[1])
    tap.ok(member.call(reap_all) > 0, 'the bomb is reaped')
    tap.equal(bc.wait_held(pool, RES, 1), 1, 'what it held is given back')
    tap.equal(member.call(bc.errno_of, fork_and_wait, 20), 0, 'the pool can fork again')
    for proc in member, other:
        proc.end()
    tap.equal([bc.wait_held(p, RES, 0) for p in (pool, neighbour)], [0, 0], 'nothing is held')
    tap.equal(bc.wait_held(pool, 'privvmpages', 0), 0, 'no address space is held either')


def check_threads():
    pool = bc.Pool('threads', numproc=12)
    member = bc.Member(pool)
    tap.equal(member.call(start_threads, 50), 11, 'threads count, up to the barrier')
    tap.equal((bc.held(pool, RES), bc.count_threads(pool.path)), (12, 12), 'each of them as one')
    tap.equal(bc.failcnt(pool, RES), 1, 'the one too many is counted as a failure')
    member.start(end_threads)
    tap.equal(bc.wait_held(pool, RES, 1), 1, 'exec leaves one of them')
    member.end()
    tap.equal(bc.wait_held(pool, RES, 0), 0, 'threads: nothing is held in the end')


def check_other_failures():
    """Forks that the kernel refuses for reasons of its own."""
    pool = bc.Pool('rlimit', numproc=100)
    member = bc.Member(pool)
    member.call(become_nobody, 4)
    before = bc.figures(pool)
    tap.equal(member.call(bc.fork_until_refused, 50), (3, errno.EAGAIN), 'RLIMIT_NPROC is obeyed')
    tap.equal(bc.held(pool, RES), 4, 'RLIMIT_NPROC: what was refused is not held')
    tap.equal(bc.failcnt(pool, RES), 0, 'RLIMIT_NPROC: and not counted as a failure of the pool')
    member.call(bc.end_children)
    tap.equal(bc.held(pool, RES), 1, 'RLIMIT_NPROC: all is given back')
    tap.equal(bc.wait_held(pool, 'privvmpages', before['privvmpages'].held),
              before['privvmpages'].held, 'RLIMIT_NPROC: memory, too')
    member.end()

    for name in '', bc.BASE:
        bc.write(f'{name}/cgroup.subtree_control' if name else 'cgroup.subtree_control', '+pids')
    pool = bc.Pool('pids', numproc=100)
    bc.write(f'{pool.path}/pids.max', '5')
    member = bc.Member(pool)
    memory = bc.held(pool, 'privvmpages')
    tap.equal(member.call(bc.fork_until_refused, 50), (4, errno.EAGAIN), 'pids.max is obeyed')
    tap.equal(bc.held(pool, RES), 5, 'pids.max: a fork that it refuses is given back')
    tap.equal(bc.failcnt(pool, RES), 0, 'pids.max: and is not a failure of the pool')
    tap.equal(int(bc.read(f'{pool.path}/pids.current')), 5, 'pids.max: both count alike')
    for _ in range(10):
        member.call(bc.errno_of, fork_and_wait)
    tap.equal(bc.held(pool, RES), 5, 'pids.max: nor are ten of them')
    member.call(bc.end_children)
    tap.equal(bc.wait_held(pool, 'privvmpages', memory), memory, 'pids.max: memory is balanced')
    bc.nl.set('pids', {RES: 1})
    tap.equal(member.call(bc.errno_of, fork_and_wait), errno.EAGAIN, 'a pool refuses below pids.max')
    tap.equal(int(bc.read(f'{pool.path}/pids.current')), 1,
              'and the pids controller has not kept it')
    member.end()
    bc.wait_held(pool, RES, 0)
    pool.remove()
    for name in bc.BASE, '':
        bc.write(f'{name}/cgroup.subtree_control' if name else 'cgroup.subtree_control', '-pids')


def check_spawn():
    pool = bc.Pool('spawn', numproc=2)
    member = bc.Member(pool)
    memory = bc.held(pool, 'privvmpages')
    for how in 'posix_spawn', 'vfork':
        tap.equal(member.call(bc.errno_of, spawn, how), 0, f'{how} works below the barrier')
        pool.set(numproc=1)
        tap.equal(member.call(bc.errno_of, spawn, how), errno.EAGAIN, f'{how} gets EAGAIN at it')
        pool.set(numproc=2)
    tap.equal(bc.failcnt(pool, RES), 2, 'each refusal is counted')
    tap.equal((bc.held(pool, RES), bc.figures(pool)[RES].maxheld), (1, 2), 'two is the most there was')
    tap.equal(bc.held(pool, 'privvmpages'), bc.data_pages(member.pid), 'no address space is left')
    record = bc.figures(pool)['privvmpages']
    tap.ok(record.maxheld < memory + bc.data_pages(member.pid),
           'an address space that is shared with the child is not charged twice', record)
    member.call(fork_under_fire, 100)
    tap.equal(bc.held(pool, RES), 1, 'forks that were interrupted leave nothing')
    tap.equal(bc.held(pool, 'privvmpages'), bc.data_pages(member.pid), 'nor do their copies')
    member.end()
    tap.equal(bc.wait_held(pool, RES, 0), 0, 'spawn: nothing is held in the end')


bc.anchor()
check_bomb()
check_threads()
check_other_failures()
check_spawn()
bc.finish()
