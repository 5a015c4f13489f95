#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# timeout: 300
"""numtcpsock and numothersock: each socket is counted once, refused with ENOBUFS
at exactly the barrier, and given back when it is freed, not before.
"""
import errno
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import net  # noqa: E402
import tap  # noqa: E402

STREAM, DGRAM, RAW, SEQPACKET = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW,
                                 socket.SOCK_SEQPACKET)
INET, INET6, UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX

KINDS = {
    'TCP': (INET, STREAM, 0), 'TCP over IPv6': (INET6, STREAM, 0),
    'UDP': (INET, DGRAM, 0), 'UDP over IPv6': (INET6, DGRAM, 0),
    'raw': (INET, RAW, 1), 'raw over IPv6': (INET6, RAW, 58),
    'ping': (INET, DGRAM, 1), 'ping over IPv6': (INET6, DGRAM, 58),
    'UNIX stream': (UNIX, STREAM, 0), 'UNIX datagram': (UNIX, DGRAM, 0),
    'UNIX seqpacket': (UNIX, SEQPACKET, 0),
    'netlink': (socket.AF_NETLINK, RAW, 0), 'packet': (net.AF_PACKET, RAW, 0),
    'packet, cooked': (net.AF_PACKET, DGRAM, 0),
    'vsock': (40, STREAM, 0), 'crypto': (38, SEQPACKET, 0), 'SCTP': (INET, STREAM, 132),
}


def resource(name):
    return 'numtcpsock' if name.startswith('TCP') else 'numothersock'


def other(res):
    return 'numothersock' if res == 'numtcpsock' else 'numtcpsock'


def check_kind(pool, member, name):
    """One family and type: count, barrier, and what a refusal leaves behind."""
    args, res = KINDS[name], resource(name)
    try:
        socket.socket(*args).close()
    except OSError as err:
        tap.skip(f'{name}: counted and refused', f'not in this kernel: {err}')
        return
    before = bc.figures(pool)
    made = member.call(net.make_many, 5, *args)
    after = bc.figures(pool)
    good = (after[res].held == before[res].held + 5 and
            after[other(res)].held == before[other(res)].held)
    tap.ok(good, f'{name}: counted as {res}', (before, after))
    member.call(net.close, *made)
    tap.equal(bc.wait_held(pool, res, before[res].held), before[res].held,
              f'{name}: given back when closed')

    pool.set(**{res: before[res].held + 7, other(res): before[other(res)].held})
    fails = bc.failcnt(pool, res)
    made, err = member.call(net.try_make, *args, 20)
    tap.equal((len(made), err), (7, errno.ENOBUFS), f'{name}: ENOBUFS at the barrier')
    r = bc.figures(pool)[res]
    tap.equal((r.held, r.failcnt), (before[res].held + 7, fails + 1),
              f'{name}: all up to the barrier is granted, one refusal counted')
    member.call(net.close, made.pop())
    bc.wait_held(pool, res, before[res].held + 6)
    again, err = member.call(net.try_make, *args, 2)
    tap.equal((len(again), err), (1, errno.ENOBUFS), f'{name}: room is usable at once')
    member.call(net.close, *made, *again)
    bc.wait_held(pool, res, before[res].held)
    pool.set(numtcpsock=None, numothersock=None)


def check_pairs(pool, member):
    pool.set(numothersock=4)
    made, err = member.call(net.try_pair)
    tap.equal((err, net.numbers_of(pool)), (0, (0, 2)), 'socketpair: two sockets')
    member.call(net.make, UNIX, DGRAM)
    _, err = member.call(net.try_pair)
    tap.equal((err, net.numbers_of(pool)), (errno.ENOBUFS, (0, 3)),
              'socketpair: refused when there is room for one only, which is given back')
    member.call(net.close)
    tap.equal(bc.wait_held(pool, 'numothersock', 0), 0, 'socketpair: given back')
    del made
    pool.set(numothersock=None)


