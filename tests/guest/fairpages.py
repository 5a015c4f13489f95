#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: 6.1
# kernels: 6.1 6.12
# timeout: 900
"""bctl fairpages: who pays how much for pages that several pools map.

Three witnesses: what is known of the programs that map the pages; a second reader
of pagemap in this file, with fractions, which knows pages by another mark (that the
kernel counts mappings of them); and the kernel's own Pss.

The programs run from copies of Python and its libraries, so that they share pages
with each other and not with this test, which never rests.
"""
import array
import atexit
import collections
import fractions
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

PAGE = bc.PAGE
HUGE = 512                      # pages in a huge page
DIR = '/scratch/fairpages'
PRESENT, PFN = 1 << 63, (1 << 55) - 1
KPF_MMAP, KPF_ZERO = 1 << 11, 1 << 24

PROGRAM = r'''
import os, sys, mmap, signal, threading
P = mmap.PAGESIZE
kept = {}

def touch(name, first=0, count=None, write=False, step=1):
    m = kept[name]
    for i in range(first, len(m) // P if count is None else first + count, step):
        if write:
            m[i * P] = 7
        else:
            m[i * P]
    return True

def file(name, path):
    fd = os.open(path, os.O_RDWR)
    kept[name] = mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_SHARED)
    os.close(fd)
    return touch(name)

def anon(name, pages, huge=False, flags=0):
    m = mmap.mmap(-1, pages * P, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | flags)
    m.madvise(mmap.MADV_HUGEPAGE if huge else mmap.MADV_NOHUGEPAGE) if not flags else None
    kept[name] = m
    return True

def drop(name):
    kept.pop(name).close()
    return True

def fork(fifo):
    pid = os.fork()
    if not pid:
        os.dup2(os.open(fifo + '.in', os.O_RDONLY), 0)
        os.dup2(os.open(fifo + '.out', os.O_WRONLY), 1)
    return pid

def churn(pages, rounds):
    for i in range(rounds):
        if not os.fork():
            anon('churn', pages)
            touch('churn', write=True)
            os._exit(0)
        if i >= 3:
            os.wait()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return True

def serve():
    buf = b''
    while True:
        while b'\n' not in buf:
            got = os.read(0, 4096)
            if not got:
                os._exit(0)
            buf += got
        line, buf = buf.split(b'\n', 1)
        os.write(1, repr(eval(line)).encode() + b'\n')

def leave_leader():
    import ctypes
    threading.Thread(target=serve).start()
    ctypes.CDLL(None).syscall(60, 0)

serve()
'''


# ---- programs in pools

