# SPDX-License-Identifier: GPL-2.0
"""What guest tests need: pools, processes in them, and independent counts.

    web = bc.Pool('web', numproc=10, privvmpages=(1000, 2000))
    proc = bc.Member(web)                   # a process in its cgroup ...
    proc.call(os.getpid)                    # ... that calls a function there
    bc.held(web, 'numproc')
    bc.finish()                             # all gone and balanced; the plan

Figures are read with genl.py; bctl() and bctl_json() call the tool.
"""
import atexit
import ctypes
import gc
import glob
import json
import os
import pickle
import signal
import struct
import subprocess
import time
import traceback

import genl
import tap

CGROUP = '/sys/fs/cgroup'
BASE = 'test'                   # where the tests make their cgroups
PAGE = os.sysconf('SC_PAGE_SIZE')
DEBUG_KERNEL = os.environ.get('BC_KERNEL', '').startswith('debug')
WAIT = 120 if DEBUG_KERNEL else 40      # how long to poll for something that must come

# A call through PyDLL keeps the interpreter's lock: nothing of Python's own runs
# between the system call and the look at errno.
libc = ctypes.PyDLL(None, use_errno=True)
libc.mmap.restype = libc.mremap.restype = libc.sbrk.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                      ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int,
                        ctypes.c_void_p]
libc.sbrk.argtypes = [ctypes.c_long]
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.syscall.restype = ctypes.c_long

PROT_NONE, PROT_READ, PROT_RW = 0, 1, 3
MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_ANON = 1, 2, 0x10, 0x20
MAP_FAILED = ctypes.c_void_p(-1).value

nl = genl.Client()
_members = []


def linger(ms):
    """How long the module stays attached after the last pool."""
    try:
        with open('/sys/module/beancounter/parameters/linger_ms', 'w', encoding='ascii') as f:
            f.write(str(ms))
    except FileNotFoundError:
        pass                    # not loaded


LINGER = 600000                 # for the next test; hooks_status.py sees to the end
linger(LINGER)


def reload(*params):
    """The module anew: nothing of what came before is known to it."""
    global nl                   # pylint: disable=global-statement
    nl.close()
    wait_for(lambda: not subprocess.run(['rmmod', 'beancounter'], capture_output=True,
                                        check=False).returncode, 'rmmod')
    subprocess.run(['insmod', '/root/beancounter.ko', *params], check=True)
    nl = genl.Client()


def wait_for(func, what):
    """Poll until func() is true; its value. An exception ends the test if it never is."""
    value = tap.poll_until(WAIT, func)
    if not value:
        raise TimeoutError(f'waited in vain: {what}')
    return value


# ---- bctl

def bctl(*args, **kwargs):
    """Run bctl; its status, stdout and stderr are in the result."""
    return subprocess.run(('bctl',) + args, capture_output=True, text=True, check=False,
                          timeout=WAIT, errors='replace', **kwargs)


def bctl_json(*args):
    """What bctl ARGS -j prints; it must succeed."""
    done = bctl(*args, '-j')
    if done.returncode:
        raise RuntimeError(f'bctl {" ".join(args)}: {done.returncode}: {done.stderr}')
    return json.loads(done.stdout)


# ---- cgroups

def mkdir(path):
    """Make a cgroup and what is missing above it."""
    os.makedirs(os.path.join(CGROUP, path), exist_ok=True)
    return path


def rmdir(path):
    """Remove a cgroup; its last task may just be leaving."""
    full = os.path.join(CGROUP, path)

    def gone():
        try:
            os.rmdir(full)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        return True
    wait_for(gone, f'rmdir {path}')


def write(path, text):
    with open(os.path.join(CGROUP, path), 'w', encoding='ascii') as f:
        f.write(text)


def read(path):
    with open(os.path.join(CGROUP, path), encoding='ascii') as f:
        return f.read()


def attach(path, pid):
    """Move a process into a cgroup; '' is the root."""
    write(os.path.join(path, 'cgroup.procs'), str(pid))


