# SPDX-License-Identifier: GPL-2.0
"""What tests of sockets and buffers need, on top of bc.py.

Two views of the same thing: what the module says (bc.held()), and what the
kernel says of each socket (diag(), by cgroup, nothing of ours in it). Functions
below "what members are told to do" run in a bc.Member and keep their sockets in
that process, by number.
"""
import errno
import hashlib
import os
import select
import signal
import socket
import struct
import threading
import time
import zlib
from collections import namedtuple

import bc
import genl
import tap

SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
SKMEMINFO, CGROUP_ID, UNIX_MEMINFO = 7, 21, 5
AF_PACKET = socket.AF_PACKET

# One allocation: a segment or chunk of 64 KiB with its overhead, in whole pages.
ALLOCATION = 72 << 10

NUMBERS = 'numtcpsock', 'numothersock'
BUFFERS = 'tcpsndbuf', 'tcprcvbuf', 'othersockbuf', 'dgramrcvbuf'

SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_RESERVE_MEM = 32, 33, 73


# ---- what the kernel says of its sockets

Sock = namedtuple('Sock', 'state inode cgroup rmem rcvbuf wmem sndbuf fwd queued optmem '
                  'backlog drops')


def _parse(data, head, meminfo):
    """(the fixed part, {attribute: bytes}) of one message."""
    found = {}
    rest = data[head:]
    while len(rest) >= 4:
        size, kind = struct.unpack_from('=HH', rest)
        if size < 4:
            break
        found[kind & 0x3fff] = rest[4:size]
        rest = rest[(size + 3) & ~3:]
    mem = struct.unpack_from('=9I', found[meminfo]) if meminfo in found else (0,) * 9
    # forward_alloc is signed
    mem = mem[:4] + (mem[4] - (1 << 32) if mem[4] >> 31 else mem[4],) + mem[5:]
    cgroup = struct.unpack('=Q', found[CGROUP_ID])[0] if CGROUP_ID in found else None
    return mem, cgroup


def diag(family, protocol=0):
    """[Sock] of AF_INET, AF_INET6 or AF_UNIX, whatever their state."""
    if family == socket.AF_UNIX:
        # show: meminfo
        req = struct.pack('=BBHIII2I', family, 0, 0, 0xffffffff, 0, 0x20, 0xffffffff,
                          0xffffffff)
        head, meminfo = 16, UNIX_MEMINFO
    else:
        req = struct.pack('=BBBBI48s', family, protocol, 1 << (SKMEMINFO - 1), 0, 0xffffffff,
                          bytes(48))
        head, meminfo = 72, SKMEMINFO
    found = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as nl:
        nl.settimeout(bc.WAIT)
        nl.send(struct.pack('=IHHII', 16 + len(req), SOCK_DIAG_BY_FAMILY, 0x301, 1, 0) + req)
        while True:
            for msg in genl.split(nl.recv(1 << 18)):
                if msg.kind == genl.NLMSG_DONE:
                    return found
                if msg.kind == genl.NLMSG_ERROR:
                    raise OSError(-struct.unpack_from('=i', msg.body)[0], 'sock_diag')
                mem, cgroup = _parse(msg.body, head, meminfo)
                state = msg.body[1] if family != socket.AF_UNIX else msg.body[2]
                inode = struct.unpack_from('=I', msg.body,
                                           68 if family != socket.AF_UNIX else 4)[0]
                found.append(Sock(state, inode, cgroup, *mem))


def cgroup_id(path):
    return os.stat(os.path.join(bc.CGROUP, path)).st_ino


def tcp_of(path):
    """The TCP sockets whose account is a cgroup, without those in TIME_WAIT or embryos."""
    mine = cgroup_id(path)
    return [s for family in (socket.AF_INET, socket.AF_INET6)
            for s in diag(family, socket.IPPROTO_TCP) if s.cgroup == mine]


def udp_of(path):
    mine = cgroup_id(path)
    return [s for family in (socket.AF_INET, socket.AF_INET6)
            for s in diag(family, socket.IPPROTO_UDP) if s.cgroup == mine]


def tcp_memory(path):
    """Bytes of the kernel's own TCP accounts that sockets of a cgroup have."""
    return sum(s.rmem + s.queued + s.fwd for s in tcp_of(path))


