#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 900
"""The files of OpenVZ: format to the byte, figures, who sees what, opened and switched."""
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

OLD, TOP = '/proc/user_beancounters', '/proc/bc'
ALL = f'{TOP}/resources'
SWITCH = '/sys/module/beancounter/parameters/compat'
LONG_MAX = 9223372036854775807
SECONDS = 20 if bc.DEBUG_KERNEL else 8
MANY = 40 if bc.DEBUG_KERNEL else 300
EPERM, ENOENT, EIO, EACCES, EEXIST, EINVAL = 1, 2, 5, 13, 17, 22

# Written down once more, as the old clients have it.
NAMES = '''kmemsize lockedpages privvmpages shmpages dummy numproc physpages vmguarpages
    oomguarpages numtcpsock numflock numpty numsiginfo tcpsndbuf tcprcvbuf othersockbuf
    dgramrcvbuf numothersock dcachesize numfile dummy dummy dummy numiptent'''.split()
HEADER = ('Version: 2.5\n'
          '       uid  resource                     held              maxheld'
          '              barrier                limit              failcnt\n')


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read()


def read_at(fd):
    """All that an open file has, its position left alone."""
    text = b''
    while True:
        piece = os.pread(fd, 1 << 16, len(text))
        text += piece
        if not piece:
            return text


def switch(value):
    with open(SWITCH, 'w', encoding='ascii') as f:
        f.write(value)


def on():
    return read(SWITCH) == 'Y\n'


# ---- a formatter of our own

def number(value):
    return str(min(value, LONG_MAX)).rjust(20)


def row(first, name, record):
    cells = [first.rjust(10) + ' ', name.ljust(12)]
    return ' '.join(cells + [number(v) for v in record]) + '\n'


def five(record):
    return (record.held, record.maxheld, record.barrier, record.limit, record.failcnt)


def old_block(pool):
    """24 rows; what is not counted is 0 without bounds."""
    none = (0, 0, LONG_MAX, LONG_MAX, 0)
    return ''.join(row('' if n else f'{pool["id"]}:', name,
                       five(pool['res'][name]) if name in pool['res'] else none)
                   for n, name in enumerate(NAMES))


def new_block(pool, numbered):
    """Only what is counted, with swappages."""
    counted = [name for name in NAMES + ['swappages'] if name in pool['res']]
    return ''.join(row(f'{pool["id"]}:' if numbered and not n else '', name,
                       five(pool['res'][name])) for n, name in enumerate(counted))


def newest_first(pools):
    return sorted((p for p in pools if p['state'] == genl.LIVE),
                  key=lambda p: -p['incarnation'])


def at_rest(func):
    """What func() returns and all pools, from a time when no figure changed."""
    def once():
        before = bc.nl.dump(detail=True)
        value = func()
        after = bc.nl.dump(detail=True)
        same = [(p['id'], genl.still(p)['res']) for p in before] == \
            [(p['id'], genl.still(p)['res']) for p in after]
        return (value, newest_first(after)) if same else None
    return bc.wait_for(once, 'the figures are at rest')


# ---- parsers as those that are around

def rrd_script(text):
    """Line by line: {id: {name: (held, maxheld, barrier, limit, failcnt)}}"""
    lines = iter(text.splitlines())
    version = re.match(r'^Version: (\S+)$', next(lines))
    if not version or version.group(1) != '2.5':
        raise ValueError('unknown version')
    if next(lines).split() != 'uid resource held maxheld barrier limit failcnt'.split():
        raise ValueError('unknown columns')
    found = {}
    for line in lines:
        m = re.match(r'^\s*(?:(\d+):)?\s+(\w+)' + r'\s+(\d+)' * 5 + '$', line)
        if not m:
            raise ValueError(f'unknown line {line!r}')
        if m.group(1):
            current = found.setdefault(int(m.group(1)), {})
        current[m.group(2)] = tuple(int(v) for v in m.groups()[2:])
    return found


def by_position(text):
    """As vzlist: blocks of 24 lines, and resources by their place."""
    rows = text.splitlines()[2:]
    if len(rows) % 24:
        raise ValueError(f'{len(rows)} rows')
    found = {}
    for at in range(0, len(rows), 24):
        block = [r.split() for r in rows[at:at + 24]]
        if [b[-6] for b in block] != NAMES:
            raise ValueError(f'rows are {[b[-6] for b in block]}')
        found[int(block[0][0].rstrip(':'))] = [tuple(int(v) for v in b[-5:]) for b in block]
    return found