def check_accept(pool, server, client, family):
    """An accepted connection is its listener's; above the barrier it has to wait."""
    name = 'IPv6' if family == INET6 else 'IPv4'
    number, address = server.call(net.listen, family)
    made = client.call(net.connect, address[:2], family, STREAM, 3)
    tap.equal(bc.wait_held(pool, 'numtcpsock', 4), 4,
              f'accept, {name}: connections are counted before they are accepted')
    server.call(net.accept, number, 3)
    tap.equal(net.numbers_of(pool), (4, 0), f'accept, {name}: and not twice')

    pool.set(numtcpsock=6)
    fails = bc.failcnt(pool, 'numtcpsock')
    made += client.call(net.connect, address[:2], family, STREAM, 2)
    late = client.call(net.connect, address[:2], family, STREAM, 3)
    taken = server.call(net.accept, number, 2, bc.WAIT)
    tap.equal(bc.held(pool, 'numtcpsock'), 6, f'accept, {name}: full')
    for n in late:
        client.call(net.send, n, b'hello')
    tap.ok(tap.poll_until(bc.WAIT, lambda: bc.failcnt(pool, 'numtcpsock') >= fails + 3),
           f'accept, {name}: connections above the barrier are refused')
    r = bc.figures(pool)['numtcpsock']
    tap.ok(r.held == 6 and r.maxheld == 6, f'accept, {name}: by not a single one too many', r)
    tap.equal(server.call(net.try_accept, number, 0.2), None, f'accept, {name}: they wait')

    # Whoever waits must get in: retransmissions of the client see to it.
    start = time.monotonic()
    server.call(net.close, *taken)
    bc.wait_for(lambda: bc.held(pool, 'numtcpsock') < 6 or
                bc.figures(pool)['numtcpsock'].failcnt, 'room')
    served = 0
    for _ in range(2):
        n = server.call(net.accept, number, 1, bc.WAIT)[0]
        served += server.call(net.receive, n, 10, bc.WAIT) == b'hello'
    tap.equal(served, 2, f'accept, {name}: clients get in when there is room')
    pool.set(numtcpsock=None)
    n = server.call(net.accept, number, 1, bc.WAIT)[0]
    tap.equal(server.call(net.receive, n, 10, bc.WAIT), b'hello',
              f'accept, {name}: all of them')
    tap.note(f'accept, {name}: all served {time.monotonic() - start:.1f} s after there was room')
    shown = {s.inode for s in net.tcp_of(pool.path)}
    tap.equal(len(shown), bc.held(pool, 'numtcpsock'),
              f'accept, {name}: as many as the kernel shows by cgroup')
    tap.ok(shown <= net.inodes(server.pid), f'accept, {name}: and in /proc/PID/fd', shown)
    server.call(net.close)
    client.call(net.close)
    tap.equal(bc.wait_held(pool, 'numtcpsock', 0), 0, f'accept, {name}: given back')
    pool.set(numtcpsock=None)


def connect_until_refused(address, kind, count):
    """(connections, errno); sockets are made first."""
    made = net.make_many(count, UNIX, kind)
    for done, n in enumerate(made):
        try:
            net.socks[n].connect(address)
        except OSError as err:
            return done, err.errno
    return count, 0


