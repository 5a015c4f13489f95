#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# timeout: 400
# vm-args: --single
"""Everything at once: cgroups come and go, pools are bound and unbound over busy
members, which migrate, fork, map and talk meanwhile. When it is quiet again the
books agree with the kernel's figures, and in the end they are at 0.

BC_RACES_SECONDS says how long.
"""
import os
import random
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import net  # noqa: E402
import tap  # noqa: E402

SECONDS = int(os.environ.get('BC_RACES_SECONDS',
                             (2 if bc.DEBUG_KERNEL else 1) * tap.rounds(10, 60)))
STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
UNIX, INET = socket.AF_UNIX, socket.AF_INET
HOMES = ['test/a', 'test/b', 'test/b/c', 'test/outside']


# ---- what is disturbed; each returns how often, and what went wrong

def refusal(err):
    """Is this what a limit may do?"""
    return err.errno in (11, 12, 105)


def until(end, work):
    """Repeat until the time is over: (how often, refusals)"""
    done = refused = 0
    while time.monotonic() < end:
        try:
            work()
            done += 1
        except (OSError, MemoryError, RuntimeError) as err:
            if isinstance(err, OSError) and not refusal(err):
                raise
            refused += 1
    return done, refused


def in_threads(end, works):
    """Each in a thread of its own: [(done, refused)], [exceptions]"""
    out, wrong = [], []

    def run(work):
        try:
            out.append(until(end, work))
        except BaseException as err:        # pylint: disable=broad-except
            wrong.append(repr(err))
    threads = [threading.Thread(target=run, args=(w,)) for w in works]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sum(o[0] for o in out), sum(o[1] for o in out), wrong


def tcp_round():
    """A listener, some connections, some data in both directions."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen(8)
        ends = []
        try:
            for _ in range(3):
                a = socket.socket()
                ends.append(a)
                a.settimeout(5)
                a.connect(listener.getsockname())
                listener.settimeout(5)
                b = listener.accept()[0]
                b.settimeout(5)
                ends.append(b)
                a.send(b'x' * 30000)
                b.send(b'y' * 3000)
                a.recv(3000)
        except TimeoutError:
            pass                    # refused on the way in
        finally:
            for sock in ends:
                sock.close()


def unix_round():
    a, b = socket.socketpair(UNIX, DGRAM)
    with a, b:
        for sock in a, b:
            sock.settimeout(5)
            sock.send(b'z' * 2000)
        # A descriptor in a message that nobody reads.
        socket.send_fds(a, [b'f'], [b.fileno()])
        b.recv(2000)


def udp_round():
    with socket.socket(INET, DGRAM) as a, socket.socket(INET, DGRAM) as b:
        a.bind(('127.0.0.1', 0))
        for _ in range(5):
            b.sendto(b'u' * 1000, a.getsockname())


def map_round():
    pages = random.randrange(1, 200)
    bc.munmap(bc.mmap(pages), pages)


def fork_round():
    pid = os.fork()
    if not pid:
        try:
            socket.socket(UNIX, DGRAM)
        finally:
            os._exit(0)             # pylint: disable=protected-access
    os.waitpid(pid, 0)


def forker(end):
    """Not from threads: Python's locks do not survive that."""
    return until(end, fork_round) + ([],)


def talker(end):
    return in_threads(end, [tcp_round, unix_round, udp_round, map_round])


# ---- what disturbs

def migrator(end, pids):
    """Moves whole processes from one home to another."""
    moved = 0
    while time.monotonic() < end:
        for pid in pids:
            try:
                bc.attach(random.choice(HOMES), pid)
                moved += 1
            except OSError as err:
                if err.errno not in (2, 3, 19):
                    raise
        time.sleep(0.002)
    return moved


def thread_mover(end, pids):
    """Moves single threads within a threaded subtree: not possible; and tries to."""
    tried = 0
    while time.monotonic() < end:
        for pid in pids:
            try:
                tids = os.listdir(f'/proc/{pid}/task')
                bc.write(f'{random.choice(HOMES)}/cgroup.threads', random.choice(tids))
            except OSError:
                pass
            tried += 1
        time.sleep(0.01)
    return tried


def binder(end, path, name, wanted):
    """Binds and unbinds one populated cgroup."""
    count = 0
    with genl.Client() as client:
        while time.monotonic() < end:
            client.new(name, path=path, wanted=wanted)
            time.sleep(random.random() / 50)
            client.delete(name)
            count += 1
    return count


def cgroup_storm(end, number):
    """Cgroups with and without pools, two deep, some removed under their pool."""
    count = 0
    top = f'test/b/storm{number}'
    with genl.Client() as client:
        while time.monotonic() < end:
            bc.mkdir(f'{top}/x')
            what = random.randrange(4)
            names = []
            if what:
                names.append(f'storm{number}')
                client.new(names[0], path=top)
            if what > 1:
                names.append(f'storm{number}x')
                client.new(names[1], path=f'{top}/x')
            try:
                pid = os.fork()
                if not pid:
                    try:
                        bc.attach(f'{top}/x', 0)
                        socket.socketpair()
                    finally:
                        os._exit(0)     # pylint: disable=protected-access
                os.waitpid(pid, 0)
            except OSError as err:
                if not refusal(err):
                    raise
            if what == 3:
                for name in reversed(names):
                    client.delete(name)
            bc.rmdir(f'{top}/x')
            bc.rmdir(top)
            if 0 < what < 3:
                gone_soon(client, names)
            count += 1
    return count


def gone_soon(client, names):
    """rmdir makes a pool dying a little later."""
    def gone():
        for name in names:
            try:
                client.get(name)
                return False
            except OSError:
                pass
        return True
    if not tap.poll_until(bc.WAIT, gone):
        raise RuntimeError(f'{names} outlive their cgroups')