def fscanf(text):
    """As of /proc/bc/ID/resources: %s and five %lu until that fails."""
    words = text.split()
    return {words[n]: tuple(int(v) for v in words[n + 1:n + 6])
            for n in range(0, len(words), 6)}


# ---- readers in other circumstances

def run_in(pool, *args):
    """Run a command in a pool, or in none: (status, stdout, stderr)"""
    member = bc.Member(pool)
    try:
        return member.call(run, args)
    finally:
        member.end()


def run(args):
    done = subprocess.run(args, capture_output=True, text=True, check=False, timeout=bc.WAIT)
    return done.returncode, done.stdout, done.stderr


def denied(got):
    return got[0] and not got[1] and 'Permission denied' in got[2]


def ids(text):
    return list(by_position(text))


USERNS = ('unshare', '-p', '-U', '-C', '-r', '--fork')
PIDNS = ('unshare', '-p', '-C', '--fork')
NOBODY = ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups')


def no_capability(name):
    return ('setpriv', f'--bounding-set=-{name}', f'--inh-caps=-{name}')


# ---- the tests

def test_off():
    tap.equal(read(SWITCH), 'N\n', 'off by default')
    tap.ok(not os.path.exists(OLD) and not os.path.exists(TOP), 'there are no files')
    tap.equal(bc.bctl('compat', 'status').stdout, 'off\n', 'bctl compat status: off')
    for word in 'maybe', '2', '\n':
        tap.equal(bc.errno_of(switch, word), EINVAL, f'the parameter refuses {word!r}')
    tap.equal((run(PIDNS + ('sh', '-c', f'echo 1 > {SWITCH}'))[0] != 0, on()), (True, False),
              'the root of a container cannot switch')
    hidden = f'mount -t tmpfs none /proc && touch {OLD} && bctl compat on'
    done = run(('unshare', '-m', 'sh', '-c', hidden))
    tap.ok(done[0] == 2 and "another's; is this a kernel of OpenVZ?" in done[2] and not on(),
           'a file of that name that is there already is told', done)


def test_on():
    done = bc.bctl('compat', 'on')
    tap.ok(done.returncode == 0 and not done.stdout + done.stderr and on(), 'bctl compat on', done)
    tap.equal(bc.bctl('compat', 'on').returncode, 0, 'once more does no harm')
    tap.equal(bc.bctl('compat', 'status').stdout, 'on\n', 'bctl compat status: on')
    modes = {path: oct(os.stat(path).st_mode & 0o7777)
             for path in (OLD, TOP, ALL, f'{TOP}/0', f'{TOP}/0/resources')}
    tap.equal(modes, {OLD: '0o444', TOP: '0o500', ALL: '0o400', f'{TOP}/0': '0o500',
                      f'{TOP}/0/resources': '0o400'}, 'the modes')
    tap.equal(sorted(os.listdir(TOP)), ['0', '9999', 'resources'], 'the host and the one pool')


def test_format(pools):
    text, all_pools = at_rest(lambda: read(OLD))
    wanted = HEADER + ''.join(old_block(p) for p in all_pools)
    tap.ok(text == wanted, 'user_beancounters to the byte', f'{text}\n{wanted}')
    tap.equal(ids(text), [p.id for p in reversed(pools)] + [9999, 0], 'newest first, host last')
    limited = [line for line in text.splitlines() if 'numproc ' in line][0]
    tap.ok(re.fullmatch(r' {12}numproc {25}\d {20}\d {19}77 {19}88 {20}0', limited),
           'a row as it is written by hand', repr(limited))
    tap.ok('            dummy                           0                    0'
           '  9223372036854775807  9223372036854775807                    0\n' in text,
           'a dummy row as it is written by hand')
    tap.equal({len(line) for line in text.splitlines()[1:]}, {129}, 'the width of each line')

    text, all_pools = at_rest(lambda: read(ALL))
    wanted = HEADER + ''.join(new_block(p, True) for p in all_pools)
    tap.ok(text == wanted, 'bc/resources to the byte', f'{text}\n{wanted}')
    tap.ok('dummy' not in text, 'without dummy rows')
    for pool in all_pools:
        path = f'{TOP}/{pool["id"]}/resources'
        text, now = at_rest(lambda path=path: read(path))
        wanted = new_block(next(p for p in now if p['id'] == pool['id']), False)
        tap.ok(text == wanted, f'bc/{pool["id"]}/resources to the byte', f'{text}\n{wanted}')
        tap.equal(set(fscanf(text)), set(pool['res']), 'as many rows as are counted')


