#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug
# timeout: 240
"""numsiginfo: queued signals and timers end at the barrier, lost is only what may be lost."""
import ctypes
import errno
import os
import signal
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

RES = 'numsiginfo'
NOBODY = 65534
RT = signal.SIGRTMIN + 3
SIGEV_NONE = 1


# ---- what members do

def block():
    """Let signals wait; become somebody whose signals nobody else has."""
    os.setresuid(NOBODY, NOBODY, NOBODY)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def sigqueue(pid, sig=RT):
    if bc.libc.sigqueue(pid, int(sig), ctypes.c_void_p(1)):
        raise OSError(ctypes.get_errno(), 'sigqueue')


def queue_self(most, sig=RT):
    """Queue signals for this process; how many went, and the errno of the refusal."""
    for done in range(most):
        err = bc.errno_of(sigqueue, os.getpid(), sig)
        if err:
            return done, err
    return most, 0


def take(count):
    for _ in range(count):
        signal.sigtimedwait(signal.valid_signals(), 10)


def ping(count):
    """Queue and take one at a time."""
    for _ in range(count):
        sigqueue(os.getpid())
        signal.sigwait({RT})


_timers = []


def make_timers(most):
    """Timers that never fire; how many, and the errno of the refusal."""
    event = struct.pack('=Qii48x', 0, 0, SIGEV_NONE)
    for done in range(most):
        number = ctypes.c_void_p()
        if bc.libc.timer_create(1, event, ctypes.byref(number)):
            return done, ctypes.get_errno()
        _timers.append(number.value)
    return most, 0


def delete_timers():
    while _timers:
        bc.libc.timer_delete(ctypes.c_void_p(_timers.pop()))


def pending():
    return len(signal.sigpending())


def threads_with_signals(count, each):
    """Threads that have signals waiting, until the process ends."""
    ready = threading.Barrier(count + 1)

    def work():
        for _ in range(each):
            sig = struct.pack('=iiii', int(RT), 0, -1, 0) + bytes(112)
            tid = threading.get_native_id()
            if bc.libc.syscall(297, os.getpid(), tid, int(RT), sig):    # rt_tgsigqueueinfo
                raise OSError(ctypes.get_errno(), 'rt_tgsigqueueinfo')
        ready.wait()
        signal.sigwait({signal.SIGUSR2})
    for _ in range(count):
        threading.Thread(target=work, daemon=True).start()
    ready.wait()


def exec_from_thread():
    """exec by a thread that is not the leader."""
    threading.Thread(target=os.execv, args=('/bin/sleep', ['sleep', '1000'])).start()
    threading.Event().wait()


# ---- the test's own

def sigq(pid):
    """The kernel's own count for the user of a process."""
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        line = next(text for text in f if text.startswith('SigQ:'))
    return int(line.split()[1].split('/')[0])


def comm(pid):
    with open(f'/proc/{pid}/comm', encoding='ascii') as f:
        return f.read().strip()


def member(where):
    one = bc.Member(where)
    one.call(block)
    return one


def agree(pool, pid, what):
    tap.equal(bc.held(pool, RES), sigq(pid), what)


def check_barrier():
    pool = bc.Pool('b', numsiginfo=20)
    one = member(pool)
    tap.equal(one.call(queue_self, 50), (20, errno.EAGAIN), 'sigqueue: EAGAIN at the barrier')
    tap.equal((bc.held(pool, RES), bc.failcnt(pool, RES)), (20, 1), 'held and failcnt say so')
    agree(pool, one.pid, 'held is what the kernel counts for the user')
    tap.equal(bc.figures(pool)[RES].maxheld, 20, 'maxheld, too')
    tap.equal(bc.errno_of(sigqueue, one.pid), errno.EAGAIN,
              'a sender outside is refused on the account of the receiver')
    os.kill(one.pid, signal.SIGUSR1)
    tap.equal(one.call(pending), 2, 'kill(2) goes through at the barrier')
    tap.equal(bc.held(pool, RES), 21, 'and is charged')
    one.call(take, 5)
    agree(pool, one.pid, 'signals that were taken are not held')
    tap.equal(one.call(queue_self, 50)[1], errno.EAGAIN, 'up to the barrier again')
    tap.equal(bc.held(pool, RES), 20, 'exactly')
    one.call(take, 20)
    tap.equal(bc.held(pool, RES), 0, 'all taken: 0')
    one.end()
    pool.remove()


