#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# timeout: 600
"""numfile, numflock and numpty: each object is counted once, on the account of who
made it, refused at the barrier, and given back when it is gone, not before.

What is compared with: distinct files in /proc/PID/fd (by kcmp), /proc/locks and
/dev/pts.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

KCMP_FILE, KCMP = 0, 312
F_OFD_SETLK = 37
NOWHERE = '/tmp/bc-objects'


# ---- what members are told to do; descriptors stay in the member

_open = []


def make_file():
    _open.append(os.open('/dev/null', os.O_RDONLY))


def make_flock():
    """A lock with a file of its own, so that both go together."""
    fd = os.open(NOWHERE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
    except OSError:
        os.close(fd)
        raise
    _open.append(fd)


def make_pty():
    _open.append(os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY))


MAKE = {'numfile': make_file, 'numflock': make_flock, 'numpty': make_pty}
REFUSAL = {'numfile': errno.ENFILE, 'numflock': errno.ENOLCK, 'numpty': errno.ENOMEM}


def make(res, count):
    """Make so many; how many there could be, and the errno of the refusal."""
    for done in range(count):
        try:
            MAKE[res]()
        except OSError as err:
            return done, err.errno
    return count, 0


def close(count=None):
    """Close the last ones made, or all."""
    for fd in _open[-count:] if count else _open[:]:
        os.close(fd)
        _open.remove(fd)


def churn(res, rounds, at_once, threads):
    """Make and close in threads; (made, refused)."""
    totals, bad = [], []

    def work():
        mine, made, refused = [], 0, 0
        for _ in range(rounds):
            for _ in range(at_once):
                try:
                    mine.append(one())
                    made += 1
                except OSError as err:
                    refused += 1
                    if err.errno not in (REFUSAL[res], errno.EIO):
                        bad.append(err.errno)
            while mine:
                os.close(mine.pop())
        totals.append((made, refused))

    def one():
        if res == 'numfile':
            return os.open('/dev/null', os.O_RDONLY)
        if res == 'numpty':
            return os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY)
        fd = os.open(NOWHERE, os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
        except OSError:
            os.close(fd)
            raise
        return fd

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(t[0] for t in totals), sum(t[1] for t in totals), bad


def send(number):
    """Send what is open to the other end of a socket pair, and close it."""
    with socket.socket(fileno=os.dup(number)) as sock:
        socket.send_fds(sock, [b'x'], _open)
    close()


def move(path):
    bc.attach(path, 0)


def run_in_child(func, *args):
    """Call in a child that ends after it; its wait status."""
    pid = os.fork()
    if not pid:
        func(*args)
        os._exit(0)     # pylint: disable=protected-access
    return os.waitpid(pid, 0)[1]


# ---- independent counts

def same_file(a, b):
    return bc.libc.syscall(ctypes.c_long(KCMP), ctypes.c_long(a[0]), ctypes.c_long(b[0]),
                           ctypes.c_long(KCMP_FILE), ctypes.c_long(a[1]), ctypes.c_long(b[1])) == 0


def count_files(*pids):
    """Distinct open files of some processes."""
    found = []
    for pid in pids:
        for fd in map(int, os.listdir(f'/proc/{pid}/fd')):
            if not any(same_file((pid, fd), other) for other in found):
                found.append((pid, fd))
    return len(found)


def count_locks(*pids):
    """Lines of /proc/locks that are not leases and do not wait."""
    with open('/proc/locks', encoding='ascii') as f:
        lines = [line.split() for line in f]
    return sum(w[1] in ('POSIX', 'FLOCK', 'OFDLCK') and int(w[4]) in pids + (-1,) for w in lines)


def count_ptys():
    return sum(name.isdigit() for name in os.listdir('/dev/pts'))


# ---- what is the same for all three

def check_barrier(res):
    pool = bc.Pool('plain')
    member = bc.Member(pool)
    tap.equal(bc.held(pool, res), 0, f'{res}: nothing at the start')
    member.call(make, res, 5)
    tap.equal(bc.held(pool, res), 5, f'{res}: counted')
    member.call(close, 2)
    tap.equal(bc.wait_held(pool, res, 3), 3, f'{res}: given back when closed')
    pool.set(**{res: 6})
    tap.equal(member.call(make, res, 10), (3, REFUSAL[res]), f'{res}: refused at the barrier')
    r = bc.figures(pool)[res]
    tap.equal((r.held, r.maxheld, r.failcnt), (6, 6, 1),
              f'{res}: all up to it is granted, one refusal is counted')
    member.call(close, 1)
    bc.wait_held(pool, res, 5)
    tap.equal(member.call(make, res, 2), (1, REFUSAL[res]), f'{res}: room is usable at once')
    pool.set(**{res: 2})
    tap.equal(member.call(make, res, 1), (0, REFUSAL[res]), f'{res}: lowered below held')
    tap.equal(bc.held(pool, res), 6, f'{res}: nothing is taken away')
    pool.set(**{res: 0})
    member.call(close)
    tap.equal(bc.wait_held(pool, res, 0), 0, f'{res}: back to nothing')
    tap.equal(member.call(make, res, 1), (0, REFUSAL[res]), f'{res}: a barrier of 0')
    pool.set(**{res: None})
    member.call(make, res, 4)
    member.end()
    tap.equal(bc.wait_held(pool, res, 0), 0, f'{res}: given back when the process is killed')
    pool.remove()


def check_hierarchy(res):
    top = bc.Pool('top', **{res: 7})
    left, right = bc.Pool('left', top, **{res: 5}), bc.Pool('right', top)
    a, b = bc.Member(left), bc.Member(right)
    tap.equal(a.call(make, res, 9), (5, REFUSAL[res]), f'{res}: the lower level refuses')
    tap.equal(b.call(make, res, 9), (2, REFUSAL[res]), f'{res}: the upper level refuses')
    tap.equal([(p[res].held, p[res].failcnt) for p in map(bc.figures, (top, left, right))],
              [(7, 1), (5, 1), (2, 0)], f'{res}: counted at the level that refused')
    # a pool between: what its members hold goes to it
    c = bc.Member(bc.mkdir('test/top/right/sub'))
    a.call(close, 3)
    bc.wait_held(top, res, 4)
    c.call(make, res, 2)
    top.set(**{res: None})
    # files that were opened before the member got there are adopted, too
    more = count_files(c.pid) - 2 if res == 'numfile' else 0
    sub = bc.Pool('sub', right)
    tap.equal([bc.held(p, res) for p in (top, right, sub)], [6 + more, 4 + more, 2 + more],
              f'{res}: a new pool below takes over what its members have')
    sub.delete()
    tap.equal([bc.held(p, res) for p in (top, right)], [6 + more, 4 + more],
              f'{res}: a pool that is deleted leaves its own to the parent')
    c.call(close)
    tap.equal(bc.wait_held(right, res, 2 + more), 2 + more, f'{res}: which gives it back')
    c.call(make, res, 1)
    tap.equal(bc.held(right, res), 3 + more, f'{res}: and is charged from then on')
    a.end()
    b.end()
    me, shared = os.getpid(), 0
    if more:
        shared = count_files(c.pid) + count_files(me) - count_files(c.pid, me)
    c.end()
    tap.equal(bc.wait_held(top, res, shared), shared,
              f'{res}: the tree is back to nothing but what somebody outside shares')
    right.remove()
    left.remove()
    top.remove()


def check_owner(res):
    """The account is that of the maker, wherever the maker and the object go."""
    one, two = bc.Pool('one'), bc.Pool('two')
    ours, theirs = socket.socketpair()
    member, other = bc.Member(one), bc.Member(two)
    member.call(make, res, 3)
    member.call(move, two.path)
    member.call(make, res, 1)
    tap.equal((bc.held(one, res), bc.held(two, res)), (3, 1),
              f'{res}: stays where it was made when the maker moves')
    member.call(move, '')
    member.call(make, res, 1)
    tap.equal((bc.held(one, res), bc.held(two, res)), (3, 1), f'{res}: not counted outside')
    member.call(close)
    tap.equal((bc.wait_held(one, res, 0), bc.wait_held(two, res, 0)), (0, 0),
              f'{res}: given back to each')
    status = other.call(run_in_child, make, res, 2)
    tap.equal((status, bc.wait_held(two, res, 0)), (0, 0), f'{res}: given back by an exit')
    other.call(make, res, 2)
    before = bc.held(two, res)
    other.call(bc.fork_idle)
    tap.equal(bc.held(two, res), before, f'{res}: fork adds nothing')
    other.call(close)
    tap.equal(bc.held(two, res), before, f'{res}: what a child still has is kept')
    other.call(bc.end_children)
    tap.equal(bc.wait_held(two, res, 0), 0, f'{res}: until it ends')

    other.call(make, res, 2)
    other.call(send, theirs.fileno())
    tap.equal(bc.held(two, res), 2, f'{res}: kept while it is under way in a message')
    fds = socket.recv_fds(ours, 1, 9)[1]
    tap.equal(bc.held(two, res), 2, f'{res}: kept when somebody outside has it')
    other.end()
    tap.equal(bc.held(two, res), 2, f'{res}: and when nobody else has')
    bc.rmdir(two.path)
    dying = bc.wait_for(lambda: [p for p in bc.dump() if p['name'] == 'two' and p['state']],
                        'two dies')
    tap.equal(dying[0]['res'][res].held, 2, f'{res}: and when the cgroup is removed')
    for fd in fds:
        os.close(fd)
    tap.ok(bc.wait_gone(), f'{res}: the pool goes with the last of them')
    for sock in ours, theirs:
        sock.close()
    member.end()
    one.remove()


def check_rebind(res):
    path = bc.mkdir('test/again')
    member = bc.Member(path)
    member.call(make, res, 4)
    member.call(bc.fork_idle)
    count = {'numfile': lambda: count_files(member.pid), 'numpty': count_ptys,
             'numflock': lambda: count_locks(member.pid)}[res]
    for turn in 'bound', 'bound again':
        pool = bc.Pool('again', path=path)
        tap.equal(bc.held(pool, res), count(), f'{res}: {turn}, all that members have is counted')
        held = bc.held(pool, res)
        member.call(make, res, 1)
        tap.equal((bc.held(pool, res), count()), (held + 1, held + 1), f'{res}: and what follows')
        member.call(close, 2)
        member.call(bc.end_children)
        tap.equal(bc.wait_held(pool, res, held - 1), count(), f'{res}: and what goes')
        pool.delete()
        tap.ok(bc.wait_gone(), f'{res}: a pool that is deleted does not wait for it')
        member.call(bc.fork_idle)
    member.call(bc.end_children)
    member.end()
    bc.rmdir(path)


def check_parallel(res, rounds):
    barrier, threads = 11, 4
    top = bc.Pool('busy', **{res: barrier + (2 if res != 'numfile' else 0)})
    pools = [bc.Pool('busy1', top), bc.Pool('busy2', top, **{res: barrier})]
    if res == 'numflock':
        os.close(os.open(NOWHERE, os.O_RDWR | os.O_CREAT, 0o600))
    members = [bc.Member(pool) for pool in pools for _ in 'ab']
    for member in members:
        member.start(churn, res, rounds, 8, threads)
    got = [member.result() for member in members]
    made, refused = sum(g[0] for g in got), sum(g[1] for g in got)
    tap.equal([g[2] for g in got], [[]] * 4, f'{res}: no error but the refusal, in parallel')
    tap.ok(made and refused, f'{res}: {made} made and {refused} refused in parallel')
    tap.equal(bc.wait_held(top, res, 0), 0, f'{res}: nothing is left')
    tap.equal([bc.held(pool, res) for pool in pools], [0, 0], f'{res}: nor below')
    slack = threads * len(members) if res == 'numflock' else 0
    figures = [bc.figures(pool)[res] for pool in [top] + pools]
    tap.ok(all(r.maxheld <= r.barrier + slack for r in figures),
           f'{res}: never above the barrier{" but for those at the same instant" * bool(slack)}',
           figures)
    tap.equal(sum(r.failcnt for r in figures), refused, f'{res}: every refusal is counted once')
    for member in members:
        member.end()
    for pool in pools + [top]:
        pool.remove()


# ---- numfile alone

def open_kind(name):
    """How many descriptors it gave."""
    fds = {
        'pipe': lambda: list(os.pipe()),
        'socket': lambda: [socket.socket().detach()],
        'socketpair': lambda: [s.detach() for s in socket.socketpair()],
        'eventfd': lambda: [os.eventfd(0)],
        'memfd': lambda: [os.memfd_create('x')],
        'pidfd': lambda: [os.pidfd_open(os.getpid())],
        'directory': lambda: [os.open('/', os.O_RDONLY | os.O_DIRECTORY)],
        'O_PATH': lambda: [os.open('/', os.O_PATH)],
        'O_TMPFILE': lambda: [os.open('/tmp', os.O_RDWR | os.O_TMPFILE)],
        'pseudo-terminal, both ends': lambda: list(os.openpty()),
    }[name]()
    _open.extend(fds)
    return len(fds)


def make_dups():
    fd = os.open('/dev/null', os.O_RDONLY)
    _open.extend([fd, os.dup(fd), os.dup2(fd, 200), fcntl.fcntl(fd, fcntl.F_DUPFD, 100)])


def failed_open():
    return [bc.errno_of(os.open, name, flags) for name, flags in
            (('/nowhere/x', os.O_RDONLY), ('/', os.O_RDWR), ('/proc/self/mem/x', os.O_RDONLY))]


_maps = []


def map_and_close():
    fd = os.open('/bin/sh', os.O_RDONLY)
    _maps.append(mmap.mmap(fd, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ,
                           trackfd=False) if sys.version_info >= (3, 13) else
                 bc.mmap(1, bc.PROT_READ, bc.MAP_PRIVATE, fd=fd))
    os.close(fd)


def unmap():
    bc.munmap(_maps.pop(), 1)


def accept_one():
    """Two listeners' worth: a listener, a connection and what is accepted."""
    listener = socket.create_server(('127.0.0.1', 0))
    a = socket.create_connection(listener.getsockname())
    b = listener.accept()[0]
    _open.extend(s.detach() for s in (listener, a, b))