def test_figures(pools):
    """By way of the parsers of others."""
    text, all_pools = at_rest(lambda: read(OLD))
    lines, places = rrd_script(text), by_position(text)
    for pool in all_pools:
        for name, record in pool['res'].items():
            if name == 'swappages':
                continue
            want = tuple(min(v, LONG_MAX) for v in five(record))
            if (lines[pool['id']][name], places[pool['id']][NAMES.index(name)]) != (want, want):
                tap.ok(False, f'{pool["name"]}: {name} as netlink has it')
    outer, inner = pools
    tap.equal(lines[inner.id]['numproc'][2:4], (77, 88), 'barrier and limit')
    tap.equal(lines[inner.id]['numothersock'][2:4], (LONG_MAX, LONG_MAX), 'unlimited')
    member = bc.Member(inner)
    before = places[inner.id][NAMES.index('numproc')]
    member.call(bc.fork_idle)
    after = by_position(read(OLD))
    tap.equal([after[p.id][NAMES.index('numproc')][0] for p in (inner, outer)],
              [before[0] + 2, places[outer.id][NAMES.index('numproc')][0] + 2],
              'two processes more, here and above')
    inner.set(numproc=(1, 88))
    tap.equal(member.call(bc.fork_until_refused, 3), (0, 11), 'a fork is refused')
    tap.equal(rrd_script(read(OLD))[inner.id]['numproc'][2:], (1, 88, 1), 'and counted')
    inner.set(numproc=(77, 88))
    member.call(bc.end_children)
    member.end()


def test_pieces(pools):
    """What was opened is one instant, in whatever pieces it is read."""
    _, inner = pools
    fd = os.open(OLD, os.O_RDONLY)
    one = os.open(f'{TOP}/{inner.id}/resources', os.O_RDONLY)
    whole = read_at(fd)
    member = bc.Member(inner)
    member.call(bc.fork_idle)
    pieces = b''
    while True:
        piece = os.read(fd, 13)
        pieces += piece
        if not piece:
            break
    tap.ok(pieces == whole and len(whole) > 3 * 24 * 100, 'read in small pieces it is the same')
    offsets = range(0, len(whole), 997)
    tap.ok(all(os.pread(fd, 100, n) == whole[n:n + 100] for n in reversed(offsets)),
           'read backwards it is the same')
    tap.ok(read(OLD).encode() != whole, 'opened anew it is not')
    member.call(bc.end_children)
    member.end()
    os.close(fd)
    return one


def test_life(pools, one):
    """Directories come and go with the pools."""
    kept = read_at(one)
    pool = bc.Pool('short')
    path = f'{TOP}/{pool.id}/resources'
    tap.ok(os.path.exists(path), 'a new pool has its directory when the request returns')
    fd = os.open(path, os.O_RDONLY)
    before = read_at(fd)
    pool.delete()
    tap.ok(not os.path.exists(path), 'a deleted one has none')
    tap.equal(bc.errno_of(os.pread, fd, 10, 0), EIO, 'and what was open is void')
    again = bc.Pool('later', path=pool.path, numproc=(3, 4))
    bc.nl.delete('later')
    bc.nl.new('later', path=pool.path, number=pool.id, wanted={'numproc': (5, 6)})
    tap.equal((again.id, fscanf(read(path))['numproc'][2:4]), (pool.id, (5, 6)),
              'the number can be given again; its file is that of the new pool')
    tap.ok(before and bc.errno_of(os.pread, fd, 10, 0) == EIO, 'the old file stays void')
    os.close(fd)
    bc.rmdir(pool.path)
    tap.ok(tap.poll_until(bc.WAIT, lambda: not os.path.exists(path)),
           'rmdir of the cgroup takes the directory away')
    for _ in range(20):
        path = bc.mkdir(pool.path)
        bc.nl.new('quick', path=path, number=pool.id)
        name = read(f'{TOP}/{pool.id}/resources')
        bc.rmdir(path)
        bc.wait_for(lambda: all(p['name'] != 'quick' or p['state'] == genl.DYING
                                for p in bc.nl.dump()), 'the pool is gone')
    tap.ok(name, 'a pool made at once under the number of one that goes has a file')
    tap.ok(kept and read_at(one) == kept, "another pool's open file is left alone")
    os.close(one)
    # A file of all pools outlives any of them.
    pool = bc.Pool('short')
    with open(OLD, encoding='ascii') as f:
        first = f.read(20)
        pool.remove()
        text = first + f.read()
    tap.ok(pool.id in ids(text) and pool.id not in ids(read(OLD)),
           'an open file still has the pool that was deleted')


