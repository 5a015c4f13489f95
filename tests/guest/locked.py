#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug
# timeout: 240
"""lockedpages: every way to locked memory is refused at exactly the barrier.

Held is compared with VmLck of /proc/PID/status after each step; locked segments
have no such witness but the flag in the mode that /proc/sysvipc/shm shows.
"""
import ctypes
import errno
import os
import resource
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402
from room import Room  # noqa: E402

NOMEM, PERM = errno.ENOMEM, errno.EPERM
RES = 'lockedpages'
ANON = bc.MAP_PRIVATE | bc.MAP_ANON
LOCKED, GROWSDOWN, POPULATE = 0x2000, 0x100, 0x8000
CURRENT, FUTURE, ONFAULT = 1, 2, 4
MAYMOVE, DONTUNMAP = 1, 4
SHM_LOCK, SHM_UNLOCK, IPC_RMID = 11, 12, 0
SHM_LOCKED = 0o2000

for name in ('mlock', 'munlock'):
    getattr(bc.libc, name).argtypes = [ctypes.c_void_p, ctypes.c_size_t]
bc.libc.mlock2.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
bc.libc.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]


def check(bad, what):
    if bad:
        raise OSError(ctypes.get_errno(), what)


def at(addr, page):
    return addr + page * bc.PAGE


def mlock(addr, pages):
    check(bc.libc.mlock(addr, pages * bc.PAGE), 'mlock')


def mlock2(addr, pages):
    check(bc.libc.mlock2(addr, pages * bc.PAGE, 1), 'mlock2')


def munlock(addr, pages):
    check(bc.libc.munlock(addr, pages * bc.PAGE), 'munlock')


def mlockall(flags):
    check(bc.libc.mlockall(flags), 'mlockall')


def munlockall():
    check(bc.libc.munlockall(), 'munlockall')


def mremap(addr, old, new, flags=MAYMOVE):
    got = bc.libc.mremap(addr, old * bc.PAGE, new * bc.PAGE, flags, None)
    check(got == bc.MAP_FAILED, 'mremap')
    return got


def mprotect(addr, pages, prot):
    check(bc.libc.mprotect(addr, pages * bc.PAGE, prot), 'mprotect')


def brk(pages):
    check(bc.libc.sbrk(pages * bc.PAGE) == bc.MAP_FAILED, 'brk')


def hold_brk():
    """So that the C library's own heap is not in the way of sbrk()."""
    bc.libc.mallopt(-3, 64 << 10)       # M_MMAP_THRESHOLD: larger ones are mapped


def shmget(pages):
    got = bc.libc.shmget(0, pages * bc.PAGE, 0o600)
    check(got < 0, 'shmget')
    return got


def shmctl(ident, cmd):
    check(bc.libc.shmctl(ident, cmd, None), 'shmctl')


def segment_is_locked(ident):
    with open('/proc/sysvipc/shm', encoding='ascii') as f:
        modes = [int(line.split()[2], 8) for line in f if line.split()[1] == str(ident)]
    return bool(modes[0] & SHM_LOCKED)


def bound_memlock(pages):
    """RLIMIT_MEMLOCK, and no privilege to ignore it."""
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (pages * bc.PAGE, pages * 8 * bc.PAGE))
    os.setresuid(65534, 65534, 65534)


def resource_at_least(pages):
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (pages * bc.PAGE, pages * bc.PAGE))


