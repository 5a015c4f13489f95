#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# timeout: 240
"""Who belongs to which pool, whatever happens to tasks, cgroups and pools.

After every step held is compared with what /proc and the cgroup files say.
"""
import errno
import os
import signal
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

SOCKETS = 'numtcpsock', 'numothersock'
_kept = []


def start_threads(count):
    for _ in range(count):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


def open_sockets(tcp, other):
    for _ in range(tcp):
        _kept.append(socket.socket())
    for _ in range(other):
        _kept.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))


def spawn_sleep():
    """fork and exec, a new image."""
    pid = os.posix_spawn('/bin/sleep', ['sleep', '1000'], {})
    _kept.append(pid)
    return pid


def fork_zombie(path=None):
    """A child that has ended, perhaps in another cgroup, and is not reaped; its pid."""
    pid = os.fork()
    if not pid:
        if path:
            bc.attach(path, 0)
        os._exit(0)             # pylint: disable=protected-access
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


def reap(pid):
    os.waitpid(pid, 0)


def fork_often(count):
    """Fork, map and exit; how many could be made."""
    done = 0
    for _ in range(count):
        pid = os.fork()
        if not pid:
            bc.errno_of(bc.mmap, 100)
            os._exit(0)         # pylint: disable=protected-access
        os.waitpid(pid, 0)
        done += 1
    return done


def hold(pool):
    """(numproc, privvmpages)"""
    table = bc.figures(pool)
    return table['numproc'].held, table['privvmpages'].held


def counted(path):
    return bc.count_threads(path), bc.count_pages(path)


def agree(pool, what, path=None):
    """The pool holds what is counted in its cgroup; not later, but now."""
    tap.equal(hold(pool), counted(path or pool.path), what)


def gone(*pools):
    """Delete these pools and their cgroups; nothing is left."""
    for pool in pools:
        # files that a member had open before it was counted may be ours as well
        tap.equal({n: r.held for n, r in bc.figures(pool).items() if r.held and n != 'numfile'},
                  {}, f'{pool.name} holds nothing in the end')
        pool.remove()


def check_follow():
    pool = bc.Pool('follow')
    bc.mkdir(f'{pool.path}/later')
    member = bc.Member(pool)
    agree(pool, 'a process that enters counts')
    member.call(start_threads, 3)
    bc.wait_for(lambda: hold(pool) == counted(pool.path), 'threads at rest')
    tap.equal(hold(pool)[0], 4, 'its threads count')
    member.call(bc.fork_idle)
    agree(pool, 'its child counts, and the copy of its memory')
    sleep = member.call(spawn_sleep)
    bc.wait_asleep(sleep)
    agree(pool, 'a new program counts, and its own memory')
    tap.equal(hold(pool)[0], 6, 'as one more process')
    bc.mkdir(f'{pool.path}/later/below')
    bc.attach(f'{pool.path}/later/below', sleep)
    agree(pool, 'it counts in a cgroup below that was made later')
    inside = bc.Member(f'{pool.path}/later')
    agree(pool, 'one that enters there counts')
    bc.attach(f'{pool.path}/later/below', inside.pid)
    agree(pool, 'moving between cgroups of one pool changes nothing')
    inside.end()
    os.kill(sleep, signal.SIGKILL)
    member.call(reap, sleep)
    member.call(bc.end_children)
    agree(pool, 'those that ended do not count')
    member.end()
    gone(pool)