def test_host(pools):
    _, inner = pools
    tap.equal(ids(run_in(inner, 'cat', OLD)[1]), ids(read(OLD)),
              'root of the host sees all, wherever it is itself')
    for who, prefix in (('nobody', NOBODY), ('root without DAC_OVERRIDE',
                                             no_capability('dac_override')),
                        ('root without DAC_READ_SEARCH', no_capability('dac_read_search'))):
        for path in OLD, ALL, f'{TOP}/{inner.id}/resources':
            for pool in None, inner:
                got = run_in(pool, *prefix, 'cat', path)
                tap.ok(denied(got), f'{who} in {pool and pool.name}: no {path}', got)
    got = run(NOBODY + ('ls', TOP))
    tap.ok(denied(got), 'nobody cannot list the pools', got)
    tap.equal(run(NOBODY + ('sh', '-c', f'echo 0 > {SWITCH}'))[0] != 0 and on(), True,
              'nor switch')


def test_containers(pools):
    outer, inner = pools
    for what, container in ('user namespace', USERNS), ('pid namespace', PIDNS):
        for pool in outer, inner:
            got = run_in(pool, *container, 'cat', OLD)
            tap.equal((got[0], ids(got[1]) if got[1] else got[2]), (0, [pool.id]),
                      f'{what}: {pool.name} sees itself only')
            mine = rrd_script(got[1])[pool.id]
            tap.ok(mine['numproc'][0] >= 2 and mine['numproc'][2:] == (
                (77, 88, 1) if pool is inner else (LONG_MAX, LONG_MAX, 0)),
                   'with its own figures', mine['numproc'])
        got = run_in(None, *container, 'cat', OLD)
        tap.ok(denied(got), f'{what}: nothing without a pool', got)
        for path in ALL, f'{TOP}/{inner.id}/resources', f'{TOP}/0/resources':
            got = run_in(inner, *container, 'cat', path)
            tap.ok(denied(got), f'{what}: no {path}', got)
        got = run_in(inner, *container, *no_capability('dac_override'), 'cat', OLD)
        tap.ok(denied(got), f'{what}: no root without its capability', got)
    got = run_in(inner, *PIDNS, *NOBODY, 'cat', OLD)
    tap.ok(denied(got), 'pid namespace: nobody', got)
    got = run_in(inner, 'unshare', '-p', '-U', '-C', '--fork', 'cat', OLD)
    tap.ok(denied(got), 'user namespace: not its user 0', got)
    got = run_in(inner, 'unshare', '-U', '-r', 'cat', OLD)
    tap.equal(ids(got[1]), [inner.id], 'a user namespace alone is a container')
    got = run_in(inner, 'setpriv', '--reuid=65534', '--clear-groups', 'unshare', '-U', '-r',
                 'cat', OLD)
    tap.equal(ids(got[1]), [inner.id], 'whoever made it sees no more')
    got = run_in(inner, *PIDNS, 'sh', '-c', f'echo 0 > {SWITCH}')
    tap.ok(got[0] and on(), 'the root of a container cannot switch them off', got)


CONF = '''lxc.uts.name = compat
lxc.rootfs.path = dir:/
lxc.cgroup.dir.container = test/ct/payload
lxc.cgroup.dir.monitor = test/monitor
lxc.mount.auto = proc:mixed
lxc.apparmor.profile = unconfined
'''


def test_lxc():
    pool = bc.Pool('ct')
    with open('/tmp/compat.conf', 'w', encoding='ascii') as f:
        f.write(CONF)
    got = run(('lxc-execute', '-n', 'compat', '-f', '/tmp/compat.conf', '--', 'cat', OLD))
    tap.ok(not got[0] and ids(got[1]) == [pool.id], 'an LXC container sees its own pool', got)
    pool.remove()


