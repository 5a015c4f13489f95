# SPDX-License-Identifier: GPL-2.0
"""What the root of a container tries; see tests/guest/containment.py, which runs this inside.

    python3 attack.py deny NAME...
    python3 attack.py take NAME SECONDS

The former prints a line for each try that was not refused. The latter goes on until it is
refused, or for some seconds, prints "held N", and waits for the end of its input.
"""
import ctypes
import errno
import fcntl
import os
import pty
import resource
import socket
import struct
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
NR = {'open_by_handle_at': 304, 'init_module': 175, 'finit_module': 313, 'delete_module': 176,
      'kexec_load': 246, 'kexec_file_load': 320, 'bpf': 321, 'perf_event_open': 298,
      'keyctl': 250, 'add_key': 248, 'iopl': 172, 'ioperm': 173, 'swapon': 167,
      'settimeofday': 164, 'sethostname': 170, 'acct': 163, 'syslog': 103, 'quotactl': 179,
      'unshare': 272, 'setns': 308, 'io_setup': 206, 'shmget': 29, 'semget': 64, 'msgget': 68,
      'inotify_init': 253, 'epoll_create': 213, 'eventfd': 284, 'mq_open': 240,
      'io_uring_setup': 425, 'sched_setscheduler': 144, 'timer_create': 222, 'memfd': 319}
NEWNS, NEWUSER, NEWNET, NEWIPC = 0x20000, 0x10000000, 0x40000000, 0x08000000


def call(name, *args):
    """A system call; its errno, 0 if it was done."""
    done = libc.syscall(NR[name], *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    return ctypes.get_errno() if done < 0 else 0


def mount(source, target, kind, flags=0, data=None):
    done = libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags),
                      data.encode() if data else None)
    return ctypes.get_errno() if done else 0


def attempt(func, *args):
    """0 or the errno."""
    try:
        func(*args)
    except OSError as err:
        return err.errno
    except ValueError:
        return errno.EPERM          # what setrlimit() makes of it
    return 0


def tell(what, err, *fine):
    """A try that must have failed, and with one of the errors in fine if there are any."""
    if err == 0:
        print(f'{what}: done')
    elif fine and err not in fine:
        print(f'{what}: {errno.errorcode[err]}')


def put(path, text):
    def func():
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    return attempt(func)


def deny_calls():
    """System calls that reach the kernel or the machine as a whole."""
    here = ctypes.create_string_buffer(64)
    for name, args in (('init_module', (here, 64, b'')), ('finit_module', (0, b'', 0)),
                       ('delete_module', (b'beancounter', 0o4000)), ('kexec_load', (0, 0, here, 0)),
                       ('kexec_file_load', (0, 0, 0, b'', 0)), ('bpf', (0, here, 64)),
                       ('perf_event_open', (here, -1, 0, -1, 0)),
                       ('open_by_handle_at', (3, here, 0)), ('iopl', (3,)),
                       ('ioperm', (0x60, 1, 1)), ('swapon', (b'/dev/vda', 0)),
                       ('settimeofday', (here, None)), ('acct', (b'/x',)),
                       ('syslog', (5, here, 64)), ('syslog', (8, None, 1)),
                       ('sched_setscheduler', (0, 1, struct.pack('i', 50)))):
        tell(name, call(name, *args), errno.EPERM)
    for name in ('keyctl', 'add_key'):
        tell(name, call(name, 0, 0, 0, 0, 0), errno.ENOSYS)
    tell('setrlimit', attempt(resource.setrlimit, resource.RLIMIT_NOFILE, (1 << 20, 1 << 20)))
    tell('rtprio', attempt(resource.setrlimit, resource.RLIMIT_RTPRIO, (50, 50)))
    tell('nice', attempt(os.nice, -20))


def deny_files():
    """Files of the kernel that say or change something of the host."""
    for path in ('kernel/core_pattern', 'kernel/modprobe', 'kernel/pid_max', 'kernel/hostname',
                 'vm/overcommit_memory', 'vm/drop_caches', 'fs/file-max', 'kernel/panic',
                 'kernel/printk', 'fs/protected_symlinks', 'kernel/randomize_va_space'):
        tell(path, put(f'/proc/sys/{path}', '1'))
    for path in ('/proc/sysrq-trigger', '/sys/kernel/mm/transparent_hugepage/enabled',
                 '/sys/module/beancounter/parameters/compat', '/sys/kernel/uevent_helper',
                 '/sys/power/state', '/proc/irq/default_smp_affinity',
                 '/proc/sys/kernel/ns_last_pid'):
        tell(path, put(path, 'h'))
    for path in ('/proc/kcore', '/proc/kmsg', '/proc/kallsyms', '/proc/keys', '/dev/mem',
                 '/dev/kmsg', '/proc/kpageflags', '/proc/vmallocinfo', '/proc/bc/resources'):
        def head():
            with open(path, 'rb', buffering=0) as f:
                if not f.read(8):
                    raise OSError(errno.ENODATA, '')
        tell(path, attempt(head))


