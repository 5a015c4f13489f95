#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# timeout: 300
"""shmpages: SysV and POSIX shared memory, shared anonymous mappings, memfd, tmpfs.

Held is compared with /proc/sysvipc/shm, with st_blocks of files, and with what df
says of a tmpfs.
"""
import ctypes
import errno
import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402
from room import Room  # noqa: E402

NOMEM, NOSPC = errno.ENOMEM, errno.ENOSPC
RES = 'shmpages'
SHARED = bc.MAP_SHARED | bc.MAP_ANON
NORESERVE = 0x4000
IPC_RMID = 0
KEEP_SIZE, PUNCH_HOLE = 1, 2
MNT = '/tmp/shmtest'

bc.libc.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
bc.libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
bc.libc.shmat.restype = ctypes.c_void_p
bc.libc.shmdt.argtypes = [ctypes.c_void_p]
bc.libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]


def check(bad, what):
    if bad:
        raise OSError(ctypes.get_errno(), what)


def shmget(size):
    got = bc.libc.shmget(0, size, 0o600)
    check(got < 0, 'shmget')
    return got


def shm_pages(pages):
    return shmget(pages * bc.PAGE)


def shm_remove(ident):
    check(bc.libc.shmctl(ident, IPC_RMID, None), 'shmctl')


def shm_touch(ident, pages):
    """Attach, write to each page, detach."""
    addr = bc.libc.shmat(ident, None, 0)
    check(addr == bc.MAP_FAILED, 'shmat')
    touch(addr, pages)
    check(bc.libc.shmdt(addr), 'shmdt')


def touch(addr, pages):
    for i in range(pages):
        ctypes.memset(addr + i * bc.PAGE, 1, 1)