def inodes(pid):
    """The sockets that a process has open."""
    found = set()
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            name = os.readlink(f'/proc/{pid}/fd/{fd}')
        except FileNotFoundError:
            continue
        if name.startswith('socket:['):
            found.add(int(name[8:-1]))
    return found


def sockstat(path='/proc/net/sockstat'):
    """{'TCP': {'inuse': 4, ..., 'mem': 2}, ...}"""
    found = {}
    with open(path, encoding='ascii') as f:
        for line in f:
            name, *rest = line.split()
            found[name[:-1]] = dict(zip(rest[::2], map(int, rest[1::2])))
    return found


def netstat():
    """/proc/net/netstat and snmp as {'TCPMemoryPressures': 0, ...}"""
    found = {}
    for name in 'netstat', 'snmp':
        with open(f'/proc/net/{name}', encoding='ascii') as f:
            lines = [line.split() for line in f]
        for keys, values in zip(lines[::2], lines[1::2]):
            prefix = '' if keys[0] in ('TcpExt:', 'Tcp:') else keys[0][:-1]
            found.update((prefix + k, int(v)) for k, v in zip(keys[1:], values[1:]))
    return found


def sysctl(name, value=None):
    """Set one if a value is given; what it was before."""
    path = '/proc/sys/' + name.replace('.', '/')
    with open(path, encoding='ascii') as f:
        before = f.read().strip()
    if value is not None:
        with open(path, 'w', encoding='ascii') as f:
            f.write(str(value))
    return before


# ---- watching

class Sampler:
    """A process that reads the accounts as often as it can; the highest held of each."""

    def __init__(self, *pools):
        self.names = [p if isinstance(p, str) else p.name for p in pools]
        self.member = bc.Member()
        self.stop_r, self.stop_w = os.pipe()
        # The member was forked before the pipe: hand it over by its number in /proc.
        self.member.start(_sample, self.names, os.getpid(), self.stop_r)

    def stop(self):
        """({pool: {res: highest held}}, how many samples)"""
        os.write(self.stop_w, b'x')
        found = self.member.result()
        self.member.end()
        os.close(self.stop_r)
        os.close(self.stop_w)
        return found


def _sample(names, pid, fd):
    most, count = {name: {} for name in names}, 0
    stop = os.open(f'/proc/{pid}/fd/{fd}', os.O_RDONLY | os.O_NONBLOCK)
    with genl.Client() as client:
        while True:
            for name in names:
                try:
                    table = client.get(name)['res']
                except OSError:         # being made or deleted
                    continue
                for res, r in table.items():
                    most[name][res] = max(most[name].get(res, 0), r.held)
            count += 1
            if select.select([stop], [], [], 0.002)[0]:
                os.close(stop)
                return most, count


# ---- what members are told to do

socks = {}
_next = [0]


def keep(sock):
    """Remember a socket; its number."""
    _next[0] += 1
    socks[_next[0]] = sock
    return _next[0]


def make(family, kind, protocol=0):
    return keep(socket.socket(family, kind, protocol))


def make_many(count, family, kind, protocol=0):
    return [make(family, kind, protocol) for _ in range(count)]


def try_make(family, kind, protocol=0, count=1):
    """Make sockets until one is refused: (numbers, errno or 0)."""
    made = []
    for _ in range(count):
        try:
            made.append(make(family, kind, protocol))
        except OSError as err:
            return made, err.errno
    return made, 0


def pair(family=socket.AF_UNIX, kind=socket.SOCK_STREAM):
    return [keep(s) for s in socket.socketpair(family, kind)]


def try_pair():
    try:
        return pair(), 0
    except OSError as err:
        return [], err.errno


def close(*numbers):
    for number in numbers or list(socks):
        socks.pop(number).close()


def listen(family=socket.AF_INET, backlog=1024, address=None, kind=socket.SOCK_STREAM,
           protocol=0):
    """A listener on a free port: (number, address)."""
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address if address is not None else
              ('127.0.0.1' if family == socket.AF_INET else '::1', 0))
    if kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        sock.listen(backlog)
    return keep(sock), sock.getsockname()