def test_many():
    for n in range(MANY):
        bc.nl.new(f'm{n}', path=bc.mkdir(f'{bc.BASE}/many/{n}'), number=3000000000 + n)
    text, all_pools = at_rest(lambda: read(OLD))
    tap.ok(text == HEADER + ''.join(old_block(p) for p in all_pools) and
           len(all_pools) == MANY + 4, f'{MANY} pools to the byte')
    tap.equal({int(name) for name in os.listdir(TOP) if name.isdigit()},
              {p['id'] for p in all_pools}, 'a directory for each')
    then = time.monotonic()
    read(OLD)
    tap.note(f'{MANY} pools are read in {(time.monotonic() - then) * 1000:.1f} ms')
    switch('0')
    switch('1')
    tap.equal(len([n for n in os.listdir(TOP) if n.isdigit()]), MANY + 4,
              'off and on: they have directories again')
    for n in range(MANY):
        bc.nl.delete(f'm{n}')
        bc.rmdir(f'{bc.BASE}/many/{n}')
    bc.rmdir(f'{bc.BASE}/many')
    tap.ok(tap.poll_until(bc.WAIT, lambda: len(os.listdir(TOP)) == 5), 'and they go', os.listdir(TOP))


# ---- all at once

def reader(end):
    """Reads all there is. A text is whole, or there is none."""
    count = 0
    while time.monotonic() < end:
        try:
            names = os.listdir(TOP)
        except FileNotFoundError:
            names = []
        for path in [OLD, ALL] + [f'{TOP}/{n}/resources' for n in names if n.isdigit()]:
            try:
                text = read(path)
            except OSError as err:
                if err.errno not in (ENOENT, EIO):
                    raise
                continue
            if path == OLD:
                by_position(text)
            elif path == ALL:
                rrd_script(text)
            elif not fscanf(text):
                raise RuntimeError(f'{path} is empty')
            count += 1
    return count


def own_reader(end, wanted):
    """As the root of a container, in its pool: never another pool."""
    if bc.libc.unshare(0x10000000):         # CLONE_NEWUSER
        raise OSError('unshare')
    bc.write('/proc/self/uid_map', '0 0 1')
    count = 0
    while time.monotonic() < end:
        try:
            text = read(OLD)
        except OSError as err:
            if err.errno not in (ENOENT, EIO):
                raise
            continue
        if ids(text) != [wanted]:
            raise RuntimeError(f'saw {text}')
        count += 1
    return count


def keeper(end):
    """Holds files open over everything that happens."""
    count, fds = 0, []
    while time.monotonic() < end:
        try:
            fds.append(os.open(OLD if count % 2 else ALL, os.O_RDONLY))
            os.read(fds[-1], 50)
        except OSError as err:
            if err.errno not in (ENOENT, EIO):
                raise
        if len(fds) > 50:
            for fd in fds:
                os.close(fd)
            fds = []
        count += 1
        time.sleep(0.002)
    return count


def maker(end, which):
    """Pools come and go, some with their cgroup, some with the number of another."""
    count = 0
    with genl.Client() as client:
        while time.monotonic() < end:
            path = bc.mkdir(f'{bc.BASE}/make{which}')
            client.new(f'make{which}', path=path, number=5000 + which)
            if count % 3:
                client.delete(f'make{which}')
                bc.rmdir(path)
            else:
                bc.rmdir(path)
                if not tap.poll_until(bc.WAIT, lambda: all(
                        p['id'] != 5000 + which or p['state'] == genl.DYING
                        for p in client.dump())):
                    raise RuntimeError('a pool outlives its cgroup')
            count += 1
    return count


def switcher(end):
    count = 0
    while time.monotonic() < end:
        switch('0')
        time.sleep(0.02)
        switch('1')
        time.sleep(0.1)
        count += 1
    return count


def test_storm(pools):
    jobs = [(bc.Member(), func, args) for func, *args in (
        (reader,), (reader,), (keeper,), (maker, 0), (maker, 1), (switcher,))]
    jobs.append((bc.Member(pools[1]), own_reader, [pools[1].id]))
    end = time.monotonic() + SECONDS
    for m, func, args in jobs:
        m.start(func, end, *args)
    for m, func, _ in jobs:
        try:
            got = m.result()
            tap.ok(got > 0, f'{func.__name__} was at work, without an error', got)
            tap.note(f'{func.__name__}: {got}')
        except (OSError, ValueError, RuntimeError, bc.Died) as err:
            tap.ok(False, f'{func.__name__} was at work, without an error', repr(err))
        m.end()
    switch('1')
    text, all_pools = at_rest(lambda: read(OLD))
    tap.equal(ids(text), [p['id'] for p in all_pools], 'afterwards all is as it should be')
    tap.equal({int(n) for n in os.listdir(TOP) if n.isdigit()}, {p['id'] for p in all_pools},
              'and the directories are')