def check_unix_stream(pool, member, kind, name):
    """connect() makes the peer's socket, too: the one who connects pays."""
    path = f'\0{name}'.encode()
    outside = bc.Member()
    number, _ = outside.call(net.listen, UNIX, 64, path, kind)
    member.call(net.connect, path, UNIX, kind, 2)
    tap.equal(net.numbers_of(pool), (0, 4), f'{name}: connect() makes two')
    outside.call(net.accept, number, 2)
    tap.equal(net.numbers_of(pool), (0, 4), f'{name}: accept() none')
    pool.set(numothersock=12)
    done, err = member.call(connect_until_refused, path, kind, 6)
    r = bc.figures(pool)['numothersock']
    tap.ok(err in (errno.ENOBUFS, errno.ENOMEM), f'{name}: connect() is refused at the barrier',
           f'{done} connected, errno {err}')
    tap.equal((done, r.held), (2, 12), f'{name}: and not before')
    tap.ok(r.maxheld <= 12, f'{name}: the barrier holds', r)
    member.call(net.close)
    # The kernel keeps this end, too, for as long as the other one exists.
    tap.equal(net.wait_figures(pool, numothersock=8), {},
              f'{name}: what the peer has open stays on the account')
    outside.end()
    tap.equal(net.wait_figures(pool, numothersock=0), {}, f'{name}: given back')
    pool.set(numothersock=None)


def check_passing(pool, neighbour, member):
    """A descriptor changes hands, its account does not."""
    other_member = bc.Member(neighbour)
    path = b'\0passing'
    listener, _ = other_member.call(net.listen, UNIX, 8, path)
    link, = member.call(net.connect, path, UNIX)
    taken, = other_member.call(net.accept, listener)
    udp = member.call(net.make_many, 3, INET, DGRAM)
    tcp = member.call(net.make, INET, STREAM)
    tap.equal((net.numbers_of(pool), net.numbers_of(neighbour)), ((1, 5), (0, 1)),
              'passing: before')
    member.call(net.send_fd, link, tcp, *udp)
    tap.equal((net.numbers_of(pool), net.numbers_of(neighbour)), ((1, 5), (0, 1)),
              'passing: under way')
    got = other_member.call(net.take_fd, taken, 4)
    tap.equal((net.numbers_of(pool), net.numbers_of(neighbour)), ((1, 5), (0, 1)),
              'passing: arrived, and still on the account of the maker')
    other_member.call(net.close, *got[:2])
    tap.equal(net.wait_figures(pool, numtcpsock=0, numothersock=4), {},
              'passing: given back when the last owner closes it')
    other_member.end()
    member.call(net.close)
    net.empty(pool, 'passing')


def check_migration(pool, neighbour):
    member = bc.Member(pool)
    member.call(net.make_many, 3, INET, STREAM)
    bc.attach(neighbour.path, member.pid)
    tap.equal((net.numbers_of(pool), net.numbers_of(neighbour)), ((3, 0), (0, 0)),
              'migration: sockets stay')
    member.call(net.make, INET, DGRAM)
    tap.equal((net.numbers_of(pool), net.numbers_of(neighbour)), ((3, 0), (0, 1)),
              'migration: new ones are charged to the new pool')
    member.end()
    net.empty(pool, 'migration')
    net.empty(neighbour, 'migration, neighbour')


def check_dying(how):
    """Sockets outlive their maker and its pool."""
    pool = bc.Pool(f'dying-{how}')
    above = None
    if how == 'nested':
        above, pool = pool, bc.Pool('dying-inner', parent=pool)
    outside = bc.Member()
    path = b'\0dying'
    listener, _ = outside.call(net.listen, UNIX, 8, path)
    member = bc.Member(pool)
    link, = member.call(net.connect, path, UNIX)
    taken, = outside.call(net.accept, listener)
    socks = member.call(net.make_many, 5, INET, STREAM)
    member.call(net.send_fd, link, *socks)
    outside.call(net.take_fd, taken, 5)
    outside.call(net.close, taken)
    member.end()
    tap.equal(net.wait_figures(pool, numtcpsock=5, numothersock=0), {},
              f'dying, {how}: the maker is gone, the sockets are not')
    number = pool.id
    if how == 'rmdir':
        bc.rmdir(pool.path)
        bc.wait_for(lambda: bc.nl.info()['dying'] == 1, 'dying')
        tap.equal(bc.held(number, 'numtcpsock'), 5, 'dying, rmdir: the pool keeps them')
        tap.equal(bc.held('host', 'numtcpsock'), 5, 'dying, rmdir: so does the host')
        outside.end()
    else:
        pool.delete()
        table = bc.figures(above or 'host')
        tap.equal(table['numtcpsock'].held if above else 'numtcpsock' in table and
                  table['numtcpsock'].held, 5 if above else 0,
                  f'dying, {how}: the sockets are the parent\'s')
        tap.ok(tap.poll_until(bc.WAIT, lambda: bc.nl.info()['dying'] == 0),
               f'dying, {how}: the deleted pool goes at once')
        outside.end()
        if above:
            tap.equal(net.wait_figures(above, numtcpsock=0), {}, 'dying, nested: given back')
            bc.rmdir(pool.path)
            above.remove()
        else:
            bc.rmdir(pool.path)
    tap.ok(bc.wait_gone(), f'dying, {how}: nothing is left of the pool')
    left = {res: r.held for res, r in bc.figures('host').items() if r.held}
    tap.equal((bc.nl.info()['unbalanced'], left), (0, {}), f'dying, {how}: the books end at 0')


