#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug
# timeout: 240
"""privvmpages: every way to more private memory is refused at exactly the barrier.

Refusals must not be softened by the interpreter, so members call the C library;
what they need besides is touched before the limits are set.
"""
import ctypes
import errno
import os
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

NOMEM = errno.ENOMEM
PRIVATE = bc.MAP_PRIVATE | bc.MAP_ANON
MAYMOVE, DONTUNMAP = 1, 4
RES = 'privvmpages'


def brk(pages):
    if bc.libc.sbrk(pages * bc.PAGE) == bc.MAP_FAILED:
        raise OSError(ctypes.get_errno(), 'brk')


def mremap(addr, old, new, flags=MAYMOVE):
    got = bc.libc.mremap(addr, old * bc.PAGE, new * bc.PAGE, flags, None)
    if got == bc.MAP_FAILED:
        raise OSError(ctypes.get_errno(), 'mremap')
    return got


def mprotect(addr, pages, prot):
    if bc.libc.mprotect(addr, pages * bc.PAGE, prot):
        raise OSError(ctypes.get_errno(), 'mprotect')


def map_file(pages):
    """A private writable mapping of a file."""
    with tempfile.TemporaryFile() as f:
        f.truncate(pages * bc.PAGE)
        return bc.mmap(pages, flags=bc.MAP_PRIVATE, fd=f.fileno())


def map_often(pages, times):
    """How many of so many calls were refused."""
    return sum(bc.errno_of(bc.mmap, pages) == NOMEM for _ in range(times))


def churn(pages, times):
    for _ in range(times):
        bc.munmap(bc.mmap(pages), pages)


def fill():
    """Map single pages until one is refused; how many there were."""
    done = 0
    while not bc.errno_of(bc.mmap, 1):
        done += 1
    return done


def malloc_until_null(size, most):
    """How many blocks there were before NULL; all are freed again."""
    blocks = []
    while len(blocks) < most:
        block = bc.libc.malloc(size)
        if not block:
            break
        blocks.append(block)
    for block in blocks:
        bc.libc.free(block)
    return len(blocks)


def stack_range():
    with open('/proc/self/maps', encoding='ascii') as f:
        for line in f:
            if line.rstrip().endswith('[stack]'):
                low, high = line.split()[0].split('-')
                return int(low, 16), int(high, 16)
    raise RuntimeError('no stack')


def grow_stack(pages):
    """Touch so far below the stack; its growth in pages."""
    low, _ = stack_range()
    ctypes.memset(low - pages * bc.PAGE, 1, 1)
    return (low - stack_range()[0]) // bc.PAGE


def fork_and_wait():
    pid = os.fork()
    if not pid:
        os._exit(0)     # pylint: disable=protected-access
    os.waitpid(pid, 0)


def exec_sleep():
    os.execv('/bin/sleep', ['sleep', '1000'])


class Room:
    """A pool with one member, and so much room above what it holds."""

    def __init__(self, name):
        self.pool = bc.Pool(name)
        self.member = bc.Member(self.pool)
        self.member.call(bc.data_pages)
        self.member.call(bc.errno_of, map_file, 1)

    def set(self, room, soft=0):
        held = bc.held(self.pool, RES)
        self.pool.set(**{RES: (held + room, held + room + soft)})
        return held

    def fails(self):
        return bc.failcnt(self.pool, RES)

    def free(self):
        """Pages up to the barrier."""
        record = bc.figures(self.pool)[RES]
        return record.barrier - record.held

    def refused(self, what, func, *args):
        """The call gets ENOMEM, counts one failure, and changes nothing."""
        before, fails = bc.figures(self.pool)[RES], self.fails()
        got = self.member.call(bc.errno_of, func, *args)
        after = bc.figures(self.pool)[RES]
        tap.equal((got, after.failcnt - fails, after.held, after.maxheld),
                  (NOMEM, 1, before.held, before.maxheld),
                  f'{what}: a page too many is refused, counted once, changes nothing')

    def granted(self, what, grows, func, *args):
        """The call succeeds and held rises by so much."""
        before, fails = bc.held(self.pool, RES), self.fails()
        got = self.member.call(func, *args)
        tap.equal((bc.held(self.pool, RES) - before, self.fails() - fails), (grows, 0),
                  f'{what}: granted and charged')
        tap.equal(bc.held(self.pool, RES), bc.data_pages(self.member.pid),
                  f'{what}: held is what /proc says')
        return got

    def close(self):
        self.member.end()
        tap.equal(bc.wait_held(self.pool, RES, 0), 0, f'{self.pool.name}: all is given back')
        self.pool.remove()


