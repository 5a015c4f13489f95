# SPDX-License-Identifier: GPL-2.0
"""A generic netlink client for the family "beancounter", in nothing but Python.

The second implementation of the interface, independent of bctl, of libnl and of
the uapi header: the numbers below are written down once more, so that a change
of the interface shows. Messages can be built by hand, too, for bad input.
"""
import errno
import os
import socket
import struct
from collections import namedtuple

NETLINK_GENERIC = 16
SOL_NETLINK = 270
ADD_MEMBERSHIP, CAP_ACK, EXT_ACK = 1, 10, 11

NLMSG_ERROR, NLMSG_DONE, GENL_ID_CTRL = 2, 3, 16
F_REQUEST, F_MULTI, F_ACK, F_DUMP_INTR, F_DUMP = 1, 2, 4, 0x10, 0x300
F_CAPPED, F_ACK_TLVS = 0x100, 0x200
NESTED = 0x8000

UNLIMITED = (1 << 64) - 1
AMOUNT_MAX = (1 << 62) - 1
DEPTH_MAX = 16

POOL_NEW, POOL_SET, POOL_GET, POOL_DEL, RES_GET, INFO_GET, EVENT = range(1, 8)
REFUSAL_GET, THRESHOLD_SET, READER_GET, READER_DEL, SETTING_GET, IO_GET = range(8, 14)
CLOSED_GET, CLOSED_ACK = 14, 15

ATTRS = '''unspec pad id name parent_id parent incarnation state cgroup_fd cgroup_path
    cgroup_id created children generation since limit table record_size res res_name
    res_unit res_kind res_status reason desc version pools pools_max dying hooked
    suppressed unbalanced untracked page_size event time amount held barrier
    limit_value origin_id origin_name pid comm detail memory count first largest bound
    origin_incarnation threshold percent direction reader setting settings cpu io device
    io_times changed taken instance serial closed died cause parent_incarnation
    closed_kept closed_max closed_lost'''.split()
A = {name: number for number, name in enumerate(ATTRS)}
LIMIT_RES, LIMIT_BARRIER, LIMIT_LIMIT = 2, 3, 4
THRESHOLD_RES, THRESHOLD_RISE, THRESHOLD_FALL, THRESHOLD_ABOVE = 1, 2, 3, 4
STRINGS = {'name', 'parent', 'cgroup_path', 'res_name', 'reason', 'desc', 'version',
           'origin_name', 'comm', 'reader', 'device'}

RES = {'kmemsize': 0, 'lockedpages': 1, 'privvmpages': 2, 'shmpages': 3, 'numproc': 5,
       'physpages': 6, 'vmguarpages': 7, 'oomguarpages': 8, 'numtcpsock': 9, 'numflock': 10,
       'numpty': 11, 'numsiginfo': 12, 'tcpsndbuf': 13, 'tcprcvbuf': 14, 'othersockbuf': 15,
       'dgramrcvbuf': 16, 'numothersock': 17, 'dcachesize': 18, 'numfile': 19,
       'numiptent': 23, 'swappages': 24}
SETTINGS = '''cpu.shares cpu.limit cpu.reservation cpu.expandable io.bps io.rbps io.wbps
    io.iops io.riops io.wiops io.burst io.weight'''.split()
SETTING_ID, SETTING_VALUE = 2, 3
SETTING_ATTRS = 'unspec pad id value name unit lowest highest unlimited'.split()
RES_NAMES = {number: name for name, number in RES.items()}

LIVE, DYING = 0, 1
IDLE, ENFORCED, COUNTED, UNAVAILABLE = range(4)
REFUSAL, EV_NEW, EV_SET, EV_DYING, EV_GONE, EV_THRESHOLD, EV_UNLOAD = range(1, 8)
DELETED, CGROUP, UNLOAD = range(3)
AT_BARRIER, AT_LIMIT = 0, 1
UP, DOWN = 0, 1
F_ENFORCED, F_NO_HELD, F_PEAK, F_INTEGRAL = 1, 2, 32, 64

F_SET, F_EFFECTIVE = 1, 2

Setting = namedtuple('Setting', 'id flags value')
SETTING = struct.Struct('=IIQ')
Cpu = namedtuple('Cpu', 'known usage user system wait switches preemptions throttled '
                 'nr_throttled load1 load5 load15 entitlement reservable')
CPU = struct.Struct('=14Q')
CPU_USAGE, CPU_WAIT, CPU_THROTTLED, CPU_LOAD, CPU_ENTITLEMENT = 1, 2, 4, 8, 16
Io = namedtuple('Io', 'known read_bytes write_bytes discard_bytes reads writes discards flushes '
                'reading writing read_wait write_wait read_service write_service throttled '
                'nr_throttled dirtied cancelled')