def copy_python():
    """Copy all that is mapped of Python and its modules; how to call it."""
    shutil.rmtree(DIR, ignore_errors=True)
    os.makedirs(DIR)
    lines = subprocess.run([sys.executable, '-S', '-c', 'import mmap, threading\n'
                            'print(open("/proc/self/maps").read())'],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    paths = {line.split()[-1] for line in lines if ' r-xp ' in line and line.endswith(
        tuple('abcdefghijklmnopqrstuvwxyz0123456789'))}
    for path in paths:
        shutil.copy(path, DIR)
    names = [os.path.basename(path) for path in paths]
    loader = next(name for name in names if name.startswith('ld-'))
    python = next(name for name in names if name.startswith('python'))
    return [f'{DIR}/{loader}', '--library-path', DIR, f'{DIR}/{python}', '-S', '-c', PROGRAM]


class Program:
    """A process in a pool, or outside of all, that evaluates what it is told."""

    def __init__(self, where=None, prefix=()):
        path = where.path if where else ''
        self.proc = subprocess.Popen(
            [*prefix, *ARGV], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={'PYTHONHOME': '/usr', 'PYTHONPATH': DIR, 'LC_ALL': 'C'},
            preexec_fn=lambda: bc.attach(path, 0))
        self.pid, self.down, self.up = self.proc.pid, self.proc.stdin, self.proc.stdout
        programs.append(self)
        # Whatever code it will need is mapped from now on.
        self.do('anon("x", 3) and touch("x", write=True) and touch("x") and drop("x")')

    def start(self, text):
        self.down.write(text + '\n')
        self.down.flush()

    def result(self):
        return eval(self.up.readline())         # pylint: disable=eval-used

    def do(self, text):
        self.start(text)
        return self.result()

    def end(self):
        self.proc.kill()
        self.proc.wait()
        self.down.close()
        self.up.close()
        programs.remove(self)


class Child(Program):
    """A child of a program, moved into another pool."""

    def __init__(self, parent, where):      # pylint: disable=super-init-not-called
        fifo = f'{DIR}/fifo'
        for way in '.in', '.out':
            os.mkfifo(fifo + way)
        self.pid = parent.do(f'fork({fifo!r})')
        self.down = open(fifo + '.in', 'w', encoding='ascii')
        self.up = open(fifo + '.out', encoding='ascii')
        self.result()                       # of fork()
        for way in '.in', '.out':
            os.unlink(fifo + way)
        bc.attach(where.path, self.pid)
        self.parent = parent
        programs.append(self)

    def end(self):
        self.down.close()
        self.parent.do(f'os.waitpid({self.pid}, 0)')
        self.up.close()
        programs.remove(self)


def write_sys(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


def rest_khugepaged():
    """Keep it from changing what programs map while they rest; undone in the end."""
    top = '/sys/kernel/mm/transparent_hugepage'
    for name, text in (('enabled', 'madvise'),
                       ('khugepaged/scan_sleep_millisecs', '1000000000')):
        with open(f'{top}/{name}', encoding='ascii') as f:
            old = f.read().strip()
        found = re.search(r'\[(\w+)\]', old)
        atexit.register(write_sys, f'{top}/{name}', found[1] if found else old)
        write_sys(f'{top}/{name}', text)


def make_file(name, pages, where=DIR):
    path = f'{where}/{name}'
    with open(path, 'wb') as f:
        f.write(b'x' * (pages * PAGE))
    return path


# ---- bctl fairpages

class Sampler:
    """bctl fairpages that stays, so that the libraries it maps are mapped all the time."""

    def __init__(self):
        self.proc = subprocess.Popen(['bctl', 'fairpages', '-j', '--interval', '0.3'],
                                     stdout=subprocess.PIPE, text=True)

    def take(self):
        """A sample that began after this call."""
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        while True:
            doc = json.loads(self.proc.stdout.readline())
            if doc['taken_ns'] >= now:
                return doc

    def end(self):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()


def by_name(doc):
    return {p['name']: p for p in doc['pools'] if p['name'] != 'anchor'}


def sums_up(doc):
    """What must be true of every sample whatever happens meanwhile."""
    pools, total = by_name(doc), doc['pages'] * doc['page_size']
    return (sum(p['own']['fair_bytes'] for p in doc['pools']) == total and
            pools['host']['fair_bytes'] == total and pools['host']['mapped'] == doc['pages'] and
            all(s['fair_bytes'] == round(s['fairpages'] * PAGE) and
                s['mapped'] == s['shared'] + s['private']
                for p in doc['pools'] for s in (p, p['own'])) and
            all(abs(exact(p) - p['own']['fair_bytes']) < 1 for p in doc['pools']))


def exact(pool):
    return PAGE * sum(fractions.Fraction(s['pages'], s['pools']) for s in pool['own']['shares'])


# ---- the second reader

def tasks(pid):
    """A process, and its threads in case that the first has ended."""
    yield f'/proc/{pid}'
    for tid in os.listdir(f'/proc/{pid}/task'):
        yield f'/proc/{pid}/task/{tid}'


def frames_of(task):
    """The PFN of all that a task has mapped, whatever that is."""
    found = set()
    try:
        with open(f'{task}/maps', encoding='utf-8') as f:
            ranges = re.findall(r'^(\w{1,12})-(\w+) ', f.read(), re.M)
        with open(f'{task}/pagemap', 'rb', buffering=0) as f:
            for start, end in ranges:
                f.seek(int(start, 16) // PAGE * 8)
                entries = array.array('Q', f.read((int(end, 16) - int(start, 16)) // PAGE * 8))
                found.update(e & PFN for e in entries if e >= PRESENT)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def pool_of(pid, paths):
    with open(f'/proc/{pid}/cgroup', encoding='utf-8') as f:
        path = next(line for line in f if line.startswith('0::'))[4:].rstrip('\n')
    while path and path not in paths:
        path = path.rpartition('/')[0]
    return paths.get(path, 'host')


def second_reader():
    """{PFN: set of names of pools}"""
    paths = {p['cgroup']: p['name'] for p in bc.bctl_json('pool', 'list')['pools'] if p['id']}
    seen = collections.defaultdict(set)
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            pool = pool_of(pid, paths)
            for pfn in next(filter(None, map(frames_of, tasks(pid))), ()):
                seen[pfn].add(pool)
        except (FileNotFoundError, ProcessLookupError):
            pass
    flags = array.array('Q')
    with open('/proc/kpageflags', 'rb', buffering=0) as f:
        while part := f.read(1 << 20):
            flags.frombytes(part)
    return {pfn: pools for pfn, pools in seen.items()
            if pfn < len(flags) and flags[pfn] & (KPF_MMAP | KPF_ZERO) == KPF_MMAP}


def second_figures(seen, name, below=()):
    """own exact bytes, own mapped, own private, mapped, private of a subtree"""
    tree = {name, *below}
    own = [pools for pools in seen.values() if name in pools]
    return (sum(fractions.Fraction(PAGE, len(pools)) for pools in own), len(own),
            sum(len(pools) == 1 for pools in own),
            sum(bool(pools & tree) for pools in seen.values()),
            sum(pools <= tree for pools in seen.values()))


def figures(pool):
    own = pool['own']
    return exact(pool), own['mapped'], own['private'], pool['mapped'], pool['private']


def agrees(what, tree=None):
    """All pools are as the second reader sees them, at a moment when nothing changes."""
    tree = tree or {}
    for _ in range(8):
        before = by_name(sampler.take())
        seen = second_reader()
        doc = sampler.take()
        after = by_name(doc)
        names = set(after) - {'host'}
        if all(figures(before[n]) == figures(after[n]) for n in names):
            break
    got = {n: figures(after[n]) for n in names}
    want = {n: second_figures(seen, n, tree.get(n, ())) for n in names}
    tap.ok(got == want and len(names) > 0, f'{what}: all pools as by the second reader',
           '\n'.join(f'{n}: {got[n]} {want[n]}' for n in names if got[n] != want[n]))
    tap.ok(sums_up(doc), f'{what}: all adds up', doc)
    tap.equal(doc['pages'] - after['host']['own']['private'],
              sum(pools != {'host'} for pools in seen.values()),
              f'{what}: so many frames are mapped by pools at all')
    tap.between(doc['pages'], len(seen) * 3 // 4, len(seen) * 4 // 3,
                f'{what}: and about so many in all, which this test never lets rest')
    return after


def shared_bytes(pool):
    """What a pool pays for pages of which it is not the only owner."""
    return pool['own']['fair_bytes'] - pool['own']['private'] * PAGE


# ---- the cases

def check_one_to_eight():
    """1 to 8 pools map the same file; Pss, with one process in each pool."""
    most = tap.rounds(4, 8)
    pools = [bc.Pool(f'p{i}') for i in range(most)]
    progs = [Program(pool) for pool in pools]
    path = make_file('library', 840)
    for prog in progs:
        prog.do(f'file("f", {path!r}) and drop("f")')
    base = by_name(sampler.take())
    wrong = []
    for n, prog in enumerate(progs, 1):
        prog.do(f'file("f", {path!r})')
        now = by_name(sampler.take())
        for i in range(most):
            grown = shared_bytes(now[f'p{i}']) - shared_bytes(base[f'p{i}'])
            want = 840 * PAGE // n if i < n and n > 1 else 0
            private = now[f'p{i}']['private'] - base[f'p{i}']['private']
            if abs(grown - want) > 2 or not 0 <= private - 840 * (i == 0 and n == 1) <= 30:
                wrong.append((n, i, grown, want, private))
    tap.equal(wrong, [], f'each of 1 to {most} pools pays its part of a file of 840 pages')
    after = agrees(f'{most} pools')
    for i, prog in enumerate(progs):
        with open(f'/proc/{prog.pid}/smaps_rollup', encoding='ascii') as f:
            pss = int(re.search(r'^Pss: +(\d+)', f.read(), re.M)[1]) * 1024
        # The two pages of [vdso] belong to everybody on the machine.
        tap.between(after[f'p{i}']['fair_bytes'] - pss, -1024, 2 * PAGE + 1024,
                    f'p{i}: fairpages is Pss')
    outside = Program()
    outside.do(f'file("f", {path!r})')
    now = by_name(sampler.take())
    tap.between(840 * PAGE // most - 840 * PAGE // (most + 1), 1, shared_bytes(after['p0']) -
                shared_bytes(now['p0']), 'a process outside of all pools pays as well')
    second = Program(pools[0])
    second.do(f'file("f", {path!r}) and drop("f")')
    now = by_name(sampler.take())
    second.do(f'file("f", {path!r})')
    third = agrees('two processes in one pool, and one outside')
    tap.equal([figures(third[f'p{i}']) for i in range(1, most)],
              [figures(now[f'p{i}']) for i in range(1, most)],
              'another process of the same pool changes nothing for the others')
    for prog in list(programs):
        prog.end()
    for pool in pools:
        pool.remove()


def check_fork():
    """Pages part ways when they are written after a fork."""
    a, b = bc.Pool('a'), bc.Pool('b')
    prog = Program(a)
    prog.do('anon("m", 600) and touch("m", write=True)')
    child = Child(prog, b)
    child.do('touch("m", 0, 1) and touch("m", 599, 1, write=True)')
    one = agrees('after fork')
    tap.between(one['b']['shared'] - one['b']['private'], 600, 10**6,
                'after fork: parent and child share')
    child.do('touch("m", 0, 250, write=True)')
    two = agrees('after the child has written')
    grown = {n: (two[n]['private'] - one[n]['private'], one[n]['shared'] - two[n]['shared'])
             for n in 'ab'}
    tap.ok(all(250 <= g <= 320 for pair in grown.values() for g in pair),
           'written pages belong to parent and child each', grown)
    tap.equal((two['a']['mapped'] - one['a']['mapped'], grown['a'][0]), (0, grown['a'][1]),
              'which maps no less for the parent')
    child.end()
    prog.end()
    for pool in a, b:
        pool.remove()


def check_shmem():
    a, b = bc.Pool('a'), bc.Pool('b')
    progs = Program(a), Program(b)
    path = make_file('shm', 300, '/dev/shm')
    for prog in progs:
        prog.do(f'file("s", {path!r}) and drop("s")')
    base = by_name(sampler.take())
    for prog in progs:
        prog.do(f'file("s", {path!r})')
    now = agrees('shared memory')
    tap.equal([round((shared_bytes(now[n]) - shared_bytes(base[n])) / PAGE, 2) for n in 'ab'],
              [150, 150], 'shared memory: half for each')
    os.unlink(path)
    for prog in progs:
        prog.do('drop("s")')
        prog.end()
    for pool in a, b:
        pool.remove()


def huge_bytes(pid, key):
    with open(f'/proc/{pid}/smaps', encoding='ascii') as f:
        return sum(int(size) for size in re.findall(rf'^{key}: +(\d+)', f.read(), re.M)) * 1024


def check_huge():
    """Huge pages count by their parts, the huge zero page not at all."""
    a, b = bc.Pool('a'), bc.Pool('b')
    prog = Program(a)
    base = sampler.take()
    prog.do(f'anon("z", {4 * HUGE}, True) and touch("z", step=16)')
    doc = sampler.take()
    tap.ok(doc['excluded'] >= HUGE and by_name(doc)['a']['mapped'] -
           by_name(base)['a']['mapped'] < 40, 'the huge zero page is not counted',
           (base['excluded'], doc['excluded']))
    prog.do(f'anon("t", {4 * HUGE}, True) and touch("t", write=True, step=32)')
    size = huge_bytes(prog.pid, 'AnonHugePages') // PAGE
    if size < HUGE:
        tap.skip('huge pages', 'there are none')
    now = agrees('huge pages')
    tap.between(now['a']['private'] - by_name(doc)['a']['private'], size, size + 4 * HUGE,
                f'huge pages: {size} pages of 4 KiB in them')
    child = Child(prog, b)
    child.do('1')
    now = agrees('huge pages after fork')
    tap.between(now['b']['shared'], size, 10**6, 'huge pages: shared after fork')
    child.do(f'touch("t", {2 * HUGE}, 1, write=True)')
    agrees('huge pages after one of them was written')
    child.end()
    prog.end()
    for pool in a, b:
        pool.remove()


def check_hugetlb():
    write_sys('/proc/sys/vm/nr_hugepages', '4')
    with open('/proc/sys/vm/nr_hugepages', encoding='ascii') as f:
        if int(f.read()) < 2:
            tap.skip('pages of hugetlb', 'there is no memory for them')
            return
    pool = bc.Pool('a')
    prog = Program(pool)
    base = by_name(sampler.take())
    prog.do(f'anon("h", {2 * HUGE}, flags=0x40000) and touch("h", write=True, step={HUGE})')
    now = agrees('pages of hugetlb')
    tap.between(now['a']['private'] - base['a']['private'], 2 * HUGE, 2 * HUGE + 30,
                'pages of hugetlb are counted')
    prog.end()
    pool.remove()
    write_sys('/proc/sys/vm/nr_hugepages', '0')


def check_nested():
    a = bc.Pool('a')
    b, other = bc.Pool('b', parent=a), bc.Pool('c')
    path = make_file('nested', 90)
    progs = Program(a), Program(b)
    bc.mkdir(f'{b.path}/no/pool')
    for prog in progs:
        prog.do(f'file("n", {path!r})')
    bc.attach(f'{b.path}/no/pool', progs[1].pid)
    stranger = Program(other)
    now = agrees('nested pools', {'a': 'b'})
    tap.equal(now['a']['fair_bytes'], now['a']['own']['fair_bytes'] + now['b']['fair_bytes'],
              'nested pools: a parent has its own and its child\'s')
    tap.ok(now['a']['private'] >= now['a']['own']['private'] + now['b']['private'] + 90,
           'nested pools: what only they share is wholly the parent\'s', now)
    stranger.do(f'file("n", {path!r})')
    then = agrees('a third pool', {'a': 'b'})
    tap.equal(round((now['a']['fair_bytes'] - then['a']['fair_bytes']) / PAGE, 2), 30,
              'two of three parts remain with parent and child')
    for prog in list(programs):
        prog.end()
    for pool in b, a, other:
        pool.remove()


def check_odd_processes():
    """Another pid and user namespace; a first thread that has ended."""
    pool = bc.Pool('a')
    prog = Program(pool, ['unshare', '--user', '--map-root-user', '--pid', '--fork',
                          '--kill-child'])
    now = agrees('other namespaces')
    tap.between(now['a']['mapped'], 500, 10**6, 'other namespaces: the process is seen')
    prog.end()
    prog = Program(pool)
    prog.do('anon("m", 500) and touch("m", write=True)')
    prog.start('leave_leader()')
    bc.wait_for(lambda: not os.path.exists(f'/proc/{prog.pid}/exe'), 'the first thread ends')
    tap.equal(prog.do('5'), 5, 'the second thread goes on')
    now = agrees('without the first thread')
    tap.between(now['a']['private'], 500, 10**6, 'without the first thread: it is counted')
    os.kill(prog.pid, signal.SIGKILL)
    prog.end()
    pool.remove()


def opens(pid, path):
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            if os.readlink(f'/proc/{pid}/fd/{fd}') == path:
                return True
        except FileNotFoundError:
            pass
    return False


def check_exit():
    """Processes that come and go meanwhile."""
    pools = [bc.Pool('still'), bc.Pool('come'), bc.Pool('go')]
    still, *others = [Program(pool) for pool in pools]
    still.do('anon("m", 700) and touch("m", write=True)')
    mapped = by_name(sampler.take())['still']['mapped']
    for prog in others:
        prog.start('churn(400, 2000)')
    bad, vanished, seen = [], 0, set()
    walks = tap.rounds(8, 20)
    for i in range(walks):
        doc = bc.bctl_json('fairpages', *(('--memory', '1M') if i % 2 else ()))
        vanished += doc['vanished']
        pool = by_name(doc)
        seen.add(doc['processes'])
        if not sums_up(doc) or pool['still']['mapped'] != mapped or pool['still']['private'] < 700:
            bad.append(doc)
    tap.equal(bad, [], f'{walks} walks while processes come and go: all adds up')
    tap.note(f'{vanished} ended while they were read; {min(seen)}..{max(seen)} processes')
    tap.ok(min(seen) < max(seen),
           f'{walks} walks while processes come and go: some of those are seen', seen)
    for prog in others:
        prog.end()

    big = Program(pools[1])
    big.do('anon("big", 1 << 18, flags=0x4000) and touch("big", 0, 100, write=True)')
    walk = subprocess.Popen(['bctl', 'fairpages', '-j', '--max-rate', '30000'],
                            stdout=subprocess.PIPE, text=True)
    bc.wait_for(lambda: opens(walk.pid, f'/proc/{big.pid}/pagemap'), 'it is being read')
    big.end()
    doc = json.loads(walk.stdout.read())
    tap.equal((walk.wait(), doc['vanished']), (0, 1), 'one that is killed while it is read')
    tap.ok(sums_up(doc), 'one that is killed while it is read: all adds up')
    still.end()
    for pool in pools:
        pool.remove()


def check_refusals():
    """Where it cannot be right there is no figure."""
    def refused(what, words, *prefix):
        done = subprocess.run([*prefix, 'bctl', 'fairpages'], capture_output=True, text=True,
                              timeout=bc.WAIT, check=False)
        tap.ok(done.returncode == 2 and words in done.stderr and not done.stdout,
               f'{what} is refused', done)

    refused('hidepid', 'hidepid', 'unshare', '-m', 'sh', '-c',
            'mount -t proc -o hidepid=2 proc /proc && exec "$@"', 'sh')
    done = subprocess.run(['unshare', '-m', 'sh', '-c', 'mount -t proc -o hidepid=2 proc /proc && '
                           'mount -t proc proc /proc && exec bctl fairpages'],
                          capture_output=True, check=False)
    tap.equal(done.returncode, 0, 'with another proc on top it works')
    refused('a cgroup namespace', 'cgroup namespace', 'unshare', '-C')
    refused('to be without CAP_SYS_ADMIN', 'hides the numbers', 'setpriv',
            '--bounding-set=-sys_admin')
    refused('to be without CAP_SYS_PTRACE', 'CAP_SYS_PTRACE', 'setpriv',
            '--bounding-set=-sys_ptrace')
    refused('another pid namespace', 'bctl: fairpages', 'unshare', '--pid', '--fork',
            '--mount-proc')


def check_text():
    pool = bc.Pool('text')
    prog = Program(pool)
    done = bc.bctl('fairpages', '-b', 'text')
    lines = done.stdout.split()
    tap.ok(done.returncode == 0 and lines[:7] == ['POOL', 'FAIRPAGES', 'MAPPED', 'SHARED',
                                                  'PRIVATE', 'OWN', 'text'] and
           lines[7] == lines[11] and int(lines[8]) == int(lines[9]) + int(lines[10]),
           'as text', done)
    prog.end()
    pool.remove()


rest_khugepaged()
programs = []
ARGV = copy_python()
bc.anchor()
sampler = Sampler()
check_one_to_eight()
check_fork()
check_shmem()
check_huge()
check_hugetlb()
check_nested()
check_odd_processes()
check_exit()
check_refusals()
check_text()
sampler.end()
shutil.rmtree(DIR)
bc.finish()
