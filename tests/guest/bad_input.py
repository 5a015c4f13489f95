#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.12
# kernels: 6.1 6.12
# timeout: 300
"""Bad input: a clear error each, and nothing has changed.

First through bctl, then by hand-made netlink messages, then as somebody who has
no business here, and in the end some thousands of damaged messages.
"""
import ctypes
import errno
import os
import random
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402
from genl import attr, limit, s32, u32, u64  # noqa: E402

SEED = 20260101
ROUNDS = 1500 if bc.DEBUG_KERNEL else 4000
NOBODY = 65534
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 1 << 17, 1 << 28, 1 << 29, 1 << 30
DUMP = genl.F_REQUEST | genl.F_DUMP

COMMANDS = {
    'POOL_NEW': (genl.POOL_NEW, attr('name', 'x') + attr('cgroup_path', 'test/free'), None),
    'POOL_SET': (genl.POOL_SET, attr('name', 'web') + limit('numproc', 1), None),
    'POOL_GET': (genl.POOL_GET, attr('name', 'web'), None),
    'POOL_GET dump': (genl.POOL_GET, b'', DUMP),
    'POOL_DEL': (genl.POOL_DEL, attr('name', 'lonely'), None),
    'RES_GET': (genl.RES_GET, b'', DUMP),
    'INFO_GET': (genl.INFO_GET, b'', None),
    'REFUSAL_GET': (genl.REFUSAL_GET, attr('name', 'web'), DUMP),
    'THRESHOLD_SET': (genl.THRESHOLD_SET, attr('name', 'web') + genl.threshold('numproc', 80, 75),
                      None),
    'SETTING_GET': (genl.SETTING_GET, b'', DUMP),
    'IO_GET': (genl.IO_GET, attr('name', 'web'), DUMP),
    'READER_GET': (genl.READER_GET, b'', DUMP),
    'READER_DEL': (genl.READER_DEL, attr('reader', 'x'), None),
}


def state():
    """All there is to know, generations as well, but what time alone changes."""
    return ([genl.still(pool) for pool in bc.nl.dump()], bc.nl.info(), bc.nl.resources(),
            bc.nl.settings())


def cgroups():
    return sorted(bc.subtree('test') + bc.subtree('bc'))


# ---- bctl

V1 = '/tmp/cgroup-v1'
LONG = 'n' * 5000