def run_program():
    return subprocess.run(['/bin/true'], check=False).returncode


def check_kinds():
    pool = bc.Pool('kinds')
    member = bc.Member(pool)
    for name in ('pipe', 'socket', 'socketpair', 'eventfd', 'memfd', 'pidfd', 'directory',
                 'O_PATH', 'O_TMPFILE', 'pseudo-terminal, both ends'):
        count = member.call(open_kind, name)
        tap.equal(bc.held(pool, 'numfile'), count, f'numfile: {name}: {count}')
        member.call(close)
        tap.equal(bc.wait_held(pool, 'numfile', 0), 0, f'numfile: {name}: given back')
    member.call(accept_one)
    tap.equal(bc.held(pool, 'numfile'), 3, 'numfile: an accepted connection is a file')
    member.call(close)
    member.call(make_dups)
    tap.equal(bc.wait_held(pool, 'numfile', 1), 1, 'numfile: four descriptors of one file')
    member.call(close)
    member.call(map_and_close)
    tap.equal(bc.wait_held(pool, 'numfile', 1), 1, 'numfile: a mapping keeps its file')
    member.call(unmap)
    tap.equal(bc.wait_held(pool, 'numfile', 0), 0, 'numfile: until it goes')
    tap.equal(member.call(failed_open), [errno.ENOENT, errno.EISDIR, errno.ENOTDIR],
              'numfile: opens that fail')
    tap.equal(bc.wait_held(pool, 'numfile', 0), 0, 'numfile: leave nothing behind')
    pool.set(numfile=1)
    tap.equal(member.call(bc.errno_of, open_kind, 'pipe'), errno.ENFILE,
              'numfile: a pipe is refused when there is room for one end only')
    tap.equal(bc.wait_held(pool, 'numfile', 0), 0, 'numfile: which is given back')
    tap.equal(member.call(bc.errno_of, open_kind, 'socketpair'), errno.ENFILE,
              'numfile: a pair of sockets as well')
    tap.equal([bc.wait_held(pool, res, 0) for res in ('numfile', 'numothersock')], [0, 0],
              'numfile: with nothing left of it')
    pool.set(numfile=None)
    tap.equal(member.call(run_program), 0, 'numfile: a program runs')
    tap.ok(bc.figures(pool)['numfile'].maxheld > 3, 'numfile: which has files mapped',
           bc.figures(pool)['numfile'])
    tap.equal(bc.wait_held(pool, 'numfile', 0), 0, 'numfile: and gives them back')
    member.end()
    pool.remove()