def bind(family, kind, address):
    sock = socket.socket(family, kind)
    sock.bind(address)
    return keep(sock), sock.getsockname()


def connect(address, family=socket.AF_INET, kind=socket.SOCK_STREAM, count=1, protocol=0,
            timeout=None):
    """Connected sockets: their numbers."""
    made = []
    for _ in range(count):
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(timeout)
        sock.connect(address)
        sock.settimeout(None)
        made.append(keep(sock))
    return made


def accept(number, count=1, timeout=None):
    made = []
    for _ in range(count):
        socks[number].settimeout(timeout)
        try:
            sock = socks[number].accept()[0]
        finally:
            socks[number].settimeout(None)
        sock.setblocking(True)
        made.append(keep(sock))
    return made


def try_accept(number, timeout):
    """The number, or None when nobody came."""
    try:
        return accept(number, 1, timeout)[0]
    except TimeoutError:
        return None


def send(number, data, timeout=None):
    socks[number].settimeout(timeout)
    return socks[number].send(data)


def send_to(number, data, address, flags=0):
    return socks[number].sendto(data, flags, address)


def receive(number, size=1 << 16, timeout=None):
    socks[number].settimeout(timeout)
    return socks[number].recv(size)


def option(number, name, value=None, level=socket.SOL_SOCKET):
    """Set one if a value is given, else what it is."""
    if value is None:
        return socks[number].getsockopt(level, name)
    return socks[number].setsockopt(level, name, value)


def options(numbers, name):
    return [option(number, name) for number in numbers]


def shutdown(number, how=socket.SHUT_WR):
    socks[number].shutdown(how)


def send_fd(number, *what):
    """Hand sockets over and forget them."""
    socket.send_fds(socks[number], [b'x'], [socks[n].fileno() for n in what])
    close(*what)


def take_fd(number, count=1):
    _, fds, _, _ = socket.recv_fds(socks[number], 10, count)
    return [keep(socket.socket(fileno=fd)) for fd in fds]


_base = hashlib.shake_128(b'beancounter').digest(1 << 16)


def pattern(seed, at, size):
    """Data that tells where it comes from; at is a multiple of 64 KiB, size no more."""
    out = bytearray(_base)
    for page in range(0, 1 << 16, 4096):
        struct.pack_into('=QQ', out, page, seed, at + page)
    return bytes(out[:size])


def checksum_of(seed, size):
    total = 0
    for at in range(0, size, 1 << 16):
        total = zlib.crc32(pattern(seed, at, min(1 << 16, size - at)), total)
    return total


class Flow:
    """One end of a stream of patterned data that is moved without blocking."""

    def __init__(self, sock, seed, size, sends):
        self.sock, self.seed, self.size, self.sends = sock, seed, size, sends
        self.at = 0
        self.done = False
        self.sum = 0
        self.chunk, self.chunk_at = b'', 0
        self.woken = self.again = 0
        self.error = 0
        sock.setblocking(False)

    def push(self):
        """Send until there is no room; a wake-up that moves nothing is counted."""
        self.woken += 1
        moved = 0
        while self.at < self.size:
            if self.chunk_at == len(self.chunk):
                self.chunk = pattern(self.seed, self.at, min(1 << 16, self.size - self.at))
                self.chunk_at = 0
            try:
                sent = self.sock.send(memoryview(self.chunk)[self.chunk_at:])
            except BlockingIOError:
                self.again += not moved
                return moved
            moved += sent
            self.at += sent
            self.chunk_at += sent
        self.sock.shutdown(socket.SHUT_WR)
        self.done = True
        return moved

    def pull(self):
        while True:
            try:
                data = self.sock.recv(1 << 17)
            except BlockingIOError:
                return
            if not data:
                self.done = True
                return
            self.at += len(data)
            self.sum = zlib.crc32(data, self.sum)


flows = {}


def flow(numbers, size, sends, seed=0):
    """Prepare a flow on each socket; run_flows() moves them."""
    for n, number in enumerate(numbers):
        flows[number] = Flow(socks[number], seed + n, size, sends)