# (what, arguments, exit status, a word of stderr)
BCTL = [
    ('no such command', 'frobnicate', 1, 'frobnicate'),
    ('no such option', 'pool list --colour', 1, '--colour'),
    ('unknown resource', 'pool set web numfrogs=5', 1, 'numfrogs'),
    ('unknown resource at creation', 'pool create new numfrogs=5', 1, 'numfrogs'),
    ('no value', 'pool set web numproc', 1, 'numproc'),
    ('empty value', 'pool set web numproc=', 1, 'numproc='),
    ('not a number', 'pool set web numproc=many', 1, 'numproc=many'),
    ('barrier over limit', 'pool set web numproc=9:8', 1, 'barrier'),
    ('barrier over limit in other words', 'pool set web privvmpages=4000P:4095', 0, ''),
    ('negative', 'pool set web numproc=-1', 1, 'negative'),
    ('overflow', 'pool set web numproc=99999999999999999999', 1, 'too large'),
    ('overflow by suffix', 'pool set web privvmpages=99999999999999T', 1, 'too large'),
    ('overflow of 128 bits', 'pool set web numproc=' + '9' * 60, 1, 'too large'),
    ('suffix for a number of things', 'pool set web numproc=5M', 1, 'numproc=5M'),
    ('a resource twice', 'pool set web numproc=5 numproc=6', 1, 'twice'),
    ('one bad pair of three', 'pool set web numproc=5 privvmpages=9:8 numtcpsock=3', 1, 'barrier'),
    ('unknown pool', 'pool set nobody numproc=5', 2, 'no such pool'),
    ('unknown pool to show', 'pool show nobody', 2, 'no such pool'),
    ('unknown pool to delete', 'pool delete nobody', 2, 'no such pool'),
    ('the host', 'pool delete host', 2, 'host cannot be deleted'),
    ('a pool with children', 'pool delete web', 2, 'child pools'),
    ('a name of 5,000 bytes', f'pool create {LONG}', 1, 'name'),
    ('a name of 64 bytes', f'pool create {"n" * 64}', 1, 'name'),
    ('a name of 5,000 bytes to show', f'pool show {LONG}', 1, 'name'),
    ('a bad character', 'pool create a%b', 2, 'name must be'),
    ('no ASCII', 'pool create caf\u00e9', 2, 'name must be'),
    ('a name that leads elsewhere', 'pool create ..', 1, "'..'"),
    ('a duplicate name', 'pool create web', 2, 'that name exists'),
    ('a taken id', 'pool create new --id 1', 2, 'that id exists'),
    ('no id', 'pool create new --id 4294967296', 1, '--id'),
    ('an unknown parent', 'pool create new --parent nobody', 2, 'nobody'),
    ('the wrong parent', 'pool create new --parent lonely --cgroup test/free', 2, 'below'),
    ('a name that is the host\'s', 'pool create host', 2, 'that name exists'),
    ('no such cgroup', 'pool create new --cgroup test/nowhere', 2, 'test/nowhere'),
    ('a directory of cgroup v1', f'pool create new --cgroup {V1}/sub', 2, 'v1'),
    ('no cgroup', 'pool create new --cgroup /tmp', 2, 'not a cgroup'),
    ('not even a directory', 'pool create new --cgroup /etc/passwd', 2, '/etc/passwd'),
    ('the root cgroup', f'pool create new --cgroup {bc.CGROUP}', 2, 'root cgroup'),
    ('a cgroup that has a pool', 'pool create new --cgroup test/web', 2, 'has a pool already'),
    ('no process', 'attach web 4294967295', 1, '4294967295'),
    ('a process that is none', 'attach web 4194303', 2, '4194303'),
    ('nothing to run', 'exec web --', 1, 'command'),
    ('a program that is not there', 'exec web -- /nowhere', 127, '/nowhere'),
]


def check_bctl():
    os.makedirs(V1, exist_ok=True)
    subprocess.run(['mount', '-t', 'cgroup', '-o', 'none,name=t', 't', V1], check=True)
    os.makedirs(f'{V1}/sub', exist_ok=True)
    bc.nl.set('web', {'privvmpages': (4000, 4095)})
    before = state(), cgroups()
    for what, args, status, word in BCTL:
        done = bc.bctl(*args.split())
        tap.ok(done.returncode == status and word in done.stderr and
               (status == 0 or done.stderr.startswith('bctl: ')) and len(done.stderr) < 1000,
               f'bctl: {what}: {"fine" if not status else word or status}', done)
    tap.ok(subprocess.run(['bctl', 'exec', 'web', '--', 'sh', '-c', 'exit 37'],
                          check=False).returncode == 37, 'bctl exec passes the status on')
    bc.wait_for(lambda: bc.held('web', 'numproc') == 0, 'exec is over')
    for pool in before[0][0]:
        del pool['res']
    after = state(), cgroups()
    for pool in after[0][0]:
        del pool['res']
        pool['generation'] = next(p['generation'] for p in before[0][0] if p['id'] == pool['id'])
    after[0][1]['generation'] = before[0][1]['generation']
    tap.equal(after, before, 'bctl: no pool and no cgroup has come or gone')
    record = bc.figures('web')
    tap.equal([record[res].limit for res in ('numproc', 'privvmpages', 'numtcpsock')],
              [100, 4095, genl.UNLIMITED], 'bctl: no limit has changed')


# ---- netlink by hand

def fd_of(path, flags=os.O_RDONLY):
    return os.open(path, flags)


