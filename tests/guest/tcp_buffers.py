#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.1 6.12
# timeout: 400
"""tcpsndbuf and tcprcvbuf: what is held is what the kernel's own accounts say; a
limit holds back whoever is in the pool, never for ever, and nobody else.
"""
import errno
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import net  # noqa: E402
import tap  # noqa: E402

STREAM = socket.SOCK_STREAM
INET, INET6 = socket.AF_INET, socket.AF_INET6
MPTCP = 262
SLOW = bc.DEBUG_KERNEL
MIB = 1 << 20

pressures = net.netstat().get('TCPMemoryPressures', 0)


class Link:
    """Connections between a member and another: numbers in the same order."""

    def __init__(self, server, client, count, family=INET, protocol=0):
        self.server, self.client = server, client
        self.listener, self.address = server.call(net.listen, family, 1024, None, STREAM,
                                                  protocol)
        self.at_server, self.at_client = [], []
        for _ in range(0, count, 50):
            step = min(50, count - len(self.at_client))
            self.at_client += client.call(net.connect, self.address[:2], family, STREAM, step,
                                          protocol)
            self.at_server += server.call(net.accept, self.listener, step, bc.WAIT)
        # accept() need not be in the order of connect()
        names = {name: n for n, name in zip(self.at_client,
                                            client.call(names_of, self.at_client, False))}
        self.at_client = [names[name] for name in server.call(names_of, self.at_server, True)]

    def close(self):
        self.client.call(net.drop_flows)
        self.server.call(net.drop_flows)
        self.client.call(net.close)
        self.server.call(net.close)


def names_of(numbers, peer):
    return [(net.socks[n].getpeername() if peer else net.socks[n].getsockname())[:2]
            for n in numbers]


def memory(pool):
    return bc.held(pool, 'tcpsndbuf') + bc.held(pool, 'tcprcvbuf')


def ss_memory(port):
    """r + w + f of all connections of a local port, as ss prints them."""
    out = subprocess.run(['ss', '-tmnHO', 'sport', '=', f':{port}'], capture_output=True,
                         text=True, check=True).stdout
    found = re.findall(r'skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(-?\d+),w(\d+),', out)
    return len(found), sum(int(r) + int(f) + int(w) for r, f, w in found)


def check_rest(family, protocol=0):
    name = {INET: 'IPv4', INET6: 'IPv6'}[family]
    pool = bc.Pool('rest')
    server, client = bc.Member(pool), bc.Member()
    link = Link(server, client, 12, family)
    for n, (there, here) in enumerate(zip(link.at_client, link.at_server)):
        client.call(net.send, there, b'r' * (1 + 3000 * n))
        if n % 2:
            server.call(net.send, here, b's' * (1 + 5000 * n))
    for n in link.at_server[:3]:
        server.call(net.receive, n)

    def agree():
        want = net.tcp_memory(pool.path)
        return want and (memory(pool), ss_memory(link.address[1])) == (want, (12, want)) and want
    got = tap.poll_until(bc.WAIT, agree)
    tap.ok(got, f'rest, {name}: held is the sum of what ss -tm and sock_diag say',
           (net.buffers_of(pool), net.tcp_memory(pool.path), ss_memory(link.address[1])))
    queued = sum(s.rmem for s in net.tcp_of(pool.path))
    tap.between(bc.held(pool, 'tcprcvbuf'), queued, memory(pool),
                f'rest, {name}: what is in the receive queues is tcprcvbuf')
    for n in link.at_client:
        client.call(net.send, n, b'.')
    link.close()
    net.empty(pool, f'rest, {name}')
    server.end()
    client.end()
    pool.remove()


def check_send_split():
    """What cannot leave is tcpsndbuf."""
    pool = bc.Pool('split')
    hog, reader = bc.Member(pool), bc.Member()
    link = Link(reader, hog, 8)
    hog.call(net.flow, link.at_client, 16 * MIB, True)
    hog.call(net.run_flows, 20, 1)
    bc.wait_for(lambda: memory(pool) == net.tcp_memory(pool.path), 'rest')
    queued = sum(s.queued for s in net.tcp_of(pool.path))
    tap.between(bc.held(pool, 'tcpsndbuf'), queued, queued + 8 * net.ALLOCATION,
                'senders: what is in the write queues is tcpsndbuf')
    tap.between(bc.held(pool, 'tcprcvbuf'), 0, 8 * bc.PAGE, 'senders: and nothing is tcprcvbuf')
    link.close()
    net.empty(pool, 'senders')
    hog.end()
    reader.end()
    pool.remove()