IO = struct.Struct('=18Q')
IO_AMOUNT, IO_TIMES, IO_THROTTLED, IO_DIRTY, IO_WRITEBACK, IO_STACKED = 1, 2, 4, 8, 16, 32
BUCKETS = 32
TIMES = struct.Struct(f'={4 * BUCKETS}Q')
Record = namedtuple('Record', 'res flags held maxheld barrier limit failcnt failed last_fail '
                    'peak integral')
RECORD = struct.Struct('=IIQQQQQQQQQ')


def still(pool):
    """A pool without what time alone changes: when it was read, and what is summed up."""
    left = {k: v for k, v in pool.items() if k not in ('taken', 'changed', 'cpu', 'io', 'res')}
    left['res'] = {name: rec._replace(integral=None) for name, rec in pool['res'].items()}
    return left


class NetlinkError(OSError):
    """A refusal, with what its extended ACK says."""

    def __init__(self, number, text, offset):
        super().__init__(number, text or os.strerror(number))
        self.text = text
        self.offset = offset

    def __str__(self):
        return f'{errno.errorcode.get(self.errno)}: {self.text!r} at {self.offset}'


def attr(kind, data):
    """One attribute, padded. Strings get their NUL; integers have no width here."""
    if isinstance(kind, str):
        kind = A[kind]
    if isinstance(data, str):
        data = data.encode() + b'\0'
    return struct.pack('=HH', 4 + len(data), kind) + data + b'\0' * (-len(data) % 4)


def u32(kind, value):
    return attr(kind, struct.pack('=I', value))


def s32(kind, value):
    return attr(kind, struct.pack('=i', value))


def u64(kind, value):
    return attr(kind, struct.pack('=Q', value))


def limit(res, barrier, top=None):
    """A BC_A_LIMIT; None is unlimited, top defaults to the barrier."""
    def amount(value):
        return UNLIMITED if value is None else value
    number = RES[res] if isinstance(res, str) else res
    top = barrier if top is None else top
    return attr(A['limit'] | NESTED, u32(LIMIT_RES, number) +
                u64(LIMIT_BARRIER, amount(barrier)) + u64(LIMIT_LIMIT, amount(top)))


def limits(wanted):
    """{'numproc': 5, 'privvmpages': (10, 20)} as attributes."""
    return b''.join(limit(res, *(value if isinstance(value, tuple) else (value,)))
                    for res, value in wanted.items())


def setting(name, value):
    """A BC_A_SETTING; None is unlimited."""
    number = SETTINGS.index(name) if isinstance(name, str) else name
    return attr(A['setting'] | NESTED, u32(SETTING_ID, number) +
                u64(SETTING_VALUE, UNLIMITED if value is None else value))


def settings(wanted):
    """{'cpu.shares': 500} as attributes."""
    return b''.join(setting(name, value) for name, value in wanted.items())


def threshold(res, rise, fall=None):
    """A BC_A_THRESHOLD; rise 0 removes it."""
    number = RES[res] if isinstance(res, str) else res
    body = u32(THRESHOLD_RES, number) + u32(THRESHOLD_RISE, rise)
    return attr(A['threshold'] | NESTED, body + (b'' if fall is None else u32(THRESHOLD_FALL, fall)))


def attrs(data):
    """What is in a run of attributes: [(type, bytes)]; the flags are dropped."""
    found = []
    while len(data) >= 4:
        size, kind = struct.unpack_from('=HH', data)
        if size < 4 or size > len(data):
            raise ValueError(f'attribute of {size} bytes where {len(data)} are left')
        found.append((kind & 0x3fff, data[4:size]))
        data = data[(size + 3) & ~3:]
    if data.strip(b'\0'):
        raise ValueError('garbage behind the last attribute')
    return found


def decode(data):
    """The attributes of a message as {name: value}."""
    out = {}
    for kind, value in attrs(data):
        name = ATTRS[kind]
        if name == 'pad':
            continue
        if name == 'threshold':
            th = {k: int.from_bytes(v, 'little') for k, v in attrs(value)}
            out.setdefault('thresholds', {})[RES_NAMES[th[THRESHOLD_RES]]] = (
                th[THRESHOLD_RISE], th[THRESHOLD_FALL], th[THRESHOLD_ABOVE])
            continue
        if name == 'setting':
            value = {SETTING_ATTRS[k]: v for k, v in attrs(value) if k != 1}
            out[name] = {k: v[:-1].decode() if k == 'name' else int.from_bytes(v, 'little')
                         for k, v in value.items()}
            continue
        if name in out:
            raise ValueError(f'{name} comes twice')
        if name in STRINGS:
            if value[-1:] != b'\0' or b'\0' in value[:-1]:
                raise ValueError(f'{name}: {value!r} is not one string')
            value = value[:-1].decode(errors='surrogateescape')
        elif name == 'settings':
            value = {SETTINGS[s.id]: s for s in
                     (Setting(*one) for one in SETTING.iter_unpack(value))}
        elif name == 'cpu':
            value = Cpu(*CPU.unpack_from(value))
        elif name == 'io':
            value = Io(*IO.unpack_from(value))
        elif name == 'io_times':
            value = TIMES.unpack_from(value)
            value = {'wait': (value[:BUCKETS], value[BUCKETS:2 * BUCKETS]),
                     'service': (value[2 * BUCKETS:3 * BUCKETS], value[3 * BUCKETS:])}
        elif name not in ('table', 'memory'):
            value = int.from_bytes(value, 'little')
        out[name] = value
    return out


