# SPDX-License-Identifier: GPL-2.0
"""A PostgreSQL server in a directory of its own, and a bad line to it.

    server = postgres.Server(directory)     # an empty one that others may look into
    server.sql('SELECT 1')                  # [['1']]; NULL is None
    line = postgres.Line(server.port)       # clients connect to line.port
    server.tls(*postgres.Authority(path).sign('db.example'))
    server.end()

The programs are those that tests/vm/get-postgresql has put into the cache, or installed ones.
The server runs as nobody if this is root.
"""
import csv
import glob
import io
import os
import pwd
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
PASSWORD = 'se%cret:/@?&x'
NULL = '\\N'


def programs():
    """The directory with initdb, or None. BC_LONG fetches it."""
    args = [] if os.environ.get('BC_LONG') else ['--cached']
    run = subprocess.run([TOP + '/tests/vm/get-postgresql', *args], capture_output=True,
                         text=True, check=False)
    if run.returncode == 0:
        return run.stdout.strip()
    found = sorted(glob.glob('/usr/lib/postgresql/*/bin/initdb'))
    return os.path.dirname(found[-1]) if found else None


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class Server:
    """root is who runs it; over TCP a password is wanted, over the socket none."""

    def __init__(self, where):
        self.dir, self.data, self.proc = where, where + '/data', None
        source = programs()
        if source is None:
            raise FileNotFoundError('tests/vm/get-postgresql fetches it')
        # what is in the cache of root is not for nobody to read
        tree = os.path.abspath(source + '/../../../../..')
        self.bin = where + '/pg' + source[len(tree):]
        shutil.copytree(tree + '/usr/lib/postgresql', where + '/pg/usr/lib/postgresql') \
            if tree == '/' else shutil.copytree(tree, where + '/pg', dirs_exist_ok=True)
        if tree == '/':
            shutil.copytree('/usr/share/postgresql', where + '/pg/usr/share/postgresql')
        self.user = pwd.getpwnam('nobody') if os.geteuid() == 0 else None
        os.mkdir(self.data, 0o700)
        if self.user:
            os.chown(where, self.user.pw_uid, self.user.pw_gid)
            os.chown(self.data, self.user.pw_uid, self.user.pw_gid)
        self.port = free_port()
        with open(where + '/password', 'w', encoding='utf-8') as file:
            file.write(PASSWORD)
        self._run('initdb', '-D', self.data, '-U', 'root', '-A', 'scram-sha-256', '--no-sync',
                  '-E', 'UTF8', '--locale', 'C.UTF-8', '--wal-segsize=1',
                  '--pwfile', where + '/password')
        self._admit('host')
        with open(self.data + '/postgresql.conf', 'a', encoding='utf-8') as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                       f"unix_socket_directories = '{where}'\nfsync = off\n"
                       'shared_buffers = 16MB\nmax_wal_size = 32MB\nmin_wal_size = 2MB\n'
                       'max_connections = 40\nlog_min_messages = error\n')
        self.start()

    def _run(self, program, *args):
        subprocess.run([f'{self.bin}/{program}', *args], check=True, stdout=subprocess.DEVNULL,
                       cwd=self.dir, **self._as())

    def _as(self):
        if not self.user:
            return {}
        return {'user': self.user.pw_uid, 'group': self.user.pw_gid, 'extra_groups': [],
                'env': dict(os.environ, HOME=self.dir)}

    def start(self):
        with open(self.dir + '/log', 'a', encoding='utf-8') as log:
            self.proc = subprocess.Popen([self.bin + '/postgres', '-D', self.data], stdout=log,
                                         stderr=log, stdin=subprocess.DEVNULL, cwd=self.dir,
                                         start_new_session=True, **self._as())
        end = time.monotonic() + 120
        while subprocess.run([self.bin + '/psql', '-h', self.dir, '-p', str(self.port), '-U',
                              'root', '-c', '', 'postgres'], capture_output=True,
                             check=False).returncode:
            if self.proc.poll() is not None or time.monotonic() > end:
                with open(self.dir + '/log', encoding='utf-8') as log:
                    raise RuntimeError('the server does not start: ' + log.read()[-2000:])
            time.sleep(0.05)

    def kill(self):
        """As if it had crashed, with all its processes."""
        os.killpg(self.proc.pid, signal.SIGKILL)
        self.proc.wait()
        # backends are in sessions of their own
        for name in glob.glob('/proc/[0-9]*/cwd'):
            try:
                if os.readlink(name) == self.data:
                    os.kill(int(name.split('/')[2]), signal.SIGKILL)
            except OSError:
                pass

    def end(self):
        if self.proc:
            self.proc.send_signal(signal.SIGQUIT)
            self.proc.wait()

    def _admit(self, how):
        with open(self.data + '/pg_hba.conf', 'w', encoding='utf-8') as file:
            file.write(f'local all all trust\n{how} all all 127.0.0.1/32 scram-sha-256\n')

    def tls(self, cert, key):
        """Have a certificate from now on, and take nobody who does not use TLS; None: no TLS."""
        if cert:
            for name, source in (('server.crt', cert), ('server.key', key)):
                shutil.copy(source, f'{self.data}/{name}')
                os.chmod(f'{self.data}/{name}', 0o600)
                if self.user:
                    os.chown(f'{self.data}/{name}', self.user.pw_uid, self.user.pw_gid)
        self._admit('hostssl' if cert else 'host')
        self.sql(f"ALTER SYSTEM SET ssl = {'on' if cert else 'off'}")
        # a reload is done some time later
        self.end()
        self.start()

    def full(self, size):
        """No file may be longer from now on, as on a full disk; None: as long as they like."""
        limit = '--fsize=' + ('unlimited' if size is None else str(size)) + ':unlimited'
        for name in glob.glob('/proc/[0-9]*/cwd'):
            try:
                if os.readlink(name) == self.data:
                    # its own user may, root need not be able to
                    subprocess.run(['prlimit', '--pid', name.split('/')[2], limit],
                                   check=False, stderr=subprocess.DEVNULL, **self._as())
            except OSError:
                pass

    def sql(self, text, database='postgres', user='root'):
        """The rows of the last statement."""
        run = subprocess.run(
            [self.bin + '/psql', '-X', '-q', '--csv', '-t', '-P', 'null=' + NULL, '-v',
             'ON_ERROR_STOP=1', '-h', self.dir, '-p', str(self.port), '-U', user, '-f', '-',
             database], input="SET TimeZone = 'UTC';\n" + text, capture_output=True, text=True,
            check=False)
        if run.returncode:
            raise RuntimeError(run.stderr)
        return [[None if cell == NULL else cell for cell in row]
                for row in csv.reader(io.StringIO(run.stdout))]

    def url(self, database='postgres', user='root'):
        return f'postgresql:///{database}?host={self.dir}&port={self.port}&user={user}'