def bind_populated(member):
    """Sockets that were there before the pool: adopted."""
    number, address = member.call(net.listen)
    client = bc.Member()
    made = client.call(net.connect, address, INET, STREAM, 4)
    member.call(net.accept, number, 2)
    member.call(net.make_many, 3, UNIX, DGRAM)
    for n in made:
        client.call(net.send, n, b'x' * 20000)
    return client, made, number


def check_adoption(path='test/adopted'):
    bc.mkdir(path)
    # Another pool, or nothing would be attached before.
    with_hooks = bc.Pool('beside')
    member = bc.Member(path)
    client, made, number = bind_populated(member)
    bc.wait_for(lambda: all(s.rmem for s in net.tcp_of(path) if s.state == 1), 'data')
    pool = bc.Pool('adopted', path=path)
    # Two are in the accept queue, in no table of descriptors.
    tap.between(bc.held(pool, 'numtcpsock'), 3, 5, 'adoption: sockets in descriptor tables')
    tap.equal(bc.held(pool, 'numothersock'), 3, 'adoption: the others')
    for n in made:
        client.call(net.send, n, b'y' * 20000)
    for n in member.call(net.accept, number, 2):
        member.call(net.receive, n)
    tap.equal(bc.wait_held(pool, 'numtcpsock', 5), 5,
              'adoption: those in the accept queue, once they move data')
    agree = tap.poll_until(10, lambda: net.tcp_memory(path) == sum(
        bc.held(pool, res) for res in ('tcpsndbuf', 'tcprcvbuf')))
    tap.ok(agree, 'adoption: their memory is what the kernel says',
           f'{net.tcp_memory(path)} against {net.buffers_of(pool)}')
    member.end()
    client.end()
    net.empty(pool, 'adoption')
    pool.remove()
    with_hooks.remove()


def check_kernel_sockets(pool):
    """A network namespace brings many sockets of the kernel's own."""
    pool.set(numtcpsock=0, numothersock=1)
    member = bc.Member(pool)
    member.call(net.unshare_net)
    tap.equal(net.numbers_of(pool), (0, 0), 'kernel sockets: a namespace is not counted')
    tap.equal([bc.failcnt(pool, res) for res in net.NUMBERS], fails_of(pool),
              'kernel sockets: nor refused')
    made, err = member.call(net.try_make, UNIX, DGRAM, 0, 2)
    tap.equal((len(made), err), (1, errno.ENOBUFS), 'kernel sockets: one\'s own are')
    member.end()
    net.empty(pool, 'kernel sockets')
    pool.set(numtcpsock=None, numothersock=None)


_fails = {}


def fails_of(pool):
    return _fails.setdefault(pool.name, [bc.failcnt(pool, res) for res in net.NUMBERS])