def segments():
    """Pages of all SysV segments, as the kernel lists them."""
    with open('/proc/sysvipc/shm', encoding='ascii') as f:
        sizes = [int(line.split()[3]) for line in f.readlines()[1:]]
    return sum((size + bc.PAGE - 1) // bc.PAGE for size in sizes)


def map_shared(pages, flags=0):
    return bc.mmap(pages, bc.PROT_RW, SHARED | flags)


def write_file(path, pages, at=0):
    """Write so many pages in one call; how many bytes were written."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        return os.pwrite(fd, b'x' * (pages * bc.PAGE), at * bc.PAGE)
    finally:
        os.close(fd)


def write_whole(path, pages):
    """Write page by page, until there is an error."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        for _ in range(pages):
            os.write(fd, b'x' * bc.PAGE)
    finally:
        os.close(fd)


def read_file(path):
    with open(path, 'rb') as f:
        return len(f.read())


def truncate(path, pages):
    os.truncate(path, pages * bc.PAGE)


def fallocate(path, mode, at, pages):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        check(bc.libc.fallocate(fd, mode, at * bc.PAGE, pages * bc.PAGE), 'fallocate')
    finally:
        os.close(fd)


def blocks(path):
    """Pages of a file."""
    return os.stat(path).st_blocks * 512 // bc.PAGE


def used(path=MNT):
    """Pages in use of a file system, as df has it."""
    for name in os.listdir(path):       # makes the kernel correct its own figure
        os.stat(os.path.join(path, name), follow_symlinks=False)
    fs = os.statvfs(path)
    return (fs.f_blocks - fs.f_bfree) * fs.f_frsize // bc.PAGE


def fault_file(path, pages, size):
    """Map a sparse file of that size and touch so many pages of it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    os.ftruncate(fd, size * bc.PAGE)
    addr = bc.mmap(size, bc.PROT_RW, bc.MAP_SHARED, fd=fd)
    os.close(fd)
    touch(addr, pages)
    bc.munmap(addr, size)


_files = {}


def memfd(name, pages):
    """Make a memfd that stays open and write so many pages."""
    _files[name] = os.memfd_create(name)
    for _ in range(pages):
        os.write(_files[name], b'x' * bc.PAGE)
    return os.fstat(_files[name]).st_blocks * 512 // bc.PAGE


def memfd_write(name, pages):
    os.write(_files[name], b'x' * (bc.PAGE * pages))


def memfd_close(name):
    os.close(_files.pop(name))


def memfd_path(pid, name):
    for fd in os.listdir(f'/proc/{pid}/fd'):
        if os.readlink(f'/proc/{pid}/fd/{fd}').startswith(f'/memfd:{name} '):
            return f'/proc/{pid}/fd/{fd}'
    raise RuntimeError(name)


def exec_sleep():
    os.execv('/bin/sleep', ['sleep', '1000'])


def check_sysv():
    room = Room('sysv', RES, lambda pid: segments())
    room.set(50)
    room.refused('shmget', NOMEM, shm_pages, 51)
    one = room.granted('shmget of a page and a byte', 2, shmget, bc.PAGE + 1)
    big = room.granted('shmget up to the barrier', 48, shm_pages, 48)
    room.refused('shmget at the barrier', NOMEM, shmget, 1)
    room.granted('touching it', 0, shm_touch, big, 48)
    room.granted('removing it', -48, shm_remove, big)
    again = room.granted('shmget', 20, shm_pages, 20)
    room.member.start(exec_sleep)
    bc.wait_asleep(room.member.pid)
    tap.equal(bc.held(room.pool, RES), 22, 'exec does not touch it')
    room.member.end()
    tap.equal(bc.held(room.pool, RES), 22, 'a segment outlives who made it')
    shm_remove(one)
    shm_remove(again)
    tap.equal(bc.held(room.pool, RES), 0, 'until it is removed, by whomsoever')
    room.close()


def check_anonymous():
    room = Room('anonymous', RES)
    private = bc.held(room.pool, 'privvmpages')
    room.set(50)
    room.refused('a shared anonymous mapping', NOMEM, map_shared, 51)
    addr = room.granted('a shared anonymous mapping up to the barrier', 50, map_shared, 50)
    tap.equal(bc.held(room.pool, 'privvmpages'), private, 'is not in privvmpages')
    room.granted('touching it', 0, touch, addr, 50)
    child = room.member.call(bc.fork_idle)
    tap.equal(bc.held(room.pool, RES), 50, 'fork shares it')
    room.granted('munmap while a child has it', 0, bc.munmap, addr, 50)
    os.kill(child, signal.SIGKILL)
    tap.equal(bc.wait_held(room.pool, RES, 0), 0, 'it is given back by the last munmap')
    room.granted('a private mapping', 0, bc.mmap, 500)

    addr = room.granted('with MAP_NORESERVE, of any size', 0, map_shared, 5000, NORESERVE)
    room.granted('its pages count one by one', 50, touch, addr, 50)
    fails = room.record().failcnt
    try:
        room.member.call(touch, addr, 51)
        status = None
    except bc.Died as died:
        status = died.args[0]
    tap.ok(status is not None and os.WTERMSIG(status) == signal.SIGBUS,
           'a fault beyond the barrier gets SIGBUS', status)
    tap.equal(room.record().failcnt - fails, 1, 'it is counted once')
    room.close()


def check_memfd():
    room = Room('memfds', RES)
    room.set(50)
    room.granted('memfd, 30 pages', 30, memfd, 'a', 30)
    room.granted('another', 20, memfd, 'b', 20)
    room.refused('a page at the barrier', NOSPC, memfd_write, 'a', 1)
    path = memfd_path(room.member.pid, 'a')
    room.granted('ftruncate to less', -10, truncate, path, 20)
    room.granted('ftruncate to more', 0, truncate, path, 1000)
    room.granted('fallocate', 10, fallocate, path, 0, 100, 10)
    room.refused('fallocate', NOSPC, fallocate, path, 0, 200, 1)
    room.granted('punching a hole', -5, fallocate, path, KEEP_SIZE | PUNCH_HOLE, 100, 5)
    room.granted('fallocate over pages that are there', 5, fallocate, path, 0, 100, 10)
    room.granted('close', -30, memfd_close, 'a')
    room.close()


def tmpfs_mounted(options='size=64m'):
    os.makedirs(MNT, exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', 'shmtest', MNT, '-o', options], check=True)


def tmpfs_gone():
    subprocess.run(['umount', MNT], check=True)


def check_tmpfs():
    tmpfs_mounted()
    room = Room('tmpfs', RES, lambda pid: used())
    room.set(50)
    a, b = f'{MNT}/a', f'{MNT}/b'
    room.granted('writing 30 pages', 30, write_file, a, 30)
    room.granted('writing them again', 0, write_file, a, 30)
    before = room.record()
    tap.equal(room.member.call(write_file, b, 25), 20 * bc.PAGE,
              'write() beyond the barrier writes what fits')
    tap.equal(room.record().failcnt - before.failcnt, 1, 'and that is one failure')
    tap.equal(bc.held(room.pool, RES), 50, 'up to the barrier exactly')
    room.refused('a page at the barrier', NOSPC, write_file, b, 1, 100)
    room.refused('another try', NOSPC, write_file, b, 1, 100)
    room.granted('what is there can be written at the barrier', 0, write_file, b, 20)
    room.granted('truncation', -20, truncate, a, 10)
    room.granted('a sparse file', 0, truncate, a, 1000)
    room.granted('reading holes', 0, read_file, a)
    room.granted('fallocate', 20, fallocate, a, 0, 500, 20)
    room.refused('fallocate', NOSPC, fallocate, a, 0, 600, 1)
    room.refused('fallocate that fails half way', NOSPC, fallocate, f'{MNT}/new', 0, 0, 30)
    room.granted('punching a hole', -15, fallocate, a, KEEP_SIZE | PUNCH_HOLE, 505, 15)
    room.granted('page by page over the hole', 10, write_file, a, 10, 505)
    room.granted('removing a file', -20, os.unlink, b)
    room.granted('faulting pages in', 25, fault_file, f'{MNT}/c', 25, 100)
    tap.equal(room.member.call(os.readlink, '/proc/self/exe') != '', True, 'the member lives')
    fails = room.record().failcnt
    try:
        room.member.call(fault_file, f'{MNT}/c', 26, 100)
        status = None
    except bc.Died as died:
        status = died.args[0]
    tap.ok(status is not None and os.WTERMSIG(status) == signal.SIGBUS,
           'a fault beyond the barrier gets SIGBUS', status)
    record = room.record()
    tap.equal((record.held, record.failcnt - fails), (50, 1), 'it is counted once')
    tap.ok(record.maxheld <= record.barrier, 'maxheld never was above the barrier', record)
    tap.equal(bc.held(room.pool, RES), used(), 'files outlive who wrote them')
    for name in os.listdir(MNT):
        os.unlink(f'{MNT}/{name}')
    room.close()
    tmpfs_gone()


def check_owner():
    """Who pays for a tmpfs file, and when it moves."""
    tmpfs_mounted()
    a, b = Room('owner-a', RES), Room('owner-b', RES)
    a.granted('a file', 10, write_file, f'{MNT}/f', 10)
    b.granted('pages that another pool adds', 0, write_file, f'{MNT}/f', 5, 10)
    tap.equal(bc.held(a.pool, RES), 15, 'count to the owner of the file')
    write_file(f'{MNT}/f', 5, 20)
    tap.equal(bc.held(a.pool, RES), 20, 'those of a task outside, too')
    a.set(0)
    b.refused('they are refused for the owner', NOSPC, write_file, f'{MNT}/f', 1, 50, counted=0)
    write_file(f'{MNT}/old', 8)
    b.granted('a file that is older than its first write from a pool', 9, write_file,
              f'{MNT}/old', 1, 8)
    b.granted('a long symbolic link has a page', 1, os.symlink, 'x' * 500, f'{MNT}/link')
    bc.attach(b.pool.path, a.member.pid)
    tap.equal(bc.held(a.pool, RES), 20, 'files do not move with tasks')
    bc.attach(a.pool.path, a.member.pid)
    b.member.call(os.unlink, f'{MNT}/f')
    tap.equal(bc.held(a.pool, RES), 0, 'whoever removes it, the owner gets it back')
    b.member.call(os.unlink, f'{MNT}/old')
    os.unlink(f'{MNT}/link')
    a.close()
    b.close()
    tmpfs_gone()


def check_levels():
    """Levels of pools; deletion and removal with objects that live on."""
    tmpfs_mounted()
    top = bc.Pool('top', shmpages=100)
    room = Room('low', RES, parent=top)
    ident = room.granted('shmget', 40, shm_pages, 40)
    room.granted('a file', 20, write_file, f'{MNT}/f', 20)
    before = bc.failcnt(top, RES)
    room.refused('shmget above the barrier of the level above', NOMEM, shm_pages, 41, counted=0)
    room.member.call(write_file, f'{MNT}/g', 60)
    tap.equal((bc.failcnt(top, RES) - before, bc.held(top, RES)), (2, 100),
              'counted at that level, where write() has filled up')
    room.pool.delete()
    tap.equal(bc.held(top, RES), 100, 'a pool is deleted: its objects count above')
    room.member.call(os.unlink, f'{MNT}/g')
    tap.equal(bc.held(top, RES), 60, 'and are given back there')
    # bound without it: what it has open, and shares with this test, would be adopted
    bc.attach('', room.member.pid)
    pool = bc.Pool('low', path=room.pool.path)
    bc.attach(pool.path, room.member.pid)
    tap.equal(bc.held(pool, RES), 0, 'bound again: objects stay where they are')
    room.member.call(write_file, f'{MNT}/h', 5)
    tap.equal((bc.held(pool, RES), bc.held(top, RES)), (5, 65), 'new ones count below')
    room.member.end()
    bc.rmdir(room.pool.path)
    tap.ok(tap.poll_until(bc.WAIT, lambda: bc.nl.info()['dying'] == 1),
           'rmdir: the pool is dying while its file lives')
    tap.equal(bc.held(top, RES), 65, 'the file stays charged')
    write_file(f'{MNT}/h', 1, 5)
    tap.equal(bc.held(top, RES), 66, 'and can grow')
    os.unlink(f'{MNT}/h')
    tap.ok(bc.wait_gone(), 'the pool is gone with the file')
    top.delete()
    tap.equal(bc.held('host', RES), 0, 'the last pool is deleted: objects are forgotten')
    shm_remove(ident)
    os.unlink(f'{MNT}/f')
    bc.rmdir(top.path)
    tmpfs_gone()


def many_files(first, count):
    for i in range(first, first + count):
        with open(f'{MNT}/{i}', 'wb') as f:
            f.write(b'x' * (bc.PAGE + 1))


def cut(first, count, step):
    for i in range(first, count, step):
        os.truncate(f'{MNT}/{i}', 1)


def check_many(count=300 if bc.DEBUG_KERNEL else tap.rounds(1500, 4500)):
    """More files than one recount visits."""
    tmpfs_mounted()
    room = Room('many', RES)
    room.member.call(many_files, 0, count)
    tap.equal(bc.wait_held(room.pool, RES, 2 * count), 2 * count, f'{count} files: two pages each')
    for _ in range(4):
        bc.held(room.pool, RES)
    room.member.call(cut, 0, count, 15)
    tap.equal(bc.held(room.pool, RES), 2 * count - count // 15,
              'some of them are truncated: the next read knows')
    room.member.call(cut, 0, count, 1)
    tap.equal(bc.wait_held(room.pool, RES, count), count, 'truncated to one page each')
    tap.equal(used(), count, 'as df says')
    tmpfs_gone()
    tap.equal(bc.wait_held(room.pool, RES, 0), 0, 'umount gives all back')
    room.close()


def churn(seconds_path, pages, times):
    """Threads that write, punch, truncate, remove and map: what went wrong."""
    wrong = []

    def run(number):
        path = f'{seconds_path}.{number % 2}'
        for i in range(times):
            for func, args in ((write_file, (path, pages, i % 3 * pages)),
                               (fallocate, (path, KEEP_SIZE | PUNCH_HOLE, i % pages, 2)),
                               (truncate, (path, i % pages)), (os.unlink, (path,)),
                               (shm_cycle, (pages,)), (map_cycle, (pages,))):
                got = bc.errno_of(func, *args)
                if got not in (0, NOMEM, NOSPC, errno.ENOENT):
                    wrong.append((func.__name__, got))
    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return wrong


def shm_cycle(pages):
    shm_remove(shm_pages(pages))


def map_cycle(pages):
    addr = map_shared(pages)
    touch(addr, pages)
    bc.munmap(addr, pages)


def check_churn():
    tmpfs_mounted()
    pool = bc.Pool('churn', shmpages=60)
    inner = bc.Pool('churn-in', pool, shmpages=40)
    members = [bc.Member(pool), bc.Member(inner)]
    for n, member in enumerate(members):
        member.start(churn, f'{MNT}/{n}', 8, 25)
    wrong = [got for member in members for got in member.result()]
    tap.equal(wrong, [], 'threads that make and remove get ENOMEM and ENOSPC at most')
    used_now = used()
    tap.equal(bc.held(pool, RES), used_now, 'held is what df says')
    for n in bc.figures(pool)[RES], bc.figures(inner)[RES]:
        tap.between(n.maxheld, 1, n.barrier + 16, 'maxheld was at the barrier at most, or nearly')
    for name in os.listdir(MNT):
        os.unlink(f'{MNT}/{name}')
    tap.equal((bc.held(pool, RES), bc.held(inner, RES)), (0, 0), 'and nothing in the end')
    for member in members:
        member.end()
    inner.remove()
    pool.remove()
    tmpfs_gone()


def check_posix():
    """/dev/shm, as shm_open() uses it."""
    room = Room('posix', RES)
    room.set(50)
    path = '/dev/shm/bctest'
    room.granted('shm_open and ftruncate', 0, fault_file, path, 0, 100)
    room.granted('touching half of it', 50, fault_file, path, 50, 100)
    tap.equal(blocks(path), 50, 'as st_blocks says')
    room.granted('shm_unlink', -50, os.unlink, path)
    room.close()


def check_huge():
    """A tmpfs of huge pages falls back to small ones at the barrier."""
    if not os.path.exists('/sys/kernel/mm/transparent_hugepage/shmem_enabled'):
        tap.skip('huge pages', 'this kernel has none')
        return
    tmpfs_mounted('size=64m,huge=always')
    room = Room('huge', RES, lambda pid: used())
    room.set(100)
    room.granted('where no huge page fits', 10, write_file, f'{MNT}/a', 10)
    room.set(600)
    room.member.call(write_file, f'{MNT}/b', 20)
    tap.equal(bc.held(room.pool, RES), used(), 'where one fits: held is what the kernel says')
    tap.note(f'{used()} pages for 30')
    tap.equal(room.record().failcnt, 0, 'nothing of it was a failure')
    room.granted('removal', 10 - used(), os.unlink, f'{MNT}/b')
    os.unlink(f'{MNT}/a')
    room.close()
    tmpfs_gone()


def page_out(path, pages):
    """Map a file and have its pages written to swap."""
    fd = os.open(path, os.O_RDWR)
    addr = bc.mmap(pages, bc.PROT_RW, bc.MAP_SHARED, fd=fd)
    os.close(fd)
    touch(addr, pages)
    check(bc.libc.madvise(ctypes.c_void_p(addr), ctypes.c_size_t(pages * bc.PAGE), 21), 'madvise')
    bc.munmap(addr, pages)


def swapped():
    """Pages in swap."""
    with open('/proc/meminfo', encoding='ascii') as f:
        rows = {line.split(':')[0]: int(line.split()[1]) for line in f}
    return (rows['SwapTotal'] - rows['SwapFree']) * 1024 // bc.PAGE


def check_swap(pages=400):
    """Pages in swap stay charged."""
    swap = '/scratch/shm.swap'
    if not os.path.isdir('/scratch'):
        tap.skip('swap', 'no disk')
        return
    with open(swap, 'wb') as f:
        f.write(bytes(8 << 20))
    os.chmod(swap, 0o600)
    subprocess.run(['mkswap', swap], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(['swapon', swap], check=True)
    tmpfs_mounted()
    room = Room('swap', RES, lambda pid: used())
    room.granted('a file', pages, write_file, f'{MNT}/a', pages)
    room.set(0)
    before = swapped()
    room.granted('the file is paged out', 0, page_out, f'{MNT}/a', pages)
    tap.ok(swapped() - before > pages // 2, 'most of it is in swap', swapped() - before)
    room.refused('another page', NOSPC, write_file, f'{MNT}/b', 1)
    room.granted('the file is read again, at the barrier', 0, read_file, f'{MNT}/a')
    room.granted('paged out again', 0, page_out, f'{MNT}/a', pages)
    room.granted('half of it is cut off', -pages // 2, truncate, f'{MNT}/a', pages // 2)
    os.unlink(f'{MNT}/b')
    room.granted('removal', -pages // 2, os.unlink, f'{MNT}/a')
    room.close()
    tmpfs_gone()
    subprocess.run(['swapoff', swap], check=True)
    os.unlink(swap)


def uffd_copy(pages):
    """Fill so many pages of a shared mapping by userfaultfd; how many it filled."""
    size = pages * bc.PAGE
    addr, source = bc.mmap(pages, bc.PROT_RW, SHARED | NORESERVE), bc.mmap(1)
    touch(source, 1)
    fd = bc.libc.syscall(ctypes.c_long(323), ctypes.c_long(1))      # UFFD_USER_MODE_ONLY
    check(fd < 0, 'userfaultfd')

    def ioctl(request, *words):
        buf = (ctypes.c_ulong * len(words))(*words)
        check(bc.libc.ioctl(fd, ctypes.c_ulong(request), buf), 'userfaultfd')
    ioctl(0xc018aa3f, 0xaa, 0, 0)                   # UFFDIO_API
    ioctl(0xc020aa00, addr, size, 1, 0)             # UFFDIO_REGISTER, missing pages
    done = 0
    try:
        for i in range(pages):
            ioctl(0xc028aa03, addr + i * bc.PAGE, source, bc.PAGE, 0, 0)    # UFFDIO_COPY
            done += 1
    except OSError as err:
        return done, err.errno
    finally:
        os.close(fd)
        bc.munmap(addr, pages)
    return done, 0


def check_uffd():
    room = Room('uffd', RES)
    room.set(25)
    fails = room.record().failcnt
    tap.equal(room.member.call(uffd_copy, 40), (25, NOSPC),
              'pages that userfaultfd copies are refused at the barrier')
    tap.equal((bc.held(room.pool, RES), room.record().failcnt - fails), (0, 1),
              'counted, and given back')
    room.close()


bc.anchor()
check_sysv()
check_anonymous()
check_memfd()
check_posix()
check_tmpfs()
check_owner()
check_levels()
check_huge()
check_swap()
check_uffd()
check_many()
check_churn()
bc.finish()