def check_overlay():
    """One file for who opens it; the one below is the kernel's."""
    for name in 'lower', 'upper', 'work', 'merged':
        os.makedirs(f'/scratch/overlay/{name}', exist_ok=True)
    with open('/scratch/overlay/lower/file', 'w', encoding='ascii') as f:
        f.write('x')
    at = '/scratch/overlay/'
    done = subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o',
                           f'lowerdir={at}lower,upperdir={at}upper,workdir={at}work',
                           f'{at}merged'], check=False, capture_output=True)
    if done.returncode:
        tap.skip('numfile: an overlay', f'not in this kernel: {done.stderr}')
        return
    pool = bc.Pool('overlay')
    member = bc.Member(pool)
    member.call(open_on, f'{at}merged/file', os.O_RDONLY, 5)
    tap.equal(bc.held(pool, 'numfile'), count_opened(member.pid, 'merged/file'),
              'numfile: on an overlay each file counts once')
    member.call(close)
    member.call(open_on, f'{at}merged/file', os.O_RDWR, 3)
    tap.equal(bc.wait_held(pool, 'numfile', 3), 3, 'numfile: also when it is copied up')
    pool.set(numfile=4)
    tap.equal(member.call(make, 'numfile', 3), (1, errno.ENFILE),
              'numfile: the next file after those is counted')
    member.call(close)
    tap.equal(bc.wait_held(pool, 'numfile', 0), 0, 'numfile: on an overlay back to nothing')
    member.end()
    pool.remove()
    subprocess.run(['umount', f'{at}merged'], check=True)


