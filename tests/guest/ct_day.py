#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.1 6.12
# long: 6.1 6.12
# timeout: 3600
# vm-args: -m 4096 -D 4096 --template
"""A day of a host: 20 containers with real services under load, their limits changed, exceeded and
explained, some of them put to sleep and woken, and nothing left in the evening.

usage: ct_day.py [PART...]      all parts unless some are named; the morning and the evening always
"""
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc                       # noqa: E402  pylint: disable=wrong-import-position
import disk                     # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

POINT, IMAGE = '/mnt/day', '/scratch/day.img'
SWAP = '/scratch/swap'
ARCHIVE = '/root/debian-12.tar.zst'
MIB = 1 << 20
SERVICES = {'web': 'nginx', 'data': 'postgresql', 'keys': 'redis-server'}
# Debian with systemd and one service each; the others are made of busybox.
KIND = {101: 'web', 102: 'web', 103: 'data', 104: 'data', 105: 'keys', 106: 'keys'}
NUMBERS = range(101, 121)
GUINEA, SLEEPER = 107, 108      # exceeds its limits; is suspended
SECONDS = int(os.environ.get('BC_DAY_SECONDS', '20'))


def ctl(*args, **kwargs):
    kwargs.setdefault('timeout', 900)
    return node.ctl(*(str(arg) for arg in args), **kwargs)


def must(*args, **kwargs):
    """A command that is no test of its own, of which there are many."""
    done = ctl(*args, **kwargs)
    if done.returncode:
        tap.ok(False, ' '.join(str(arg) for arg in args),
               f'{done.returncode}: {done.stdout}{done.stderr}')
    return done.stdout


def inside(number, command, **kwargs):
    done = ctl('exec2', number, command, **kwargs)
    return done.returncode, done.stdout + done.stderr


def address(number):
    return f'10.77.0.{number}'


def limits_of(number):
    """Something else for each: memory, swap, tasks, files, processors."""
    more = 384 if number in KIND else 64
    return {'ram': f'{more + number - 100}M', 'swap': '128M', 'numproc': 200 + number,
            'numfile': 4000 + number, 'cpuunits': 500 + 10 * number,
            'diskspace': f'{160 + number}M'}


def in_force(number):
    """The same, asked of the kernel."""
    now, lim = bc.figures(str(number)), limits_of(number)
    with open(f'/sys/fs/cgroup/bc/{number}/memory.max', encoding='ascii') as f:
        ram = f.read().strip()
    return (now['physpages'].limit * bc.PAGE == int(ram) == int(lim['ram'][:-1]) * MIB and
            now['numproc'].limit == lim['numproc'] and now['numfile'].limit == lim['numfile'])


# ---- the morning

def file_system():
    """One that keeps quotas of projects."""
    os.makedirs(POINT, exist_ok=True)
    disk.run('truncate', '-s', '3500M', IMAGE)
    disk.run('mke2fs', '-q', '-F', '-t', 'ext4', '-O', 'quota,project', '-E',
             'quotatype=prjquota,lazy_itable_init=0', IMAGE)
    for module in ('loop', 'quota_v2'):
        subprocess.run(['modprobe', '-q', module], check=False)
    disk.run('mount', '-o', 'loop,prjquota', IMAGE, POINT)


def outside():
    """An address of the machine that containers can answer to."""
    for command in ('link add day0 type dummy', 'link set day0 up',
                    'addr add 10.77.255.1/32 dev day0'):
        disk.run('ip', *command.split())


def templates():
    begun = time.monotonic()
    os.symlink(ARCHIVE, node.path('template/cache/debian-12.tar.zst'))
    must('template', 'build', 'minimal')
    names = ctl('template', 'list').stdout
    tap.ok('debian-12' in names and 'minimal' in names, 'there are templates', names)
    tap.note(f'templates: {time.monotonic() - begun:.0f} s')


def create():
    begun = time.monotonic()
    for number in NUMBERS:
        template = 'debian-12' if number in KIND else 'minimal'
        storage = 'copy' if number in (GUINEA, SLEEPER) else 'overlay'
        must('create', number, '--ostemplate', template, '--storage', storage,
             '--hostname', f'{KIND.get(number, "small")}{number}.example')
        options = [word for key, value in limits_of(number).items()
                   for word in (f'--{key}', str(value))]
        net = () if number == SLEEPER else ('--ipadd', address(number))
        must('set', number, *options, *net, '--save')
    for number in (GUINEA, SLEEPER):
        vz.python_into(node.path(f'private/{number}'))
        with open(f'{os.path.dirname(vz.__file__)}/attack.py', encoding='utf-8') as f:
            node.write(f'private/{number}/attack.py', f.read())
    tap.equal(len(node.list('-aH', '-o', 'ctid').stdout.split()), len(NUMBERS),
              'twenty containers are there')
    tap.note(f'create: {time.monotonic() - begun:.0f} s')