def hammer(kind, seconds, threads):
    """Threads that make and drop sockets: (made, refused, other errors)."""
    import threading                    # pylint: disable=import-outside-toplevel
    out = [0, 0, 0]
    deadline = time.monotonic() + seconds

    def run():
        while time.monotonic() < deadline:
            mine = []
            for _ in range(20):
                try:
                    mine.append(socket.socket(*kind))
                    out[0] += 1
                except OSError as err:
                    # Who loses a race for the last one gets ENOMEM.
                    out[1 if err.errno in (errno.ENOBUFS, errno.ENOMEM) else 2] += 1
            for sock in mine:
                sock.close()
    workers = [threading.Thread(target=run) for _ in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return out


def check_crowd(name):
    """Many at once: the barrier may be passed by as many as are inside socket(2)."""
    args, res, threads, members = KINDS[name], resource(name), 4, 6
    pool = bc.Pool('crowd', **{res: 40})
    crowd = [bc.Member(pool) for _ in range(members)]
    for m in crowd:
        m.start(hammer, args, tap.rounds(2, 4), threads)
    made = [m.result() for m in crowd]
    r = bc.figures(pool)[res]
    tap.ok(sum(m[1] for m in made) and not any(m[2] for m in made),
           f'crowd, {name}: refusals, and no other errors', made)
    tap.between(r.maxheld, 40, 40 + threads * members,
                f'crowd, {name}: the barrier is passed by no more than the threads inside')
    tap.equal(r.failcnt, sum(m[1] for m in made), f'crowd, {name}: each refusal is counted')
    tap.note(f'crowd, {name}: {sum(m[0] for m in made)} made, {r.failcnt} refused, '
             f'overshoot {r.maxheld - 40}')
    for m in crowd:
        m.end()
    net.empty(pool, f'crowd, {name}')
    pool.remove()


def crypto_hog(count):
    """accept() on a crypto socket makes sockets without socket(2): (made, errno)"""
    sock = socket.socket(38, SEQPACKET, 0)
    sock.bind(('hash', 'sha256'))
    net.keep(sock)
    for done in range(count):
        try:
            net.keep(sock.accept()[0])
        except OSError as err:
            return done, err.errno
    return count, 0


def check_back_doors(pool, member):
    """Sockets that are not made by socket(2)."""
    pool.set(numothersock=5)
    try:
        done, err = member.call(crypto_hog, 50)
        tap.ok(done == 4 and err in (errno.ENOBUFS, errno.ENOMEM),
               'crypto: accept() is refused at the barrier', (done, err))
        member.call(net.close)
    except OSError as err:
        tap.skip('crypto: accept() is refused at the barrier', f'not in this kernel: {err}')
    net.empty(pool, 'crypto')
    pool.set(numothersock=None)


def main():
    net.sysctl('net.ipv4.ping_group_range', '0 2147483647')
    pool, neighbour = bc.Pool('socks'), bc.Pool('neighbour')
    member = bc.Member(pool)
    for name in KINDS:
        check_kind(pool, member, name)
    net.empty(pool, 'families')
    check_pairs(pool, member)
    client = bc.Member()
    for family in INET, INET6:
        accepting = bc.Pool(f'accept{family}')
        server = bc.Member(accepting)
        check_accept(accepting, server, client, family)
        server.end()
        accepting.remove()
    client.end()
    for kind, name in (STREAM, 'UNIX stream'), (SEQPACKET, 'UNIX seqpacket'):
        inner = bc.Pool('unix')
        connector = bc.Member(inner)
        check_unix_stream(inner, connector, kind, name)
        connector.end()
        inner.remove()
    check_back_doors(pool, member)
    check_passing(pool, neighbour, member)
    check_migration(pool, neighbour)
    fails_of(pool)
    check_kernel_sockets(pool)
    member.end()
    pool.remove()
    neighbour.remove()
    for how in 'rmdir', 'delete', 'nested':
        check_dying(how)
    check_adoption()
    for name in 'TCP', 'UDP', 'UNIX stream':
        check_crowd(name)
    bc.finish()


main()