def open_on(path, flags, count):
    for _ in range(count):
        _open.append(os.open(path, flags))


def count_opened(pid, end):
    return sum(os.readlink(f'/proc/{pid}/fd/{fd}').endswith(end)
               for fd in os.listdir(f'/proc/{pid}/fd'))


def check_shared_adoption():
    """Files that two members share are adopted once, and only the new pool's."""
    outside = bc.Pool('bystander')
    path = bc.mkdir('test/shared')
    by = bc.Member(outside)
    tap.equal(bc.held(outside, 'numfile'), 0, 'numfile: what a newcomer has open is not counted')
    member = bc.Member(path)
    member.call(make, 'numfile', 5)
    member.call(make_dups)
    child = member.call(bc.fork_idle)
    pool = bc.Pool('shared', path=path)
    tap.equal(bc.held(pool, 'numfile'), count_files(member.pid, child),
              'numfile: files of two processes are adopted once')
    tap.equal(bc.held(outside, 'numfile'), 0, 'numfile: and not those of other pools')
    held = bc.held(pool, 'numfile')
    member.call(close)
    tap.equal(bc.held(pool, 'numfile'), held, 'numfile: the child has them all')
    member.call(bc.end_children)
    tap.equal(bc.wait_held(pool, 'numfile', held - 6), count_files(member.pid),
              'numfile: and gives them back')
    member.end()
    by.end()
    pool.remove()
    outside.remove()