def check_calls():
    """mmap, brk, mremap, mprotect."""
    room = Room('calls')
    tap.equal(bc.held(room.pool, RES), bc.data_pages(room.member.pid),
              'at first: held is what /proc says')
    room.set(50)
    room.refused('mmap', bc.mmap, 51)
    at = room.granted('mmap up to the barrier', 50, bc.mmap, 50)
    room.refused('mmap of one page at the barrier', bc.mmap, 1)
    room.refused('brk of one page at the barrier', brk, 1)
    room.refused('mapping a file privately', map_file, 1)
    room.granted('MAP_FIXED over own memory at the barrier', 0, bc.mmap, 50, bc.PROT_RW,
                 PRIVATE | bc.MAP_FIXED, at)
    room.granted('a shared mapping', 0, bc.mmap, 500, bc.PROT_RW,
                 bc.MAP_SHARED | bc.MAP_ANON)
    readonly = room.granted('a read-only mapping', 0, bc.mmap, 60, bc.PROT_READ)
    room.refused('mprotect to writable at the barrier', mprotect, readonly, 1, bc.PROT_RW)
    room.granted('munmap', -50, bc.munmap, at, 50)
    room.refused('mprotect to writable', mprotect, readonly, 51, bc.PROT_RW)
    room.granted('mprotect to writable up to the barrier', 50, mprotect, readonly, 50,
                 bc.PROT_RW)
    room.granted('mprotect back to read-only', -50, mprotect, readonly, 50, bc.PROT_READ)
    room.refused('brk', brk, 51)
    room.granted('brk up to the barrier', 50, brk, 50)
    room.granted('brk back', -50, brk, -50)
    at = room.granted('mmap', 10, bc.mmap, 10)
    room.refused('mremap', mremap, at, 10, 51)
    at = room.granted('mremap up to the barrier', 40, mremap, at, 10, 50)
    room.granted('mremap to less', -49, mremap, at, 50, 1)
    room.granted('mmap', 20, bc.mmap, 20)
    big = room.granted('mmap', 20, bc.mmap, 20)
    room.refused('mremap that keeps the old place', mremap, big, 20, 20, MAYMOVE | DONTUNMAP)
    reserved = room.granted('a reserved address range', 0, bc.mmap, 100, bc.PROT_NONE)
    room.refused('MAP_FIXED over a reserved range', bc.mmap, 10, bc.PROT_RW,
                 PRIVATE | bc.MAP_FIXED, reserved)
    room.granted('MAP_FIXED over a reserved range up to the barrier', 9, bc.mmap, 9,
                 bc.PROT_RW, PRIVATE | bc.MAP_FIXED, reserved)
    room.refused('MAP_FIXED over both', bc.mmap, 10, bc.PROT_RW, PRIVATE | bc.MAP_FIXED,
                 reserved)
    room.granted('MAP_FIXED over own memory in part of it', 0, bc.mmap, 5, bc.PROT_RW,
                 PRIVATE | bc.MAP_FIXED, reserved + 2 * bc.PAGE)
    tap.equal(room.free(), 0, 'the barrier is reached exactly')
    record = bc.figures(room.pool)[RES]
    tap.ok(record.maxheld <= record.barrier, 'maxheld never was above the barrier', record)
    room.close()


def check_failcnt():
    """6.1 asks twice for a mapping that is refused."""
    room = Room('failcnt')
    room.set(10)
    for pages in 11, 11, 500:
        fails = room.fails()
        tap.equal(room.member.call(map_often, pages, 20), 20, f'20 mmaps of {pages} are refused')
        tap.equal(room.fails() - fails, 20, 'failcnt counts each of them once')
    failed = bc.figures(room.pool)[RES].failed
    tap.equal(failed, 20 * (11 + 11 + 500), 'failed is the sum of what they asked for')
    room.member.call(fill)
    tap.equal(room.free(), 0, 'page by page, the barrier is reached exactly')
    room.close()


def check_stack():
    """Stacks obey the limit, and exceeding that kills."""
    room = Room('stack')
    held = room.set(0, soft=100)
    room.refused('mmap at the barrier', bc.mmap, 1)
    room.granted('stack growth above the barrier', 60, grow_stack, 60)
    room.refused('mmap above the barrier', bc.mmap, 1)
    room.granted('stack growth up to the limit', 40, grow_stack, 40)
    tap.equal(bc.held(room.pool, RES), held + 100, 'the limit is reached exactly')
    fails = room.fails()
    try:
        room.member.call(grow_stack, 1)
        status = None
    except bc.Died as died:
        status = died.args[0]
    tap.ok(status is not None and os.WTERMSIG(status) == signal.SIGSEGV,
           'a stack that grows above the limit gets SIGSEGV', status)
    tap.equal(bc.wait_held(room.pool, RES, 0), 0, 'nothing is held after that')
    tap.equal(bc.failcnt(room.pool, RES) - fails, 1, 'it is counted once')
    room.close()


