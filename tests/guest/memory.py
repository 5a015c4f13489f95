#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug
# timeout: 400
"""The resources of the kernel's memory controller: read, steered, guaranteed, restored."""
import ctypes
import errno
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import genl  # noqa: E402
import tap  # noqa: E402

MIB = (1 << 20) // bc.PAGE
CPUS = os.cpu_count()
BATCH = 64 * CPUS               # pages that may be on their way to the kernel's sums
SWAP = '/scratch/swap'
NATIVE = ['physpages', 'vmguarpages', 'oomguarpages', 'swappages']
MEMORY = ['anon', 'file', 'shmem', 'cache', 'kernel', 'slab', 'reclaimable', 'sock', 'swap']


def number(path):
    """A figure of cgroupfs in pages; None is unlimited."""
    text = bc.read(path).strip()
    return None if text == 'max' else int(text) // bc.PAGE


def settings(path):
    return {name: number(f'{path}/memory.{name}')
            for name in ('high', 'max', 'low', 'min', 'swap.high', 'swap.max')}


def events(path, name='memory.events.local'):
    return {line.split()[0]: int(line.split()[1])
            for line in bc.read(f'{path}/{name}').splitlines()}


def stat(path):
    return events(path, 'memory.stat')


def controller(path, sign='+'):
    bc.write(f'{path}/cgroup.subtree_control' if path else 'cgroup.subtree_control',
             f'{sign}memory')


def touch_slowly(pages):
    """The same, so that the kernel can throttle on the way out of it."""
    addr = bc.mmap(pages)
    for page in range(pages):
        ctypes.memset(addr + page * bc.PAGE, 1, 1)


def touch_shared(pages):
    addr = bc.mmap(pages, flags=bc.MAP_SHARED | bc.MAP_ANON)
    ctypes.memset(addr, 1, pages * bc.PAGE)


def read_file(name):
    with open(name, 'rb') as f:
        return len(f.read())


def detail(pool):
    """A pool with details; what memory is used for as {'anon': bytes}."""
    got = genl.decode(bc.nl.request(genl.POOL_GET, bc.nl.which(pool.name) +
                                    genl.attr('detail', b''))[0].payload)
    table, words = got['table'], got.get('memory')
    records = [genl.Record(*genl.RECORD.unpack_from(table, at))
               for at in range(0, len(table), got['record_size'])]
    memory = words and {key: int.from_bytes(words[8 * i:8 * i + 8], 'little')
                        for i, key in enumerate(MEMORY)}
    return {genl.RES_NAMES[r.res]: r for r in records}, memory


def agree(pool, what, theirs, name):
    """Figures that are read one after the other are the same once nothing moves."""
    seen = None

    def same():
        nonlocal seen
        before = theirs()
        seen = (what(), before)
        return seen[0] == before == theirs()
    tap.ok(tap.poll_until(bc.WAIT, same), name, seen)


def refused(func, number_, words, name):
    """func() is refused so; the number in the message, if there is one."""
    err = tap.raises(genl.NetlinkError, func, name)
    good = getattr(err, 'errno', 0) == number_ and re.search(words, err.text or '')
    tap.ok(good, f'{name}: {errno.errorcode[number_]}, and why', err)
    found = re.search(r'(\d+) pages', str(getattr(err, 'text', '')))
    return int(found.group(1)) if found else None


def check_absent():
    pool = bc.Pool('bare', numproc=7)
    tap.equal([r for r in NATIVE if r in bc.figures(pool)], [],
              'without the memory controller a pool has no such records')
    tap.equal([r for r in NATIVE if r in bc.figures('host')], [], 'nor has the host')
    tap.equal(detail(pool)[1], None, 'nor is it told what memory is used for')
    refused(lambda: pool.set(numproc=5, physpages=100), errno.EOPNOTSUPP, 'not enabled',
            'a limit without the controller')
    tap.equal(bc.figures(pool)['numproc'].limit, 7, 'together with what is asked for besides')
    refused(lambda: bc.nl.set('host', {'physpages': 100}), errno.EOPNOTSUPP, 'host',
            'a limit for the host')
    res = bc.nl.resources()
    tap.equal({r: (res[r]['res_kind'], res[r]['res_status']) for r in NATIVE},
              dict.fromkeys(NATIVE, (0, genl.ENFORCED)), 'they are native and enforced')
    tap.equal([(res[r]['res_status'], 'limit' in res[r]['reason'])
               for r in ('kmemsize', 'dcachesize')], [(genl.COUNTED, True)] * 2,
              'kmemsize and dcachesize are counted, and it is said why only that')
    pool.remove()


