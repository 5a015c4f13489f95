#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Migration of containers that do not run, between two directories, by an ssh that is made up.

usage: test_ct_migrate.py DIR DIR

As for test_ct.py. The made-up ssh runs what it is told here, with the vz.conf of the other
side; it can also be out of order. Both sides are killed at their calls that change something.
"""
import json
import os
import shutil
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'tests', 'lib'))
import schema                   # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

SSH = '''#!/bin/sh
# ssh [OPTION]... -- HOST PROGRAM ARG...
while [ "$1" != -- ]; do shift; done
[ "$2" = there ] || exit 255
shift 2
test -e @DOWN@ && exit 255
BCTL_VZ_CONF=@OTHER@/etc/vz.conf PATH=@BIN@:$PATH
export BCTL_VZ_CONF PATH
exec @BEFORE@ "$@"
'''


class Pair:
    """Here, there, and the line between them."""

    def __init__(self, top, programs):
        self.top = top
        self.bin = f'{top}/bin'
        os.mkdir(self.bin)
        for name in ('bctl-ct', 'vzctl', 'vzlist', 'vzmigrate'):
            os.symlink(os.path.abspath(f'{programs}/bctl-ct'), f'{self.bin}/{name}')
        self.here, self.there = (vz.Vz(f'{top}/{name}', self.bin) for name in ('here', 'there'))
        self.down = f'{top}/down'
        for node, other in ((self.here, self.there), (self.there, self.here)):
            node.write('etc/vz.conf', node.read('etc/vz.conf') +
                       f'DISK_QUOTA="no"\nDUMPDIR="{node.top}/dump"\n')
            node.env['BC_SSH'] = f'{node.top}/ssh'
        self.line('')

    def line(self, before):
        text = SSH.replace('@DOWN@', self.down).replace('@OTHER@', self.there.top) \
            .replace('@BIN@', self.bin).replace('@BEFORE@', before)
        self.here.write('ssh', text)
        os.chmod(self.here.path('ssh'), 0o755)

    def migrate(self, *args):
        return self.here.run('vzmigrate', *args)

    def where(self):
        """Where the container is, by what status says there."""
        return [name for name, node in (('here', self.here), ('there', self.there))
                if node.ctl('status', '101').stdout.split()[2] == 'exist']


def tree(folder):
    """What a private area has."""
    found = {}
    for base, names, files in os.walk(folder):
        for name in names + files:
            path = os.path.join(base, name)
            st = os.lstat(path)
            found[os.path.relpath(path, folder)] = (
                st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, st.st_nlink,
                0 if names and name in names else st.st_size,
                os.readlink(path) if os.path.islink(path) else None)
    return found


def refused(pair, status, words, *args):
    before = pair.here.files(), pair.there.files()
    done = pair.migrate(*args)
    tap.ok(done.returncode == status and words in done.stderr and
           (pair.here.files(), pair.there.files()) == before,
           f'vzmigrate {" ".join(args)}: exit {status}, nothing changed',
           f'{done.returncode}: {done.stderr}')


def test_grammar(pair):
    refused(pair, 1, 'usage', 'there')
    refused(pair, 1, 'unknown option', '--frob', 'there', '101')
    refused(pair, 1, 'yes or no', '-r', 'maybe', 'there', '101')
    refused(pair, 1, 'no name of a machine', '--', '-oProxyCommand=x', '101')
    refused(pair, 10, 'no such container', 'there', '102')
    refused(pair, 4, 'nobody answers', 'elsewhere', '101')
    done = pair.here.run('bctl-ct', 'migrate', '101')
    tap.equal(done.returncode, 1, 'bctl ct migrate without a machine')
    done = pair.migrate('-c', 'there', '101')
    tap.equal((done.returncode, pair.where(), pair.there.exists('private/101.tmp')),
              (0, ['here'], False), 'only looked whether it can be')
    pair.there.ctl('create', '101')
    refused(pair, 9, 'exists already', 'there', '101')
    pair.there.ctl('destroy', '101')
    pair.there.ctl('create', '102', '--name', 'web')
    refused(pair, 15, 'belongs to 102', 'there', '101')
    pair.there.ctl('destroy', '102')


def fill(pair):
    """Files of all kinds."""
    top = pair.here.path('private/101')
    os.makedirs(f'{top}/srv/deep')
    with open(f'{top}/srv/sparse', 'wb') as f:
        f.truncate(1 << 20)
        f.write(b'x')
    os.chown(f'{top}/srv/sparse', 1234, 4321)
    os.setxattr(f'{top}/srv/sparse', 'user.note', b'kept')
    os.link(f'{top}/srv/sparse', f'{top}/srv/deep/again')
    os.symlink('/etc/shadow', f'{top}/srv/out')
    os.chmod(f'{top}/srv/deep', 0o2751)
    os.mkfifo(f'{top}/srv/pipe')
    with open(f'{top}/srv/odd\n "name', 'w', encoding='ascii') as f:
        f.write('odd')


def test_move(pair):
    fill(pair)
    pair.here.write('state/101.traffic', 'out_ipv4="1000 10"\n')
    pair.here.write('state/101.account', 'numproc="7 12 3 4000"\nnumpty="1 5 0 0"\nmoves="1"\n')
    had, conf = tree(pair.here.path('private/101')), pair.here.read('etc/conf/101.conf')
    done = pair.migrate('there', 'web')
    tap.ok((done.returncode, pair.where()) == (0, ['there']), 'it goes', (done.returncode, done.stderr))
    tap.ok(tree(pair.there.path('private/101')) == had, 'with all its files')
    tap.equal(os.getxattr(pair.there.path('private/101/srv/sparse'), 'user.note'), b'kept',
              'and their attributes')
    def lines(text):
        return [line for line in text.splitlines() if not line.startswith(('VE_', 'LOCAL_'))]
    tap.equal(lines(pair.there.read('etc/conf/101.conf')), lines(conf), 'and its configuration')
    tap.equal(pair.there.ctl('status', 'web').stdout.split()[:2], ['CTID', '101'], 'and its name')
    tap.equal(pair.there.read('state/101.traffic'), 'out_ipv4="1000 10"\n', 'and its sums')
    tap.equal(([x for x in pair.here.files() if '101' in x and 'destroyed' not in x],
               [x for x in pair.there.files() if 'state' in x]),
              ([], ['state/101.account', 'state/101.traffic']), 'nothing else is left on either side')
    told = pair.there.run('bctl-ct', 'account', '101', '-j')
    doc = json.loads(told.stdout)
    with open(f'{TOP}/Documentation/json/account.schema.json', encoding='utf-8') as f:
        wrong = list(schema.errors(doc, json.load(f)))
    tap.equal((doc, wrong), (
        {'schema': 'bctl.account/1', 'ctid': 101, 'moves': 2, 'resources': [
            {'resource': 'numproc', 'maxheld': 12, 'failcnt': 3, 'integral': 4000},
            {'resource': 'numpty', 'maxheld': 5}]}, []), 'its account, with what is known of it')
    pair.here, pair.there = pair.there, pair.here
    pair.line('')
    done = pair.migrate('-r', 'no', 'there', '101')
    tap.equal((done.returncode, pair.where(), pair.here.exists('private/101/sbin/init'),
               pair.here.exists('etc/conf/101.conf.migrated')), (0, ['there'], True, True),
              'back, with the files kept')
    shutil.rmtree(pair.here.path('private/101'))


def again(pair):
    """The container is here, and nowhere else."""
    for node in (pair.here, pair.there):
        node.ctl('umount', '101')       # any command that takes the lock
        node.ctl('destroy', '101')
    assert not pair.here.ctl('create', '101', '--name', 'web').returncode


def wrong_place(pair):
    """In exactly one place, whole, and nothing is left of what was interrupted; why not, else."""
    tap.poll_until(20, lambda: not pair.there.exists('lock/101.lck') or
                   pair.there.ctl('umount', '101').returncode != 9)
    done = [node.ctl('umount' if node.exists('etc/conf/101.conf') else 'destroy', '101')
            for node in (pair.here, pair.there)]
    where = pair.where()
    if len(where) != 1:
        return where, [d.stderr for d in done]
    node, other = (pair.here, pair.there)[::1 if where == ['here'] else -1]
    if not node.exists('private/101/sbin/init') or other.exists('private/101') or \
            other.exists('private/101.tmp'):
        return where, 'its files', pair.here.files(), pair.there.files()
    journals = [name for side in (pair.here, pair.there) for name in side.files()
                if name.endswith(('.step', '.coming', '.rsync', '.coming.tmp'))]
    return journals or (node.ctl('status', 'web').stdout.split()[1:2] != ['101'] and 'its name')


def test_kill_here(pair, most):
    again(pair)
    calls, hit, wrong = pair.here.changes('migrate', '101', 'there'), 0, []
    step = -(-len(calls) // most)
    for call in calls[step // 2::step]:
        again(pair)
        if pair.here.killed_at(call, 'migrate', '101', 'there'):
            hit += 1
            why = wrong_place(pair)
            if why:
                wrong.append((call, why))
    tap.ok(hit and not wrong, f'migrate killed at {hit} of {len(calls)} instants', wrong)


def test_kill_there(pair, most):
    again(pair)
    log = f'{pair.top}/strace'
    pair.line(f'strace -qq -A -o {log} -e trace={",".join(vz.Vz.CHANGES)}')
    pair.migrate('there', '101')
    seen, calls, hit, wrong = {}, [], 0, []
    with open(log, encoding='ascii', errors='replace') as f:
        for line in f:
            name = line.split('(')[0]
            if name in vz.Vz.CHANGES:
                seen[name] = seen.get(name, 0) + 1
                calls.append((name, seen[name]))
    step = -(-len(calls) // most)
    for name, number in calls[step // 2::step]:
        pair.line('')
        again(pair)
        pair.line(f'strace -qq -o /dev/null -e inject={name}:signal=SIGKILL:when={number}')
        done = pair.migrate('there', '101')
        pair.line('')
        hit += 'strace' not in done.stderr
        why = wrong_place(pair)
        if why:
            wrong.append(((name, number), why))
    tap.ok(hit and not wrong, f'the other side killed at {hit} of {len(calls)} instants', wrong)


def main():
    fast = sys.argv[2] if len(sys.argv) > 2 else sys.argv[1]
    if os.getuid():
        tap.skip_all('making containers takes root')
    with tempfile.TemporaryDirectory() as top:
        pair = Pair(top, fast)
        assert not pair.here.ctl('create', '101', '--name', 'web').returncode
        test_grammar(pair)
        test_move(pair)
        most = 9999 if os.environ.get('BC_LONG') else 12
        test_kill_here(pair, most)
        test_kill_there(pair, most)
    tap.done()


main()
