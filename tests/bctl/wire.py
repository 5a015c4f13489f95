# SPDX-License-Identifier: GPL-2.0
"""A made-up kernel with the module in it, which outlives whoever talks to it.

Kernel answers the requests of the uapi header that "bctl collect" makes, over a socket that
tests/bctl/wire_sys.c connects to. It has pools whose figures grow as the test says, and keeps
a ledger of its own of all that they ever had. Time runs at any speed, and can be set.

Integrals are kept in unit-nanoseconds, and told in whole unit-seconds.
"""
import errno
import os
import re
import select
import socket
import struct
import threading
import time
import traceback
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ERROR, DONE, CTRL, FAMILY, JOIN, OVERRUN = 2, 3, 16, 0x1d, 0xfff0, 0xfff1
F_MULTI, F_DUMP, F_CAPPED = 2, 0x300, 0x100
GROUPS = ['refusal', 'pool', 'threshold', 'usage']
UNLIMITED = (1 << 64) - 1
CAUSES = {'deleted': 0, 'cgroup': 1, 'unload': 2}
NEW, GONE, UNLOAD = 2, 5, 7

FLOWS = '''cpu_ns cpu_user_ns cpu_system_ns cpu_wait_ns cpu_throttled_ns cpu_nr_throttled
    io_read_bytes io_write_bytes io_discard_bytes io_reads io_writes io_discards io_flushes
    io_wait_ns io_service_ns io_throttled_ns io_nr_throttled io_dirtied_bytes
    io_cancelled_bytes'''.split()
RES = {'numproc': (5, 0), 'physpages': (6, 2), 'tcpsndbuf': (13, 1), 'vmguarpages': (7, 2)}


def enum(name):
    """The numbers of an enum of the uapi header, without what its names have in common."""
    with open(os.path.join(HERE, '../../uapi/linux/beancounter.h'), encoding='utf-8') as header:
        body = re.search(r'enum %s \{(.*?)\};' % name, header.read(), re.S).group(1)
    body = re.sub(r'/\*.*?\*/', '', body, flags=re.S)
    return {word: number for number, word in enumerate(re.findall(r'(\w+)', body))}


CMD = enum('bc_cmd')
A = enum('bc_attr')


def attr(kind, data):
    number = A['BC_A_' + kind] if isinstance(kind, str) else kind
    if isinstance(data, str):
        data = data.encode() + b'\0'
    return struct.pack('=HH', 4 + len(data), number) + data + b'\0' * (-len(data) % 4)


def u32(kind, value):
    return attr(kind, struct.pack('=I', value))


def u64(kind, value):
    return attr(kind, struct.pack('=Q', value))


def attrs(data):
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from('=HH', data)
        found[kind & 0x3fff] = data[4:size]
        data = data[(size + 3) & ~3:]
    return found


