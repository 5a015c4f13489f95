#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""libbeancounter as it is installed, and its example program.

Usage: test_library.py TOP LIBDIR FAKE: the sources, the directory with
libbeancounter.so.1, and the example on top of a made-up kernel.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import tap      # noqa: E402

TOP, LIBDIR, FAKE = [os.path.abspath(arg) for arg in sys.argv[1:]]
SHARED = f'{LIBDIR}/libbeancounter.so.1'
# What a library has no business with: the output, the end of the program, signals, the
# environment, files.
FORBIDDEN = re.compile(r'exit|abort|printf|puts|putc|perror|std(out|err|in)|signal|sigaction|'
                       r'getenv|setenv|fopen|^open|creat|fork|exec|system|errx?$|warnx?$')


def output(*args, **more):
    return subprocess.run(args, check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def symbols(*args):
    return [line.split()[-1].split('@')[0] for line in output('nm', *args).splitlines()
            if line.strip()]


def test_symbols():
    exported = [name for name in symbols('-D', '--defined-only', SHARED)
                if not re.match(r'BEANCOUNTER_\d+$', name)]
    tap.ok(exported and all(name.startswith('bcn_') for name in exported),
           'only bcn_* is exported', exported)
    with open(f'{TOP}/tools/lib/beancounter.h', encoding='utf-8') as f:
        declared = set(re.findall(r'\b(bcn_\w+)\(', re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)))
    tap.equal(sorted(declared - {'bcn_pool_record'}), sorted(exported),
              'what is declared is exported, and nothing else')
    bad = [name for name in symbols('-D', '--undefined-only', SHARED)
           if FORBIDDEN.search(name) and name not in ('snprintf', '__snprintf_chk')]
    tap.equal(bad, [], 'it does not print, end the program, open files or take signals')
    # -fPIC moves constant tables with addresses to .data.rel.ro: d, too, but read-only
    writable = output('objdump', '-h', SHARED)
    sizes = {m[1]: int(m[2], 16) for m in
             re.finditer(r'^ *\d+ (\.data|\.bss) +([0-9a-f]+)', writable, re.M)}
    # eight bytes each of the C run-time: __dso_handle, completed.0
    tap.ok(all(size <= 16 for size in sizes.values()), 'it has no state of its own', sizes)
    tap.ok('libbeancounter.so.1' in output('objdump', '-p', SHARED), 'the soname has a version')


def test_man_pages():
    pages = ''
    for name in sorted(os.listdir(f'{TOP}/Documentation/man')):
        if name.endswith('.3'):
            with open(f'{TOP}/Documentation/man/{name}', encoding='utf-8') as f:
                pages += f.read()
    exported = [name for name in symbols('-D', '--defined-only', SHARED) if name.startswith('bcn_')]
    missing = [name for name in exported + ['bcn_pool_record']
               if not re.search(rf'\b{name}\b', pages)]
    tap.equal(missing, [], 'each function is in a manual page')


    with open(f'{TOP}/Documentation/man/libbeancounter.3', encoding='utf-8') as f:
        shown = re.search(r'^\.EX\n(.*)^\.EE$', f.read(), re.M | re.S)[1]
    with open(f'{TOP}/tools/lib/example.c', encoding='utf-8') as f:
        example = f.read()
    tap.equal(re.sub(r'^\\&', '', shown, flags=re.M).replace('\\-', '-').replace('\\e', '\\'),
              example[example.index('#include'):], 'the example is that of the manual page')


def test_install():
    with tempfile.TemporaryDirectory() as dest:
        subprocess.run(['make', '-s', '-C', f'{TOP}/tools', f'OUT={LIBDIR}', f'DESTDIR={dest}',
                        'PREFIX=/opt/bc', 'install-lib'], check=True,
                       env={key: val for key, val in os.environ.items() if key != 'MAKEFLAGS'})
        root = f'{dest}/opt/bc'
        # as if DESTDIR was never there
        config = f'{root}/lib/pkgconfig/libbeancounter.pc'
        with open(config, encoding='utf-8') as f:
            text = f.read()
        tap.ok('prefix=/opt/bc\n' in text and '@' not in text, 'pkg-config file has the prefix')
        with open(config, 'w', encoding='utf-8') as f:
            f.write(text.replace('/opt/bc', root))
        flags = output('pkg-config', '--cflags', '--libs', 'libbeancounter',
                       env={**os.environ, 'PKG_CONFIG_PATH': os.path.dirname(config)}).split()
        tap.ok('-lnl-3' not in flags, 'a program is not linked with libnl', flags)
        done = subprocess.run(['cc', '-Wall', '-Werror', '-o', f'{dest}/example',
                               f'{TOP}/tools/lib/example.c', *flags], check=False, text=True,
                              stderr=subprocess.PIPE)
        tap.ok(done.returncode == 0, 'the example builds with what was installed', done.stderr)
        done = subprocess.run([f'{dest}/example'], check=False, text=True, capture_output=True,
                              env={'LD_LIBRARY_PATH': f'{root}/lib'})
        # the module may be loaded here or not
        tap.ok(done.returncode == 0 or 'cannot reach the module' in done.stderr, 'and runs',
               done.stderr)
        tap.ok(os.path.exists(f'{root}/share/man/man3/libbeancounter.3') and
               os.path.exists(f'{root}/share/man/man3/bcn_acknowledge.3'),
               'manual pages are installed under the names of all functions')


def test_example():
    with tempfile.TemporaryDirectory() as fake:
        def run(*args, mode='closed', status=0):
            done = subprocess.run([FAKE, *args], check=False, text=True, capture_output=True,
                                  env={**os.environ, 'BCTL_FAKE_DIR': fake,
                                       'BCTL_FAKE_MODE': mode})
            tap.equal(done.returncode, status, f'example {" ".join(args)} ({mode}): exit status')
            return done.stdout, done.stderr
        out, _ = run()
        tap.ok(re.search(r'^pool host \d+ 5 held=1 integral=\d+$', out, re.M) and
               'closed' not in out, 'example: pools', out)
        out, _ = run('me')
        tap.equal(re.findall(r'^closed (\w+) \d+ 5 ', out, re.M), ['gone1', 'gone2', 'gone3'],
                  'example: closing records')
        out, _ = run('me')
        tap.ok('closed' not in out, 'example: each is printed once', out)
        _, err = run(mode='absent', status=2)
        tap.ok('cannot reach the module' in err, 'example: no module', err)


test_symbols()
test_man_pages()
test_install()
test_example()
tap.done()