def one_service_each():
    """A script of the host runs in the containers before they are started."""
    for number, kind in KIND.items():
        rest = [unit for unit in SERVICES.values() if unit != SERVICES[kind]]
        node.write('script', 'cd /etc/systemd/system/multi-user.target.wants && rm -f '
                   + ' '.join(f'{unit}.service' for unit in rest) + '\n'
                   'echo "$(hostname) $(cat /proc/1/comm)"\n')
        done = ctl('runscript', number, node.path('script'))
        if done.stdout != f'{kind}{number}.example sleep\n':
            tap.ok(False, f'runscript {number}', done.stdout + done.stderr)
    tap.equal(node.list('-H', '-o', 'ctid').stdout, '', 'nothing runs yet')


def start():
    begun = time.monotonic()
    for number in NUMBERS:
        must('start', number)
    tap.note(f'start: {time.monotonic() - begun:.0f} s')
    tap.equal(len(node.list('-H', '-o', 'ctid').stdout.split()), len(NUMBERS), 'all of them run')
    wrong = [number for number in NUMBERS if not in_force(number)]
    tap.ok(not wrong, 'each with limits of its own', wrong)
    with ask_all(lambda number: inside(number, 'systemctl is-system-running --wait'), KIND) as said:
        states = {number: text.strip() for number, (_, text) in said.items()}
    tap.ok(set(states.values()) <= {'running', 'degraded'}, 'systemd has come up in six', states)
    failed = {n: inside(n, 'systemctl --failed --plain --no-legend')[1] for n in KIND}
    wrong = {n: text for n, text in failed.items() if SERVICES[KIND[n]].split('-')[0] in text}
    tap.ok(not wrong, 'with its service', wrong)
    tap.note(f'came up: {time.monotonic() - begun:.0f} s; failed: {failed}')


@contextlib.contextmanager
def ask_all(func, numbers):
    """func(number) for all of them at once."""
    said = {}
    threads = [threading.Thread(target=lambda n=n: said.__setitem__(n, func(n))) for n in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield said


# ---- load

def get(number):
    """Pages until it is over; how many."""
    done, wrong, end = 0, None, time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f'http://{address(number)}/', timeout=60) as page:
                done += b'nginx' in page.read()
        except OSError as err:
            wrong = err
            time.sleep(0.1)
    return done, wrong


def postgres(number):
    status, text = inside(number, 'cd /tmp; runuser -u postgres -- sh -c "pgbench -q -i -s 1 '
                          f'&& pgbench -c 2 -T {SECONDS} -n"')
    done = re.search(r'actually processed: (\d+)', text)
    return int(done[1]) if done else 0, None if status == 0 else text[-500:]


def redis(number):
    status, text = inside(number, 'redis-benchmark -q -n 3000 -c 8 -t set,get,lpush; '
                          'redis-cli set bench done; redis-cli dbsize')
    rates = re.findall(r'([\d.]+) requests per second', text)
    return len(rates) * 3000, None if status == 0 and len(rates) == 3 else text[-500:]


def change_live():
    """While they work: limits, commands, a terminal. What went wrong."""
    wrong = []
    for turn in range(3):
        for number in NUMBERS:
            done = ctl('set', number, '--numproc', 300 + turn, '--cpulimit', 120 + turn,
                       '--ram', f'{420 + turn}M')
            now = bc.figures(str(number))
            if done.returncode or now['numproc'].limit != 300 + turn or \
                    now['physpages'].limit != (420 + turn) * MIB // bc.PAGE:
                wrong.append((number, done.stderr))
            status, text = inside(number, f'echo {number}.$((6 * 7))')
            if (status, text) != (0, f'{number}.42\n'):
                wrong.append((number, status, text))
        script = ('import os, pty; os.environ["TERM"] = "vt100"; '
                  f'pty.spawn(["vzctl", "enter", "{103 + turn}", "--exec", "tty; id -u"])')
        done = subprocess.run([sys.executable, '-c', script], env=node.env, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL, timeout=300)
        if not re.search(r'/dev/(pts/\d+|console)\s+0', done.stdout):
            wrong.append((103 + turn, done.stdout, done.stderr))
    return wrong