def test_fairness(pools):
    """A container that reads in a loop does not keep the host from its work."""
    _, inner = pools

    def median():
        took = []
        for _ in range(40):
            then = time.monotonic()
            bc.nl.get('outer')
            took.append(time.monotonic() - then)
        return sorted(took)[20]
    alone = median()
    member = bc.Member(inner)
    member.call(start_loops)
    beside = median()
    member.call(stop_loops)
    member.end()
    tap.note(f'a request takes {alone * 1e3:.2f} ms, beside readers {beside * 1e3:.2f} ms')
    tap.ok(beside < alone * 20 + 0.1, 'requests are answered beside readers in a loop')


_loops = []


def start_loops():
    for _ in range(4):
        _loops.append(subprocess.Popen(  # pylint: disable=consider-using-with
            USERNS + ('--kill-child', 'sh', '-c', f'while :; do read x < {OLD}; done'),
            stderr=subprocess.DEVNULL, start_new_session=True))


def stop_loops():
    for proc in _loops:
        # The group: unshare may not have got as far as tying its child to itself.
        os.killpg(proc.pid, signal.SIGKILL)
        proc.wait()


def test_no_memory():
    """Every allocation on the way fails once."""
    path = '/proc/self/fail-nth'
    slab = '/sys/kernel/debug/failslab'
    if not os.path.exists(path) or not os.path.isdir(slab):
        tap.skip('allocations that fail', 'this kernel cannot make them fail')
        return
    for name in 'ignore-gfp-wait', 'cache-filter', 'task-filter':
        with open(f'{slab}/{name}', 'w', encoding='ascii') as f:
            f.write('N')
    wrong, failures = [], {'switch': 0, 'open': 0}
    for what, func in ('switch', lambda: os.write(fd, b'1')), ('open', lambda: os.close(os.open(OLD, 0))):
        for nth in range(1, 200):
            switch('0' if what == 'switch' else '1')
            fd = os.open(SWITCH, os.O_WRONLY)
            error, used = failing(path, nth, func)
            os.close(fd)
            if error not in (0, 12) or (what == 'switch' and on() != os.path.exists(OLD)):
                wrong.append((what, nth, error))
            failures[what] += error == 12
            if not used:
                break
    tap.equal(wrong, [], 'without memory: ENOMEM and nothing half done')
    tap.ok(all(failures.values()), 'there were failures', failures)
    tap.note(failures)
    switch('0')
    switch('1')


def failing(path, nth, func):
    """Call with the nth allocation failing: (errno, was it reached?)"""
    control = os.open(path, os.O_RDWR)
    os.write(control, str(nth).encode())
    error = bc.errno_of(func)
    left = os.pread(control, 20, 0)
    os.pwrite(control, b'0', 0)
    os.close(control)
    return error, int(left) == 0


def test_switch_off(pools):
    fds = [os.open(path, os.O_RDONLY)
           for path in (OLD, ALL, f'{TOP}/{pools[0].id}/resources')]
    tap.ok(os.read(fds[0], 30), 'files are open, one is read in part')
    where = os.open(f'{TOP}/{pools[0].id}', os.O_RDONLY | os.O_DIRECTORY)
    tap.equal(bc.bctl('compat', 'off').returncode, 0, 'bctl compat off')
    tap.ok(not os.path.exists(OLD) and not os.path.exists(TOP) and not on(), 'no file is left')
    tap.equal([bc.errno_of(os.read, fd, 10) for fd in fds], [EIO] * 3, 'what was open is void')
    tap.equal((os.listdir(where), bc.errno_of(os.open, 'resources', 0, 0o777)), ([], ENOENT),
              'an open directory is empty')
    tap.equal(bc.bctl('compat', 'off').returncode, 0, 'once more does no harm')
    for fd in fds + [where]:
        os.close(fd)
    pool = bc.Pool('dark')
    tap.ok(not os.path.exists(TOP), 'pools do not bring them back')
    pool.remove()


def main():
    bc.anchor()
    test_off()
    test_on()
    outer = bc.Pool('outer')
    inner = bc.Pool('inner', parent=outer, numproc=(77, 88), tcpsndbuf=1 << 20)
    pools = [outer, inner]
    still = bc.Member(inner)
    test_format(pools)
    test_figures(pools)
    test_life(pools, test_pieces(pools))
    test_host(pools)
    test_containers(pools)
    test_lxc()
    test_many()
    test_fairness(pools)
    test_storm(pools)
    test_no_memory()
    test_switch_off(pools)
    still.end()
    inner.remove()
    outer.remove()
    bc.finish()


main()