class Authority:
    """Whose signature makes a certificate a good one: cert is what clients need of it."""

    def __init__(self, path):
        self.path, self.count = path, 0
        self.cert = self._make(path, '-subj', '/CN=an authority')[0]

    @staticmethod
    def _make(path, *args):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-keyout', path + '.key',
                        '-out', path + '.crt', *args], check=True, capture_output=True)
        return path + '.crt', path + '.key'

    def sign(self, name):
        """A new certificate of a host, and its key."""
        self.count += 1
        return self._make(f'{self.path}{self.count}', '-subj', f'/CN={name}', '-addext',
                          f'subjectAltName=DNS:{name}', '-addext', 'basicConstraints=CA:FALSE',
                          '-CA', self.cert, '-CAkey', self.path + '.key')


class Line:
    """A line to a server that breaks.

    fate() tells for each connection how many bytes may pass, up and down together, and what
    comes then: 'cut', 'reset', or 'hole', in which all disappears and nobody is told.
    """

    def __init__(self, port, fate=lambda: (None, 'cut')):
        self.target, self.fate, self.over = port, fate, False
        self.broken = self.opened = 0
        self.sock = socket.socket()
        self.sock.bind(('127.0.0.1', 0))
        self.sock.listen(16)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.over:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.opened += 1
            threading.Thread(target=self._carry, args=(conn,), daemon=True).start()

    def _carry(self, near):
        left, how = self.fate()
        far = socket.socket()
        try:
            far.connect(('127.0.0.1', self.target))
            while True:
                for sock in select.select([near, far], [], [])[0]:
                    data = sock.recv(random.randint(1, 8192))
                    if not data:
                        return
                    if left is not None and len(data) >= left:
                        (far if sock is near else near).sendall(data[:left])
                        self._break(near, far, how)
                        return
                    left = left and left - len(data)
                    (far if sock is near else near).sendall(data)
        except OSError:
            pass
        finally:
            near.close()
            far.close()

    def _break(self, near, far, how):
        self.broken += 1
        if how == 'reset':
            for sock in near, far:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        while how == 'hole' and not self.over:
            # the client gives up some time
            ready = select.select([near], [], [], 0.2)[0]
            if ready and not near.recv(65536):
                return

    def url(self, database='postgres', user='root'):
        return f'postgresql://{user}@127.0.0.1:{self.port}/{database}'

    def end(self):
        self.over = True
        self.sock.close()