def load():
    work = {'web': get, 'data': postgres, 'keys': redis}
    reached = [tap.poll_until(bc.WAIT, lambda n=n: answers(n)) for n in (101, 102)]
    tap.ok(all(reached), 'nginx answers from outside', reached)
    jobs = dict.fromkeys(KIND)
    jobs[0] = None
    with ask_all(lambda n: work[KIND[n]](n) if n else change_live(), jobs) as said:
        wrong = said.pop(0)
        tap.ok(all(done and why is None for done, why in said.values()),
               'nginx, PostgreSQL and redis work without an error', said)
        tap.note('done: ' + ', '.join(f'{KIND[n]}{n} {said[n][0]}' for n in sorted(said)))
    tap.ok(not wrong, 'while limits are set, commands run and terminals opened in all twenty', wrong)
    fails = {n: [name for name, r in bc.figures(str(n)).items() if r.failcnt] for n in KIND}
    tap.note(f'refused meanwhile: {fails}')
    used = {n: bc.figures(str(n)) for n in KIND}
    tap.ok(all(used[n]['numtcpsock'].maxheld and used[n]['physpages'].maxheld > 1000 and
               used[n]['numproc'].held > 3 for n in KIND), 'their accounts have what they took')
    rows = json.loads(ctl('netstat', '-j', '101').stdout)
    sent = sum(c['ipv4']['out']['bytes'] for row in rows for c in row['classes'] if 'ipv4' in c)
    tap.ok(sent > 1000, 'and what they sent is counted', rows)
    for number in NUMBERS:
        must('set', number, '--reset_ub')
    wrong = [number for number in NUMBERS if not in_force(number)]
    tap.ok(not wrong, '--reset_ub: all is as the files say', wrong)


def answers(number):
    try:
        with urllib.request.urlopen(f'http://{address(number)}/', timeout=20) as page:
            return page.status == 200
    except OSError:
        return False


# ---- limits that are exceeded

# Connections of which nobody reads.
STUCK = """import select, socket
s = socket.create_server(('127.0.0.1', 0))
c = [socket.create_connection(s.getsockname()) for i in range(16)]
a = [s.accept()[0] for i in c]
for i in c: i.setblocking(False)
for turn in range(8):
    for i in select.select([], c, [], 1)[1]:
        try:
            for j in range(64): i.send(bytes(65536))
        except BlockingIOError: pass
"""
# limit: how it is exceeded, a part of attack.py or a program
SNIPPETS = {
    'numproc': 'forks', 'numfile': 'files', 'numpty': 'ptys', 'numothersock': 'sockets',
    'shmpages': 'shm', 'othersockbuf': 'buffers', 'numflock': 'locks',
    'privvmpages': 'import ctypes\nc = ctypes.CDLL(None)\n'
                   'c.mmap(None, ctypes.c_size_t(256 << 20), 3, 34, -1, ctypes.c_long(0))',
    'lockedpages': 'import ctypes\nc = ctypes.CDLL(None)\n'
                   'c.mlock(ctypes.create_string_buffer(4 << 20), ctypes.c_size_t(4 << 20))',
    'numtcpsock': 'import socket\ns = [socket.socket() for i in range(99)]',
    'dgramrcvbuf': 'import socket\n'
                   'a = socket.socket(type=socket.SOCK_DGRAM)\na.bind(("127.0.0.1", 999))\n'
                   'b = socket.socket(type=socket.SOCK_DGRAM)\n'
                   'for i in range(400): b.sendto(bytes(1000), ("127.0.0.1", 999))',
    'numsiginfo': 'import os, signal, ctypes\nsignal.pthread_sigmask(0, [40])\n'
                  'c = ctypes.CDLL(None)\n'
                  'for i in range(300): c.sigqueue(os.getpid(), 40, ctypes.c_void_p(1))',
    'tcpsndbuf': STUCK, 'tcprcvbuf': STUCK, 'physpages': 'memory',
}
LOW = {'numproc': '14', 'numfile': '300', 'numpty': '4', 'numothersock': '30', 'shmpages': '256',
       'othersockbuf': '200000:400000', 'numflock': '40', 'privvmpages': '20000',
       'lockedpages': '64', 'numtcpsock': '30', 'dgramrcvbuf': '60000', 'numsiginfo': '64',
       'tcpsndbuf': '131072:262144', 'tcprcvbuf': '131072:262144', 'physpages': '0:8192'}