def decode_pool(data):
    """A pool; its table as {'numproc': Record}."""
    out = decode(data)
    table, step = out.pop('table'), out.pop('record_size')
    if step < RECORD.size or len(table) % step:
        raise ValueError(f'{len(table)} bytes of records of {step}')
    records = [Record(*RECORD.unpack_from(table, at)) for at in range(0, len(table), step)]
    numbers = [r.res for r in records]
    if numbers != sorted(set(numbers)):
        raise ValueError(f'records out of order: {numbers}')
    out['res'] = {RES_NAMES[r.res]: r for r in records}
    return out


class Message:
    """One netlink message of an answer."""

    def __init__(self, kind, flags, seq, body):
        self.kind, self.flags, self.seq, self.body = kind, flags, seq, body

    @property
    def payload(self):
        """The attributes behind the generic header."""
        return self.body[4:]

    def error(self):
        """What a NLMSG_ERROR or NLMSG_DONE says: None or a NetlinkError."""
        number, = struct.unpack_from('=i', self.body)
        text, offset = '', None
        if self.flags & F_ACK_TLVS:
            at = 4
            if self.kind == NLMSG_ERROR:
                at += 16
                if not self.flags & F_CAPPED:
                    at += (struct.unpack_from('=I', self.body, 4)[0] - 16 + 3) & ~3
            for kind, value in attrs(self.body[at:]):
                if kind == 1:
                    text = value.rstrip(b'\0').decode()
                elif kind == 2:
                    offset, = struct.unpack('=I', value)
        return NetlinkError(-number, text, offset) if number else None


def split(data):
    """The messages in what one recv() returned."""
    while len(data) >= 16:
        size, kind, flags, seq, _ = struct.unpack_from('=IHHII', data)
        if size < 16 or size > len(data):
            raise ValueError(f'message of {size} bytes where {len(data)} are left')
        yield Message(kind, flags, seq, data[16:size])
        data = data[(size + 3) & ~3:]