def bad_messages():
    """(what, command, attributes, errno, offset of the culprit or None, a word)"""
    name, free = attr('name', 'new'), attr('cgroup_path', 'test/free')
    web, proc = attr('name', 'web'), genl.RES['numproc']
    res, bar, top = (u32(genl.LIMIT_RES, proc), u64(genl.LIMIT_BARRIER, 5),
                     u64(genl.LIMIT_LIMIT, 5))
    nest = genl.A['limit'] | genl.NESTED
    inval, new, fix = errno.EINVAL, genl.POOL_NEW, genl.POOL_SET
    big = genl.AMOUNT_MAX + 1
    yield 'NEW without anything', new, b'', inval, None, 'name'
    yield 'NEW without a name', new, free, inval, None, 'name'
    yield 'NEW without a cgroup', new, name, inval, None, 'cgroup'
    yield 'NEW with two cgroups', new, name + free + s32('cgroup_fd', 1), inval, None, 'cgroup'
    yield 'NEW with an empty name', new, attr('name', '') + free, inval, 20, 'name'
    yield 'NEW with 64 bytes of name', new, attr('name', 'n' * 64) + free, inval, 20, 'name'
    yield 'NEW with 5,000 bytes of name', new, attr('name', LONG) + free, inval, 20, 'name'
    yield 'NEW with a name of bad bytes', new, attr('name', b'a\xff\0') + free, inval, 20, 'name'
    yield 'NEW with a name without NUL', new, attr('name', b'abcd') + free, inval, 20, ''
    yield 'NEW with a taken name', new, attr('name', 'web') + free, errno.EEXIST, None, 'name'
    yield 'NEW with a taken id', new, name + free + u32('id', 1), errno.EEXIST, None, 'id'
    yield 'NEW with id 0', new, name + free + u32('id', 0), errno.ERANGE, 44, ''
    yield 'NEW with an unknown parent', new, name + free + attr('parent', 'nobody'), \
        errno.ENOENT, None, 'parent'
    yield 'NEW with the wrong parent', new, name + free + attr('parent', 'web'), \
        inval, None, 'parent'
    yield 'NEW in no cgroup', new, name + attr('cgroup_path', 'test/nowhere'), \
        errno.ENOENT, 28, 'cgroup'
    yield 'NEW outside', new, name + attr('cgroup_path', '../../tmp'), errno.ENOENT, 28, 'cgroup'
    yield 'NEW with an endless path', new, name + attr('cgroup_path', 'a/' * 2500), \
        inval, 28, ''
    yield 'NEW in the root cgroup', new, name + attr('cgroup_path', ''), inval, None, 'root'
    yield 'NEW in a cgroup with a pool', new, name + attr('cgroup_path', 'test/web'), \
        errno.EEXIST, None, 'pool'
    for what, path in (('a cgroup v1', f'{V1}/sub'), ('/tmp', '/tmp'), ('a file', '/etc/passwd'),
                       ('a cgroup v2 file', f'{bc.CGROUP}/test/free/cgroup.procs')):
        yield f'NEW in {what}', new, name + s32('cgroup_fd', fd_of(path)), errno.EBADF, 28, 'cgroup'
    yield 'NEW in nothing', new, name + s32('cgroup_fd', -1), errno.EBADF, 28, 'cgroup'
    yield 'NEW in a closed descriptor', new, name + s32('cgroup_fd', 999), errno.EBADF, 28, 'cgroup'
    yield 'NEW with a bad limit', new, name + free + limit(proc, 6, 5), inval, None, 'barrier'
    yield 'NEW with attributes of an answer', new, name + free + u64('created', 1), inval, None, ''
    yield 'SET of nothing', fix, web, inval, None, 'limit'
    yield 'SET of no pool', fix, limit(proc, 5), inval, None, 'name'
    yield 'SET of two pools', fix, web + u32('id', 2) + limit(proc, 5), inval, None, 'name'
    yield 'SET of an unknown pool', fix, attr('name', 'nobody') + limit(proc, 5), \
        errno.ENOENT, 20, 'no such pool'
    yield 'SET of an unknown id', fix, u32('id', 4711) + limit(proc, 5), \
        errno.ENOENT, 20, 'no such pool'
    yield 'SET of an unknown resource', fix, web + limit(999, 5), inval, 32, 'resource'
    yield 'SET of a resource that is only counted', fix, web + limit('numiptent', 5), \
        errno.EOPNOTSUPP, 28, 'limited'
    yield 'SET barrier over limit', fix, web + limit(proc, 6, 5), inval, 40, 'barrier'
    yield 'SET unlimited barrier', fix, web + limit(proc, None, 5), inval, 40, 'barrier'
    yield 'SET amount too large', fix, web + limit(proc, big), inval, 28, 'large'
    yield 'SET limit too large', fix, web + limit(proc, 5, big), inval, 28, 'large'
    yield 'SET -2', fix, web + limit(proc, genl.UNLIMITED - 1), inval, 28, 'large'
    yield 'SET twice', fix, web + limit(proc, 5) + limit(proc, 5), inval, None, 'twice'
    yield 'SET one bad of two', fix, web + limit(proc, 5) + limit('numtcpsock', 6, 5), \
        inval, None, 'barrier'
    yield 'SET a setting that is not there', fix, web + genl.setting(99, 5), inval, 32, 'setting'
    yield 'SET a setting without a value', fix, web + \
        attr(genl.A['setting'] | genl.NESTED, u32(genl.SETTING_ID, 4)), inval, 28, 'required'
    yield 'SET a setting out of range', fix, web + genl.setting('io.bps', 4095), \
        errno.ERANGE, 40, 'range'
    yield 'SET unlimited where there is no limit', fix, web + genl.setting('io.burst', None), \
        errno.ERANGE, 40, 'range'
    yield 'SET a setting twice', fix, web + genl.setting('io.bps', 1 << 20) + \
        genl.setting('io.bps', 1 << 20), inval, 56, 'twice'
    yield 'SET a good setting and a bad limit', fix, web + genl.setting('io.bps', 1 << 20) + \
        limit(proc, 6, 5), inval, None, 'barrier'
    yield 'SET a good limit and a bad setting', fix, web + limit(proc, 5) + \
        genl.setting('io.bps', 1), errno.ERANGE, None, 'range'
    yield 'SET a setting of the host', fix, u32('id', 0) + genl.setting('io.bps', 1 << 20), \
        errno.EOPNOTSUPP, 28, 'host'
    yield 'NEW with a bad setting', new, name + free + genl.setting('io.bps', 1), \
        errno.ERANGE, None, 'range'
    yield 'SET one unknown of three', fix, web + limit(proc, 5) + limit('numtcpsock', 5) + \
        limit(999, 5), inval, None, 'resource'
    for what, body in (('resource', bar + top), ('barrier', res + top), ('limit', res + bar)):
        yield f'SET without a {what}', fix, web + attr(nest, body), inval, 28, 'required'
    yield 'SET with an empty nest', fix, web + attr(nest, b''), inval, 28, ''
    yield 'SET without the nest flag', fix, web + attr('limit', res + bar + top), inval, 28, ''
    yield 'SET with a short resource', fix, \
        web + attr(nest, attr(genl.LIMIT_RES, b'\5') + bar + top), None, 32, ''
    yield 'SET with a long barrier', fix, \
        web + attr(nest, res + attr(genl.LIMIT_BARRIER, b'\5' * 12) + top), None, 40, ''
    yield 'SET with a short barrier', fix, \
        web + attr(nest, res + attr(genl.LIMIT_BARRIER, b'\5' * 4) + top), None, 40, ''
    yield 'SET with an unknown attribute in the nest', fix, \
        web + attr(nest, res + bar + top + u32(9, 1)), inval, None, ''
    yield 'GET of nothing', genl.POOL_GET, b'', inval, None, 'name'
    yield 'GET of an unknown pool', genl.POOL_GET, attr('name', 'nobody'), \
        errno.ENOENT, 20, 'no such pool'
    yield 'GET with an unknown attribute', genl.POOL_GET, web + u32(200, 1), inval, 28, ''
    yield 'GET with a long id', genl.POOL_GET, attr('id', b'\1' * 8), None, 20, ''
    yield 'DEL of nothing', genl.POOL_DEL, b'', inval, None, 'name'
    yield 'DEL of an unknown pool', genl.POOL_DEL, u32('id', 4711), errno.ENOENT, 20, 'no such pool'
    yield 'DEL of the host', genl.POOL_DEL, u32('id', 0), inval, None, 'host'
    yield 'DEL of a pool with children', genl.POOL_DEL, web, errno.EBUSY, None, 'child'
    yield 'DEL with limits', genl.POOL_DEL, web + limit(proc, 5), inval, 28, ''
    yield 'INFO with an attribute', genl.INFO_GET, web, inval, 20, ''