def check_nested():
    bc.mkdir(f'{bc.BASE}/outer/a/b')
    early = bc.Member(f'{bc.BASE}/outer/a/b')
    early.call(open_sockets, 2, 3)
    early.call(bc.mmap, 1234)
    early.call(start_threads, 2)
    early.call(bc.fork_idle)
    bc.wait_for(lambda: bc.count_pages(f'{bc.BASE}/outer'), 'threads at rest')
    pool = bc.Pool('outer')
    agree(pool, 'a populated cgroup: what its members hold is adopted at once')
    tap.equal([bc.held(pool, res) for res in SOCKETS], [2, 3], 'their sockets are, too')
    early.call(bc.fork_idle)
    agree(pool, 'what they do afterwards counts')
    bc.linger(0)
    pool.delete()
    tap.ok(bc.wait_gone(), 'unbinding with members: the pool is gone')
    tap.equal([p['name'] for p in bc.nl.dump()], ['host'], 'only the host is left')
    tap.ok(tap.poll_until(bc.WAIT, lambda: not bc.nl.info()['hooked']),
           'nothing is attached although the members live')
    bc.linger(bc.LINGER)
    early.call(bc.end_children)
    pool = bc.Pool('outer')
    agree(pool, 'binding it again: all is adopted again')
    tap.equal([bc.held(pool, res) for res in SOCKETS], [2, 3], 'sockets, too')
    # Its file table is shared by threads and was the last one looked at.
    pool.delete()
    pool = bc.Pool('outer')
    tap.equal([bc.held(pool, res) for res in SOCKETS], [2, 3], 'sockets, once more')
    early.end()
    gone(pool)


def check_migration():
    a, b = bc.Pool('a'), bc.Pool('b')
    member = bc.Member(a)
    member.call(bc.mmap, 3000)
    member.call(start_threads, 3)
    child = member.call(bc.fork_idle)
    bc.wait_for(lambda: hold(a) == counted(a.path), 'threads at rest')
    most = [bc.figures('host')[res].maxheld for res in ('numproc', 'privvmpages')]
    bc.attach(b.path, member.pid)
    agree(a, 'a process that moves takes its threads and its memory along')
    agree(b, 'and brings them')
    tap.equal(hold(b)[0], 4, 'that is four tasks')
    agree(a, 'its child stays')
    tap.equal([bc.figures('host')[res].maxheld for res in ('numproc', 'privvmpages')], most,
              'what both have above them has seen nothing of it')
    bc.attach('', member.pid)
    tap.equal(hold(b), (0, 0), 'a process that leaves for the host is not counted any more')
    b.set(numproc=1, privvmpages=10)
    bc.attach(b.path, member.pid)
    agree(b, 'a process that enters is not refused, though above the limits')
    tap.equal([bc.failcnt(b, res) for res in ('numproc', 'privvmpages')], [0, 0],
              'and that is no failure')
    tap.equal(member.call(bc.errno_of, bc.fork_idle), errno.EAGAIN, 'but then it cannot fork')
    tap.equal(member.call(bc.errno_of, bc.mmap, 1), errno.ENOMEM, 'nor map')
    done = bc.bctl('attach', 'b', str(child))
    tap.ok(done.returncode == 0, 'bctl attach', done)
    tap.equal(hold(a), (0, 0), 'it has moved')
    agree(b, 'to the other pool')
    member.call(bc.end_children)
    member.end()
    gone(a, b)


def check_clone_into():
    a, b = bc.Pool('a'), bc.Pool('b')
    bc.clone_into(a.path)
    agree(a, 'CLONE_INTO_CGROUP from the host into a pool')
    member = bc.Member(a)
    member.call(bc.clone_into, b.path)
    agree(a, 'CLONE_INTO_CGROUP from a pool')
    agree(b, 'into another one')
    member.call(bc.clone_into, '')
    agree(a, 'CLONE_INTO_CGROUP out of the pool')
    member.call(bc.clone_into, a.path)
    agree(a, 'CLONE_INTO_CGROUP into the same pool')
    bc.end_children()
    member.call(bc.end_children)
    member.end()
    gone(a, b)