class Pool:
    """One pool. What is below it is added to it by Kernel."""

    def __init__(self, ident, name, parent, incarnation, created):
        self.id, self.name, self.parent, self.incarnation = ident, name, parent, incarnation
        self.created = self.touched = created
        self.flows = dict.fromkeys(FLOWS, 0)
        self.unknown = set()
        self.children = 0
        self.res = {name: {'held': 0, 'maxheld': 0, 'unit_ns': 0, 'failcnt': 0, 'failed': 0,
                           'barrier': UNLIMITED, 'limit': UNLIMITED} for name in RES}
        self.own = dict.fromkeys(RES, 0)        # held without what is held below
        self.peaks = {}         # of each reader since it took them

    def settle(self, now):
        """Bring the integrals up to date."""
        for res in self.res.values():
            res['unit_ns'] += res['held'] * (now - self.touched)
        self.touched = now

    def totals(self):
        """The cumulative figures: what the sum of all records has to be."""
        out = {name: value for name, value in self.flows.items() if name not in self.unknown}
        for name, res in self.res.items():
            if name not in self.unknown and name != 'vmguarpages':
                out[name] = (res['unit_ns'] // 10**9, res['failcnt'], res['failed'])
        return out

    def cpu(self):
        f = self.flows
        known = 3 | (0 if 'cpu_throttled_ns' in self.unknown else 4)
        return struct.pack('=14Q', known, f['cpu_ns'], f['cpu_user_ns'], f['cpu_system_ns'],
                           f['cpu_wait_ns'], 0, 0, f['cpu_throttled_ns'],
                           f['cpu_nr_throttled'], 0, 0, 0, 0, 0)

    def io(self):
        f = self.flows
        return struct.pack('=18Q', 15, f['io_read_bytes'], f['io_write_bytes'],
                           f['io_discard_bytes'], f['io_reads'], f['io_writes'],
                           f['io_discards'], f['io_flushes'], 0, 0, f['io_wait_ns'], 0,
                           f['io_service_ns'], 0, f['io_throttled_ns'], f['io_nr_throttled'],
                           f['io_dirtied_bytes'], f['io_cancelled_bytes'])

    def table(self, reader=None):
        out = b''
        for name, (number, _) in sorted(RES.items(), key=lambda item: item[1]):
            if name in self.unknown:
                continue
            res, flags, peak = self.res[name], 1 | 64, 0
            if name == 'vmguarpages':
                flags = 1 | 2 | 4 | 8 | 16
            elif reader in self.peaks:
                flags |= 32
                peak = self.peaks[reader][name]
            out += struct.pack('=IIQQQQQQQQQ', number, flags, res['held'], res['maxheld'],
                               res['barrier'], res['limit'], res['failcnt'], res['failed'], 0,
                               peak, res['unit_ns'] // 10**9 if flags & 64 else 0)
        return out

    def message(self, reader=None):
        body = (u32('ID', self.id) + attr('NAME', self.name) + u64('CREATED', self.created) +
                u64('INCARNATION', self.incarnation) + u32('RECORD_SIZE', 80) +
                attr('TABLE', self.table(reader)) + attr('CPU', self.cpu()) +
                attr('IO', self.io()))
        if self.parent:
            body += (u32('PARENT_ID', self.parent.id) + attr('PARENT', self.parent.name) +
                     attr('CGROUP_PATH', 'bc/' + self.name))
        return body


class Kernel:
    """The kernel; loaded is whether the module is."""

    def __init__(self, path, speed=1.0, utc_ms=1790812800000):
        self.path, self.speed = path, speed
        self.lock = threading.RLock()
        self.serial = self.incarnation = 0
        self.loaded = False
        self.ledger = {}        # (boot, incarnation): totals at its end, or what it has now
        self.told = {}          # the same: all totals that were ever told
        self.ended = {}         # the same: how it ended, unless nobody was told
        self.lose = lambda: False       # drop a notification, and tell that some were lost
        self.forget = lambda: False     # drop a notification without a word
        self.listened = False   # whoever listens lives long enough to store what is sent
        self.closed_max = 1 << 30
        self.spoil = False      # the next closing record is malformed
        self.boot_ns, self.origin = 50 * 10**9, time.monotonic_ns()
        self.utc_ms = utc_ms
        self.conns, self.joined = [], {}
        self.boot = None
        self.requests = []
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.server.bind(path)
        self.server.listen(16)
        self.stop = False
        self.reboot(first=True)
        threading.Thread(target=self.work, daemon=True).start()

    # ---- time

    def now(self):
        return self.boot_ns + int((time.monotonic_ns() - self.origin) * self.speed)

    def clock(self):
        temp = self.path + '.clock.tmp'
        with open(temp, 'w', encoding='ascii') as out:
            out.write(f'{self.speed} {self.origin} {self.boot_ns} {self.utc_ms}\n')
        os.rename(temp, self.path + '.clock')

    def utc(self):
        return self.utc_ms + int((time.monotonic_ns() - self.origin) * self.speed / 1e6)

    def step(self, utc_ms=0, suspend_ms=0):
        """Set the clock by so much; or sleep for so long."""
        with self.lock:
            passed = time.monotonic_ns() - self.origin
            self.boot_ns += int(passed * self.speed) + suspend_ms * 10**6
            self.utc_ms += int(passed * self.speed / 1e6) + utc_ms + suspend_ms
            self.origin += passed
            self.clock()

    # ---- the life of the machine

    def reboot(self, first=False, down_ms=60000):
        """Power goes: nobody is told anything."""
        with self.lock:
            was = self.loaded
            if not first:
                self.crash()
                self.step(utc_ms=down_ms)
            self.boot = str(uuid.uuid4())
            with open(self.path + '.boot', 'w', encoding='ascii') as out:
                out.write(self.boot + '\n')
            self.boot_ns, self.utc_ms, self.origin = 50 * 10**9, self.utc(), time.monotonic_ns()
            self.clock()
            self.serial = self.incarnation = 0
            if was or first:
                self.load()

    def load(self):
        with self.lock:
            self.loaded, self.instance = True, self.now()
            self.pools, self.closed, self.readers = {}, [], {}
            self.incarnation += 10
            self.host = self.add('host', None, 0)

    def add(self, name, parent, ident):
        self.incarnation += 1
        pool = Pool(ident, name, parent, self.incarnation, self.now())
        pool.peaks = {reader: dict.fromkeys(RES, 0) for reader in self.readers}
        self.pools[pool.incarnation] = pool
        if parent:
            parent.children += 1
        return pool

    def crash(self):
        """The module is gone without having told anybody."""
        with self.lock:
            self.unsure()
            for pool in self.pools.values():
                self.ledger[self.boot, pool.incarnation] = self.settled(pool)
            self.pools, self.closed, self.loaded = {}, [], False

    def unsure(self):
        """Closing records that nobody has acknowledged go, too."""
        for _, body in self.closed:
            incarnation, = struct.unpack('=Q', attrs(body)[A['BC_A_INCARNATION']])
            self.ended[self.boot, incarnation] = None

    def unload(self):
        """The module goes as it should."""
        with self.lock:
            for pool in sorted(self.pools.values(), key=lambda pool: -pool.incarnation):
                self.close(pool, 'unload')
            self.send('usage', CMD['BC_CMD_EVENT'], u32('EVENT', UNLOAD) +
                      u64('SERIAL', self.serial))
            if not self.listened:
                self.unsure()
            self.loaded, self.closed = False, []

    # ---- the life of pools

    def new(self, name, parent=None):
        with self.lock:
            used = {pool.id for pool in self.pools.values()}
            ident = next(i for i in range(1, 1 << 16) if i not in used)
            pool = self.add(name, parent or self.host, ident)
            self.send('pool', CMD['BC_CMD_EVENT'], u32('EVENT', NEW) + attr('NAME', name))
            return pool

    def settled(self, pool):
        pool.settle(self.now())
        return pool.totals()

    def close(self, pool, cause='deleted'):
        with self.lock:
            now = self.now()
            pool.settle(now)
            self.serial += 1
            body = (u64('SERIAL', self.serial) + u64('CLOSED', now) + u64('DIED', now) +
                    u32('CAUSE', CAUSES[cause]) + pool.message())
            if pool.parent:
                body += u64('PARENT_INCARNATION', pool.parent.incarnation)
                pool.parent.children -= 1
            if self.spoil:
                self.spoil, body = False, u64('SERIAL', self.serial)
            self.closed.append((self.serial, body))
            del self.closed[:-self.closed_max]
            self.ledger[self.boot, pool.incarnation] = pool.totals()
            self.tell(pool)
            self.ended[self.boot, pool.incarnation] = cause
            del self.pools[pool.incarnation]
            self.send('usage', CMD['BC_CMD_CLOSED_GET'], body)

    def tell(self, pool):
        self.told.setdefault((self.boot, pool.incarnation), []).append(pool.totals())

    def use(self, pool, held=None, **flows):
        """A pool and those above it use something; held is {resource: difference}."""
        with self.lock:
            now = self.now()
            for name, amount in (held or {}).items():
                pool.own[name] += amount
            while pool:
                pool.settle(now)
                for name, amount in flows.items():
                    pool.flows[name] += amount
                for name, amount in (held or {}).items():
                    res = pool.res[name]
                    res['held'] += amount
                    res['maxheld'] = max(res['maxheld'], res['held'])
                    for peaks in pool.peaks.values():
                        peaks[name] = max(peaks[name], res['held'])
                pool = pool.parent

    def fail(self, pool, res, amount):
        with self.lock:
            pool.res[res]['failcnt'] += 1
            pool.res[res]['failed'] += amount

    # ---- the wire

    def work(self):
        try:
            self.serve()
        except BaseException:           # nobody would be told of it
            traceback.print_exc()
            os._exit(1)

    def serve(self):
        while not self.stop:
            ready = select.select([self.server] + self.conns, [], [], 0.2)[0]
            for conn in ready:
                if conn is self.server:
                    self.conns.append(conn.accept()[0])
                    self.conns[-1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
                    continue
                try:
                    data = conn.recv(1 << 18)
                    with self.lock:
                        self.request(conn, data)
                except OSError:
                    data = b''
                if not data:
                    with self.lock:
                        self.conns.remove(conn)
                        self.joined.pop(conn, None)
                    conn.close()

    def end(self):
        self.stop = True

    def send(self, group, cmd, body):
        """A notification."""
        message = self.build(FAMILY, 0, 0, struct.pack('=BBH', cmd, 1, 0) + body)
        for conn, groups in list(self.joined.items()):
            if group not in groups or self.forget():
                continue
            if self.lose():
                message = self.build(OVERRUN, 0, 0, b'')
            try:
                conn.send(message, socket.MSG_DONTWAIT)
            except OSError:
                pass

    @staticmethod
    def build(kind, flags, seq, body):
        return struct.pack('=IHHII', 16 + len(body), kind, flags, seq, 0) + body

    def request(self, conn, data):
        if not data:
            return
        _, kind, flags, seq, _ = struct.unpack_from('=IHHII', data)
        if kind == JOIN:
            group, = struct.unpack_from('=I', data, 16)
            self.joined.setdefault(conn, set()).add(GROUPS[group - 40])
            return
        dump = flags & F_DUMP == F_DUMP
        cmd, tb = data[16], attrs(data[20:])

        def answer(cmd, body):
            conn.send(self.build(FAMILY if kind != CTRL else CTRL, F_MULTI if dump else 0, seq,
                                 struct.pack('=BBH', cmd, 1, 0) + body))
        try:
            if not self.loaded:
                raise OSError(errno.ENOENT, '')
            if kind == CTRL:
                answer(1, self.family())
            else:
                self.requests.append(cmd)
                self.command(cmd, tb, answer)
            error = 0
        except OSError as err:
            error = err.errno
        if dump and not error:
            conn.send(self.build(DONE, F_MULTI, seq, struct.pack('=i', 0)))
        else:
            conn.send(self.build(ERROR, F_CAPPED, seq, struct.pack('=i', -error) + data[:16]))

    @staticmethod
    def family():
        groups = b''.join(attr(i + 1, attr(1, name) + attr(2, struct.pack('=I', 40 + i)))
                          for i, name in enumerate(GROUPS))
        return (attr(1, struct.pack('=H', FAMILY)) + attr(3, struct.pack('=I', 1)) +
                attr(7, groups))

    def command(self, cmd, tb, answer):
        def text(kind):
            return tb[A[kind]].rstrip(b'\0').decode() if A[kind] in tb else None

        def number(kind):
            return int.from_bytes(tb.get(A[kind], b''), 'little')

        if cmd == CMD['BC_CMD_INFO_GET']:
            answer(cmd, u32('PAGE_SIZE', 4096) + u64('INSTANCE', self.instance) +
                   u64('SERIAL', self.serial))
        elif cmd == CMD['BC_CMD_RES_GET']:
            for name, (ident, unit) in RES.items():
                answer(cmd, u32('RES', ident) + attr('RES_NAME', name) + u32('RES_UNIT', unit))
        elif cmd == CMD['BC_CMD_POOL_GET']:
            self.dump(cmd, text('BC_A_READER'), answer)
        elif cmd == CMD['BC_CMD_READER_GET']:
            for name, reader in self.readers.items():
                answer(cmd, attr('READER', name) + u64('TIME', reader['taken']))
        elif cmd == CMD['BC_CMD_CLOSED_GET']:
            for serial, body in self.closed:
                if serial > number('BC_A_SERIAL'):
                    answer(cmd, body)
        elif cmd == CMD['BC_CMD_CLOSED_ACK']:
            self.ack(text('BC_A_READER'), number('BC_A_SERIAL'))
        else:
            raise OSError(errno.EOPNOTSUPP, '')

    def meet(self, reader):
        if reader in self.readers:
            return
        self.readers[reader] = {'taken': self.now(), 'acked': None}
        for pool in self.pools.values():
            pool.peaks[reader] = {name: res['held'] for name, res in pool.res.items()}

    def dump(self, cmd, reader, answer):
        now = self.now()
        for pool in self.pools.values():
            pool.settle(now)
            answer(cmd, pool.message(reader) + u64('TAKEN', now))
            self.tell(pool)
        if reader:
            self.meet(reader)
            self.readers[reader]['taken'] = now
            for pool in self.pools.values():
                pool.peaks[reader] = {name: res['held'] for name, res in pool.res.items()}

    def ack(self, reader, serial):
        if serial > self.serial:
            raise OSError(errno.EINVAL, '')
        self.meet(reader)
        self.readers[reader]['acked'] = max(self.readers[reader]['acked'] or 0, serial)
        done = min(r['acked'] for r in self.readers.values() if r['acked'] is not None)
        self.closed = [one for one in self.closed if one[0] > done]