def check_netlink():
    before = state()
    for what, cmd, body, code, offset, word in bad_messages():
        try:
            bc.nl.request(cmd, body)
            err = None
        except genl.NetlinkError as e:
            err = e
        good = err and (code is None or err.errno == code) and err.text and word in err.text and \
            (offset is None or err.offset == offset)
        tap.ok(good, f'{what}: {err.text if err else "refused"}',
               f'{err}, wanted {errno.errorcode.get(code)} at {offset} with {word!r}')
    for what, cmd, flags in (('an unknown command', 99, genl.F_REQUEST | genl.F_ACK),
                             ('an event as a request', genl.EVENT, genl.F_REQUEST | genl.F_ACK),
                             ('a dump of what cannot be dumped', genl.INFO_GET, DUMP),
                             ('a single answer of what is a dump', genl.RES_GET,
                              genl.F_REQUEST | genl.F_ACK)):
        tap.equal(bc.errno_of(bc.nl.request, cmd, b'', flags), errno.EOPNOTSUPP, f'{what} is refused')
    for what, body in (('an attribute it does not know', u32(200, 1)),
                       ('a short generation', u32('since', 1))):
        err = tap.raises(genl.NetlinkError, lambda b=body: bc.nl.request(genl.POOL_GET, b, DUMP),
                         f'a dump with {what} is refused')
        tap.ok(err and err.text, 'and it is said why', err)
    tap.equal(state(), before, 'netlink: nothing has changed')