def check_mlock():
    room = Room('mlock', RES, bc.locked_pages)
    tap.equal(bc.held(room.pool, RES), 0, 'at first nothing is locked')
    addr = room.member.call(bc.mmap, 200)
    room.set(50)
    room.refused('mlock', NOMEM, mlock, addr, 51)
    room.granted('mlock up to the barrier', 50, mlock, addr, 50)
    room.refused('mlock of a page at the barrier', NOMEM, mlock, at(addr, 50), 1)
    room.granted('mlock of the same range', 0, mlock, addr, 50)
    room.granted('mlock of a part', 0, mlock, at(addr, 10), 10)
    room.refused('mlock over locked and a page more', NOMEM, mlock, addr, 51)
    room.granted('munlock of a part', -10, munlock, at(addr, 20), 10)
    room.granted('mlock over what is partly locked', 10, mlock, addr, 50)
    room.granted('munlock of the middle', -30, munlock, at(addr, 10), 30)
    room.refused('mlock over holes and too much', NOMEM, mlock, addr, 51)
    room.granted('mlock2 with MLOCK_ONFAULT', 30, mlock2, addr, 50)
    room.granted('mlock of that', 0, mlock, addr, 50)
    room.refused('mlock2', NOMEM, mlock2, at(addr, 100), 1)
    room.granted('munlock', -50, munlock, addr, 200)
    room.granted('mlock of addresses that are not aligned', 2, mlock, addr + 4000, 1)
    room.granted('munmap of locked memory', -2, bc.munmap, addr, 10)
    before = room.record()
    tap.equal(room.member.call(bc.errno_of, mlock, addr, 20), NOMEM,
              'mlock of a range that begins with a hole: the kernel refuses')
    room.member.call(bc.munmap, at(addr, 20), 1)
    tap.equal(room.member.call(bc.errno_of, mlock, at(addr, 10), 150), NOMEM,
              'mlock of a range with a hole: the kernel refuses')
    after = room.record()
    tap.equal((after.held - before.held, after.failcnt - before.failcnt), (10, 0),
              'what lies before the hole is locked and charged, and it is no failure of ours')
    tap.equal(after.held, bc.locked_pages(room.member.pid), 'held is what the kernel says')
    shared = room.granted('shared memory', 0, bc.mmap, 60, bc.PROT_RW,
                          bc.MAP_SHARED | bc.MAP_ANON)
    room.refused('mlock of shared memory', NOMEM, mlock, shared, 41)
    room.granted('mlock of shared memory up to the barrier', 40, mlock, shared, 40)
    room.close()


def check_mappings():
    """MAP_LOCKED, and what happens to locked mappings."""
    room = Room('mappings', RES, bc.locked_pages)
    room.set(50)
    room.refused('MAP_LOCKED', NOMEM, bc.mmap, 51, bc.PROT_RW, ANON | LOCKED)
    addr = room.granted('MAP_LOCKED up to the barrier', 50, bc.mmap, 50, bc.PROT_RW,
                        ANON | LOCKED)
    room.refused('MAP_LOCKED at the barrier', NOMEM, bc.mmap, 1, bc.PROT_RW, ANON | LOCKED)
    room.refused('a shared locked mapping', NOMEM, bc.mmap, 1, bc.PROT_RW,
                 bc.MAP_SHARED | bc.MAP_ANON | LOCKED)
    room.refused('a read-only locked mapping', NOMEM, bc.mmap, 1, bc.PROT_READ, ANON | LOCKED)
    room.granted('a mapping that is not locked', 0, bc.mmap, 500)
    room.granted('MAP_FIXED over own locked memory', 0, bc.mmap, 50, bc.PROT_RW,
                 ANON | LOCKED | bc.MAP_FIXED, addr)
    room.granted('mprotect of locked memory at the barrier', 0, mprotect, addr, 25, bc.PROT_READ)
    room.granted('mprotect back', 0, mprotect, addr, 25, bc.PROT_RW)
    room.refused('mremap of locked memory', NOMEM, mremap, addr, 50, 51)
    addr = room.granted('mremap that moves nothing but the place', 0, mremap, addr, 50, 50,
                        MAYMOVE | DONTUNMAP)
    addr = room.granted('mremap to less', -20, mremap, addr, 50, 30)
    addr = room.granted('mremap to more', 15, mremap, addr, 30, 45)
    room.refused('mremap to too much', NOMEM, mremap, addr, 45, 51)
    plain = room.granted('a reserved range', 0, bc.mmap, 100, bc.PROT_NONE)
    room.refused('MAP_FIXED and MAP_LOCKED over it', NOMEM, bc.mmap, 6, bc.PROT_RW,
                 ANON | LOCKED | bc.MAP_FIXED, plain)
    room.granted('the same up to the barrier', 5, bc.mmap, 5, bc.PROT_RW,
                 ANON | LOCKED | bc.MAP_FIXED, plain)
    room.granted('MAP_FIXED without MAP_LOCKED over that', -5, bc.mmap, 5, bc.PROT_RW,
                 ANON | bc.MAP_FIXED, plain)
    record = room.record()
    tap.ok(record.maxheld <= record.barrier, 'maxheld never was above the barrier', record)
    room.close()