def check_figures():
    pool = bc.Pool('fig')
    inner = bc.Pool('inner', parent=pool)
    member = bc.Member(pool)
    tap.equal([r for r in NATIVE if r in bc.figures(pool)], NATIVE, 'with the controller there are')
    tap.equal([r for r in NATIVE if r in bc.figures(inner)], [],
              'a pool below that has it not has none')
    member.call(bc.touch, 10 * MIB)
    member.call(touch_shared, 2 * MIB)
    with open('/scratch/file', 'wb') as f:
        f.write(b'x' * (3 << 20))
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    member.call(read_file, '/scratch/file')
    agree(pool, lambda: bc.held(pool, 'physpages'), lambda: number(f'{pool.path}/memory.current'),
          'physpages is memory.current')
    agree(pool, lambda: bc.figures(pool)['physpages'].maxheld,
          lambda: number(f'{pool.path}/memory.peak'), 'its maxheld is memory.peak')
    agree(pool, lambda: bc.held(pool, 'swappages'),
          lambda: number(f'{pool.path}/memory.swap.current'), 'swappages is memory.swap.current')

    def lists():
        s = stat(pool.path)
        return (s['inactive_anon'] + s['active_anon'] + s['unevictable']) // bc.PAGE
    tap.ok(tap.poll_until(bc.WAIT, lambda: abs(bc.held(pool, 'oomguarpages') - lists()) <= BATCH),
           'oomguarpages is what the lists of memory.stat say',
           (bc.held(pool, 'oomguarpages'), lists()))
    tap.between(bc.held(pool, 'oomguarpages'), 12 * MIB - BATCH, 13 * MIB + BATCH,
                'which is the memory without the file')
    agree(pool, lambda: bc.held('host', 'physpages'), lambda: bc.held(pool, 'physpages'),
          'the host is the sum of the pools')

    def same():
        records, mem = detail(pool)
        s = stat(pool.path)
        want = {'anon': s['anon'], 'file': s['file_mapped'], 'shmem': s['shmem'],
                'cache': s['file'] - s['shmem'], 'kernel': s['kernel'], 'slab': s['slab'],
                'reclaimable': s['slab_reclaimable'], 'sock': s['sock'], 'swap': 0}
        seen[:] = mem, want, records
        return mem == want
    seen = []
    tap.ok(tap.poll_until(bc.WAIT, same), 'what memory is used for is what memory.stat says', seen)
    records, mem = seen[2], seen[0]
    tap.between(mem['anon'] // bc.PAGE, 10 * MIB - BATCH, 11 * MIB + BATCH, 'anonymous memory')
    tap.between(mem['shmem'] // bc.PAGE, 2 * MIB - BATCH, 2 * MIB + BATCH, 'shared memory')
    tap.between(mem['cache'] // bc.PAGE, 3 * MIB - BATCH, 4 * MIB + BATCH,
                'and page cache are each on their own')
    tap.equal((records['kmemsize'].held, records['dcachesize'].held),
              (mem['kernel'], mem['reclaimable']), 'kmemsize and dcachesize are from there')
    tap.equal(records['kmemsize'].flags & 1, 0, 'and not enforced')
    tap.ok('kmemsize' not in bc.figures(pool), 'they are left out where nobody asks for details')
    gen = bc.nl.get('fig')['generation']
    tap.ok(tap.poll_until(bc.WAIT, lambda: steady(pool)), 'asking for details is no change', gen)
    refused(lambda: pool.set(kmemsize=1 << 20), errno.EOPNOTSUPP, 'limited',
            'a limit on kernel memory')
    shown = bc.bctl_json('pool', 'show', 'fig')['pools'][0]
    tap.equal(sorted(shown['memory']), sorted(set(MEMORY) - {'reclaimable'}), 'bctl shows it')
    tap.ok('failed' not in shown['resources']['physpages'] and
           'held' not in shown['resources']['vmguarpages'] and
           'maxheld' not in shown['resources']['kmemsize'], 'and leaves out what nobody keeps', shown)
    text = bc.bctl('pool', 'show', 'fig').stdout
    tap.ok(re.search(r'memory +anon 1[01]\.?\d*M', text) and ' cache ' in text, 'as text, too', text)
    host = bc.bctl_json('pool', 'show', 'host')['pools'][0]
    tap.ok(host['memory']['anon'] >= 10 << 20 and 'maxheld' not in host['resources']['physpages'],
           'the host has the sums, and no sum of peaks', host)
    tap.ok('memory' not in bc.bctl_json('pool', 'list')['pools'][0], 'a list does without')
    member.end()
    inner.remove()
    pool.remove()


def steady(pool):
    """A read with details between two without does not raise the generation."""
    first = bc.nl.get(pool.name)
    detail(pool)
    second = bc.nl.get(pool.name)
    return first['generation'] == second['generation']


def killed_pages(pid):
    """What a killed process had, by the kernel's log."""
    log = subprocess.run(['dmesg'], capture_output=True, text=True, check=True).stdout
    line = re.search(rf'Killed process {pid} .*', log).group(0)
    return sum(int(kib) for kib in re.findall(r'-rss:(\d+)kB', line)) * 1024 // bc.PAGE


def check_kill():
    top = bc.Pool('top')
    controller(top.path)
    pool = bc.Pool('hog', parent=top, physpages=(None, 24 * MIB))
    beside = bc.Pool('beside', parent=top)
    tap.equal(settings(pool.path)['max'], 24 * MIB, 'the limit of physpages is memory.max')
    tap.equal(settings(pool.path)['high'], None, 'without a barrier there is no memory.high')
    with genl.Client() as listener:
        listener.subscribe('refusal')
        member, other = bc.Member(pool), bc.Member(beside)
        member.call(bc.set_name, 'hog')
        other.call(bc.touch, 30 * MIB)
        died = tap.raises(bc.Died, lambda: member.call(bc.touch, 100 * MIB),
                          'who grows beyond the limit is killed')
        tap.equal(os.WTERMSIG(died.args[0]), signal.SIGKILL, 'by SIGKILL')
        tap.equal(other.call(os.getpid), other.pid, 'the neighbour is not')
        told = []

        def kills():
            told.extend(e for e in listener.events(0.1) if e['res_name'] == 'oomguarpages')
            return told
        tap.poll_until(bc.WAIT, kills)
    record = bc.figures(pool)['oomguarpages']
    tap.equal((record.failcnt, len(told)), (1, 1), 'oomguarpages: one failure and one event')
    tap.equal([(e['name'], e['origin_name'], e['pid'], e['comm']) for e in told],
              [('hog', 'hog', member.pid, 'hog')], 'that names the victim')
    tap.between(told[0]['amount'], killed_pages(member.pid) - BATCH, killed_pages(member.pid) + BATCH,
                'and what it had')
    tap.equal((record.failed, record.last_fail), (told[0]['amount'], told[0]['time']),
              'which the record has, too')
    tap.equal(events(pool.path)['oom_kill'], 1, 'the kernel has counted as many')
    tap.equal(bc.figures(pool)['physpages'].failcnt, events(pool.path)['oom'],
              'physpages.failcnt: without progress at the limit')
    tap.ok(events(pool.path)['oom'] > 0, 'at least once', events(pool.path))
    tap.between(bc.figures(pool)['physpages'].maxheld, 23 * MIB, 24 * MIB, 'the limit was kept')
    tap.equal([(bc.failcnt(p, 'oomguarpages'), bc.failcnt(p, 'physpages'))
               for p in (top, beside, 'host')], [(0, 0)] * 3, 'no failure is counted elsewhere')
    text = bc.bctl('pool', 'show', 'hog').stdout
    tap.ok('oomguarpages' in text, 'bctl shows it', text)

    other.end()

    # a limit above: the pool of the victim counts the kill, the upper one the failure
    top.set(physpages=(None, 50 * MIB))
    member = bc.Member(pool)
    pool.set(physpages=None)
    member.call(bc.set_name, 'hog2')
    tap.raises(bc.Died, lambda: member.call(bc.touch, 100 * MIB), 'a limit above kills as well')
    tap.equal([bc.failcnt(p, 'oomguarpages') for p in (top, pool, beside)], [0, 2, 0],
              'the kill is counted at the victim')
    tap.ok(bc.failcnt(top, 'physpages') > 0, 'the failure at the level of the limit')
    for p in beside, pool, top:
        p.remove()


def check_limit_below_held():
    """A lowered limit evicts nothing by itself, and takes no time."""
    pool = bc.Pool('low')
    member = bc.Member(pool)
    member.call(bc.touch, 20 * MIB)
    pool.set(physpages=5 * MIB)
    tap.ok(bc.held(pool, 'physpages') >= 19 * MIB, 'a limit below what is held evicts nothing')
    # Not asked, for the answer may take a page more than it has.
    tap.equal((bc.failcnt(pool, 'oomguarpages'), os.waitpid(member.pid, os.WNOHANG)), (0, (0, 0)),
              'and kills nobody')
    tap.raises(bc.Died, lambda: member.call(bc.touch, 10 * MIB), 'until more is asked for')
    tap.equal(bc.failcnt(pool, 'oomguarpages'), 1, 'that is one failure')
    pool.remove()


def check_swap():
    subprocess.run(f'dd if=/dev/zero of={SWAP} bs=1M count=128 && chmod 600 {SWAP} && '
                   f'mkswap {SWAP} && swapon {SWAP}', shell=True, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pool = bc.Pool('swap', physpages=(None, 16 * MIB))
    member = bc.Member(pool)
    member.call(bc.touch, 40 * MIB)
    agree(pool, lambda: bc.held(pool, 'swappages'),
          lambda: number(f'{pool.path}/memory.swap.current'), 'with swap: memory.swap.current')
    tap.between(bc.held(pool, 'swappages'), 23 * MIB, 41 * MIB, 'what does not fit is swapped')
    tap.between(bc.held(pool, 'oomguarpages'), 40 * MIB - 2 * BATCH, 60 * MIB,
                'oomguarpages has memory and swap')
    tap.between(detail(pool)[1]['swap'] // bc.PAGE, 23 * MIB, 41 * MIB, 'the breakdown, too')
    tap.equal(bc.failcnt(pool, 'oomguarpages'), 0, 'nobody is killed')
    member.end()
    pool.set(swappages=(None, 8 * MIB))
    tap.equal(settings(pool.path)['swap.max'], 8 * MIB, 'the limit of swappages is memory.swap.max')
    member = bc.Member(pool)
    tap.raises(bc.Died, lambda: member.call(bc.touch, 60 * MIB), 'with both limits full it is killed')
    tap.equal(bc.failcnt(pool, 'oomguarpages'), 1, 'once')
    record = bc.figures(pool)['swappages']
    tap.ok(record.held <= 8 * MIB, 'the limit of swap was kept', record)
    tap.note(f'swappages {record}, {events(pool.path, "memory.swap.events")}')
    pool.set(physpages=(12 * MIB, genl.UNLIMITED), swappages=None)
    tap.equal((settings(pool.path)['high'], settings(pool.path)['max']), (12 * MIB, None),
              'a barrier is memory.high')
    member = bc.Member(pool)
    # With a slow disk that may take minutes, which is the point of it: it is not waited for.
    member.start(touch_slowly, 30 * MIB)
    seen = []

    def throttled():
        seen.append(bc.held(pool, 'physpages'))
        return events(pool.path)['high'] > 0
    tap.ok(tap.poll_until(bc.WAIT, throttled), 'it throttles', events(pool.path))
    tap.ok(max(seen) <= 14 * MIB, 'and holds down', seen)
    tap.equal((bc.failcnt(pool, 'oomguarpages'), os.waitpid(member.pid, os.WNOHANG)), (1, (0, 0)),
              'without a kill')
    member.end()
    pool.remove()
    subprocess.run(['swapoff', SWAP], check=True)


def ram():
    with open('/proc/meminfo', encoding='ascii') as f:
        return int(f.readline().split()[1]) * 1024 // bc.PAGE


def check_guarantees():
    a, b = bc.Pool('a'), bc.Pool('b')
    left = refused(lambda: a.set(vmguarpages=ram() + 1), errno.ENOSPC, 'left',
                   'a guarantee of more than there is')
    tap.equal(left, ram(), 'says that all of the memory is left')
    a.set(vmguarpages=1000)
    tap.equal(settings(a.path)['low'], 1000, 'the barrier of vmguarpages is memory.low')
    tap.equal(number(f'{bc.BASE}/memory.low'), 1000, 'the cgroup between passes it on')
    record = bc.figures(a)['vmguarpages']
    tap.equal((record.barrier, record.limit, record.held), (1000, genl.UNLIMITED, 0),
              'it has no limit, and held is 0')
    b.set(oomguarpages=(2000, None))
    tap.equal((settings(b.path)['min'], number(f'{bc.BASE}/memory.min')), (2000, 2000),
              'that of oomguarpages is memory.min')
    left = refused(lambda: a.set(vmguarpages=ram()), errno.ENOSPC, 'left',
                   'more than the neighbour leaves')
    tap.equal(left, ram() - 2000, 'the number of pages is right')
    tap.equal(errno_of(a.set, oomguarpages=ram() - 2000), 0, 'as many are granted')
    tap.equal(errno_of(a.set, vmguarpages=ram() - 2000), 0,
              'the other kind shares with it what is backed')
    tap.equal(errno_of(b.set, oomguarpages=2001), errno.ENOSPC, 'and not a page more to others')
    a.set(vmguarpages=1000, oomguarpages=0)
    tap.equal((number(f'{bc.BASE}/memory.low'), number(f'{bc.BASE}/memory.min')), (1000, 2000),
              'the cgroup between follows')
    refused(lambda: a.set(oomguarpages=(5, 6)), errno.EINVAL, 'no limit',
            'a limit for a guarantee')
    refused(lambda: a.set(physpages=1 << 52), errno.EINVAL, 'too large', 'more than can be said')

    controller(a.path)
    kid, kid2 = bc.Pool('kid', parent=a), bc.Pool('kid2', parent=a)
    left = refused(lambda: kid.set(vmguarpages=1001), errno.ENOSPC, 'left',
                   'more than the parent has')
    tap.equal(left, 1000, 'says what the parent can back')
    kid.set(vmguarpages=600)
    left = refused(lambda: kid2.set(vmguarpages=401), errno.ENOSPC, 'left',
                   'more than the brother leaves')
    tap.equal(left, 400, 'says so')
    kid2.set(vmguarpages=400)
    left = refused(lambda: kid.set(oomguarpages=1), errno.ENOSPC, 'left',
                   'the other kind, of which the parent has none')
    tap.equal(left, 0, 'nothing is left of it')
    left = refused(lambda: a.set(vmguarpages=999), errno.EBUSY, 'below',
                   'lowering what children were promised')
    tap.equal(left, 1000, 'says how much that is')
    bc.mkdir(f'{a.path}/third')
    refused(lambda: bc.nl.new('third', path=f'{a.path}/third', wanted={'vmguarpages': 1}),
            errno.ENOSPC, 'left', 'nor can a pool be made with too much')
    tap.equal([p['name'] for p in bc.dump() if p['name'] == 'third'], [], 'it is not there')
    kid.remove()
    kid2.set(vmguarpages=1000)
    tap.ok(True, 'what a deleted pool had is left for others')

    bc.write(f'{bc.BASE}/memory.low', str(5000 * bc.PAGE))
    a.set(vmguarpages=3000)
    tap.equal(number(f'{bc.BASE}/memory.low'), 5000, 'a cgroup above that has more is left alone')
    bc.write(f'{bc.BASE}/memory.low', str(10 * bc.PAGE))
    refused(lambda: a.set(vmguarpages=3100), errno.ENOSPC, 'above has only 10 pages',
            'one that somebody gave less')
    bc.write(f'{bc.BASE}/memory.low', str(3000 * bc.PAGE))
    for pool in kid2, a, b:
        pool.remove()
    tap.equal((number(f'{bc.BASE}/memory.low'), number(f'{bc.BASE}/memory.min')), (0, 0),
              'with the last guarantee that above it goes')


def errno_of(func, **wanted):
    try:
        func(**wanted)
    except OSError as err:
        return err.errno
    return 0


def check_others():
    """cgroupfs has the last word, and gets back what was there."""
    path = bc.mkdir(f'{bc.BASE}/shared')
    bc.write(f'{path}/memory.max', str(100 << 20))
    bc.write(f'{path}/memory.swap.max', str(7 << 20))
    before = settings(path)
    pool = bc.Pool('shared', path=path)
    record = bc.figures(pool)['physpages']
    tap.equal((record.barrier, record.limit), (genl.UNLIMITED, 100 * MIB),
              'what was set before is reported')
    pool.set(physpages=(40 * MIB, 50 * MIB), swappages=3 * MIB, vmguarpages=10)
    tap.equal(settings(path), {'high': 40 * MIB, 'max': 50 * MIB, 'low': 10, 'min': 0,
                               'swap.high': 3 * MIB, 'swap.max': 3 * MIB}, 'all is set')
    bc.write(f'{path}/memory.max', str(60 << 20))
    bc.write(f'{path}/memory.low', str(20 * bc.PAGE))
    figures = bc.figures(pool)
    tap.equal((figures['physpages'].limit, figures['vmguarpages'].barrier), (60 * MIB, 20),
              'what somebody else changes is reported')
    pool.delete()
    bc.wait_gone()
    tap.equal(settings(path), dict(before, max=60 * MIB, low=20),
              'on deletion all is restored but what somebody else has changed')
    bc.write(f'{path}/memory.low', '0')
    bc.write(f'{bc.BASE}/memory.low', '0')

    pool = bc.Pool('shared', path=path)
    pool.set(physpages=(None, 30 * MIB))
    pool.set(physpages=(None, 20 * MIB))
    pool.delete()
    tap.equal(settings(path)['max'], 60 * MIB, 'set twice: what was first is restored')

    pool = bc.Pool('shared', path=path)
    left = bc.figures(pool)
    refused(lambda: pool.set(physpages=10 * MIB, numproc=3, vmguarpages=ram() + 1), errno.ENOSPC,
            'left', 'many at once, one of them bad')
    now = bc.figures(pool)
    tap.equal([(now[r].barrier, now[r].limit) for r in ('physpages', 'numproc', 'vmguarpages')],
              [(left[r].barrier, left[r].limit) for r in ('physpages', 'numproc', 'vmguarpages')],
              'changes nothing')
    pool.set(physpages=(None, 10 * MIB))
    controller(bc.BASE, '-')
    tap.ok(tap.poll_until(bc.WAIT, lambda: 'physpages' not in bc.figures(pool)),
           'with the controller its records go')
    refused(lambda: pool.set(physpages=5), errno.EOPNOTSUPP, 'not enabled', 'a limit')
    controller(bc.BASE)
    tap.ok(tap.poll_until(bc.WAIT, lambda: 'physpages' in bc.figures(pool)), 'and come')
    tap.equal(bc.figures(pool)['physpages'].limit, genl.UNLIMITED, 'as new')
    bc.write(f'{path}/memory.max', str(10 << 20))
    pool.delete()
    tap.equal(settings(path)['max'], 10 * MIB, 'what was set in the old one is not restored in it')
    bc.rmdir(path)


def check_unload():
    path = bc.mkdir(f'{bc.BASE}/left')
    before = settings(path)
    pool = bc.Pool('left', path=path)
    pool.set(physpages=(40 * MIB, 50 * MIB), swappages=3 * MIB, vmguarpages=10, oomguarpages=20)
    bc.nl.close()
    subprocess.run(['rmmod', 'beancounter'], check=True)
    tap.equal(settings(path), before, 'unloading the module restores everything')
    tap.equal((number(f'{bc.BASE}/memory.low'), number(f'{bc.BASE}/memory.min')), (0, 0),
              'above, too')
    subprocess.run(['insmod', '/root/beancounter.ko'], check=True)
    bc.nl = genl.Client()
    bc.rmdir(path)


def check_bctl():
    controller('', '-')
    tap.equal('memory' in bc.read('cgroup.subtree_control'), False, 'the controller is off')
    bc.mkdir('bc')
    bc.attach('bc', os.getpid())
    done = bc.bctl('pool', 'create', 'web', 'numproc=50', 'ram=64M')
    tap.ok(done.returncode == 2 and 'ram=64M' in done.stderr and 'processes in it' in done.stderr and
           '/bc' in done.stderr, 'bctl: processes in the way are named', done)
    tap.ok(not os.path.exists(f'{bc.CGROUP}/bc/web') and
           'memory' not in bc.read('cgroup.subtree_control') and not bc.dump(),
           'and nothing is changed')
    bc.attach('', os.getpid())
    bc.mkdir('bc/part')
    bc.write('bc/part/cgroup.type', 'threaded')
    done = bc.bctl('pool', 'create', 'web', 'ram=64M')
    tap.ok(done.returncode == 2 and 'threaded' in done.stderr, 'bctl: a threaded subtree is', done)
    tap.ok(not os.path.exists(f'{bc.CGROUP}/bc/web') and
           'memory' not in bc.read('cgroup.subtree_control'), 'and nothing is changed')
    bc.rmdir('bc/part')
    bc.rmdir('bc')
    done = bc.bctl('pool', 'create', 'web', f'memory.reservation={2 * ram()}P')
    tap.ok(done.returncode == 2 and 'pages are left' in done.stderr and
           'memory.reservation=' in done.stderr, 'bctl: a reservation that cannot be backed', done)
    tap.ok(not os.path.exists(f'{bc.CGROUP}/bc') and
           'memory' not in bc.read('cgroup.subtree_control'), 'leaves nothing behind')
    done = bc.bctl('pool', 'create', 'web', 'ram=64M', 'swap=32M', 'memory.reservation=16M')
    tap.equal((done.returncode, done.stderr), (0, ''), 'bctl makes a pool with memory')
    tap.equal(settings('bc/web'), {'high': None, 'max': 64 * MIB, 'low': 16 * MIB, 'min': 0,
                                   'swap.high': None, 'swap.max': 32 * MIB}, 'ram, swap, reservation')
    res = bc.bctl_json('pool', 'set', 'web', 'ram=48M:96M')['pools'][0]['resources']
    tap.equal((res['physpages']['barrier'], res['physpages']['limit']), (48 * MIB, 96 * MIB),
              'ram with a barrier')
    done = bc.bctl('pool', 'create', 'kid', '--parent', 'web', 'ram=8M')
    tap.equal((done.returncode, settings('bc/web/kid')['max']), (0, 8 * MIB), 'a pool below')
    for name in 'kid', 'web':
        tap.equal(bc.bctl('pool', 'delete', name).returncode, 0, f'{name} is deleted')
    bc.rmdir('bc')
    controller('', '-')


bc.reload()                     # it has never seen the controller
bc.linger(bc.LINGER)
bc.anchor()
check_absent()
controller('')
bc.mkdir(bc.BASE)
controller(bc.BASE)
check_figures()
check_kill()
check_limit_below_held()
check_swap()
check_guarantees()
check_others()
bc.cleanup()
bc.mkdir(bc.BASE)
controller(bc.BASE)
check_unload()
bc.cleanup()
check_bctl()
bc.finish()