def deny_remounted():
    """The same files once all that can be mounted otherwise is."""
    for path in ('/proc/sys', '/proc/sysrq-trigger', '/sys', '/proc'):
        mount('none', path, '', 0x1000 | 0x20)          # bind, remount
        libc.umount2(path.encode(), 2)                  # what is in the way
    os.makedirs('/p', exist_ok=True)
    mount('proc', '/p', 'proc')
    deny_files()
    for path, text in (('sys/kernel/core_pattern', '|/x'), ('sysrq-trigger', 'h'),
                       ('sys/vm/drop_caches', '1'), ('sys/kernel/modprobe', '/x')):
        tell('/p/' + path, put('/p/' + path, text))


def deny_mounts():
    """File systems of the host and devices."""
    os.makedirs('/m', exist_ok=True)
    for source, kind in (('/dev/vda', 'ext4'), ('/dev/vdd', 'ext4'), ('none', 'debugfs'),
                         ('none', 'tracefs'), ('none', 'securityfs'), ('none', 'devtmpfs'),
                         ('none', 'pstore'), ('none', 'configfs'), ('none', 'efivarfs')):
        tell(f'mount -t {kind}', mount(source, '/m', kind))
    tell('remount / dev,suid', mount('none', '/', '', 0x20, 'usrquota'))
    for kind, dev in ((0o020600, (1, 1)), (0o020600, (1, 11)), (0o060600, (254, 0)),
                      (0o060600, (254, 48)), (0o020600, (10, 237)), (0o020600, (4, 0))):
        for folder in ('/', '/dev/', '/tmp/'):
            path = f'{folder}node'
            if attempt(os.mknod, path, kind, os.makedev(*dev)) == 0:
                tell(f'open {dev} in {folder}', attempt(os.open, path, os.O_RDWR))
                tell(f'read {dev} in {folder}', attempt(os.open, path, os.O_RDONLY))
                os.unlink(path)


def deny_accounts():
    """Accounts, of itself or of others, by netlink."""
    def family():
        nl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        nl.bind((0, 0))
        name = b'beancounter\0'
        body = struct.pack('BBHHH', 3, 1, 0, 4 + len(name), 2) + name
        body += b'\0' * (-len(body) % 4)
        nl.send(struct.pack('IHHII', 16 + len(body), 16, 1, 1, 0) + body)
        return nl.recv(65536), nl

    data, nl = family()
    number, error = struct.unpack_from('H', data, 4)[0], 0
    if number == 2:
        return                      # an error: there is no such family here
    pos = 20
    while pos < len(data):
        size, kind = struct.unpack_from('HH', data, pos)
        if kind == 1:
            number = struct.unpack_from('H', data, pos + 4)[0]
        pos += size + -size % 4
    for command in range(1, 64):
        for flags in (1 | 4, 1 | 0x300):
            nl.send(struct.pack('IHHIIBBH', 20, number, flags, command, 0, command, 1, 0))
            data = nl.recv(65536)
            error = -struct.unpack_from('i', data, 16)[0]
            if struct.unpack_from('H', data, 4)[0] != 2 or error in (0, errno.EINVAL):
                print(f'command {command} of the family: {error}')