def check_loop():
    pool = bc.Pool('b', numsiginfo=20)
    one = member(pool)
    one.call(ping, 2000)
    table = bc.figures(pool)[RES]
    tap.equal((table.held, table.failcnt), (0, 0), 'queue and take 2,000 times: no failure')
    tap.between(table.maxheld, 1, 2, 'and no false maximum')
    one.end()
    pool.remove()


def check_timers():
    pool = bc.Pool('b', numsiginfo=10)
    one = member(pool)
    tap.equal(one.call(make_timers, 50), (10, errno.EAGAIN), 'timer_create: EAGAIN at the barrier')
    agree(pool, one.pid, 'timers are what the kernel counts')
    one.call(delete_timers)
    tap.equal(bc.held(pool, RES), 0, 'deleted: 0')
    one.call(make_timers, 3)
    one.call(queue_self, 4)
    tap.equal(bc.held(pool, RES), 7, 'timers and signals')
    one.end()
    tap.ok(tap.poll_until(bc.WAIT, lambda: bc.held(pool, RES) == 0), 'the process is gone: 0')
    pool.remove()


def check_threads_and_exec():
    pool = bc.Pool('b')
    one = member(pool)
    one.call(threads_with_signals, 4, 5)
    one.call(queue_self, 3)
    tap.equal(bc.held(pool, RES), 23, 'signals for threads and for the process')
    agree(pool, one.pid, 'as the kernel counts')
    one.start(exec_from_thread)
    bc.wait_for(lambda: comm(one.pid) == 'sleep', 'exec')
    tap.ok(tap.poll_until(bc.WAIT, lambda: bc.held(pool, RES) == sigq(one.pid) == 3),
           'exec by a thread: those of the process stay, on the account, too',
           f'{bc.held(pool, RES)} against {sigq(one.pid)}')
    one.end()
    tap.ok(tap.poll_until(bc.WAIT, lambda: bc.held(pool, RES) == 0), 'the process is gone: 0')
    pool.remove()


def check_tree():
    top = bc.Pool('t', numsiginfo=10)
    low = bc.Pool('low', parent=top, numsiginfo=20)
    other = bc.Pool('other', parent=top)
    one, two = member(low), bc.Member(other)
    tap.equal(one.call(queue_self, 50), (10, errno.EAGAIN), 'the parent refuses')
    tap.equal([bc.failcnt(p, RES) for p in (low, top)], [0, 1], 'and counts it')
    bc.attach(other.path, one.pid)
    tap.equal([bc.held(p, RES) for p in (low, other, top)], [0, 10, 10],
              'a migration takes the signals along')
    bc.attach(low.path, one.pid)
    low.delete()
    tap.ok(bc.wait_gone(), 'its pool is deleted: gone at once')
    tap.equal(bc.held(top, RES), 10, 'the parent has them')
    low = bc.Pool('low', path=low.path)
    tap.equal(bc.held(low, RES), 10, 'bound again: adopted')
    bc.attach('', one.pid)
    tap.equal([bc.held(p, RES) for p in (low, top)], [0, 0], 'out of every pool: forgotten')
    bc.attach(low.path, one.pid)
    tap.equal(bc.held(low, RES), 10, 'and back: adopted')
    one.end()
    two.end()
    tap.ok(tap.poll_until(bc.WAIT, lambda: bc.held(top, RES) == 0), 'all are gone: 0')
    other.remove()
    low.remove()
    top.remove()


def main():
    check_barrier()
    check_loop()
    check_timers()
    check_threads_and_exec()
    check_tree()
    bc.finish()


main()