def subtree(path):
    """A cgroup and all below it."""
    top = os.path.join(CGROUP, path)
    return [os.path.relpath(name, CGROUP) for name, _, _ in os.walk(top)]


def count_threads(path):
    """How many threads there are in a cgroup and below."""
    return sum(len(read(f'{name}/cgroup.threads').split()) for name in subtree(path))


def data_pages(pid='self'):
    """Pages of private writable mappings and stacks, as the kernel has them."""
    with open(f'/proc/{pid}/statm', encoding='ascii') as f:
        return int(f.read().split()[5])


def status_pages(pid):
    """The same from another file: VmData and VmStk."""
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        found = [int(line.split()[1]) for line in f if line.startswith(('VmData:', 'VmStk:'))]
    return sum(found) * 1024 // PAGE


def count_pages(path):
    """Sum of data_pages() of all processes in a cgroup and below; -1 when not at rest."""
    pids = {pid for name in subtree(path) for pid in read(f'{name}/cgroup.procs').split()}
    pages = [data_pages(pid) for pid in pids]
    return sum(pages) if pages == [status_pages(pid) for pid in pids] else -1


def locked_pages(pid='self'):
    """Pages that are locked: VmLck."""
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        found = [int(line.split()[1]) for line in f if line.startswith('VmLck:')]
    return sum(found) * 1024 // PAGE


def refused_forks(count):
    for _ in range(count):
        try:
            pid = os.fork()
            if not pid:
                os._exit(0)     # pylint: disable=protected-access
            os.waitpid(pid, 0)
        except OSError:
            pass


def refused_maps(pages, count):
    for _ in range(count):
        errno_of(mmap, pages)


# ---- pools

class Pool:
    """A pool and its cgroup."""

    def __init__(self, name, parent=None, path=None, **wanted):
        self.name = name
        self.path = path or f'{parent.path if parent else BASE}/{name}'
        mkdir(self.path)
        made = nl.new(name, path=self.path, parent=parent.name if parent else None,
                      wanted=wanted)
        self.id, self.incarnation = made['id'], made['incarnation']

    def set(self, **wanted):
        nl.set(self.name, wanted)

    def delete(self):
        nl.delete(self.name)

    def remove(self):
        """Delete the pool and its cgroup with all below."""
        self.delete()
        for path in reversed(subtree(self.path)):
            rmdir(path)


def anchor():
    """A pool that is in nobody's way and keeps the hooks attached, which saves time."""
    mkdir(f'{BASE}-anchor')
    nl.new('anchor', path=f'{BASE}-anchor', number=9999)


def dump():
    """All pools but that one and the host."""
    return [p for p in nl.dump() if p['name'] not in ('anchor', 'host')]


def figures(pool):
    """The table of a pool: {'numproc': Record}."""
    return nl.get(pool if isinstance(pool, (str, int)) else pool.name)['res']


def held(pool, res):
    return figures(pool)[res].held


def failcnt(pool, res):
    return figures(pool)[res].failcnt


def wait_held(pool, res, value):
    """Poll until so much is held; what is held in the end."""
    tap.poll_until(WAIT, lambda: held(pool, res) == value)
    return held(pool, res)


def wait_gone():
    """Poll until no dying pool is left."""
    return tap.poll_until(WAIT, lambda: nl.info()['dying'] == 0)


# ---- processes

class Died(Exception):
    """The member did not answer but end; args[0] is its wait status."""