def deny_cgroups():
    """Leave the cgroup, change limits from within, see others."""
    own = '/sys/fs/cgroup'
    for name, text in (('memory.max', 'max'), ('pids.max', 'max'), ('memory.high', 'max'),
                       ('cgroup.kill', '0'), ('cgroup.max.descendants', 'max')):
        if os.path.exists(f'{own}/{name}') and put(f'{own}/{name}', text) == 0:
            print(f'note {name} at the top can be written')
    for path in ('..', '../..', '../102', '../../102/ct', '../../../bc/102/ct'):
        tell(path, put(f'{own}/{path}/cgroup.procs', '0'))
        if os.path.exists(f'{own}/{path}/cgroup.procs') and path == '../102':
            print('a neighbour is seen')
    os.makedirs('/c', exist_ok=True)
    for kind in ('cgroup2', 'cgroup'):
        call('unshare', NEWNS)
        if mount('none', '/c', kind, 0, None if kind == 'cgroup2' else 'none,name=x') == 0:
            if os.path.exists('/c/bc') or os.path.exists('/c/bc-ct'):
                print(f'{kind}: the cgroups of the host are seen')
            tell(f'{kind}: release_agent', put('/c/release_agent', '/x'))
    with open('/proc/self/mountinfo', encoding='ascii', errors='replace') as f:
        for line in f:
            if 'cgroup' in line and line.split()[3].startswith('/..'):
                print('mountinfo shows', line)


def deny_outside():
    """The root of the host, its processes, and those of others."""
    os.makedirs('/jail', exist_ok=True)
    top = os.open('/', os.O_RDONLY)
    os.chroot('/jail')
    os.fchdir(top)
    for _ in range(64):
        os.chdir('..')
    os.chroot('.')
    os.chdir('/')
    for path in ('/root/tests', '/scratch', '/lib/modules', '/sys/fs/cgroup/bc'):
        tell(path, attempt(os.stat, path))
    names = os.listdir('/proc')
    if sum(name.isdigit() for name in names) > 20:
        print('processes of others are seen')
    for pid in range(1, 400):
        if str(pid) in names:
            continue
        for sign in (0,):
            tell(f'kill {pid}', attempt(os.kill, pid, sign))


# ---- what is exhausted: each yields after each thing that it has got ----

KEEP = []


def fork():
    """A child that does not keep open what the test reads, should this process be killed."""
    pid = os.fork()
    if not pid:
        null = os.open('/dev/null', os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.close(null)
    return pid


def take_forks():
    while True:
        pid = fork()
        if not pid:
            time.sleep(1000)
            os._exit(0)
        yield


def _more_files():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def take_files():
    for _ in range(8):
        if not fork():
            try:
                _more_files()
                while True:
                    os.open('/dev/null', os.O_RDONLY)
            except OSError:
                time.sleep(1000)
            os._exit(0)
    while True:
        os.open('/dev/null', os.O_RDONLY)
        yield


def take_ptys():
    while True:
        pty.openpty()
        yield


def take_sockets():
    while True:
        KEEP.append(socket.socketpair())
        yield


def take_buffers():
    while True:
        one, two = socket.socketpair()
        KEEP.append((one, two))
        one.setblocking(False)
        try:
            while True:
                one.send(b'x' * 65536)
        except BlockingIOError:
            yield


def take_memory():
    while True:
        KEEP.append(b'x' * (1 << 20))
        yield


def _take_shared():
    """Memory that is shared, of whoever must not mount."""
    libc.mmap.restype = ctypes.c_void_p
    while True:
        at = libc.mmap(None, ctypes.c_size_t(1 << 20), 3, 0x21, -1, ctypes.c_long(0))
        if at == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), '')
        ctypes.memset(at, 1, 1 << 20)
        yield


def take_shm():
    os.makedirs('/t', exist_ok=True)
    mount('none', '/t', 'tmpfs', 0, 'size=1000g')
    if not os.path.ismount('/t'):
        yield from _take_shared()
    with open('/t/big', 'wb', buffering=0) as f:
        while True:
            f.write(b'x' * (1 << 20))
            yield


def take_memfd():
    while True:
        fd = libc.syscall(NR['memfd'], b'x', 0)
        if fd < 0:
            raise OSError(ctypes.get_errno(), '')
        os.write(fd, b'x' * (1 << 20))
        yield


def take_sysv():
    key = 1
    while True:
        key += 1
        for name, args in (('shmget', (key, 1 << 20, 0o1777)), ('semget', (key, 32000, 0o1777)),
                           ('msgget', (key, 0o1777))):
            err = call(name, *args)
            if err and name == 'semget':
                raise OSError(err, '')
        yield


def take_dentries():
    n = 0
    name = 'x' * 200
    while True:
        n += 1
        try:
            os.stat(f'/{name}{n}')
        except FileNotFoundError:
            pass
        yield


def take_inodes():
    os.makedirs('/t', exist_ok=True)
    mount('none', '/t', 'tmpfs', 0, 'nr_inodes=100000000')
    n = 0
    while True:
        n += 1
        os.mkdir(f'/t/{n}')
        yield