def check_depth():
    """64 cgroups deep, as many pools as may be."""
    path, made = 'test/deep', 0
    for level in range(64):
        path += f'/{level}'
        bc.mkdir(path)
        try:
            bc.nl.new(f'deep{level}', path=path)
        except genl.NetlinkError as err:
            if err.errno != errno.ENOSPC or 'deep' not in err.text:
                raise
            continue
        made += 1
    tap.equal(made, genl.DEPTH_MAX, '64 levels: pools may be nested 16 deep')
    before = state()
    for what, where in ('above all', 'test/deep'), ('in between', 'test/deep/0/1/2'):
        bc.mkdir(where)
        if what == 'in between':
            bc.nl.delete('deep15')
            for level in range(14, 1, -1):
                bc.nl.delete(f'deep{level}')
            for level in range(3, 17):
                bc.nl.new(f'deep{level}', path='test/deep/' + '/'.join(map(str, range(level + 1))))
            bc.wait_gone()
            before = state()
        err = tap.raises(genl.NetlinkError, lambda p=where: bc.nl.new('more', path=p),
                         f'one {what} that would make the others too deep is refused')
        tap.ok(err and err.errno == errno.ENOSPC and '16' in err.text, 'with a reason', err)
        tap.equal(state(), before, 'and nothing has changed')
    for level in range(17, -1, -1):
        bc.errno_of(bc.nl.delete, f'deep{level}')
    bc.wait_gone()
    for name in reversed(bc.subtree('test/deep')):
        bc.rmdir(name)


# ---- others

def unshare(flags):
    if bc.libc.syscall(ctypes.c_long(272), ctypes.c_long(flags)):
        raise OSError(ctypes.get_errno(), 'unshare')


def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def in_user_namespace():
    """Root of a container: all capabilities, but not on the host."""
    uid = os.getuid()
    unshare(CLONE_NEWUSER)
    for name, text in ('setgroups', 'deny'), ('uid_map', f'0 {uid} 1'), ('gid_map', '0 0 1'):
        with open(f'/proc/self/{name}', 'w', encoding='ascii') as f:
            f.write(text)


def in_pid_namespace():
    """A privileged container: all capabilities of the host."""
    unshare(CLONE_NEWPID)
    pid = os.fork()
    if pid:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))   # pylint: disable=protected-access