class Client:
    """A socket. Every request waits for its answer, ACK included."""

    def __init__(self, resolve=True, timeout=30, rcvbuf=None, recv=1 << 16):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.sock.settimeout(timeout)
        self.recv_size = recv
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.setsockopt(SOL_NETLINK, EXT_ACK, 1)
        self.sock.setsockopt(SOL_NETLINK, CAP_ACK, 1)
        self.sock.bind((0, 0))
        self.seq = 0
        self.family, self.groups = None, {}
        if resolve:
            self.resolve()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def resolve(self):
        """Ask the controller for the number of the family and of its groups."""
        self.family = GENL_ID_CTRL
        answer = self.request(3, attr(2, 'beancounter'))
        for kind, value in attrs(answer[0].payload):
            if kind == 1:
                self.family, = struct.unpack('=H', value)
            elif kind == 7:
                for _, group in attrs(value):
                    found = dict(attrs(group))
                    self.groups[found[1].rstrip(b'\0').decode()] = \
                        struct.unpack('=I', found[2])[0]

    def message(self, cmd, body=b'', flags=F_REQUEST | F_ACK):
        self.seq += 1
        body = struct.pack('=BBH', cmd, 1, 0) + body
        return struct.pack('=IHHII', 16 + len(body), self.family, flags, self.seq, 0) + body

    def receive(self):
        """The messages of one datagram."""
        data, _, flags, _ = self.sock.recvmsg(self.recv_size)
        if flags & socket.MSG_TRUNC:
            raise ValueError('truncated datagram')
        return list(split(data))

    def request(self, cmd, body=b'', flags=F_REQUEST | F_ACK):
        """Send one request; the messages of the answer, or NetlinkError."""
        self.sock.send(self.message(cmd, body, flags))
        found = []
        while True:
            for msg in self.receive():
                if msg.seq != self.seq:
                    continue
                if msg.kind in (NLMSG_ERROR, NLMSG_DONE):
                    err = msg.error()
                    if err:
                        raise err
                    return found
                found.append(msg)

    def start_dump(self, cmd, body=b''):
        """Send the request of a dump only; receive() brings the first part."""
        self.sock.send(self.message(cmd, body, F_REQUEST | F_DUMP))

    # ---- the commands

    def new(self, name, path=None, fd=None, parent=None, number=None, wanted=None):
        body = attr('name', name)
        if path is not None:
            body += attr('cgroup_path', path)
        if fd is not None:
            body += s32('cgroup_fd', fd)
        if parent is not None:
            body += attr('parent', parent)
        if number is not None:
            body += u32('id', number)
        return decode_pool(self.request(POOL_NEW, body + limits(wanted or {}))[0].payload)

    @staticmethod
    def which(pool):
        return u32('id', pool) if isinstance(pool, int) else attr('name', pool)

    def get(self, pool, reader=None, detail=False):
        """A pool by name or id; with the peaks that a reader takes."""
        body = self.which(pool) + (attr('reader', reader) if reader else b'')
        body += attr('detail', b'') if detail else b''
        return decode_pool(self.request(POOL_GET, body)[0].payload)

    def refusals(self, pool):
        """The last refusals by a pool, the newest first."""
        answer = self.request(REFUSAL_GET, self.which(pool), F_REQUEST | F_DUMP)
        return [decode(msg.payload) for msg in answer]

    def thresholds(self, pool, wanted):
        """{'numproc': (80, 75), 'privvmpages': (0, None)}"""
        body = b''.join(threshold(res, *value) for res, value in wanted.items())
        self.request(THRESHOLD_SET, self.which(pool) + body)

    def readers(self):
        """{name: time of its last taking}"""
        found = [decode(m.payload) for m in self.request(READER_GET, b'', F_REQUEST | F_DUMP)]
        return {reader['reader']: reader['time'] for reader in found}

    def forget(self, reader):
        self.request(READER_DEL, attr('reader', reader))

    def set(self, pool, wanted):
        self.request(POOL_SET, self.which(pool) + limits(wanted))

    def tune(self, pool, wanted):
        """{'cpu.shares': 500, 'cpu.limit': None}"""
        self.request(POOL_SET, self.which(pool) + settings(wanted))

    def settings(self):
        """{'cpu.shares': {...}}"""
        answer = self.request(SETTING_GET, b'', F_REQUEST | F_DUMP)
        found = [decode(msg.payload) for msg in answer]
        return {one['setting']['name']: one for one in found}

    def devices(self, pool):
        """Block I/O of a pool: {None: {...} for all, '8:0': {...}}"""
        answer = self.request(IO_GET, self.which(pool), F_REQUEST | F_DUMP)
        found = [decode(msg.payload) for msg in answer]
        return {one.get('device'): one for one in found}

    def delete(self, pool):
        self.request(POOL_DEL, self.which(pool))

    def dump(self, since=None, reader=None, detail=False):
        """All pools in the order they came, asked again when interrupted."""
        body = b'' if since is None else u64('since', since)
        body += attr('reader', reader) if reader else b''
        body += attr('detail', b'') if detail else b''
        for _ in range(100):
            answer = self.request(POOL_GET, body, F_REQUEST | F_DUMP)
            if not any(msg.flags & F_DUMP_INTR for msg in answer):
                return [decode_pool(msg.payload) for msg in answer]
        raise TimeoutError('interrupted 100 times')

    def closed(self, serial=None):
        """The closing records after a serial, the oldest first."""
        body = b'' if serial is None else u64('serial', serial)
        answer = self.request(CLOSED_GET, body, F_REQUEST | F_DUMP)
        return [decode_pool(msg.payload) for msg in answer]

    def ack(self, reader, serial):
        self.request(CLOSED_ACK, attr('reader', reader) + u64('serial', serial))

    def resources(self):
        """{'numproc': {...}}"""
        answer = self.request(RES_GET, b'', F_REQUEST | F_DUMP)
        found = [decode(msg.payload) for msg in answer]
        return {res['res_name']: res for res in found}

    def info(self):
        return decode(self.request(INFO_GET)[0].payload)

    # ---- events

    def subscribe(self, *groups):
        for group in groups:
            self.sock.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, self.groups[group])

    def events(self, wait=0.0):
        """What has come; waits so long for the first one."""
        found = []
        timeout = self.sock.gettimeout()
        try:
            self.sock.settimeout(wait)
            while True:
                for msg in self.receive():
                    if msg.kind == self.family and msg.body[0] == EVENT:
                        found.append(decode(msg.payload))
                    elif msg.kind == self.family and msg.body[0] == CLOSED_GET:
                        found.append(decode_pool(msg.payload))
                self.sock.settimeout(0)
        except (BlockingIOError, TimeoutError):
            return found
        finally:
            self.sock.settimeout(timeout)