def future(pages, barrier):
    """From now on MCL_FUTURE: errors of mmap, brk and shared mappings."""
    mlockall(FUTURE)
    return [bc.errno_of(bc.mmap, barrier), bc.errno_of(brk, barrier),
            bc.errno_of(bc.mmap, barrier, bc.PROT_RW, bc.MAP_SHARED | bc.MAP_ANON),
            bc.errno_of(bc.mmap, pages), bc.errno_of(brk, pages),
            bc.errno_of(bc.mmap, pages, bc.PROT_NONE)]


def check_mlockall():
    room = Room('mlockall', RES, bc.locked_pages)
    room.member.call(hold_brk)
    size = int(open(f'/proc/{room.member.pid}/statm', encoding='ascii').read().split()[0])
    room.set(size // 2)
    room.refused('mlockall(MCL_CURRENT)', NOMEM, mlockall, CURRENT)
    room.refused('mlockall(MCL_CURRENT | MCL_FUTURE)', NOMEM, mlockall, CURRENT | FUTURE)
    room.set(size + 3000)
    room.member.call(mlockall, CURRENT)
    held = bc.held(room.pool, RES)
    tap.between(held, size // 2, size, 'mlockall locks nearly all')
    tap.equal(held, bc.locked_pages(room.member.pid), 'held is what the kernel says')
    room.granted('mlockall again', 0, mlockall, CURRENT)
    room.member.call(munlockall)
    tap.equal(bc.held(room.pool, RES), 0, 'munlockall unlocks all')
    fails = room.record().failcnt
    out = room.member.call(future, 100, size + 5000)
    tap.equal(out, [NOMEM] * 3 + [0] * 3, 'MCL_FUTURE: mappings and brk beyond the barrier only')
    tap.equal(room.record().failcnt - fails, 3, 'MCL_FUTURE: each refusal counts once')
    held = bc.held(room.pool, RES)
    tap.equal(held, bc.locked_pages(room.member.pid), 'held is what the kernel says')
    tap.ok(held >= 300, 'MCL_FUTURE: mappings and brk are locked, without access, too', held)
    room.close()


def locked_stack(pages):
    """A mapping that grows down, locked, with room below it."""
    top = bc.mmap(pages * 4, bc.PROT_NONE)
    addr = at(top, pages * 4 - 1)
    bc.munmap(top, pages * 4)
    return bc.mmap(1, bc.PROT_RW, ANON | LOCKED | GROWSDOWN | bc.MAP_FIXED, addr)


def poke(addr):
    ctypes.memset(addr, 1, 1)


def check_stack():
    """The growth of a locked stack obeys the limit."""
    room = Room('stack', RES, bc.locked_pages)
    addr = room.member.call(locked_stack, 400)
    held = bc.held(room.pool, RES)
    tap.equal(held, bc.locked_pages(room.member.pid), 'stack: held is what the kernel says')
    room.set(0, soft=100)
    room.refused('mlock at the barrier', NOMEM, mlock, room.member.call(bc.mmap, 1), 1)
    room.granted('growth of a locked stack above the barrier', 60, poke, at(addr, -60))
    room.granted('growth of a locked stack up to the limit', 40, poke, at(addr, -100))
    fails = room.record().failcnt
    try:
        room.member.call(poke, at(addr, -101))
        status = None
    except bc.Died as died:
        status = died.args[0]
    tap.ok(status is not None and os.WTERMSIG(status) == signal.SIGSEGV,
           'a locked stack that grows above the limit gets SIGSEGV', status)
    tap.equal(bc.wait_held(room.pool, RES, 0), 0, 'nothing is held after that')
    tap.equal(bc.failcnt(room.pool, RES) - fails, 1, 'it is counted once')
    room.close()


def lock_new(pages):
    addr = bc.mmap(pages)
    mlock(addr, pages)
    return addr


def fork_locked():
    """The locked pages of a child, as it says itself."""
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(w, str(bc.locked_pages()).encode())
        os._exit(0)     # pylint: disable=protected-access
    os.waitpid(pid, 0)
    return int(os.read(r, 100))


def exec_sleep():
    os.execv('/bin/sleep', ['sleep', '1000'])


def check_processes():
    """fork, exec, exit, migration, and levels of pools."""
    top = bc.Pool('top', lockedpages=100)
    room = Room('low', RES, bc.locked_pages, parent=top)
    addr = room.granted('mlock', 60, lock_new, 60)
    tap.equal(room.member.call(fork_locked), 0, 'a child has nothing locked')
    tap.equal(bc.held(top, RES), 60, 'and its parent keeps what it has')
    child = room.member.call(bc.fork_idle)
    tap.equal(bc.held(top, RES), 60, 'a child that lives is charged nothing')
    os.kill(child, signal.SIGKILL)
    before = bc.failcnt(top, RES)
    room.refused('mlock above the barrier of the level above', NOMEM, lock_new, 41, counted=0)
    tap.equal(bc.failcnt(top, RES) - before, 1, 'it is counted at that level')

    other = bc.Pool('other', lockedpages=10)
    bc.attach(other.path, room.member.pid)
    tap.equal((bc.held(room.pool, RES), bc.held(top, RES), bc.held(other, RES)), (0, 0, 60),
              'a migration takes locked pages along, above any barrier')
    tap.equal(room.member.call(bc.errno_of, lock_new, 1), NOMEM,
              'more is refused in the new pool')
    room.member.call(munlock, addr, 55)
    tap.equal(bc.held(other, RES), 5, 'munlock is noticed there')
    bc.attach(room.pool.path, room.member.pid)
    tap.equal((bc.held(top, RES), bc.held(other, RES)), (5, 0), 'and it can go back')
    other.remove()
    room.member.start(exec_sleep)
    bc.wait_asleep(room.member.pid)
    tap.equal((bc.held(top, RES), bc.locked_pages(room.member.pid)), (0, 0),
              'exec: nothing is locked in the new image')
    room.close()
    tap.equal(bc.held(top, RES), 0, 'the level above is at 0')
    top.remove()


def check_binding():
    """Pools come and go over members that have locked memory."""
    path = bc.mkdir(f'{bc.BASE}/bound')
    member = bc.Member(path)
    addr = member.call(lock_new, 70)
    pool = bc.Pool('bound', path=path)
    tap.equal(bc.held(pool, RES), 70, 'what was locked before the pool was bound is adopted')
    inner = bc.Pool('inner', path=bc.mkdir(f'{path}/inner'))
    bc.attach(inner.path, member.pid)
    tap.equal((bc.held(pool, RES), bc.held(inner, RES)), (70, 70), 'a level is put below')
    inner.delete()
    tap.equal(bc.held(pool, RES), 70, 'a pool is deleted: the level above has its locked pages')
    pool.delete()
    member.call(munlock, addr, 20)
    pool = bc.Pool('bound', path=path)
    tap.equal(bc.held(pool, RES), 50, 'bound again: what is locked by then')
    member.end()
    tap.equal(bc.wait_held(pool, RES, 0), 0, 'exit gives it back')
    bc.rmdir(f'{path}/inner')
    pool.remove()


def check_segments():
    """SHM_LOCK and SHM_UNLOCK."""
    room = Room('segments', RES)
    other = Room('others', RES)
    room.set(50)
    big, small = room.member.call(shmget, 51), room.member.call(shmget, 30)
    tap.equal(bc.held(room.pool, RES), 0, 'a segment is not locked at first')
    room.refused('SHM_LOCK', NOMEM, shmctl, big, SHM_LOCK)
    tap.ok(not segment_is_locked(big), 'it is not locked then')
    room.granted('SHM_LOCK that fits', 30, shmctl, small, SHM_LOCK)
    tap.ok(segment_is_locked(small), 'it is locked then')
    room.granted('SHM_LOCK again', 0, shmctl, small, SHM_LOCK)
    room.refused('mlock above what segments leave', NOMEM, lock_new, 21)
    room.granted('mlock of the rest', 20, lock_new, 20)
    room.granted('SHM_UNLOCK', -30, shmctl, small, SHM_UNLOCK)
    room.granted('SHM_UNLOCK again', 0, shmctl, small, SHM_UNLOCK)
    other.granted('SHM_LOCK by another pool', 30, shmctl, small, SHM_LOCK)
    tap.equal(bc.held(room.pool, RES), 20, 'is not on the account of who made it')
    room.granted('SHM_UNLOCK by who made it', 0, shmctl, small, SHM_UNLOCK)
    tap.equal(bc.held(other.pool, RES), 0, 'gives it back to who locked it')
    room.granted('SHM_LOCK', 30, shmctl, small, SHM_LOCK)
    room.granted('the removal of a locked segment', -30, shmctl, small, IPC_RMID)
    room.granted('the removal of the other', 0, shmctl, big, IPC_RMID)

    other.member.call(bound_memlock, 10)
    mine = other.member.call(shmget, 40)
    before = other.record()
    got = other.member.call(bc.errno_of, shmctl, mine, SHM_LOCK)
    tap.ok(got in (NOMEM, PERM), 'SHM_LOCK that RLIMIT_MEMLOCK refuses', got)
    tap.equal(other.member.call(bc.errno_of, shmctl, mine, SHM_LOCK), got, 'the same again')
    other.member.call(bc.errno_of, shmctl, mine, SHM_LOCK)
    after = other.record()
    tap.equal((after.held, after.failcnt), (0, before.failcnt),
              'is not charged in the end, and no failure of ours')
    other.member.call(resource_at_least, 40)
    other.granted('SHM_LOCK by the same task, when it may', 40, shmctl, mine, SHM_LOCK)
    bc.libc.shmctl(mine, IPC_RMID, None)
    other.close()

    low = Room('lowseg', RES, parent=room.pool)
    kept = low.member.call(shmget, 12)
    low.granted('SHM_LOCK below', 12, shmctl, kept, SHM_LOCK)
    low.pool.delete()
    tap.equal(bc.held(room.pool, RES), 32, 'a pool is deleted: its segment counts above')
    low.member.end()
    tap.equal(bc.held(room.pool, RES), 32, 'and lives on without processes')
    bc.libc.shmctl(kept, IPC_RMID, None)
    tap.equal(bc.held(room.pool, RES), 20, 'until it is removed')
    bc.rmdir(low.pool.path)
    room.close()


def churn(pages, times):
    """Threads that lock and unlock in parallel: refusals."""
    refused = []
    addrs = [bc.mmap(pages) for _ in range(4)]

    def run(addr):
        for _ in range(times):
            got = bc.errno_of(mlock, addr, pages)
            if got:
                refused.append(got)
            else:
                munlock(addr, pages)
    threads = [threading.Thread(target=run, args=(addr,)) for addr in addrs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return refused


def check_churn():
    pool = bc.Pool('churn')
    pool.set(lockedpages=10 * 2 * 4 - 1)
    members = [bc.Member(pool) for _ in range(2)]
    for member in members:
        member.start(churn, 10, 200)
    refused = [got for member in members for got in member.result()]
    tap.ok(set(refused) <= {NOMEM}, 'threads that lock and unlock get nothing but ENOMEM', refused)
    record = bc.figures(pool)[RES]
    tap.equal((record.held, record.failcnt), (0, len(refused)), 'held is 0 and failures match')
    tap.ok(record.maxheld <= record.barrier, 'maxheld never was above the barrier', record)
    for member in members:
        member.end()
    pool.remove()


bc.anchor()
check_mlock()
check_mappings()
check_mlockall()
check_stack()
check_processes()
check_binding()
check_segments()
check_churn()
bc.finish()