# ---- numflock alone

def posix(kind, length, start):
    fcntl.lockf(_open[0], kind | (fcntl.LOCK_NB if kind != fcntl.LOCK_UN else 0), length, start)


def ofd(kind, start, length):
    """OFD locks, which Python has no function for."""
    data = bytearray(32)
    data[0:2] = kind.to_bytes(2, 'little')
    data[8:16], data[16:24] = start.to_bytes(8, 'little'), length.to_bytes(8, 'little')
    fcntl.fcntl(_open[0], F_OFD_SETLK, bytes(data))


def flock(kind):
    fcntl.flock(_open[0], kind)


def lease(kind):
    fcntl.fcntl(_open[0], fcntl.F_SETLEASE, kind)


def wait_for_lock():
    """In a process of its own: wait for the range, and keep it."""
    fd = os.open(NOWHERE, os.O_RDWR)
    fcntl.lockf(fd, fcntl.LOCK_EX, 100, 0)
    return os.getpid()


def check_locks():
    pool = bc.Pool('locks')
    member = bc.Member(pool)
    member.call(open_on, NOWHERE, os.O_RDWR | os.O_CREAT, 1)

    def shown():
        return bc.held(pool, 'numflock'), count_locks(member.pid)
    sh, ex, un = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN
    for text, step, want in (
            ('a range', (posix, ex, 100, 0), 1),
            ('another', (posix, ex, 100, 1000), 2),
            ('one that merges with the first', (posix, ex, 100, 50), 2),
            ('unlocking the middle splits it', (posix, un, 10, 70), 3),
            ('one that fills the hole', (posix, ex, 10, 70), 2),
            ('one of another kind in the middle', (posix, sh, 10, 70), 4),
            ('one that replaces three', (posix, ex, 150, 0), 2),
            ('unlocking all', (posix, un, 0, 0), 0),
            ('OFD locks', (ofd, fcntl.F_WRLCK, 0, 10), 1),
            ('a second OFD lock', (ofd, fcntl.F_RDLCK, 100, 10), 2),
            ('unlocking the OFD locks', (ofd, fcntl.F_UNLCK, 0, 0), 0),
            ('flock, shared', (flock, sh), 1),
            ('flock, again', (flock, sh), 1),
            ('flock, converted', (flock, ex), 1),
            ('flock, unlocked', (flock, un), 0)):
        member.call(*step)
        tap.equal(shown(), (want, want), f'numflock: {text}: {want}')

    pool.set(numflock=2)
    member.call(posix, ex, 10, 0)
    member.call(posix, ex, 10, 100)
    tap.equal(member.call(bc.errno_of, posix, ex, 10, 200), errno.ENOLCK, 'numflock: a third')
    tap.equal(member.call(bc.errno_of, ofd, fcntl.F_RDLCK, 300, 1), errno.ENOLCK,
              'numflock: an OFD lock')
    tap.equal(member.call(bc.errno_of, flock, ex), errno.ENOLCK, 'numflock: a flock')
    tap.equal(member.call(bc.errno_of, lease, fcntl.F_RDLCK), errno.ENOLCK,
              'numflock: a lease, though it would not count')
    tap.equal(member.call(bc.errno_of, posix, ex, 10, 10), errno.ENOLCK,
              'numflock: even one that would merge')
    tap.equal(bc.failcnt(pool, 'numflock'), 5, 'numflock: five refusals')
    member.call(posix, un, 2, 4)
    tap.equal(shown(), (3, 3), 'numflock: unlocking is never refused, though it adds one')
    member.call(posix, un, 0, 0)
    tap.equal(shown(), (0, 0), 'numflock: unlocking when above the barrier')
    pool.set(numflock=None)
    tap.equal(member.call(bc.errno_of, lease, fcntl.F_RDLCK), errno.EAGAIN,
              'numflock: a lease on a file open for writing')
    member.call(close)
    member.call(open_on, NOWHERE, os.O_RDONLY, 1)
    member.call(lease, fcntl.F_RDLCK)
    tap.equal(shown(), (0, 0), 'numflock: a lease is not counted')
    member.call(lease, fcntl.F_UNLCK)
    member.call(close)

    member.call(open_on, NOWHERE, os.O_RDWR, 1)
    member.call(posix, ex, 100, 0)
    waiter = bc.Member(pool)
    waiter.start(wait_for_lock)
    bc.wait_for(lambda: '->' in open('/proc/locks', encoding='ascii').read(), 'somebody waits')
    tap.equal(shown(), (1, 1), 'numflock: a lock that waits is not counted')
    member.call(posix, un, 100, 0)
    waiter.result()
    tap.equal((bc.held(pool, 'numflock'), count_locks(waiter.pid)), (1, 1),
              'numflock: it is when it is granted')
    waiter.end()
    tap.equal(bc.wait_held(pool, 'numflock', 0), 0, 'numflock: back to nothing')
    member.end()
    pool.remove()