def others(what, addresses):
    """How long the host and the neighbour take for a fixed piece of work."""
    took = {}
    for name, address in addresses.items():
        start = time.monotonic()
        for _ in range(3):
            net.exchange(address, MIB)
        took[name] = time.monotonic() - start
    tap.note(f'{what}: ' + ', '.join(f'{n} {t:.2f} s' for n, t in took.items()))
    return took


def no_host_effect(what):
    now = net.netstat().get('TCPMemoryPressures', 0)
    tap.equal(now, pressures, f'{what}: TCP of the host has never been under memory pressure')


def pattern_sums(count, size):
    return [net.checksum_of(n, size) for n in range(count)]


def finish_flows(what, sender, receiver, count, size):
    """Both ends run until all has arrived."""
    start = time.monotonic()
    limit = 3 * bc.WAIT
    sender.start(net.run_flows, limit)
    got = receiver.call(net.run_flows, limit)
    sent = sender.result()
    tap.equal((sent[:3], got[:3]), ((count, count, count * size),) * 2,
              f'{what}: every connection comes to its end')
    tap.equal((sent[5], got[5]), ([], []), f'{what}: none with an error')
    tap.ok(receiver.call(net.checksums) == pattern_sums(count, size),
           f'{what}: every byte arrives intact')
    tap.note(f'{what}: all over {time.monotonic() - start:.1f} s after the reader woke')
    return sent


def slow_reader(what, count, size, barrier, family=INET, protocol=0, both=False):
    """The receivers sleep; their pool's barrier bounds what piles up."""
    pool = bc.Pool('slow', tcprcvbuf=barrier)
    if both:
        pool.set(tcpsndbuf=barrier)
    neighbour = bc.Pool('beside')
    host_echo, pool_echo = bc.Member(), bc.Member(neighbour)
    addresses = {'host': host_echo.call(net.echo_server),
                 'neighbour': pool_echo.call(net.echo_server)}
    before = others(f'{what}, before', addresses)
    receiver, sender = bc.Member(pool), bc.Member(pool if both else None)
    link = Link(receiver, sender, count, family, protocol)
    retrans = net.netstat()['RetransSegs']
    sampler = net.Sampler(pool)
    receiver.call(net.flow, link.at_server, size, False)
    sender.call(net.flow, link.at_client, size, True)
    sent = sender.call(net.run_flows, 60, 3)
    missing = count * size - sum(s.rmem for s in net.tcp_of(pool.path))
    tap.ok(missing > 0, f'{what}: senders are held back', sent)
    during = others(f'{what}, with {count} connections stuck', addresses)
    for name, took in during.items():
        tap.ok(took < 4 * before[name] + 1, f'{what}: TCP of the {name} works as before',
               f'{took:.2f} s instead of {before[name]:.2f} s')

    bound = barrier + (count + 1) * net.ALLOCATION
    r = bc.figures(pool)['tcprcvbuf']
    real = sum(s.rmem for s in net.tcp_of(pool.path))
    tap.ok(r.failcnt > 0, f'{what}: refusals are counted', r)
    tap.between(r.maxheld, min(barrier, count * 4096), bound,
                f'{what}: tcprcvbuf is bounded: barrier + one allocation for each socket')
    tap.ok(real <= bound, f'{what}: so is what the kernel itself says', (real, bound))
    tap.note(f'{what}: barrier {barrier >> 10} KiB, maxheld {r.maxheld >> 10} KiB, queues '
             f'{real >> 10} KiB, {(r.maxheld - barrier) / count / 1024:.1f} KiB over it for each '
             f'of {count} sockets, refused {r.failcnt} times')

    finish_flows(what, sender, receiver, count, size)
    most, samples = sampler.stop()
    tap.ok(most['slow']['tcprcvbuf'] <= bound, f'{what}: at no time was more held',
           (most, samples))
    if both:
        snd = bc.figures(pool)['tcpsndbuf']
        tap.ok(snd.maxheld <= bound and snd.failcnt, f'{what}: tcpsndbuf was bounded, too', snd)
        tap.ok(net.netstat()['RetransSegs'] > retrans,
               f'{what}: segments are retransmitted at the limit')
    no_host_effect(what)
    link.close()
    net.empty(pool, what)
    for m in receiver, sender, host_echo, pool_echo:
        m.end()
    pool.remove()
    neighbour.remove()