def take_pipes():
    while True:
        read, write = os.pipe()
        try:
            fcntl.fcntl(write, 1031, 1 << 20)
        except OSError:
            pass
        os.set_blocking(write, False)
        try:
            while True:
                os.write(write, b'x' * 65536)
        except BlockingIOError:
            pass
        KEEP.append(read)
        yield


def take_mounts():
    os.makedirs('/b', exist_ok=True)
    while True:
        err = mount('/tmp', '/b', '', 0x1000)
        if err:
            raise OSError(err, '')
        yield


def take_cgroups():
    n = 0
    while True:
        n += 1
        os.mkdir(f'/sys/fs/cgroup/n{n}')
        yield


def _told(ready, done):
    """The byte that a child has sent; it may have been killed before that."""
    os.close(done)
    got = os.read(ready, 1)
    os.close(ready)
    if not got:
        raise OSError(errno.ENOMEM, '')
    return got[0]


def _take_namespace(flags):
    while True:
        ready, done = os.pipe()
        if not fork():
            err = call('unshare', flags)
            os.write(done, bytes([err]))
            time.sleep(1000)
            os._exit(0)
        err = _told(ready, done)
        if err:
            raise OSError(err, '')
        yield


def take_netns():
    yield from _take_namespace(NEWNET)


def take_userns():
    """Nested as deep as can be, in each process."""
    while True:
        ready, done = os.pipe()
        if not fork():
            n = 0
            while call('unshare', NEWUSER | NEWIPC | NEWNS) == 0:
                n += 1
            os.write(done, bytes([min(n, 255)]))
            time.sleep(1000)
            os._exit(0)
        if not _told(ready, done):
            raise OSError(errno.ENOSPC, '')
        yield


def take_inotify():
    number = call('inotify_init')
    del number
    fd = libc.syscall(NR['inotify_init'])
    n = 0
    os.makedirs('/t', exist_ok=True)
    while True:
        n += 1
        os.makedirs(f'/t/i{n}', exist_ok=True)
        if libc.inotify_add_watch(fd, f'/t/i{n}'.encode(), 0xfff) < 0:
            raise OSError(ctypes.get_errno(), '')
        yield


def take_epoll():
    _more_files()
    while True:
        fd = libc.syscall(NR['epoll_create'], 1)
        if fd < 0:
            raise OSError(ctypes.get_errno(), '')
        event = struct.pack('IQ', 1, 0)
        if KEEP and libc.epoll_ctl(fd, 1, KEEP[-1], event):
            KEEP.clear()
        KEEP.append(fd)
        yield


def take_aio():
    while True:
        ctx = ctypes.c_ulong(0)
        err = call('io_setup', 1000, ctypes.byref(ctx))
        if err:
            raise OSError(err, '')
        yield


def take_timers():
    while True:
        ident = ctypes.c_int(0)
        err = call('timer_create', 1, None, ctypes.byref(ident))
        if err:
            raise OSError(err, '')
        yield


def take_rings():
    while True:
        fd = libc.syscall(NR['io_uring_setup'], 32768, ctypes.create_string_buffer(256))
        if fd < 0:
            raise OSError(ctypes.get_errno(), '')
        yield


def take_locks():
    with open('/lockfile', 'wb') as f:
        n = 0
        while True:
            n += 2
            fcntl.lockf(f, fcntl.LOCK_EX, 1, n)
            yield


def exhaust(name, seconds):
    end, count, why = time.monotonic() + seconds, 0, 'time'
    try:
        for _ in globals()['take_' + name]():
            count += 1
            if time.monotonic() > end:
                break
    except (OSError, MemoryError) as err:
        why = errno.errorcode.get(getattr(err, 'errno', None), type(err).__name__)
    # whatever is left to allocate may not be there any more
    os.write(1, b'held %d %s\n' % (count, why.encode()))
    os.read(0, 1)
    libc.kill(-1, 9)                # what has been forked; it is not sent to itself


def main():
    if sys.argv[1] == 'take':
        exhaust(sys.argv[2], float(sys.argv[3]))
        return
    for name in sys.argv[2:]:
        print(f'begin {name}')
        sys.stdout.flush()
        if not os.fork():           # one may change its root, or its namespaces
            try:
                globals()['deny_' + name]()
                sys.stdout.flush()
            finally:
                os._exit(0)
        os.wait()
        print(f'end {name}')


main()