def reader(end):
    """Dumps, as often as it can; a figure must be sane."""
    count = 0
    with genl.Client() as client:
        while time.monotonic() < end:
            for pool in client.dump():
                for res, r in pool['res'].items():
                    if r.held > 1 << 40 or r.held > r.maxheld:
                        raise RuntimeError(f'{pool["name"]}: {res} {r}')
            count += 1
    return count


def setter(end, name, wanted):
    """Limits come and go."""
    count = 0
    with genl.Client() as client:
        while time.monotonic() < end:
            client.set(name, wanted)
            time.sleep(0.01)
            client.set(name, dict.fromkeys(wanted))
            count += 1
    return count


def tool(end):
    """bctl, some of it killed in the middle."""
    count = 0
    while time.monotonic() < end:
        with subprocess.Popen(['bctl', 'pool', 'create', 'tooled', '--exist-ok'],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as proc:
            if count % 2:
                time.sleep(random.random() / 20)
                proc.kill()
            said = proc.stderr.read()
            if proc.wait() not in (0, 2, -9) or (proc.returncode == 2 and not said):
                raise RuntimeError(f'bctl: {proc.returncode}: {said}')
        with subprocess.Popen(['bctl', 'pool', 'delete', 'tooled', '--if-exists'],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proc:
            if proc.wait() not in (0, 2):
                raise RuntimeError(f'bctl: {proc.returncode}')
        count += 1
    return count


# ---- at rest

def keep_some():
    """Threads and sockets that stay, with data in them: numbers in net.socks."""
    for _ in range(3):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    number, address = net.listen()
    for _ in range(4):
        a, = net.connect(address)
        b, = net.accept(number)
        net.send(a, b'k' * 20000)
        net.send(b, b'l' * 200)
    net.make_many(3, UNIX, DGRAM)
    a, _ = net.pair(UNIX, STREAM)
    net.send(a, b'm' * 9000)


def differences_of(pools):
    """Where the books and the kernel disagree, with everybody at rest."""
    wrong = []
    for pool in pools:
        table = bc.figures(pool)
        tcp = [s for path in bc.subtree(pool.path) for s in net.tcp_of(path)]
        want = {'numproc': bc.count_threads(pool.path), 'privvmpages': bc.count_pages(pool.path),
                'numtcpsock': len(tcp), 'TCP': sum(s.rmem + s.queued + s.fwd for s in tcp)}
        have = {res: table[res].held for res in list(want)[:3]}
        have['TCP'] = table['tcpsndbuf'].held + table['tcprcvbuf'].held
        wrong += [f'{pool.name}: {res}: {have[res]} held, {want[res]} counted'
                  for res in want if have[res] != want[res]]
    return wrong


def main():
    pools = [bc.Pool('a', path='test/a', numproc=60, numothersock=80, privvmpages=200000),
             bc.Pool('b', path='test/b', numtcpsock=60, othersockbuf=256 << 10,
                     tcprcvbuf=512 << 10, tcpsndbuf=512 << 10)]
    for path in HOMES + ['test/bound']:
        bc.mkdir(path)
    busy = [bc.Member('test/a'), bc.Member('test/b/c'), bc.Member('test/outside'),
            bc.Member('test/bound'), bc.Member('test/bound')]
    still = [bc.Member('test/a'), bc.Member('test/b/c'), bc.Member('test/outside')]
    for m in still:
        m.call(keep_some)
    jobs = [(m, forker if n % 2 else talker, ()) for n, m in enumerate(busy)]
    # Nobody starts before all are there: on a slow machine that takes a while.
    jobs += [(bc.Member(), func, args) for func, *args in (
        (migrator, [m.pid for m in busy[:3]] + [m.pid for m in still]),
        (thread_mover, [m.pid for m in busy[:3]]),
        (binder, 'test/bound', 'bound', {'numproc': 30, 'numothersock': 40,
                                         'othersockbuf': 64 << 10, 'tcprcvbuf': 128 << 10}),
        (binder, 'test/b/c', 'middle', {'numtcpsock': 30}),
        (cgroup_storm, 1),
        (cgroup_storm, 2),
        (reader,),
        (setter, 'a', {'numothersock': 10, 'dgramrcvbuf': 0, 'tcpsndbuf': 8192}),
        (tool,))]
    end = time.monotonic() + SECONDS
    for m, func, args in jobs:
        m.start(func, end, *args)
    for m, func, _ in jobs:
        name = func.__name__
        try:
            got = m.result()
            count, wrong = (got[0], got[2]) if isinstance(got, tuple) else (got, [])
            tap.ok(count > 0 and not wrong, f'{name} was at work, without an error', got)
            tap.note(f'{name}: {got}')
        except (OSError, RuntimeError, bc.Died) as err:
            tap.ok(False, f'{name} was at work, without an error', repr(err))
    for m, _, _ in jobs:
        m.end()

    # Sockets stay where they were made, tasks are where they were put last.
    at_rest = tap.poll_until(30, lambda: not differences_of(pools))
    tap.ok(at_rest, 'at rest: the books agree with the kernel', '\n'.join(differences_of(pools)))
    for m in still:
        m.end()
    tap.ok(tap.poll_until(bc.WAIT, lambda: bc.nl.info()['dying'] == 0), 'no pool is dying')
    for pool in pools:
        # files that members had open when a pool below was bound may be ours as well
        left = tap.poll_until(bc.WAIT, lambda p=pool: not any(
            r.held for res, r in bc.figures(p).items() if res != 'numfile'))
        tap.ok(left, f'{pool.name}: nothing is held in the end', bc.figures(pool))
    bc.finish()


main()
