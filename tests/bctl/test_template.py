#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Templates: built of busybox, imported from directories and images, some of them hostile.

usage: test_template.py DIR DIR

The directories are those of test_ct.py. Making templates takes root.
"""
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(TOP, 'tests', 'lib'))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import schema                   # noqa: E402  pylint: disable=wrong-import-position
import tap                      # noqa: E402  pylint: disable=wrong-import-position
import vz                       # noqa: E402  pylint: disable=wrong-import-position

LINK, HARD, DIR = ({'type': t} for t in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE))
INIT = [('sbin', dict(DIR, mode=0o755)), ('sbin/init', {'data': b'init', 'mode': 0o755})]


def layer(entries):
    """A tar of (name, {field of TarInfo: value, 'data': bytes})."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as tar:
        for name, more in entries:
            more = dict(more)
            data = more.pop('data', None)
            info = tarfile.TarInfo(name)
            for key, value in more.items():
                setattr(info, key, value)
            info.size = len(data or b'')
            tar.addfile(info, io.BytesIO(data) if data else None)
    return out.getvalue()


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


class Oci:
    """An image laid out as OCI says, below a directory."""

    def __init__(self, path):
        self.path = path
        os.makedirs(f'{path}/blobs/sha256')
        with open(f'{path}/oci-layout', 'w', encoding='ascii') as f:
            f.write('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, data, kind):
        with open(f'{self.path}/blobs/sha256/{digest(data)[7:]}', 'wb') as f:
            f.write(data)
        return {'mediaType': f'application/vnd.oci.image.{kind}', 'digest': digest(data),
                'size': len(data)}

    def manifest(self, *layers):
        descs = [self.blob(gzip.compress(data, mtime=0), 'layer.v1.tar+gzip') for data in layers]
        return self.blob(json.dumps({'schemaVersion': 2, 'layers': descs}).encode(),
                         'manifest.v1+json')

    def index(self, *manifests):
        with open(f'{self.path}/index.json', 'w', encoding='ascii') as f:
            json.dump({'schemaVersion': 2, 'manifests': list(manifests)}, f)
        return self.path


def docker(path, *layers, tag='x:1', break_id=False):
    """What "docker save" writes."""
    ids = [digest(data) for data in layers]
    if break_id:
        ids[-1] = digest(b'else')
    config = json.dumps({'rootfs': {'type': 'layers', 'diff_ids': ids}}).encode()
    name = digest(config)[7:] + '.json'
    names = [f'l{i}/layer.tar' for i in range(len(layers))]
    manifest = json.dumps([{'Config': name, 'RepoTags': [tag], 'Layers': names}]).encode()
    entries = [(name, {'data': config}), ('manifest.json', {'data': manifest})]
    entries += [(n, {'data': data}) for n, data in zip(names, layers)]
    with open(path, 'wb') as f:
        f.write(layer(entries))
    return path


def template(node, *args):
    return node.run('bctl-ct', '--quiet', 'template', *args)


def store(node):
    """All there is of templates, but for the locks."""
    return sorted(os.path.relpath(os.path.join(folder, name), node.top)
                  for folder, dirs, names in os.walk(node.path('template'))
                  for name in names + dirs if '/lock' not in folder and name != 'lock')


def content(node, name):
    """What comes out of a template: {name: what}."""
    raw = subprocess.run(['zstd', '-dc', node.path(f'template/cache/{name}.tar.zst')],
                         capture_output=True, check=True).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for info in tar:
            data = tar.extractfile(info).read() if info.isreg() else info.linkname
            found[os.path.normpath(info.name)] = (info.type, info.uid, info.mode, data)
    return found


def imported(node, what, path, *args):
    done = template(node, 'import', 'new', path, '--replace', *args)
    tap.ok(done.returncode == 0, f'{what} is imported', f'{done.returncode} {done.stderr}')
    return content(node, 'new') if done.returncode == 0 else {}


def refused(node, what, words, *args):
    before = store(node)
    done = template(node, *args)
    tap.ok(done.returncode == 2 and words in done.stderr and store(node) == before,
           f'{what}: refused, nothing left', f'{done.returncode} {done.stderr} {store(node)}')


def test_build(node):
    done = template(node, 'build', 'minimal')
    found = content(node, 'minimal') if done.returncode == 0 else {}
    tap.ok(found.get('sbin/init', '')[3:] == ('/bin/busybox',) and 'bin/busybox' in found and
           'etc/inittab' in found, 'a template of busybox', done.stderr)
    refused(node, 'a second one', 'there is such a template', 'build', 'minimal')
    done = template(node, 'build', 'windows')
    tap.equal(done.returncode, 1, 'what cannot be built')
    tap.equal(template(node, 'build').returncode, 1, 'nothing to build')
    doc = json.loads(template(node, 'list', '-j').stdout)
    with open(os.path.join(TOP, 'Documentation/json/templates.schema.json'), encoding='utf-8') as f:
        tap.equal(list(schema.errors(doc, json.load(f))), [], 'list -j is what its schema says')
    minimal = [t for t in doc['templates'] if t['name'] == 'minimal'][0]
    tap.equal((minimal['source'], minimal['containers'], minimal['unpacked']),
              ('busybox', 0, False), 'where it came from')
    tap.equal(template(node, 'list', '-q').stdout, 'busybox\nminimal\n', 'names alone')
    tap.ok(minimal['sha256'] in template(node, 'info', 'minimal').stdout, 'info has the digest')
    done = node.ctl('create', '101', '--ostemplate', 'minimal')
    tap.ok(done.returncode == 0 and os.path.islink(node.path('private/101/sbin/init')),
           'a container of it', done.stderr)
    node.ctl('destroy', '101')


def test_overlay(node):
    done = node.ctl('create', '102', '--ostemplate', 'minimal', '--storage', 'overlay')
    tree = [t for t in os.listdir(node.path('template/tree')) if t.startswith('minimal@')]
    tap.ok(done.returncode == 0 and len(tree) == 1 and
           f'TEMPLATE_TREE="{tree[0]}"' in node.read('etc/conf/102.conf') and
           os.listdir(node.path('private/102/upper')) == [], 'a container on top of it', done.stderr)
    done = template(node, 'remove', 'minimal')
    tap.ok(done.returncode == 2 and 'on top of it: 102' in done.stderr,
           'a template that is used is not removed', done.stderr)
    template(node, 'build', 'minimal', '--replace', '--name', 'minimal')
    tap.ok(node.exists(f'template/tree/{tree[0]}'), 'nor is its tree when it is built anew')
    done = node.ctl('create', '103', '--ostemplate', 'minimal', '--storage', 'hardlink')
    tap.ok(done.returncode == 99 and 'write into all others' in done.stderr,
           'hard links are refused, and why', done.stderr)
    node.ctl('destroy', '102')
    tap.equal(template(node, 'remove', 'minimal').returncode, 0, 'and goes in the end')
    tap.equal(os.listdir(node.path('template/tree')), [], 'with its tree')


def test_directory(node, top):
    os.makedirs(f'{top}/dir/sbin')
    for name, data in (('sbin/init', 'i'), ('file', 'f')):
        with open(f'{top}/dir/{name}', 'w', encoding='ascii') as f:
            f.write(data)
    os.link(f'{top}/dir/file', f'{top}/dir/hard')
    os.symlink('/etc/shadow', f'{top}/dir/link')
    os.chown(f'{top}/dir/file', 70000, 5)
    os.mknod(f'{top}/dir/disk', 0o660 | 0o060000, os.makedev(8, 0))
    os.setxattr(f'{top}/dir/file', 'user.mine', b'1')
    os.setxattr(f'{top}/dir/sbin', 'trusted.overlay.opaque', b'y')
    found = imported(node, 'a directory', f'{top}/dir')
    tap.equal((found.get('file', (0, 0))[1], found.get('hard', (0,))[0] == tarfile.LNKTYPE or
               found.get('file', (0,))[0] == tarfile.LNKTYPE, found.get('link', (0,))[-1]),
              (70000, True, '/etc/shadow'), 'with owners, hard links, and links as they are')
    node.ctl('create', '104', '--ostemplate', 'new')
    have = os.listxattr(node.path('private/104/file')) + \
        os.listxattr(node.path('private/104/sbin'))
    tap.equal((have, node.exists('private/104/disk'), os.stat(node.path('private/104/file')).st_uid),
              (['user.mine'], False, 70000),
              'a container of it has neither the disk nor what overlayfs would obey')
    node.ctl('destroy', '104')
    refused(node, 'a directory without init', 'no /sbin/init', 'import', 'none', f'{top}/empty')


def test_oci(node, top):
    oci = Oci(f'{top}/oci')
    base = layer(INIT + [('etc', dict(DIR, mode=0o755)), ('etc/gone', {'data': b'1'}),
                         ('etc/kept', {'data': b'2'}), ('old', dict(DIR, mode=0o755)),
                         ('old/a', {'data': b'3'}), ('turn', dict(DIR, mode=0o755)),
                         ('turn/x', {'data': b'4'})])
    above = layer([('etc/.wh.gone', {}), ('old/.wh..wh..opq', {}), ('old/b', {'data': b'5'}),
                   ('turn', {'data': b'6'}), ('etc/kept', {'data': b'7', 'mode': 0o600})])
    one = oci.manifest(base, above)
    found = imported(node, 'an OCI layout', oci.index(one))
    tap.equal({n: v[3] for n, v in found.items() if v[0] == tarfile.REGTYPE},
              {'sbin/init': b'init', 'etc/kept': b'7', 'old/b': b'5', 'turn': b'6'},
              'layers, what they remove, and what takes the place of a directory')
    other = oci.manifest(layer(INIT + [('other', {'data': b'o'})]))
    tagged = [dict(m, annotations={'org.opencontainers.image.ref.name': t})
              for m, t in ((one, 'one'), (other, 'two'))]
    oci.index(*tagged)
    refused(node, 'two manifests', '--tag chooses', 'import', 'none', oci.path)
    refused(node, 'a tag that is not there', 'no manifest has that tag', 'import', 'none', oci.path,
            '--tag', 'three')
    tap.ok('other' in imported(node, 'a tag', oci.path, '--tag', 'two'), 'and is the right one')
    nested = oci.blob(json.dumps({'manifests': [
        dict(one, platform={'architecture': 's390x', 'os': 'linux'}),
        dict(other, platform={'architecture': {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(
            os.uname().machine, os.uname().machine), 'os': 'linux'})]}).encode(),
        'index.v1+json')
    tap.ok('other' in imported(node, 'an index in an index', oci.index(nested)),
           'the manifest of this machine')
    return oci, one


def test_oci_hostile(node, top, oci, one):
    secret = f'{top}/secret'
    with open(secret, 'w', encoding='ascii') as f:
        f.write('s')
    bad = {
        'a name with ..': [('../../evil', {'data': b'x'})],
        'an absolute name': [(f'{top}/evil', {'data': b'x'})],
        'a way through a link': [('l', dict(LINK, linkname=top)), ('l/evil', {'data': b'x'})],
        'a hard link that leads out': [('h', dict(HARD, linkname=secret))],
    }
    for what, entries in bad.items():
        refused(node, what, 'template:', 'import', 'none', oci.index(oci.manifest(
            layer(INIT), layer(entries))))
    # A link of one layer, and what the next one removes through it.
    found = imported(node, 'a whiteout through a link', oci.index(oci.manifest(
        layer(INIT + [('l', dict(LINK, linkname=top))]), layer([('etc', dict(DIR, mode=0o755))])))
    ) and template(node, 'import', 'none', oci.index(oci.manifest(
        layer(INIT + [('l', dict(LINK, linkname=top))]), layer([('l/.wh.secret', {})]))))
    tap.ok(found and os.path.exists(secret) and not os.path.exists(f'{top}/evil'),
           'nothing outside is removed or made', found)
    template(node, 'remove', 'none')
    blob = f'{oci.path}/blobs/sha256/{one["digest"][7:]}'
    with open(blob, 'rb') as f:
        data = f.read()
    with open(blob, 'ab') as f:
        f.write(b' ')
    refused(node, 'a blob that was changed', 'digest', 'import', 'none', oci.index(one))
    with open(blob, 'wb') as f:
        f.write(data)
    refused(node, 'a digest that is a path', 'no digest', 'import', 'none', oci.index(
        dict(one, digest='sha256:' + '../' * 21 + 'x')))
    os.unlink(blob)
    os.symlink(secret, blob)
    refused(node, 'a blob that is a link out', 'image:', 'import', 'none', oci.index(one))
    for what, text in (('no JSON', 'x'), ('an array', '[]'), ('deep', '[' * 5000),
                       ('no manifests', '{"manifests": []}'), ('odd', '{"manifests": [1, null]}')):
        with open(f'{oci.path}/index.json', 'w', encoding='ascii') as f:
            f.write(text)
        refused(node, f'index.json: {what}', 'image:', 'import', 'none', oci.path)


def test_docker(node, top):
    one, two = layer(INIT + [('a', {'data': b'1'})]), layer([('.wh.a', {}), ('b', {'data': b'2'})])
    found = imported(node, 'what docker saves', docker(f'{top}/d.tar', one, two))
    tap.ok('b' in found and 'a' not in found, 'with its layers', sorted(found))
    refused(node, 'a layer that is another one', 'digest', 'import', 'none',
            docker(f'{top}/d.tar', one, two, break_id=True))
    refused(node, 'a tag that is not there', 'has that tag', 'import', 'none',
            docker(f'{top}/d.tar', one), '--tag', 'y:2')
    with open(f'{top}/plain.tar', 'wb') as f:
        f.write(one)
    tap.ok('a' in imported(node, 'a plain archive', f'{top}/plain.tar'), 'as it is')


def test_random(node, top):
    """Damaged images: no crash, nothing outside, nothing left."""
    rng = random.Random(11)
    path = docker(f'{top}/fuzz.tar', layer(INIT + [('a', {'data': b'1' * 600})]))
    with open(path, 'rb') as f:
        raw = f.read()
    before, wrong = store(node), []
    for _ in range(40):
        data = bytearray(raw)
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with open(path, 'wb') as f:
            f.write(data)
        done = template(node, 'import', 'fuzz', path)
        if done.returncode == 0:
            template(node, 'remove', 'fuzz')
        elif done.returncode != 2:
            wrong.append((done.returncode, done.stderr))
        if store(node) != before:
            wrong.append(store(node))
    tap.ok(not wrong, '40 damaged images are refused, or imported', wrong[:2])


def test_full(node):
    """A full disk: nothing is left, and it is said."""
    wrong = []
    for number in (3, 12):
        before = store(node)
        done = subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-P',
                               node.path('template/cache/.full.tmp'), '-e',
                               f'inject=write:error=ENOSPC:when={number}+',
                               f'{node.programs}/bctl-ct', '--quiet', 'template', 'build', 'minimal',
                               '--name', 'full'],
                              env=node.env, capture_output=True, text=True, check=False)
        if done.returncode != 2 or 'space' not in done.stderr or store(node) != before:
            wrong.append((number, done.returncode, done.stderr, store(node)))
    tap.ok(not wrong, 'a template that does not fit on the disk: nothing is left', wrong[:2])