def check_fork():
    """A copy of an address space is charged, too."""
    room = Room('fork')
    room.member.call(bc.mmap, 5000)
    room.member.call(fork_and_wait)
    size = bc.data_pages(room.member.pid)
    room.set(size - 1)
    numproc = bc.figures(room.pool)['numproc']
    fails = room.fails()
    tap.equal(room.member.call(bc.errno_of, fork_and_wait), NOMEM,
              'fork: a copy that does not fit is refused')
    tap.equal(room.fails() - fails, 1, 'fork: that is one failure')
    tap.equal(bc.held(room.pool, RES), size, 'fork: nothing is left of it')
    now = bc.figures(room.pool)['numproc']
    tap.equal((now.held, now.failcnt), (1, numproc.failcnt), 'fork: nor of the process')
    room.set(size + 8)
    tap.equal(room.member.call(bc.errno_of, fork_and_wait), 0, 'fork: a copy that fits is granted')
    tap.equal(bc.wait_held(room.pool, RES, size), size, 'fork: and given back by its exit')
    room.close()


def check_neighbours():
    """What one process frees is there for the others at once."""
    room = Room('neighbours')
    other = bc.Member(room.pool)
    room.set(200)
    at = room.member.call(bc.mmap, 200)
    tap.equal(other.call(bc.errno_of, bc.mmap, 150), NOMEM, 'one has taken all: the other waits')
    room.member.call(bc.munmap, at, 200)
    tap.equal(other.call(bc.errno_of, bc.mmap, 200), 0, 'what one unmaps the other can map at once')
    tap.equal(room.member.call(bc.errno_of, bc.mmap, 1), NOMEM, 'and not both of them')
    other.end()
    tap.equal(room.member.call(bc.errno_of, bc.mmap, 200), 0, 'what a dead one had is there, too')
    room.close()

    pool = bc.Pool('churn')
    members = [bc.Member(pool) for _ in range(3)]
    for member in members:
        member.call(churn, 1, 1)
    most = bc.held(pool, RES)
    for _ in range(3):
        for member in members:
            bc.coarse_ticks(2)
            member.call(churn, 400, 5)
    tap.between(bc.figures(pool)[RES].maxheld, most, most + 400 + 100,
                'maxheld: what three map and unmap in turn does not add up')
    for member in members:
        member.start(churn, 100, 500)
    for member in members:
        member.result()
    tap.between(bc.figures(pool)[RES].maxheld, most, most + 400 + 300 * 10,
                'maxheld: nor when they do it at the same time')
    for member in members:
        member.end()
    tap.equal(bc.wait_held(pool, RES, 0), 0, 'churn: all is given back')
    pool.remove()


def check_exec():
    room = Room('exec')
    room.member.call(bc.mmap, 50000)
    tap.ok(bc.held(room.pool, RES) > 50000, 'exec: the old image is charged')
    room.member.start(exec_sleep)
    sleep = room.member.pid
    bc.wait_asleep(sleep)
    tap.equal(bc.held(room.pool, RES), bc.data_pages(sleep), 'exec: only the new image is charged')
    tap.ok(bc.held(room.pool, RES) < 5000, 'exec: which is smaller')
    room.close()


def oom_kills():
    with open('/proc/vmstat', encoding='ascii') as f:
        return [line for line in f if line.startswith('oom_kill ')]


def check_malloc():
    done = bc.bctl('pool', 'create', 'malloc', 'privvmpages=64M')
    tap.ok(done.returncode == 0, 'bctl takes privvmpages=64M', done)
    kills = oom_kills()
    member = bc.Member('bc/malloc')
    tap.equal(bc.figures('malloc')[RES].barrier, (64 << 20) // bc.PAGE, '64M are so many pages')
    tap.equal(member.call(malloc_until_null, 80 << 20, 1), 0, 'malloc of 80M returns NULL')
    tap.between(member.call(malloc_until_null, 1 << 20, 100), 20, 63,
                'malloc of 1M returns NULL in the end')
    tap.between(member.call(malloc_until_null, 8 << 20, 1), 1, 1, 'what was freed can be had again')
    tap.equal(oom_kills(), kills, 'nobody was killed')
    member.end()
    tap.equal(bc.wait_held('malloc', RES, 0), 0, 'malloc: all is given back')


bc.anchor()
check_calls()
check_failcnt()
check_stack()
check_fork()
check_neighbours()
check_exec()
check_malloc()
bc.finish()