def check_insert():
    above, path = bc.Pool('above'), f'{bc.BASE}/above/between/below'
    below = bc.Pool('below', path=path)
    between = os.path.dirname(path)
    members = [bc.Member(where) for where in (above.path, between, between, path)]
    members[3].call(bc.mmap, 2000)
    members[3].call(open_sockets, 1, 2)
    members[1].call(open_sockets, 3, 1)
    before = {p['name']: hold(p['name']) for p in bc.dump()}
    sockets = [bc.held(above, res) for res in SOCKETS]
    tap.equal(sockets, [4, 3], 'sockets are counted before')
    middle = bc.Pool('middle', path=between, numproc=5)
    tap.equal(bc.nl.get('below')['parent'], 'middle', 'a pool bound in between is the parent now')
    tap.equal([bc.nl.get(n)['children'] for n in ('above', 'middle', 'below')], [1, 1, 0],
              'children are counted anew')
    tap.equal([p['name'] for p in bc.dump()], ['above', 'middle', 'below'],
              'a dump lists parents before their children')
    agree(middle, 'it holds what is below it')
    tap.equal({name: hold(name) for name in before}, before, 'all others hold what they held')
    tap.equal([bc.held(p, res) for p in (above, middle, below) for res in SOCKETS],
              [4, 3, 4, 3, 1, 2], 'sockets are counted on each level')
    tap.equal(members[3].call(bc.fork_until_refused, 50), (2, errno.EAGAIN),
              'its limit is enforced on the pool below')
    tap.equal([bc.failcnt(p, 'numproc') for p in (above, middle, below)], [0, 1, 0],
              'and failures are counted there')
    for pool, code in (middle, errno.EBUSY), (above, errno.EBUSY):
        tap.equal(bc.errno_of(pool.delete), code, f'{pool.name} has children and is not deleted')
    members[3].call(bc.end_children)

    middle.set(numproc=None)
    members[3].start(fork_often, 150)
    rounds = 0
    for rounds in range(1, 6):
        inner = bc.Pool('inner', path=bc.mkdir(f'{path}/x'))
        inner.delete()
        below.delete()
        middle.delete()
        middle = bc.Pool('middle', path=between)
        below = bc.Pool('below', path=path)
    tap.equal(members[3].result(), 150, f'binding and unbinding {rounds} times under load')
    for pool in above, middle, below:
        agree(pool, f'afterwards {pool.name} agrees')

    below.delete()
    agree(middle, 'unbinding the lowest: its members count to the parent')
    tap.equal([bc.held(middle, res) for res in SOCKETS], [4, 3], 'so do their sockets')
    tap.equal(members[3].call(bc.errno_of, bc.fork_idle), 0, 'where they can fork')
    agree(middle, 'and that counts there')
    members[3].call(bc.end_children)
    middle.delete()
    agree(above, 'unbinding the next: they count to its parent')
    for member in members:
        member.end()
    tap.ok(bc.wait_gone(), 'unbound pools are gone')
    gone(above)


def check_rmdir():
    pool = bc.Pool('web')
    left, right = socket.socketpair()
    left.settimeout(bc.WAIT)
    holder = bc.Member()
    member = bc.Member(pool)
    bc.rmdir(bc.mkdir(f'{pool.path}/unbound'))
    tap.equal(bc.nl.get('web')['state'], genl.LIVE, 'removing a cgroup without a pool is nothing')
    member.start(send_socket, right.fileno())
    kept = socket.recv_fds(left, 1, 1)[1][0]
    member.result()
    member.end()
    tap.equal([bc.wait_held(pool, res, n) for res, n in (('numproc', 0), ('numtcpsock', 1))],
              [0, 1], 'a socket outlives the process that made it')
    bc.rmdir(pool.path)
    tap.equal(bc.errno_of(bc.nl.get, 'web'), errno.ENOENT, 'rmdir: it is not found by name')
    dying = bc.nl.get(pool.id)
    tap.equal((dying['state'], dying['res']['numtcpsock'].held), (genl.DYING, 1),
              'it is dying, because of the socket')
    tap.equal(bc.nl.info()['dying'], 1, 'and counted as such')
    again = bc.Pool('web')
    tap.equal(bc.nl.get('web')['cgroup_path'], dying['cgroup_path'], 'path and name can be used anew')
    tap.ok(again.incarnation > pool.incarnation, 'the incarnation tells them apart')
    tap.equal(again.id, pool.id, 'the id was given back')
    tap.equal(sorted((p['id'], p['state']) for p in bc.dump()),
              [(again.id, genl.LIVE), (again.id, genl.DYING)], 'the dump shows both')
    states = [p['state'] for p in bc.bctl_json('pool', 'list')['pools'] if p['name'] == 'web']
    tap.equal(sorted(states), ['dying', 'live'], 'bctl, too')
    tap.equal(bc.held(again, 'numtcpsock'), 0, 'the new one does not hold the old socket')
    tap.equal(bc.held('host', 'numtcpsock'), 1, 'the host does')
    os.close(kept)
    tap.ok(bc.wait_gone(), 'when the socket is closed the dying pool is gone')
    tap.equal(bc.held('host', 'numtcpsock'), 0, 'and so is what it held')

    zombie = holder.call(fork_zombie, again.path)
    tap.equal(bc.held(again, 'numproc'), 1, 'a zombie counts')
    bc.rmdir(again.path)
    dying = bc.nl.get(again.id)
    tap.equal((dying['state'], dying['res']['numproc'].held), (genl.DYING, 1),
              'its cgroup can be removed, its pool is dying')
    holder.call(reap, zombie)
    tap.ok(bc.wait_gone(), 'when the zombie is reaped the pool is gone')
    holder.end()
    left.close()
    right.close()