# ---- numpty alone

def open_slave():
    """The other end of the first master."""
    fcntl.ioctl(_open[0], 0x40045431, bytes(4))         # TIOCSPTLCK: unlock
    number = int.from_bytes(fcntl.ioctl(_open[0], 0x80045430, bytes(4)), 'little')
    _open.append(os.open(f'/dev/pts/{number}', os.O_RDWR | os.O_NOCTTY))


def mount_devpts(path):
    os.makedirs(path, exist_ok=True)
    subprocess.run(['mount', '-t', 'devpts', '-o', 'newinstance,ptmxmode=0666', 'devpts', path],
                   check=True)


def close_first():
    os.close(_open.pop(0))


def check_ptys():
    before = count_ptys()
    pool = bc.Pool('ptys')
    member = bc.Member(pool)
    member.call(make, 'numpty', 3)
    tap.equal((bc.held(pool, 'numpty'), count_ptys() - before), (3, 3), 'numpty: as in /dev/pts')
    member.call(open_slave)
    tap.equal(bc.held(pool, 'numpty'), 3, 'numpty: the other end does not count')
    member.call(close_first)
    tap.equal((bc.held(pool, 'numpty'), count_ptys() - before), (3, 2),
              'numpty: but keeps the terminal')
    member.call(close, 1)
    tap.equal(bc.wait_held(pool, 'numpty', 2), 2, 'numpty: until it is closed, too')
    at = '/tmp/bc-devpts'
    mount_devpts(at)
    member.call(open_on, f'{at}/ptmx', os.O_RDWR | os.O_NOCTTY, 4)
    tap.equal(bc.held(pool, 'numpty'), 6, 'numpty: the same numbers in another instance')
    member.call(close, 4)
    tap.equal(bc.wait_held(pool, 'numpty', 2), 2, 'numpty: are others')
    subprocess.run(['umount', at], check=True)
    pool.set(numpty=2)
    tap.equal([member.call(bc.errno_of, make_pty) for _ in range(20)], [errno.ENOMEM] * 20,
              'numpty: refused over and over')
    tap.equal(count_ptys() - before, 2, 'numpty: nothing is left of those in /dev/pts')
    pool.set(numpty=None)
    tap.equal(member.call(make, 'numpty', 3), (3, 0), 'numpty: and it works again')
    member.end()
    tap.equal(bc.wait_held(pool, 'numpty', 0), 0, 'numpty: back to nothing')
    tap.equal(count_ptys(), before, 'numpty: as in /dev/pts')
    pool.remove()


def main():
    bc.anchor()
    for res in MAKE:
        check_barrier(res)
        check_hierarchy(res)
        check_owner(res)
        check_rebind(res)
        check_parallel(res, 5 if bc.DEBUG_KERNEL else tap.rounds(20, 60))
    check_kinds()
    check_overlay()
    check_shared_adoption()
    check_locks()
    check_ptys()
    bc.finish()


main()
