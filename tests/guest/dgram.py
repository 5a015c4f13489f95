#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.1 6.12
# timeout: 300
"""dgramrcvbuf and othersockbuf: datagrams that do not fit are dropped, senders of
all that is not TCP wait for room, or are told, and find it again.
"""
import errno
import os
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import net  # noqa: E402
import tap  # noqa: E402

INET, INET6, UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
STREAM, DGRAM, RAW, SEQPACKET = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW,
                                 socket.SOCK_SEQPACKET)
KIB = 1 << 10
CHUNK = 64 * KIB                # the most that one stream chunk or datagram takes here


def flood(number, address, count, size):
    """Datagrams that carry their number; how many send() took."""
    sock, done = net.socks[number], 0
    for n in range(count):
        try:
            sock.sendto(n.to_bytes(4, 'little') * (size // 4), address)
            done += 1
        except OSError as err:
            if err.errno not in (errno.ENOBUFS, errno.EAGAIN):
                raise
    return done


def drain(number, wait=0.0):
    """What is queued: ([numbers], bytes that are not what they should be)"""
    sock, found, wrong = net.socks[number], [], 0
    while select.select([sock], [], [], wait)[0]:
        data = sock.recv(1 << 17, socket.MSG_DONTWAIT)
        if not data:
            break
        found.append(int.from_bytes(data[:4], 'little'))
        wrong += data != data[:4] * (len(data) // 4)
    return found, wrong


def drops(port, name='udp'):
    """The column of /proc/net/udp or raw."""
    with open(f'/proc/net/{name}', encoding='ascii') as f:
        for line in f:
            fields = line.split()
            if fields[1].endswith(f':{port:04X}'):
                return int(fields[-1])
    return None


def check_udp_receive(family):
    name = 'UDP' if family == INET else 'UDP over IPv6'
    pool = bc.Pool('receive', dgramrcvbuf=256 * KIB)
    receiver, sender = bc.Member(pool), bc.Member()
    here = '127.0.0.1' if family == INET else '::1'
    socks = [receiver.call(net.bind, family, DGRAM, (here, 0)) for _ in range(4)]
    for number, _ in socks:
        receiver.call(net.option, number, net.SO_RCVBUFFORCE, 1 << 20)
    out = sender.call(net.make, family, DGRAM)
    sent = sum(sender.call(flood, out, address[:2], 100, 4000) for _, address in socks)
    r = bc.figures(pool)['dgramrcvbuf']
    tap.ok(r.failcnt > 0, f'{name}: datagrams are refused', r)
    tap.ok(r.maxheld <= 256 * KIB, f'{name}: not a byte above the barrier', r)
    tap.between(r.held, 256 * KIB - 16 * KIB, 256 * KIB, f'{name}: all of it can be used')
    kernel = sum(s.rmem + s.fwd for s in net.udp_of(pool.path))
    tap.equal(r.held, kernel, f'{name}: held is what the kernel says')
    dropped = sum(s.drops for s in net.udp_of(pool.path))
    tap.equal(dropped, r.failcnt, f'{name}: each refusal is a drop of the socket')
    if family == INET:
        tap.equal(sum(drops(address[1]) for _, address in socks), dropped,
                  f'{name}: /proc/net/udp says the same')
    got = [receiver.call(drain, number) for number, _ in socks]
    tap.equal(sum(len(found) for found, _ in got), sent - dropped,
              f'{name}: what was not dropped is there')
    tap.equal([wrong for _, wrong in got], [0] * 4, f'{name}: intact')
    tap.ok(all(found == sorted(found) for found, _ in got), f'{name}: in order')
    tap.between(bc.held(pool, 'dgramrcvbuf'), 0, 4 * bc.PAGE, f'{name}: given back when read')
    fails = bc.failcnt(pool, 'dgramrcvbuf')
    for number, address in socks:
        sender.call(flood, out, address[:2], 5, 4000)
        got = receiver.call(drain, number, 1)
        tap.equal(got, ([0, 1, 2, 3, 4], 0), f'{name}: it flows again')
    tap.equal(bc.failcnt(pool, 'dgramrcvbuf'), fails, f'{name}: without more refusals')
    # Unread when it is closed; and read out by somebody else meanwhile.
    sampler = net.Sampler(pool)
    for _, address in socks:
        sender.call(flood, out, address[:2], 50, 4000)
    most, _ = sampler.stop()
    tap.ok(most['receive']['dgramrcvbuf'] <= 256 * KIB + 2 * 8 * KIB,
           f'{name}: bounded at all times, but for one datagram for each CPU', most)
    receiver.call(net.close)
    net.empty(pool, name)
    receiver.end()
    sender.end()
    pool.remove()


def ping(number, count, size):
    for n in range(count):
        net.socks[number].sendto(b'\x08\0\0\0' + n.to_bytes(4, 'big') + b'p' * size,
                                 ('127.0.0.1', 0))


def raw_memory(pool):
    mine = net.cgroup_id(pool.path)
    # Inet diag of raw sockets needs their protocol.
    return [s for s in net.diag(INET, socket.IPPROTO_RAW) if s.cgroup == mine]


def check_raw():
    """Sockets whose protocol has no memory accounts."""
    for name, kind, protocol in (('raw', RAW, socket.IPPROTO_UDP), ('ping', DGRAM, 1)):
        pool = bc.Pool('raw', dgramrcvbuf=64 * KIB)
        receiver, sender = bc.Member(pool), bc.Member()
        number = receiver.call(net.make, INET, kind, protocol)
        receiver.call(net.option, number, net.SO_RCVBUFFORCE, 1 << 20)
        if name == 'raw':
            out = sender.call(net.make, INET, DGRAM)
            sent = sender.call(flood, out, ('127.0.0.1', 9), 100, 2000)
        else:
            receiver.call(ping, number, 100, 2000)
            sent = 100
        r = bc.figures(pool)['dgramrcvbuf']
        tap.ok(r.failcnt > 0, f'{name}: packets are refused', r)
        tap.between(r.maxheld, 56 * KIB, 64 * KIB, f'{name}: all up to the barrier is used')
        if name == 'raw':
            with open('/proc/net/raw', encoding='ascii') as f:
                lines = [line.split() for line in f][1:]
            tap.equal([int(line[-1]) for line in lines], [r.failcnt],
                      f'{name}: each refusal is a drop of the socket')
        got = 0
        while receiver.call(ready, number):
            receiver.call(net.receive, number)
            got += 1
        tap.equal(got, sent - r.failcnt, f'{name}: what was not dropped is there')
        tap.equal(bc.wait_held(pool, 'dgramrcvbuf', 0), 0, f'{name}: given back when read')
        receiver.call(net.close)
        net.empty(pool, name)
        receiver.end()
        sender.end()
        pool.remove()


def ready(number, wait=0.0):
    return bool(select.select([net.socks[number]], [], [], wait)[0])


def fill(number, size, most=10000):
    """Send without blocking until there is no room: (messages, errno)"""
    sock = net.socks[number]
    sock.setblocking(False)
    for n in range(most):
        try:
            sock.send(n.to_bytes(4, 'little') * (size // 4))
        except OSError as err:
            return n, err.errno
    return most, 0


def spins(number, seconds, size):
    """How often poll() calls a socket writable that is not."""
    sock, count = net.socks[number], 0
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not poll.poll(100):
            continue
        try:
            sock.send(b'\0' * size)
        except OSError:
            count += 1
    return count


def transient(socks, address, rounds, size):
    """Each socket has a message under way for a moment only: the errors."""
    errors = {}
    for _ in range(rounds):
        for number in socks:
            try:
                net.socks[number].sendto(b'\0' * size, address)
            except OSError as err:
                errors[err.errno] = errors.get(err.errno, 0) + 1
    return errors


def check_udp_send():
    """UDP gives its send buffers back at once here: nobody may notice the limit."""
    pool = bc.Pool('send', othersockbuf=200 * KIB)
    sender, receiver = bc.Member(pool), bc.Member()
    _, address = receiver.call(net.bind, INET, DGRAM, ('127.0.0.1', 0))
    numbers = sender.call(net.make_many, 100, INET, DGRAM)
    errors = sender.call(transient, numbers, address, 20, 8000)
    r = bc.figures(pool)['othersockbuf']
    tap.equal(errors, {}, 'UDP send: no error while next to nothing is in flight')
    tap.ok(r.maxheld <= 200 * KIB + 100 * 5 * KIB, 'UDP send: bounded', r)
    tap.equal(r.held, 0, 'UDP send: nothing is in flight in the end')
    tap.note(f'UDP send: {r}')
    sender.end()
    receiver.end()
    pool.remove()


def check_unix(kind, name):
    """The sender of a UNIX socket pays until the receiver has read."""
    barrier = 256 * KIB
    pool = bc.Pool('unix', othersockbuf=barrier)
    member = bc.Member(pool)
    pairs = [member.call(net.pair, UNIX, kind) for _ in range(6)]
    before = member.call(net.options, [p[0] for p in pairs], socket.SO_SNDBUF)
    sampler = net.Sampler(pool)
    net.sysctl('net.unix.max_dgram_qlen', 1000)

    filled = [member.call(fill, p[0], 8000) for p in pairs]
    r = bc.figures(pool)['othersockbuf']
    tap.ok({err for _, err in filled} == {errno.EAGAIN} and r.failcnt,
           f'{name}: senders are refused', (filled, r))
    tap.ok(all(n for n, _ in filled) or kind != STREAM, f'{name}: each could send something',
           filled)
    tap.between(r.maxheld, barrier - CHUNK, barrier + 6 * CHUNK,
                f'{name}: bounded: barrier + one message for each socket')
    kernel = unix_memory(member)
    tap.equal(bc.held(pool, 'othersockbuf'), kernel, f'{name}: held is what the kernel says')
    spun = [member.call(spins, p[0], 0.3, 8000) for p in pairs[1:3]]
    tap.ok(sum(spun) < 50, f'{name}: poll() does not call it writable over and over', spun)
    tap.note(f'{name}: {filled} sent and errno, {r.maxheld >> 10} KiB held, {spun} vain wake-ups')

    # Reading makes room, for all.
    for _, there in pairs:
        member.call(drain, there)
    tap.equal(bc.wait_held(pool, 'othersockbuf', 0), 0, f'{name}: given back when read')
    for here, there in pairs:
        tap.ok(member.call(writable, here), f'{name}: then poll() calls it writable')
        tap.equal(member.call(net.send, here, b'abcd' * 500, 0), 2000, f'{name}: and it is')
        tap.equal(member.call(drain, there)[1], 0, f'{name}: intact')
    tap.equal(member.call(net.options, [p[0] for p in pairs], socket.SO_SNDBUF), before,
              f'{name}: SO_SNDBUF is what it was')
    most, samples = sampler.stop()
    tap.ok(most['unix']['othersockbuf'] <= barrier + 6 * CHUNK, f'{name}: bounded at all times',
           (most, samples))
    member.call(net.close)
    net.empty(pool, name)
    member.end()
    pool.remove()


def writable(number, wait=5):
    return bool(select.select([], [net.socks[number]], [], wait)[1])


def unix_memory(member):
    """What the sockets of a process have in flight."""
    mine = net.inodes(member.pid)
    return sum(s.wmem for s in net.diag(UNIX) if s.inode in mine)


def send_all(number, count, size):
    """A thread that sends with blocking calls; its errors come from result_of()."""
    sock = net.socks[number]
    sock.setblocking(True)
    out = {'sent': 0, 'error': 0}

    def run():
        try:
            for n in range(count):
                sock.sendall(n.to_bytes(4, 'little') * (size // 4))
                out['sent'] += 1
        except OSError as err:
            out['error'] = err.errno
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    _threads[number] = out, thread


_threads = {}


def result_of(number, wait=0):
    out, thread = _threads[number]
    thread.join(wait)
    return out['sent'], out['error'], thread.is_alive()


def read_slowly(numbers, total, pause):
    """Read so many bytes from each: [bytes], and what was not as it should be."""
    got, count = dict.fromkeys(numbers, 0), dict.fromkeys(numbers, 0)
    wrong = 0
    deadline = time.monotonic() + bc.WAIT
    while min(got.values()) < total and time.monotonic() < deadline:
        for sock in select.select([net.socks[n] for n in numbers], [], [], 1)[0]:
            number = next(n for n in numbers if net.socks[n] is sock)
            data = sock.recv(1 << 17)
            if sock.type == SEQPACKET:
                wrong += data != count[number].to_bytes(4, 'little') * (len(data) // 4)
            got[number] += len(data)
            count[number] += 1
            deadline = time.monotonic() + bc.WAIT
        time.sleep(pause)
    return list(got.values()), wrong


def check_unix_blocking(kind, name):
    """A blocking sender waits and does not fail, and nobody has to wake it."""
    pool = bc.Pool('wait', othersockbuf=96 * KIB)
    member, reader = bc.Member(pool), bc.Member(pool)
    path = f'\0wait{name}'.encode()
    if kind == DGRAM:
        there, _ = reader.call(net.bind, UNIX, kind, path)
        here = member.call(net.connect, path, UNIX, kind, 3)
        there = [there]
    else:
        number, _ = reader.call(net.listen, UNIX, 8, path, kind)
        here = member.call(net.connect, path, UNIX, kind, 3)
        there = reader.call(net.accept, number, 3)
    count, size = tap.rounds(100, 300), 8000
    for n in here:
        member.call(send_all, n, count, size)
    bc.wait_for(lambda: bc.failcnt(pool, 'othersockbuf'), 'a refusal')
    got = [member.call(result_of, n) for n in here]
    tap.ok(all(alive for _, _, alive in got), f'{name}, blocking: all wait', got)
    if kind == DGRAM:
        # The messages of the three are mixed: contents are not compared.
        got = reader.call(read_slowly, there, 3 * count * size, 0.001)
        tap.equal(got[0], [3 * count * size], f'{name}, blocking: all arrives')
    else:
        got = reader.call(read_slowly, there, count * size, 0.001)
        tap.equal(got, ([count * size] * 3, 0), f'{name}, blocking: all arrives intact')
    got = [member.call(result_of, n, bc.WAIT) for n in here]
    tap.equal(got, [(count, 0, False)] * 3, f'{name}, blocking: no call has failed')
    r = bc.figures(pool)['othersockbuf']
    tap.ok(r.maxheld <= 96 * KIB + 3 * CHUNK, f'{name}, blocking: bounded', r)
    member.end()
    reader.end()
    net.empty(pool, f'{name}, blocking')
    pool.remove()


def check_big():
    """A datagram that can never fit is refused; a small one is always granted."""
    pool = bc.Pool('big', othersockbuf=8 * KIB)
    member = bc.Member(pool)
    here, there = member.call(net.pair, UNIX, DGRAM)
    tap.equal(member.call(bc.errno_of, net.send, here, b'\0' * 50000), errno.ENOBUFS,
              'big: a datagram above the barrier gets ENOBUFS')
    tap.equal(member.call(net.option, here, socket.SO_SNDBUF), 212992,
              'big: which leaves SO_SNDBUF alone')
    tap.equal(member.call(net.send, here, b'x' * 1000, 0), 1000, 'big: a small one passes')
    tap.equal(member.call(drain, there)[1], 0, 'big: intact')
    pool.set(othersockbuf=0)
    tap.equal(member.call(net.send, here, b'x' * 1000, 0), 1000,
              'big: even when nothing at all is allowed')
    stream, end = member.call(net.pair, UNIX, STREAM)
    member.call(send_all, stream, 100, 20000)
    got = member.call(read_slowly, [end], 2000000, 0)
    tap.equal(got[0], [2000000], 'big: a stream trickles')
    tap.equal(member.call(result_of, stream, bc.WAIT)[1:], (0, False), 'big: without an error')
    pool.set(othersockbuf=None)
    member.call(drain, there)
    tap.equal(member.call(net.send, here, b'\0' * 50000, 0), 50000, 'big: and big ones again')
    member.end()
    net.empty(pool, 'big')
    pool.remove()


def send_one(number, data, address):
    """A thread that sends one datagram, blocking."""
    sock = net.socks[number]
    sock.setblocking(True)
    out = {'sent': 0, 'error': 0}

    def run():
        try:
            sock.sendto(data, address)
            out['sent'] = 1
        except OSError as err:
            out['error'] = err.errno
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    _threads[number] = out, thread


def check_bystander():
    """One receiver sleeps for ever. When others make room, its sender goes on."""
    pool = bc.Pool('two', othersockbuf=128 * KIB)
    member, hog = bc.Member(pool), bc.Member(pool)
    _, asleep = member.call(net.bind, UNIX, DGRAM, b'\0asleep')
    awake, path = member.call(net.bind, UNIX, DGRAM, b'\0awake')
    out = member.call(net.make, UNIX, DGRAM)
    member.call(net.send_to, out, b's' * 2000, asleep)
    here, there = hog.call(net.pair, UNIX, STREAM)
    hog.call(net.option, here, net.SO_SNDBUFFORCE, 1 << 20)
    hog.call(fill, here, 4000)
    bc.wait_for(lambda: bc.failcnt(pool, 'othersockbuf'), 'a full pool')
    member.call(send_one, out, b'a' * 2000, path)
    waits = member.call(result_of, out, 0.5)[2]
    tap.note(f'bystander: {"waits" if waits else "does not wait"} in a full pool')
    hog.call(drain, there)
    tap.equal(bc.wait_held(pool, 'othersockbuf', bc.held(pool, 'othersockbuf')) > 0, True,
              'bystander: there is room again')
    tap.equal(member.call(result_of, out, 10), (1, 0, False),
              'bystander: who waited for the pool does not wait for a receiver that sleeps')
    tap.ok(member.call(ready, awake, 1), 'bystander: the message is there')
    tap.equal(member.call(net.option, out, socket.SO_SNDBUF), 212992,
              'bystander: SO_SNDBUF is what it was')
    member.end()
    hog.end()
    net.empty(pool, 'bystander')
    pool.remove()


def main():
    net.sysctl('net.ipv4.ping_group_range', '0 2147483647')
    for family in INET, INET6:
        check_udp_receive(family)
    check_raw()
    check_udp_send()
    for kind, name in (STREAM, 'UNIX stream'), (SEQPACKET, 'UNIX seqpacket'), \
                      (DGRAM, 'UNIX datagram'):
        check_unix(kind, name)
        check_unix_blocking(kind, name)
    check_big()
    check_bystander()
    bc.finish()


main()