# Whom these are refused is not known, or not for certain.
NOBODY = ('physpages', 'swappages', 'dgramrcvbuf', 'tcpsndbuf', 'tcprcvbuf')


def take(how):
    """Exceed a limit; how that ended."""
    if '\n' in how:
        node.write(f'private/{GUINEA}/try.py', how + '\n')
        return ctl('exec2', GUINEA, 'python3 /try.py')
    return ctl('exec2', GUINEA, f'python3 /attack.py take {how} 5 < /dev/null')


def exceed_one(res, limits, how):
    """It is refused, and explain says what, whom, and what would do."""
    before = bc.failcnt(str(GUINEA), res)
    must('set', GUINEA, *limits)
    done = take(how)
    # What the kernel refuses by itself is seen a moment later.
    tap.poll_until(bc.WAIT, lambda: f'{res}: ' in bc.bctl('explain', str(GUINEA)).stdout)
    said = bc.bctl('explain', str(GUINEA)).stdout
    cause = {c['resource']: c for c in bc.bctl_json('explain', str(GUINEA))['causes']}.get(res, {})
    better = cause.get('proposal', {}).get('command', 'none')
    more = bc.failcnt(str(GUINEA), res) - before
    known = res in NOBODY or any(c.get('comm') == 'python3' for c in cause.get('culprits', ()))
    tap.ok(more and known and f'{res}: ' in said and better in said and 'unlimited' not in better,
           f'{res} is exceeded: refused {more} times, and explain names who, and what would do',
           (done.stdout, done.stderr[-300:], cause, said))
    tap.note(better)
    must('set', GUINEA, '--reset_ub')
    if inside(GUINEA, 'true')[0]:
        log = subprocess.run(['dmesg'], capture_output=True, text=True, check=False).stdout
        tap.note(f'{res} has ended its container: '
                 + ' | '.join([line for line in log.splitlines() if 'Killed' in line][-4:]))
        ctl('stop', GUINEA, '--fast')
        must('start', GUINEA)


def exceed_swap():
    for command in (f'truncate -s 0 {SWAP}', f'fallocate -l 64M {SWAP}', f'chmod 600 {SWAP}',
                    f'mkswap -q {SWAP}', f'swapon {SWAP}'):
        disk.run(*command.split())
    exceed_one('swappages', ('--physpages', '0:8192', '--swappages', '0:2048'), 'memory')
    disk.run('swapoff', SWAP)
    os.unlink(SWAP)


def exceed():
    """Each kind, one after the other."""
    for res, how in SNIPPETS.items():
        exceed_one(res, (f'--{res}', LOW[res]), how)
    exceed_swap()
    # Not written: pages of the file behind the loop device are charged to who writes.
    status, text = inside(GUINEA, 'busybox fallocate -l 600M /big; rm -f /big')
    tap.ok(re.search('uota exceeded|No space left', text), 'nor is more written than its disk has',
           (status, text))
    others = {n: sum(r.failcnt for r in bc.figures(str(n)).values()) for n in NUMBERS
              if n not in KIND and n != GUINEA}
    tap.ok(not any(others.values()), 'its neighbours were refused nothing', others)


# ---- put to sleep

KEEPER = r'''
import hashlib, os, socket
memory = [os.urandom(4096) for i in range(1024)]
server = socket.create_server(("127.0.0.1", 777))
one = socket.create_connection(("127.0.0.1", 777))
two = server.accept()[0]
os.mkfifo("/ask")
while True:
    with open("/ask") as f:
        word = f.read().strip().encode()
    one.sendall(word)
    got = two.recv(len(word), socket.MSG_WAITALL)
    with open("/answer.tmp", "w") as f:
        f.write(got.decode() + " " + hashlib.sha256(b"".join(memory)).hexdigest())
    os.rename("/answer.tmp", "/answer")
'''


def answer(word):
    """What goes through the connection inside, and what is in memory there."""
    inside(SLEEPER, f'echo {word} > /ask')
    path = node.path(f'private/{SLEEPER}/answer')
    tap.poll_until(bc.WAIT, lambda: os.path.exists(path) and
                   node.read(path).startswith(word + ' '))
    return node.read(path).split()