def drop_capability(number):
    """CAP_NET_ADMIN 12, CAP_SYS_RESOURCE 24: one of both is not enough."""
    bc.libc.prctl(24, number, 0, 0, 0)      # PR_CAPBSET_DROP, for what is executed
    header = struct.pack('=II', 0x20080522, 0)
    data = bytearray(24)
    if bc.libc.capget(header, (ctypes.c_char * 24).from_buffer(data)):
        raise OSError(ctypes.get_errno(), 'capget')
    caps = list(struct.unpack('=6I', data))
    for i in range(3):
        caps[i] &= ~(1 << number)
    if bc.libc.capset(header, struct.pack('=6I', *caps)):
        raise OSError(ctypes.get_errno(), 'capset')


def in_child(setup, func):
    """What func() returns, an int, in a child after setup()."""
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        code = 255
        try:
            setup()
            code = func()
        except BaseException as err:      # pylint: disable=broad-except
            tap.note(f'{setup}: {err!r}')
        finally:
            os._exit(code)                # pylint: disable=protected-access
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def commands_not_refused():
    """How many commands do something else than say no, with a reason."""
    wrong = 0
    with genl.Client() as client:
        for name, (cmd, body, flags) in COMMANDS.items():
            try:
                client.request(cmd, body, flags or genl.F_REQUEST | genl.F_ACK)
                tap.note(f'{name}: not refused')
                wrong += 1
            except genl.NetlinkError as err:
                if err.errno != errno.EPERM or 'root of the host' not in err.text:
                    tap.note(f'{name}: {err}')
                    wrong += 1
    return wrong


def bctl_status():
    done = bc.bctl('pool', 'list')
    if 'only the root of the host' not in done.stderr or done.stdout:
        tap.note(done)
        return 100
    return done.returncode


def family_not_found():
    try:
        genl.Client()
    except genl.NetlinkError as err:
        return err.errno
    return 0


def join_groups():
    client = genl.Client()
    return sum(bc.errno_of(client.subscribe, group) != errno.EPERM
               for group in ('refusal', 'pool', 'threshold'))


def socket_passed_on():
    """A socket that root opened does not make nobody root, nor the other way."""
    client = genl.Client()
    as_nobody()
    return 1 if bc.errno_of(client.info) != errno.EPERM else 0


def check_privilege():
    before = state()
    people = {
        'nobody': as_nobody,
        'root without CAP_NET_ADMIN': lambda: drop_capability(12),
        'root without CAP_SYS_RESOURCE': lambda: drop_capability(24),
        'root of a user namespace': in_user_namespace,
        'root of a pid namespace': in_pid_namespace,
    }
    for who, setup in people.items():
        tap.equal(in_child(setup, commands_not_refused), 0,
                  f'{who}: every command is refused with EPERM and a reason')
        tap.equal(in_child(setup, bctl_status), 2, f'{who}: bctl says so')
    for who in 'nobody', 'root of a user namespace':
        tap.equal(in_child(people[who], join_groups), 0, f'{who}: events are not for them')
    tap.equal(in_child(lambda: None, socket_passed_on), 0, 'a socket opened by root is not enough')
    tap.equal(in_child(lambda: unshare(CLONE_NEWNET), family_not_found), errno.ENOENT,
              'in another network namespace there is no such family')
    done = subprocess.run(['unshare', '-n', 'bctl', 'pool', 'list'], capture_output=True,
                          text=True, check=False)
    tap.ok(done.returncode == 2 and 'network namespace' in done.stderr, 'and bctl says so', done)
    done = subprocess.run(['unshare', '-p', '-f', 'bctl', 'pool', 'delete', 'lonely'],
                          capture_output=True, text=True, check=False)
    tap.ok(done.returncode == 2 and 'root of the host' in done.stderr,
           'unshare -p bctl: a privileged container cannot change its limits', done)
    tap.equal(state(), before, 'nothing has changed')


# ---- noise

def random_message(rng, templates):
    """A message with a valid netlink header, and damage behind it."""
    cmd, body, flags = rng.choice(templates)
    data = bytearray(struct.pack('=BBH', cmd, 1, 0) + body)
    kind = rng.randrange(7)
    if kind == 0:
        data = bytearray(rng.randbytes(rng.randrange(200)))
        if data:
            data[0] = rng.randrange(14)
    elif kind == 1:
        data = data[:rng.randrange(len(data) + 1)]
    elif kind == 2:
        data += rng.randbytes(rng.randrange(1, 40))
    elif kind == 3:
        data[4:] += data[4:]
    for _ in range(rng.choice((0, 1, 1, 2, 5)) if kind > 3 else rng.randrange(2)):
        if data:
            at = rng.randrange(len(data))
            data[at] = rng.choice((0, 1, 4, 255, data[at] ^ 1 << rng.randrange(8)))
    return cmd, flags, bytes(data)