def send_socket(fd):
    """Make a TCP socket and give it away."""
    with socket.socket(fileno=os.dup(fd)) as sock, socket.socket() as tcp:
        socket.send_fds(sock, [b'x'], [tcp.fileno()])


def check_delete():
    pool = bc.Pool('ids')
    member = bc.Member(pool)
    zombie = member.call(fork_zombie)
    tap.equal(bc.held(pool, 'numproc'), 2, 'a zombie counts until it is reaped')
    member.call(reap, zombie)
    tap.equal(bc.held(pool, 'numproc'), 1, 'and not longer')
    pool.delete()
    member.call(bc.mmap, 100)
    member.call(fork_often, 3)
    tap.ok(bc.wait_gone(), 'a pool deleted under a process is gone')
    member.end()
    bc.rmdir(pool.path)

    first, second = bc.Pool('first'), bc.Pool('second')
    tap.equal((first.id, second.id), (1, 2), 'ids are the lowest free ones')
    first.remove()
    bc.mkdir(f'{bc.BASE}/third')
    third = bc.nl.new('third', path=f'{bc.BASE}/third', number=77)
    tap.equal(third['id'], 77, 'an id can be wished for')
    tap.equal(bc.nl.get(77)['name'], 'third', 'and asked for')
    tap.equal(bc.Pool('fourth').id, 1, 'one that was given back is used again')
    bc.nl.delete(77)
    bc.nl.new('third', path=f'{bc.BASE}/third', number=77)
    tap.ok(bc.nl.get('third')['incarnation'] > third['incarnation'],
           'no incarnation comes twice')


def check_threaded():
    """Threads of one process in different cgroups."""
    pool = bc.Pool('threaded')
    for name in 'x', 'y':
        bc.mkdir(f'{pool.path}/{name}')
        bc.write(f'{pool.path}/{name}/cgroup.type', 'threaded')
    inner = bc.Pool('x', parent=pool)
    member = bc.Member(pool)
    member.call(start_threads, 3)
    threads = sorted(int(t) for t in os.listdir(f'/proc/{member.pid}/task'))
    tap.equal([bc.held(p, 'numproc') for p in (pool, inner)], [4, 0], 'threads count')
    bc.write(f'{inner.path}/cgroup.threads', str(threads[1]))
    bc.write(f'{pool.path}/y/cgroup.threads', str(threads[2]))
    tap.equal([bc.held(p, 'numproc') for p in (pool, inner)], [4, 1], 'one thread moves alone')
    bc.write(f'{pool.path}/cgroup.threads', str(threads[1]))
    tap.equal([bc.held(p, 'numproc') for p in (pool, inner)], [4, 0], 'and back')
    bc.write(f'{inner.path}/cgroup.threads', str(threads[3]))
    member.end()
    gone(inner)
    bc.rmdir(f'{pool.path}/y')
    gone(pool)


check_nested()
bc.anchor()
check_follow()
check_migration()
check_clone_into()
check_insert()
check_rmdir()
check_delete()
check_threaded()
bc.finish()