def sleep_and_wake():
    node.write(f'private/{SLEEPER}/keeper.py', KEEPER)
    must('exec', SLEEPER, 'setsid python3 /keeper.py < /dev/null > /dev/null 2>&1 &')
    tap.poll_until(bc.WAIT, lambda: node.exists(f'private/{SLEEPER}/ask'))
    first = answer('one')
    made, fails = bc.nl.get(str(SLEEPER))['incarnation'], bc.failcnt(str(SLEEPER), 'numproc')
    must('suspend', SLEEPER)
    tap.equal((node.status(str(SLEEPER)), bc.held(str(SLEEPER), 'numproc')),
              (['exist', 'unmounted', 'down', 'suspended'], 0), 'one is suspended')
    must('resume', SLEEPER)
    tap.equal(answer('two'), ['two', first[1]],
              'its connection goes on, and its memory is as it was')
    tap.equal((bc.nl.get(str(SLEEPER))['incarnation'], bc.failcnt(str(SLEEPER), 'numproc')),
              (made, fails), 'in the same account')
    before = inside(105, 'grep ^root: /etc/shadow')[1]
    must('set', 105, '--userpasswd', 'root:a word')
    after = inside(105, 'grep ^root: /etc/shadow')[1]
    tap.ok(after != before and after.startswith('root:$'), 'a password is set', (before, after))
    with socket.create_connection((address(101), 80), timeout=60) as web:
        web.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n')
        must('suspend', '101', '--freeze')
        tap.equal(node.status('101')[-1], 'frozen', 'a web server is frozen')
        web.sendall(b'\r\n')
        must('resume', '101', '--thaw')
        tap.ok(b'200 OK' in web.recv(100), 'and answers on the same connection when it is thawed')


# ---- the evening

def traces():
    """All that a container could leave in the machine."""
    found = [line.split()[1] for line in open('/proc/self/mounts', encoding='utf-8')
             if f'{POINT}/' in line.split()[1] or 'bctl-ct' in line.split()[1]]
    for top in ('bc', 'bc-ct'):
        with contextlib.suppress(OSError):
            found += [f'{top}/{e.name}' for e in os.scandir(f'/sys/fs/cgroup/{top}') if e.is_dir()]
    links = subprocess.run(['ip', '-o', 'link'], capture_output=True, text=True, check=False).stdout
    found += re.findall(r'\b(?:venet|veth)\d[\w.]*', links)
    rules = subprocess.run(['nft', 'list', 'tables'], capture_output=True, text=True, check=False)
    found += re.findall(r'bc_ct_\d+', rules.stdout)
    routes = subprocess.run(['ip', 'route'], capture_output=True, text=True, check=False).stdout
    found += re.findall(r'10\.77\.0\.\d+', routes)
    quotas = subprocess.run(['repquota', '-P', '-n', POINT], capture_output=True, text=True,
                            check=False).stdout
    found += re.findall(r'#2147483\d+', quotas)
    found += [p['name'] for p in bc.nl.dump() if p['name'].isdigit()]
    found += [f'{where}/{name}' for where in ('private', 'root', 'state', 'dump', 'template/cache',
                                              'template/tree', 'etc/names')
              if node.exists(where) for name in os.listdir(node.path(where))]
    found += [f for f in node.files() if re.search(r'\d\.conf$', f)]
    found += [os.path.join(folder, name) for folder, dirs, names in os.walk('/run')
              for name in dirs + names if re.fullmatch(r'\.?1[012]\d', name)]
    procs = subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True, check=False)
    return found + re.findall(r'.*(?:\[lxc monitor\]|hook \d+).*', procs.stdout)


def evening():
    begun = time.monotonic()
    for number in NUMBERS:
        # some halt, some are killed
        must('stop', number, *(['--fast'] if number % 3 else []))
    tap.note(f'stop: {time.monotonic() - begun:.0f} s')
    tap.equal(node.list('-H', '-o', 'ctid').stdout, '', 'all have stopped')
    for number in NUMBERS:
        must('destroy', number)
    for name in ('minimal', 'debian-12', 'busybox'):
        must('template', 'remove', name)
    tap.ok(tap.poll_until(bc.WAIT, lambda: not traces()), 'nothing of them is left', traces())
    subprocess.run(['ip', 'link', 'del', 'day0'], check=False)
    disk.run('umount', POINT)


# What happens between; migration to another host takes two of them, and is a test of its own.
PARTS = {'load': load, 'exceed': exceed, 'sleep': sleep_and_wake}

begun = time.monotonic()
file_system()
node = vz.Vz(f'{POINT}/vz')
outside()
templates()
create()
one_service_each()
start()
for part in sys.argv[1:] or PARTS:
    then = time.monotonic()
    PARTS[part]()
    tap.note(f'{part}: {time.monotonic() - then:.0f} s')
evening()
tap.note(f'took {time.monotonic() - begun:.0f} s')
bc.finish()