def check_noise():
    rng = random.Random(SEED)
    want = genl.F_REQUEST | genl.F_ACK
    name = attr('name', 'new')
    templates = [(cmd, body, flags or want) for cmd, body, flags in COMMANDS.values()]
    templates += [
        (genl.POOL_NEW, name + s32('cgroup_fd', fd_of(V1)) + u32('id', 9) + limit('numproc', 5), want),
        (genl.POOL_SET, u32('id', 1) + limit('numproc', 5) + limit('privvmpages', 9, 10), want),
        (genl.POOL_GET, u64('since', 5), DUMP),
        (genl.POOL_GET, u32('id', 0), want),
        (genl.POOL_GET, u32('id', 1) + attr('reader', 'noise'), want),
        (genl.POOL_GET, attr('reader', 'noise'), DUMP),
        (genl.THRESHOLD_SET, u32('id', 1) + genl.threshold('numproc', 0), want),
    ]
    client = genl.Client(recv=1 << 17)
    client.sock.setblocking(False)
    baseline, sent, accepted, refused, silent, bad = state(), 0, 0, 0, 0, []
    for number in range(ROUNDS):
        cmd, flags, data = random_message(rng, templates)
        client.seq += 1
        size = 16 + len(data)
        if not rng.randrange(20):
            size = max(16, size + rng.choice((-3, -1, 1, 4, 100)))
        client.sock.send(struct.pack('=IHHII', size, client.family, flags, client.seq, 0) + data)
        sent += 1
        success = answered = False
        while True:
            try:
                messages = client.receive()
            except BlockingIOError:
                break
            for msg in messages:
                answered = True
                if msg.kind == genl.NLMSG_ERROR:
                    err = msg.error()
                    success |= not err
                    refused += err is not None
                elif msg.kind == client.family:
                    try:
                        genl.decode(msg.payload)
                    except (ValueError, IndexError, struct.error) as err:
                        bad.append((number, err))
        silent += not answered
        if success and data[:1] and data[0] in (genl.POOL_NEW, genl.POOL_SET, genl.POOL_DEL,
                                                  genl.THRESHOLD_SET):
            accepted += 1
            prepare()
            bc.wait_gone()
            baseline = state()
        elif number % 100 == 99 and state() != baseline:
            bad.append((number, 'the state has changed'))
            baseline = state()
    tap.equal(bad, [], f'{sent} damaged messages: answers are sound, refusals change nothing')
    tap.ok(refused > ROUNDS // 3, f'{refused} were refused, {accepted} were as good as valid, '
           f'{silent} were ignored')
    tap.ok(state() == baseline, 'in the end: nothing has changed')


def prepare():
    """The pools that must not change: host > web > inner, host > lonely."""
    wanted = {'web': ('test/web', 1, {'numproc': 100}), 'inner': ('test/web/inner', 2, {}),
              'lonely': ('test/lonely', 3, {})}
    bc.mkdir('test/free')
    have = {p['name']: p for p in bc.nl.dump()}
    names = list(have)
    for name in names[:0:-1]:
        path, number, _ = wanted.get(name, ('', 0, None))
        if (path, number) != (have[name].get('cgroup_path'), have[name]['id']) and \
                not bc.errno_of(bc.nl.delete, have[name]['id']):
            del have[name]
    for name, (path, number, bounds) in wanted.items():
        bc.mkdir(path)
        if name not in have:
            bc.nl.new(name, path=path, number=number, wanted=bounds)
        bc.nl.set(name, {res: bounds.get(res) for res in bc.figures(name)})
    bc.nl.set('host', dict.fromkeys(bc.figures('host')))


prepare()
bc.mkdir('bc')
check_bctl()
check_netlink()
check_depth()
check_privilege()
check_noise()
subprocess.run(['umount', '-l', V1], check=False)
bc.finish()