def send_hog(what, count, size, barrier, locked=False, family=INET, protocol=0):
    """Nobody reads; the sender does not block. It must neither spin nor grow."""
    pool = bc.Pool('hog', tcpsndbuf=barrier)
    hog, reader = bc.Member(pool), bc.Member()
    link = Link(reader, hog, count, family, protocol)
    if locked:
        for n in link.at_client:
            hog.call(net.option, n, net.SO_SNDBUFFORCE, 2 * MIB)
    sizes = hog.call(net.options, link.at_client, socket.SO_SNDBUF)
    sampler = net.Sampler(pool)
    reader.call(net.flow, link.at_server, size, False)
    hog.call(net.flow, link.at_client, size, True)
    first = hog.call(net.run_flows, 60, 1)
    tap.ok(first[0] < count, f'{what}: senders are held back', first)
    cpu = hog.call(net.cpu_seconds)
    start = time.monotonic()
    state = hog.call(net.run_flows, 7)
    seconds, cpu = time.monotonic() - start, hog.call(net.cpu_seconds) - cpu
    vain = state[4] - first[4]
    tap.ok(vain < 20 * count, f'{what}: poll() does not call it writable over and over',
           f'{vain} vain wake-ups of {count} sockets in {seconds:.1f} s')
    tap.ok(cpu < seconds / 2, f'{what}: who waits uses no CPU time', f'{cpu} of {seconds} s')
    bound = barrier + count * net.ALLOCATION
    r = bc.figures(pool)['tcpsndbuf']
    real = sum(s.queued for s in net.tcp_of(pool.path))
    tap.ok(r.failcnt > 0, f'{what}: refusals are counted', r)
    tap.between(r.maxheld, barrier // 2, bound,
                f'{what}: tcpsndbuf is bounded: barrier + one allocation for each socket')
    tap.ok(real <= bound, f'{what}: so is what the kernel itself says', (real, bound))
    tap.note(f'{what}: barrier {barrier >> 10} KiB, maxheld {r.maxheld >> 10} KiB, '
             f'{(r.maxheld - barrier) / count / 1024:.1f} KiB over it for each of {count} '
             f'sockets; {vain} vain wake-ups in {seconds:.1f} s, {cpu:.2f} s of CPU time')
    finish_flows(what, hog, reader, count, size)
    most, samples = sampler.stop()
    tap.ok(most['hog']['tcpsndbuf'] <= bound, f'{what}: at no time was more held',
           (most, samples))
    if locked:
        # Once all is acknowledged; who reads the figures has the sockets looked at.
        tap.ok(tap.poll_until(bc.WAIT, lambda: bc.figures(pool) and sizes == hog.call(
            net.options, link.at_client, socket.SO_SNDBUF)), f'{what}: SO_SNDBUF is what it was')
    no_host_effect(what)
    link.close()
    net.empty(pool, what)
    hog.end()
    reader.end()
    pool.remove()


def check_blocking():
    """A blocking sender sleeps, and goes on without being told."""
    pool = bc.Pool('block', tcpsndbuf=64 << 10)
    hog, reader = bc.Member(pool), bc.Member()
    link = Link(reader, hog, 4)
    size = tap.rounds(3, 8) * MIB
    for n, number in enumerate(link.at_client):
        hog.call(net.send_blocking, number, n, size)
    bc.wait_for(lambda: bc.failcnt(pool, 'tcpsndbuf'), 'a refusal')
    at = [hog.call(net.sender, n) for n in link.at_client]
    tap.ok(not any(done for _, _, done in at), 'blocking: all wait', at)
    reader.call(net.flow, link.at_server, size, False)
    got = reader.call(net.run_flows, 3 * bc.WAIT)
    tap.equal(got[:3], (4, 4, 4 * size), 'blocking: all goes on when somebody reads')
    tap.ok(reader.call(net.checksums) == pattern_sums(4, size), 'blocking: intact')
    at = [hog.call(net.sender, n) for n in link.at_client]
    tap.equal([a[1] for a in at], [None] * 4, 'blocking: no call has failed')
    r = bc.figures(pool)['tcpsndbuf']
    tap.ok(r.maxheld <= (64 << 10) + 4 * net.ALLOCATION, 'blocking: bounded', r)
    link.close()
    hog.end()
    reader.end()
    net.empty(pool, 'blocking')
    pool.remove()


