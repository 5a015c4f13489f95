#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 600
"""What operators use: filters, commands and snapshots of events, stat --delta, check.

The module is unloaded and loaded again at the end.
"""
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import bc  # noqa: E402  pylint: disable=wrong-import-position
import genl  # noqa: E402  pylint: disable=wrong-import-position
import tap  # noqa: E402  pylint: disable=wrong-import-position

HOSTILE = '$(>pwn)\'";`p`\n'
STATE = '/var/lib/bctl/delta'
MODULE = '/root/beancounter.ko'


class Watch:
    """bctl events in the background."""

    def __init__(self, *args, cwd=None, env=None):
        self.proc = subprocess.Popen(   # pylint: disable=consider-using-with
            ['bctl', 'events', '-j', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=cwd, env={**os.environ, **(env or {})})
        self.seen, self.data, self.err = [], b'', ''
        first = self.proc.stderr.readline()
        if first != b'listening\n':
            raise RuntimeError(f'bctl events {args}: {first!r}')

    def read(self, seconds):
        if not select.select([self.proc.stdout], [], [], seconds)[0]:
            return False
        more = os.read(self.proc.stdout.fileno(), 1 << 16)
        *whole, self.data = (self.data + more).split(b'\n')
        self.seen += [json.loads(line) for line in whole]
        return bool(more)

    def wait(self, count):
        """Poll until so many events have come; all that have."""
        tap.poll_until(bc.WAIT, lambda: len(self.seen) >= count or self.read(0.2) and False)
        return self.seen

    def end(self):
        """SIGTERM; all events, and what stderr said is in err."""
        self.proc.send_signal(signal.SIGTERM)
        while self.read(bc.WAIT):
            pass
        self.err = self.proc.communicate(timeout=bc.WAIT)[1].decode(errors='replace')
        return self.seen


def what(events):
    return [(e['event'], e['pool'], e.get('resource')) for e in events]


def check_filters():
    above = bc.Pool('above')
    leaf = bc.Pool('leaf', parent=above)
    other = bc.Pool('other')
    members = {pool: bc.Member(pool) for pool in (leaf, other)}
    wanted = {
        ('--pool', 'leaf'): [('pool-set', 'leaf', None), ('refusal', 'leaf', 'numproc'),
                             ('refusal', 'above', 'privvmpages')],
        ('--pool', 'above'): [('pool-set', 'above', None), ('refusal', 'above', 'privvmpages')],
        ('--pool', 'above', '--tree'): [
            ('pool-set', 'leaf', None), ('refusal', 'leaf', 'numproc'),
            ('pool-set', 'above', None), ('refusal', 'above', 'privvmpages'),
            ('pool-new', 'late', None), ('pool-set', 'late', None),
            ('refusal', 'late', 'numproc')],
        ('--pool', 'later', '--absent-ok'): [('pool-new', 'later', None)],
        ('--res', 'numproc'): [('refusal', 'leaf', 'numproc'), ('refusal', 'other', 'numproc'),
                               ('refusal', 'late', 'numproc')],
        ('--res', 'privvmpages', '--res', 'numproc', '--pool', 'leaf'): [
            ('refusal', 'leaf', 'numproc'), ('refusal', 'above', 'privvmpages')],
        ('--res', 'privvmpages', '--min', f'{20000 * bc.PAGE >> 10}K'): [
            ('refusal', 'above', 'privvmpages')],
        ('--res', 'privvmpages', '--min', '20001'): [],
        ('--type', 'pool-new'): [('pool-new', 'late', None), ('pool-new', 'later', None)],
        ('--type', 'refusal', '--pool', 'other'): [('refusal', 'other', 'numproc')],
    }
    watches = {args: Watch(*args) for args in wanted}
    leaf.set(numproc=1)
    members[leaf].call(bc.refused_forks, 1)
    above.set(privvmpages=bc.held(above, 'privvmpages') + 10)
    members[leaf].call(bc.refused_maps, 20000, 1)
    above_late = bc.Pool('late', parent=above)
    members[above_late] = bc.Member()
    bc.nl.set('above', {'privvmpages': None})
    other.set(numproc=1)
    members[other].call(bc.refused_forks, 1)
    bc.attach(above_late.path, members[above_late].pid)
    above_late.set(numproc=1)
    members[above_late].call(bc.refused_forks, 1)
    later = bc.Pool('later')
    # that privvmpages is unlimited again is an event, too
    wanted['--pool', 'above'].append(('pool-set', 'above', None))
    wanted['--pool', 'above', '--tree'].insert(5, ('pool-set', 'above', None))
    for args, want in wanted.items():
        watches[args].wait(len(want))
        tap.equal(what(watches[args].end()), want, f'bctl events {" ".join(args)}')
        tap.equal((watches[args].proc.returncode, watches[args].err), (0, ''), 'ends at SIGTERM')
    bad = [((1, '--res frob: unknown resource'), ('--res', 'frob')),
           ((1, '--type frob: no such type'), ('--type', 'frob')),
           ((1, '--pool a/b: not the name'), ('--pool', 'a/b')),
           ((1, '--min x: not an amount'), ('--res', 'numproc', '--min', 'x')),
           ((2, 'nobody: no such pool'), ('--pool', 'nobody'))]
    for (status, words), args in bad:
        done = bc.bctl('events', *args)
        tap.ok(done.returncode == status and words in done.stderr and not done.stdout,
               f'refused: {" ".join(args)}', done)
    for member in members.values():
        member.end()
    for pool in (later, above_late, leaf, above, other):
        pool.remove()
    bc.wait_gone()


def check_exec(where):
    """The event is in the environment, whatever the culprit calls itself."""
    pool = bc.Pool('cmd')
    member = bc.Member(pool)
    member.call(bc.set_name, HOSTILE)
    pool.set(numproc=1)
    script = f'env -0 >{where}/env.$$; printf %s "$BC_COMM" >{where}/comm.$$; echo $BC_COMM'
    watch = Watch('--type', 'refusal', '--exec', '--', 'sh', '-c', script, cwd=where,
                  env={'BC_SNAPSHOT': 'inherited', 'OTHER': 'kept'})
    member.call(bc.refused_forks, 1)
    event, = watch.wait(1)
    found = tap.poll_until(bc.WAIT, lambda: [n for n in os.listdir(where) if n.startswith('comm.')])
    watch.end()
    with open(f'{where}/{found[0]}', encoding='utf-8') as f:
        tap.equal(f.read(), HOSTILE, 'a hostile name is the value of a variable')
    tap.equal(sorted(n.split('.')[0] for n in os.listdir(where)), ['comm', 'env'],
              'and nothing else came of it')
    with open(f'{where}/{found[0].replace("comm", "env")}', encoding='utf-8') as f:
        env = dict(v.split('=', 1) for v in f.read().split('\0') if v)
    figures = {'BC_EVENT': 'refusal', 'BC_POOL': 'cmd', 'BC_POOL_ID': str(pool.id),
               'BC_INCARNATION': str(pool.incarnation), 'BC_RES': 'numproc', 'BC_UNIT': 'items',
               'BC_AMOUNT': '1', 'BC_HELD': '1', 'BC_BARRIER': '1', 'BC_LIMIT': '1',
               'BC_ORIGIN': 'cmd', 'BC_PID': str(member.pid), 'BC_COMM': HOSTILE,
               'BC_SUPPRESSED': '0', 'BC_SKIPPED': '0', 'BC_TIME': str(event['time_ns'])}
    tap.equal({k: env.get(k) for k in figures}, figures, 'the event is in the environment')
    tap.ok('BC_SNAPSHOT' not in env and env['OTHER'] == 'kept', 'and of the rest what bctl had')
    check_exec_bounds(where, pool, member)
    member.end()
    pool.remove()


def check_exec_bounds(where, pool, member):
    """Rate, hanging commands, zombies."""
    watch = Watch('--type', 'refusal', '--rate', '3', '--exec', '--', 'sh', '-c',
                  f'echo $BC_SKIPPED >>{where}/ran')
    pool.set(numproc=None)
    pool.set(privvmpages=bc.held(pool, 'privvmpages') + 10)
    member.call(bc.refused_maps, 5000, 12)
    watch.wait(12)

    def commands():
        """What those that ran have written, once there are three."""
        with open(f'{where}/ran', encoding='ascii') as f:
            ran = f.read().split()
        return ran if len(ran) >= 3 else None
    tap.poll_until(bc.WAIT, lambda: os.path.exists(f'{where}/ran') and commands())
    seen = watch.end()
    ran = commands() or []
    told = sum(1 + e['suppressed'] for e in seen)
    tap.ok(told <= 12 and len(ran) == 3, 'no more commands than the rate', f'{told} {ran}')
    tap.ok(f'sh: not run for {len(seen) - 3} events' in watch.err, 'the others are counted',
           f'{len(seen)} {watch.err}')

    # long enough for a slow machine to start a shell that ignores SIGTERM
    watch = Watch('--type', 'refusal', '--exec-timeout', '5', '--exec', '--', 'sh', '-c',
                  f"trap '' TERM; echo $$ >>{where}/hang; while :; do sleep 1000; done")
    for number in range(2):
        then = time.monotonic()
        member.call(bc.refused_maps, 5000, 1)
        watch.wait(number + 1)
        if not number:
            tap.ok(watch.seen and time.monotonic() - then < bc.WAIT, 'events go on')

    def pids():
        """The commands that got as far as to hang."""
        try:
            with open(f'{where}/hang', encoding='ascii') as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def alive():
        return [pid for pid in pids() if os.path.exists(f'/proc/{pid}')]
    tap.ok(tap.poll_until(bc.WAIT, lambda: len(pids()) == 2 and not alive()),
           'a hanging command is killed and reaped, and the next one runs', f'{pids()} {alive()}')
    tap.equal(len(watch.end()), 2, 'while bctl went on reading')
    tap.ok('failed 2 times of 2, 2 of them out of time' in watch.err, 'which it tells', watch.err)
    pool.set(privvmpages=None)


def check_snapshot(where):
    above = bc.Pool('above')
    leaf = bc.Pool('leaf', parent=above)
    members = [bc.Member(leaf), bc.Member(above), bc.Member(leaf)]
    members[0].call(bc.set_name, HOSTILE)
    into = f'{where}/snaps'
    watch = Watch('--snapshot', into, '--keep', '2', '--type', 'refusal')
    above.set(numproc=3)
    members[0].call(bc.refused_forks, 1)
    event, = watch.wait(1)
    with open(event['snapshot'], encoding='utf-8') as f:
        doc = json.load(f)
    kept = {k: v for k, v in event.items() if k != 'snapshot'}
    tap.equal((doc['schema'], doc['event'], doc['cgroup']), ('bctl.snapshot/1', kept, above.path),
              'a refusal is kept with the pool that refused')
    procs = {p['pid']: p for p in doc['processes']}
    tap.equal(sorted(procs), sorted(m.pid for m in members), 'its processes, and those below')
    tap.equal([doc[k] for k in ('listed', 'vanished', 'left_out', 'skipped')], [3, 0, 0, 0],
              'and their number')
    one = doc['processes'][0]
    tap.equal([one[k] for k in ('pid', 'comm', 'ppid', 'uid', 'threads', 'cgroup')],
              [members[0].pid, HOSTILE, os.getpid(), 0, 1, leaf.path], 'the culprit comes first')
    tap.equal(one['fds'], len(os.listdir(f'/proc/{one["pid"]}/fd')), 'open files are counted')
    with open(f'/proc/{one["pid"]}/cmdline', 'rb') as f:
        tap.equal(one['cmdline'], f.read().decode().split('\0')[:-1], 'with its arguments')
    with open(f'/proc/{one["pid"]}/statm', encoding='ascii') as f:
        tap.equal(one['vsz_bytes'], int(f.read().split()[0]) * bc.PAGE, 'and its memory')
    for _ in range(3):
        members[0].call(bc.refused_forks, 1)
    watch.wait(4)
    watch.end()
    tap.equal(len(os.listdir(into)), 2, 'only so many are kept')
    check_snapshot_full(where, members[0])
    for member in members:
        member.end()
    leaf.remove()
    above.remove()


def check_snapshot_full(where, member):
    """A file system without room."""
    full = f'{where}/full'
    os.mkdir(full)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4k', 'none', full], check=True)
    with open(f'{full}/fill', 'wb', buffering=0) as f:
        f.write(bytes(4096))
    watch = Watch('--snapshot', full, '--type', 'refusal')
    for _ in range(2):
        member.call(bc.refused_forks, 1)
    watch.wait(2)
    tap.equal([e.get('snapshot') for e in watch.end()], [None, None], 'a full disk: events go on')
    tap.ok('No space left on device' in watch.err and 'no snapshot of 2 refusals' in watch.err and
           os.listdir(full) == ['fill'], 'and the error is told', watch.err)
    subprocess.run(['umount', full], check=True)


def new_failures(*args, name='counted', key='t'):
    """Since when, and how many, by bctl stat --delta."""
    doc = bc.bctl_json('stat', *args, f'--delta={key}')
    pool = [p for p in doc['pools'] if p['name'] == name][0]
    return pool['delta']['since'], pool['resources']['numproc']['delta']['failcnt']


def check_delta():
    """The pool is left; the module goes with it."""
    pool = bc.Pool('counted')
    member = bc.Member(pool)
    pool.set(numproc=1)
    member.call(bc.refused_forks, 3)
    tap.equal(new_failures(), ('creation', 3), 'the first call has all since the pool was made')
    member.call(bc.refused_forks, 2)
    tap.equal(new_failures(), ('last', 2), 'the next what is new')
    tap.equal(new_failures('counted'), ('last', 0), 'told once')
    tap.equal(new_failures(key='u'), ('creation', 5), 'another key has another past')
    tap.ok(os.path.exists(f'{STATE}/t.json'), f'kept in {STATE}')
    member.call(bc.refused_forks, 1)
    member.end()
    pool.remove()
    bc.wait_gone()
    pool = bc.Pool('counted')
    member = bc.Member(pool)
    tap.equal(new_failures(), ('creation', 0), 'a pool that is made again begins with 0')
    pool.set(numproc=1)
    member.call(bc.refused_forks, 4)
    tap.equal(new_failures(), ('last', 4), 'and goes on')
    docs = subprocess.Popen(['bctl', 'stat', '-j', '--interval', '0.5', '--count', '4', 'counted'],
                            stdout=subprocess.PIPE)
    docs.stdout.readline()
    member.call(bc.refused_forks, 2)
    new = [json.loads(line)['pools'][0]['resources']['numproc']['delta']['failcnt']
           for line in docs.communicate()[0].splitlines()]
    tap.equal((len(new), sum(new)), (3, 2), 'stat --interval')
    member.end()
    return pool


def check(status, words, *args):
    done = bc.bctl('check', *args)
    tap.ok(done.returncode == status and words in done.stdout and done.stdout.count('\n') == 1
           and not done.stderr, f'check {" ".join(args)}: {status} {words}', done)


def check_check():
    pool = bc.Pool('judged')
    members = [bc.Member(pool) for _ in range(8)]
    pool.set(numproc=11)
    check(0, "'judged.numproc'=8;9;10;0;11", 'judged')
    pool.set(numproc=10)
    check(1, 'WARNING - judged.numproc holds 8 of 10 (80 %)', 'judged', '--res', 'numproc')
    check(2, 'CRITICAL', 'judged', '-w', '60', '-c', '80')
    pool.set(numproc=8)
    check(2, 'CRITICAL - judged.numproc holds 8 of 8 (100 %)')
    check(0, 'OK - nothing has a barrier', 'judged', '--res', 'privvmpages')
    members[0].call(bc.refused_forks, 2)
    pool.set(numproc=1000)
    check(2, 'judged.numproc was refused 2 times', 'judged', '--failures')
    check(0, "'judged.numproc.failures'=0", 'judged', '--failures')
    check(3, 'UNKNOWN - nobody: there is no such pool', 'nobody')
    check(3, 'UNKNOWN', '--frob')
    for member in members:
        member.end()
    pool.remove()


def check_resources():
    rows = {r['name']: r for r in bc.bctl_json('resources')['resources']}
    # what the kernel counts has a record only where its controller is enabled
    counted = set(bc.figures('host')) | {n for n, r in bc.nl.resources().items()
                                         if r['res_kind'] == 0}
    tap.equal({n for n, r in rows.items() if r['status'] in ('enforced', 'counted', 'idle')}, counted,
              'bctl resources: what is counted')
    tap.ok(len(rows) >= 21 and {'kmemsize', 'numiptent', 'swappages'} <= set(rows) and
           all(r.get('reason') for r in rows.values() if r['status'] == 'unavailable'),
           'what is not has a reason', rows)


def check_reload():
    """The same name, id and incarnation after a reload: other figures."""
    tap.ok(tap.poll_until(bc.WAIT, lambda: not subprocess.run(
        ['rmmod', 'beancounter'], check=False, stderr=subprocess.DEVNULL).returncode), 'unloaded')
    check(3, 'UNKNOWN - the beancounter module is not loaded')
    done = bc.bctl('stat', '--delta=t')
    tap.equal(done.returncode, 2, 'stat --delta without the module')
    subprocess.run(['insmod', MODULE], check=True)
    bc.nl = genl.Client()
    pool = bc.Pool('counted', path=f'{bc.BASE}/again')
    member = bc.Member(pool)
    pool.set(numproc=1)
    member.call(bc.refused_forks, 7)
    tap.equal(new_failures(), ('creation', 7), 'after a reload everything is new')
    member.call(bc.refused_forks, 1)
    tap.equal(new_failures(), ('last', 1), 'once')
    member.end()
    pool.remove()


def main():
    where = tempfile.mkdtemp()
    os.makedirs(f'{where}/exec')
    bc.anchor()
    check_resources()
    check_filters()
    check_exec(f'{where}/exec')
    check_snapshot(where)
    check_check()
    check_delta()
    check_reload()
    shutil.rmtree(where)
    bc.finish()


main()