class Member:
    """A process that does what it is told, in the cgroup of a pool.

    A function given to call() must be defined at the top of a module, before the
    member is made. It runs in the child, its result or exception comes back.
    """

    def __init__(self, where=None):
        path = where.path if isinstance(where, Pool) else where
        down, up = os.pipe(), os.pipe()
        gc.collect()
        gc.freeze()
        self.pid = os.fork()
        if not self.pid:
            try:
                os.close(down[1])
                os.close(up[0])
                self._serve(path, down[0], up[1])
            finally:
                os._exit(70)    # pylint: disable=protected-access
        os.close(down[0])
        os.close(up[1])
        self.down, self.up = down[1], up[0]
        self.status = None
        _members.append(self)
        try:
            self._answer()
        except BaseException:
            self.end()
            raise

    def _serve(self, path, down, up):
        libc.prctl(1, signal.SIGKILL)       # PR_SET_PDEATHSIG
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        gc.disable()
        _children.clear()
        if path is not None:
            attach(path, 0)
        self._reply(up, (True, None))
        while True:
            size = os.read(down, 4)
            if len(size) < 4:
                os._exit(0)     # pylint: disable=protected-access
            func, args = pickle.loads(os.read(down, struct.unpack('=I', size)[0]))
            try:
                answer = (True, func(*args))
            except BaseException as err:    # pylint: disable=broad-except
                try:
                    pickle.loads(pickle.dumps(err))
                except Exception:           # pylint: disable=broad-except
                    err = RuntimeError(traceback.format_exc())
                answer = (False, err)
            self._reply(up, answer)

    @staticmethod
    def _reply(up, answer):
        data = pickle.dumps(answer)
        os.write(up, struct.pack('=I', len(data)) + data)

    def _answer(self):
        head = os.read(self.up, 4)
        if len(head) < 4:
            raise Died(self.wait())
        size = struct.unpack('=I', head)[0]
        data = b''
        while len(data) < size:
            data += os.read(self.up, size - len(data)) or b''
        good, value = pickle.loads(data)
        if not good:
            raise value
        return value

    def start(self, func, *args):
        """Let it begin with something; result() waits for the end."""
        data = pickle.dumps((func, args))
        os.write(self.down, struct.pack('=I', len(data)) + data)

    def result(self):
        return self._answer()

    def call(self, func, *args):
        self.start(func, *args)
        return self._answer()

    def wait(self):
        """Reap it; its wait status."""
        if self.status is None:
            self.status = os.waitpid(self.pid, 0)[1]
        return self.status

    def end(self):
        """Kill and reap it."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        for fd in (self.down, self.up):
            if fd is not None:
                os.close(fd)
        self.down = self.up = None
        if self in _members:
            _members.remove(self)


# ---- what members are told to do

def set_name(name):
    """What ps shows and events carry."""
    libc.prctl(15, name.encode(), 0, 0, 0)


def mmap(pages, prot=PROT_RW, flags=MAP_PRIVATE | MAP_ANON, addr=None, fd=-1):
    """The address, or OSError."""
    got = libc.mmap(addr, pages * PAGE, prot, flags, fd, 0)
    if got == MAP_FAILED:
        raise OSError(ctypes.get_errno(), 'mmap')
    return got


def munmap(addr, pages):
    if libc.munmap(addr, pages * PAGE):
        raise OSError(ctypes.get_errno(), 'munmap')


def errno_of(func, *args):
    """Call; the number of the OSError, 0 when there was none."""
    try:
        func(*args)
    except OSError as err:
        return err.errno
    return 0


def touch(pages):
    """Memory that is really there, and stays until the process ends; its address."""
    addr = mmap(pages)
    ctypes.memset(addr, 1, pages * PAGE)
    return addr


def burn(seconds):
    """Use so much CPU time; how much it was in all."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return time.process_time()


_children = []


def fork_idle():
    """A child that does nothing until it is killed; its pid."""
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        libc.prctl(1, signal.SIGKILL)
        # the parent may have ended before that
        while os.getppid() == parent:
            signal.pause()
        os._exit(0)             # pylint: disable=protected-access
    _children.append(pid)
    return pid


def clone_into(path):
    """fork_idle() with CLONE_INTO_CGROUP; its pid."""
    fd = os.open(os.path.join(CGROUP, path), os.O_RDONLY | os.O_DIRECTORY)
    into = 1 << 33
    args = struct.pack('=11Q', into, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, fd)
    buf = ctypes.create_string_buffer(args, len(args))
    pid = libc.syscall(ctypes.c_long(435), buf, ctypes.c_long(len(args)))
    if not pid:
        libc.prctl(1, signal.SIGKILL)
        while True:
            signal.pause()
    os.close(fd)
    if pid < 0:
        raise OSError(ctypes.get_errno(), 'clone3')
    _children.append(pid)
    return pid