def check_end():
    """FIN goes out at the limit and comes in at the limit."""
    for res in 'tcpsndbuf', 'tcprcvbuf':
        pool = bc.Pool('end')
        inside, outside = bc.Member(pool), bc.Member()
        link = Link(outside, inside, 12)
        idle, hogs = link.at_client[:4], link.at_client[4:]
        idle_out, hogs_out = link.at_server[:4], link.at_server[4:]
        source, numbers = (inside, hogs) if res == 'tcpsndbuf' else (outside, hogs_out)
        source.call(net.flow, numbers, 4 * MIB, True)
        pool.set(**{res: 256 << 10})
        source.call(net.run_flows, 30, 1)
        bc.wait_for(lambda: bc.failcnt(pool, res), 'a refusal')
        # What was refused may have been a whole allocation; what was sent is acknowledged.
        tap.between(bc.held(pool, res), (256 << 10) - net.ALLOCATION, 1 << 20,
                    f'end, {res}: the pool is full')
        inside.call(net.close, idle[0])
        tap.equal(outside.call(net.receive, idle_out[0], 10, bc.WAIT), b'',
                  f'end, {res}: close() in a full pool reaches the peer')
        inside.call(net.send, idle[1], b'last words')
        inside.call(net.close, idle[1])
        tap.equal([outside.call(net.receive, idle_out[1], 20, bc.WAIT) for _ in range(2)],
                  [b'last words', b''], f'end, {res}: with what was sent before')
        outside.call(net.send, idle_out[2], b'hello')
        outside.call(net.close, idle_out[2])
        tap.equal([inside.call(net.receive, idle[2], 20, bc.WAIT) for _ in range(2)],
                  [b'hello', b''], f'end, {res}: the peer\'s end arrives in a full pool')
        inside.call(net.send, idle[3], b'q' * 3000)
        tap.equal(len(outside.call(net.receive, idle_out[3], 4000, bc.WAIT)), 3000,
                  f'end, {res}: an idle connection can still ask')
        outside.call(net.send, idle_out[3], b'a' * 3000)
        tap.equal(len(inside.call(net.receive, idle[3], 4000, bc.WAIT)), 3000,
                  f'end, {res}: and be answered')
        if res == 'tcpsndbuf':
            # Gone, but still sending: the account is the orphan's.
            at = inside.call(net.state)[2]
            inside.call(net.drop_flows)
            outside.call(net.flow, hogs_out, 4 * MIB, False)
            got = outside.call(net.run_flows, 2 * bc.WAIT)
            tap.equal((got[0], got[2], got[5]), (8, at, []),
                      f'end, {res}: what was sent before close() arrives, and the end')
        link.close()
        net.empty(pool, f'end, {res}')
        inside.end()
        outside.end()
        pool.remove()


def reserve(number, size):
    try:
        net.option(number, net.SO_RESERVE_MEM, size)
        return net.option(number, net.SO_RESERVE_MEM)
    except OSError as err:
        return -err.errno


def check_reserve():
    """SO_RESERVE_MEM takes pages without asking anybody but the memory controller."""
    for path in '', 'test':
        bc.mkdir(path)
        bc.write(os.path.join(path, 'cgroup.subtree_control'), '+memory')
    pool = bc.Pool('reserve', tcprcvbuf=256 << 10, tcpsndbuf=256 << 10)
    server, client = bc.Member(pool), bc.Member()
    link = Link(server, client, 3)
    got = [server.call(reserve, n, 2 * MIB) for n in link.at_server]
    tap.equal(got, [-errno.EOPNOTSUPP] * 3, 'reserve: refused')
    held, real = memory(pool), net.tcp_memory(pool.path)
    tap.ok(held == real, 'reserve: nothing is used that is not held',
           f'{held} held, {real} in use')
    client.call(net.flow, link.at_client, MIB, True)
    server.call(net.flow, link.at_server, MIB, False)
    client.call(net.run_flows, 5, 1)
    real = net.tcp_memory(pool.path)
    tap.ok(real <= (512 << 10) + 4 * net.ALLOCATION, 'reserve: it is no way round a limit', real)
    finish_flows('reserve', client, server, 3, MIB)
    tap.ok(tap.poll_until(10, lambda: memory(pool) == net.tcp_memory(pool.path)),
           'reserve: no drift', (memory(pool), net.tcp_memory(pool.path)))
    link.close()
    net.empty(pool, 'reserve')
    server.end()
    client.end()
    pool.remove()
    for path in 'test', '':
        bc.write(os.path.join(path, 'cgroup.subtree_control'), '-memory')


def main():
    for family in INET, INET6:
        check_rest(family)
    check_send_split()
    if SLOW or not tap.LONG:
        slow_reader('slow reader', 40, 128 << 10, MIB)
    else:
        slow_reader('slow reader', 200, 256 << 10, 4 * MIB)
    slow_reader('both ends', 8, 512 << 10, 256 << 10, both=True)
    slow_reader('slow reader, IPv6', 8, 512 << 10, 256 << 10, INET6)
    send_hog('send hog', 16 if SLOW else tap.rounds(20, 40), MIB, MIB)
    send_hog('send hog, SO_SNDBUF set', 8, MIB, 256 << 10, locked=True)
    send_hog('send hog, IPv6', 8, MIB, 256 << 10, family=INET6)
    check_blocking()
    check_end()
    check_reserve()
    bc.finish()


main()