def run_flows(seconds, until_still=None):
    """Move all flows until they are done, or so long: see state().

    With until_still, ends as soon as nothing has moved for so many seconds.
    """
    poll = select.epoll()
    by_fd = {}
    for f in flows.values():
        if not f.done:
            by_fd[f.sock.fileno()] = f
            poll.register(f.sock.fileno(), select.EPOLLOUT if f.sends else select.EPOLLIN)
    deadline = time.monotonic() + seconds
    moved_at = time.monotonic()
    while by_fd and time.monotonic() < deadline:
        for fd, _ in poll.poll(0.2):
            f = by_fd[fd]
            before = f.at
            try:
                if f.sends:
                    f.push()
                else:
                    f.pull()
            except OSError as err:
                f.error, f.done = err.errno, True
            if f.at != before:
                moved_at = time.monotonic()
            if f.done:
                poll.unregister(fd)
                del by_fd[fd]
        if until_still and time.monotonic() - moved_at > until_still:
            break
    poll.close()
    return state()


def state():
    """What has become of the flows: (done, all, bytes, wake-ups, vain wake-ups, errors)"""
    return (sum(f.done for f in flows.values()), len(flows), sum(f.at for f in flows.values()),
            sum(f.woken for f in flows.values()), sum(f.again for f in flows.values()),
            sorted(f.error for f in flows.values() if f.error))


def checksums():
    """Of what has come, in the order of the numbers."""
    return [flows[number].sum for number in sorted(flows)]


def drop_flows():
    for number in list(flows):
        close(number)
    flows.clear()


def send_blocking(number, seed, size):
    """A thread that sends the pattern with blocking calls."""
    sock = socks[number]
    sock.setblocking(True)
    out = {'at': 0, 'error': None, 'done': False}

    def run():
        try:
            while out['at'] < size:
                data = pattern(seed, out['at'], min(1 << 16, size - out['at']))
                sock.sendall(data)
                out['at'] += len(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError as err:
            out['error'] = err.errno
        out['done'] = True
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    _senders[number] = out, thread


_senders = {}


def sender(number):
    """(bytes, errno or None, done)"""
    out = _senders[number][0]
    return out['at'], out['error'], out['done']


def echo_server(family=socket.AF_INET):
    """A thread that answers whoever connects; the address."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(('127.0.0.1' if family == socket.AF_INET else '::1', 0))
    sock.listen(64)

    def run():
        while True:
            conn = sock.accept()[0]
            with conn:
                while True:
                    data = conn.recv(1 << 17)
                    if not data:
                        break
                    conn.sendall(data)
    threading.Thread(target=run, daemon=True).start()
    return sock.getsockname()


def exchange(address, size, family=socket.AF_INET):
    """Send so much to an echo server and compare: seconds, or raises."""
    start = time.monotonic()
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(bc.WAIT)
        sock.connect(address)
        for at in range(0, size, 1 << 16):
            data = pattern(7, at, min(1 << 16, size - at))
            sock.sendall(data)
            got = b''
            while len(got) < len(data):
                part = sock.recv(len(data) - len(got))
                if not part:
                    raise EOFError('the echo server hung up')
                got += part
            if got != data:
                raise ValueError('not what was sent')
    return time.monotonic() - start


def cpu_seconds():
    return time.process_time()


def unshare_net():
    """A network namespace of its own, with all that the kernel opens in it."""
    if bc.libc.unshare(0x40000000):
        raise OSError(errno.EPERM, 'unshare')


# ---- common to all

def wait_figures(pool, timeout=None, **wanted):
    """Poll until these resources are held as wanted; what differs in the end."""
    def differs():
        table = bc.figures(pool)
        return {res: table[res].held for res, want in wanted.items()
                if table[res].held != want}
    tap.poll_until(timeout or bc.WAIT, lambda: not differs())
    return differs()


def numbers_of(pool):
    """(numtcpsock, numothersock)"""
    table = bc.figures(pool)
    return tuple(table[res].held for res in NUMBERS)


def buffers_of(pool):
    table = bc.figures(pool)
    return {res: table[res].held for res in BUFFERS}


def empty(pool, what):
    """Nothing that has to do with sockets is held any more."""
    tap.equal(wait_figures(pool, **dict.fromkeys(NUMBERS + BUFFERS, 0)), {},
              f'{what}: nothing is held in the end')


def ignore_sigpipe():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