def fork_until_refused(most):
    """Fork idle children; how many there could be, and the errno of the refusal."""
    for done in range(most):
        try:
            fork_idle()
        except OSError as err:
            return done, err.errno
    return most, 0


def end_children():
    """Kill and reap what the above made."""
    for pid in _children:
        os.kill(pid, signal.SIGKILL)
    for pid in _children:
        os.waitpid(pid, 0)
    _children.clear()


def wait_asleep(pid):
    """Wait until a process that is to sleep(1) does so, and is at rest."""
    def sleeps():
        with open(f'/proc/{pid}/syscall', encoding='ascii') as f:
            return f.read().split()[0] in ('35', '230')     # nanosleep, clock_nanosleep
    wait_for(sleeps, f'{pid} sleeps')


# ---- the end

def controllers():
    """Those that the root's children have."""
    return set(read('cgroup.subtree_control').split())


_controllers = controllers()


def coarse_ticks(count):
    """Wait until the timer interrupt has come so often."""
    coarse = 6                  # CLOCK_MONOTONIC_COARSE
    for _ in range(count):
        then = time.clock_gettime(coarse)
        while time.clock_gettime(coarse) == then:
            time.sleep(0)


def cleanup():
    """Remove whatever a test made; harmless when there is nothing left."""
    for member in list(_members):
        member.end()
    with genl.Client() as client:
        for reader in client.readers():
            client.forget(reader)
        for pool in reversed(client.dump()):
            if pool['id'] and pool['state'] == genl.LIVE:
                try:
                    client.delete(pool['id'])
                except OSError:
                    pass
        bounded = [res for res, r in client.get('host')['res'].items()
                   if r.limit != genl.UNLIMITED]
        if bounded:
            client.set('host', dict.fromkeys(bounded))
    for top in glob.glob(f'{CGROUP}/{BASE}*') + [f'{CGROUP}/bc']:
        for name, _, _ in os.walk(top, topdown=False):
            try:
                with open(f'{name}/cgroup.kill', 'w', encoding='ascii') as f:
                    f.write('1')
                rmdir(os.path.relpath(name, CGROUP))
            except OSError:
                pass


def _put_back():
    """The next test in this machine finds it as this one did."""
    for name in controllers() - _controllers:
        try:
            write('cgroup.subtree_control', f'-{name}')
        except OSError:
            pass


def _cleanup_child_safe(owner):
    if os.getpid() == owner:
        try:
            cleanup()
            _put_back()
        except OSError as err:
            tap.note(f'cleaning up: {err}')


atexit.register(_cleanup_child_safe, os.getpid())


def wrong_sums(pools, but=()):
    """Parents of a dump that are not the sum of their children, in any resource @but some."""
    sums = {}
    for pool in pools:
        for res, record in pool['res'].items():
            key = pool.get('parent'), res
            sums[key] = sums.get(key, 0) + record.held
    return [(pool['name'], res, record.held, sums[pool['name'], res])
            for pool in pools if pool['children']
            for res, record in pool['res'].items()
            if not record.flags & genl.F_NO_HELD and res not in but
            and record.held != sums[pool['name'], res]]


def finish():
    """What must be true at the end of every test; ends it."""
    cleanup()
    tap.ok(wait_gone(), 'in the end: no pool is dying')
    info = nl.info()
    tap.equal(info['unbalanced'], 0, 'in the end: every pool was released with nothing held')
    tap.equal(info['untracked'], 0, 'in the end: nothing was left uncounted')
    left = {res: r.held for res, r in figures('host').items() if r.held}
    tap.equal(left, {}, 'in the end: the host holds nothing')
    tap.done()