def test_kill(node, top, most):
    """import, killed before what changes something; the next one is as if it had not been."""
    path = docker(f'{top}/k.tar', layer(INIT + [('a', {'data': b'1'})]))
    calls = node.changes('template', 'import', 'kill', path)
    template(node, 'remove', 'kill')
    before, wrong, hit = store(node), [], 0
    for call in calls[::max(1, len(calls) // most)]:
        if not node.killed_at(call, 'template', 'import', 'kill', path):
            wrong.append((call, 'was not killed'))
            continue
        hit += 1
        whole = template(node, 'list', '-q').stdout.split()
        if 'kill' in whole and content(node, 'kill').get('a', ())[3:] != (b'1',):
            wrong.append((call, 'half a template'))
        done = template(node, 'import', 'kill', path, '--replace')
        if done.returncode or content(node, 'kill')['a'][3] != b'1':
            wrong.append((call, done.stderr))
        template(node, 'remove', 'kill')
        if store(node) != before:
            wrong.append((call, store(node)))
    tap.ok(hit > 5 and not wrong, f'import killed at {hit} of {len(calls)} instants', wrong[:3])


def test_kill_overlay(node, most):
    """create on top of a template, killed; the tree is whole or not there."""
    calls, wrong, hit = None, [], 0
    step = 0
    while calls is None or step < len(calls):
        node.ctl('destroy', '106')
        template(node, 'remove', 'minimal')
        template(node, 'build', 'minimal')
        args = ('create', '106', '--ostemplate', 'minimal', '--storage', 'overlay')
        if calls is None:
            calls = node.changes(*args)
            continue
        call = calls[step]
        # The ends are where one thing is done after another; in between it unpacks.
        step += 1 if most > 99 or step < 8 or step > len(calls) - 20 else max(1, len(calls) // most)
        if step % 2 and most < 99:
            continue
        if not node.killed_at(call, *args):
            wrong.append((call, 'was not killed'))
            continue
        hit += 1
        done = node.ctl(*args)
        trees = os.listdir(node.path('template/tree'))
        if done.returncode not in (0, 44) or len(trees) != 1 or trees[0].endswith('.tmp') or \
           sorted(os.listdir(node.path('private/106'))) != ['upper', 'work'] or \
           not node.exists(f'template/tree/{trees[0]}/bin/busybox') or node.exists('private/106.tmp'):
            wrong.append((call, done.returncode, done.stderr, trees))
    node.ctl('destroy', '106')
    tap.ok(hit > 5 and not wrong, f'create on a template killed at {hit} of {len(calls)} instants',
           wrong[:3])


def main():
    asan, plain = sys.argv[1:3]
    if os.getuid():
        tap.skip('templates', 'they take root')
        tap.done()
        return
    with tempfile.TemporaryDirectory() as top:
        os.makedirs(f'{top}/empty')
        for name, folder in (('asan', asan), ('plain', plain)):
            os.mkdir(f'{top}/{name}')
            for link in ('bctl-ct', 'vzctl'):
                os.symlink(os.path.abspath(f'{folder}/bctl-ct'), f'{top}/{name}/{link}')
        node = vz.Vz(f'{top}/vz', f'{top}/asan')
        test_build(node)
        test_overlay(node)
        test_directory(node, top)
        oci, one = test_oci(node, top)
        test_oci_hostile(node, top, oci, one)
        test_docker(node, top)
        test_random(node, top)
        node.programs = f'{top}/plain'
        test_full(node)
        test_kill(node, top, 9999 if os.environ.get('BC_LONG') else 10)
        test_kill_overlay(node, 9999 if os.environ.get('BC_LONG') else 4)
    tap.done()


main()
