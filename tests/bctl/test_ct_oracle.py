#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Configurations of containers against another implementation, and against a shell.

usage: test_ct_oracle.py ct_conf_cli

The other implementation is one regular expression. The shell is dash: what the program
writes must mean the same to scripts that source the file.
"""
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import tap                      # noqa: E402  pylint: disable=wrong-import-position

LINE = re.compile(rb'''[ \t\r]*(?P<key>[A-Za-z_][A-Za-z0-9_]*)=
                       (?P<val>"(?P<dq>(?:[^"\\\0]|\\[^\0]|\\)*?)"
                             | '(?P<sq>[^'\0]*)'
                             | (?P<pl>[^ \t\r"'`\\$;&|<>()\0]*))
                       (?:[ \t\r]+\#.*|[ \t\r]*)\Z''', re.X | re.S)


def parse(text):
    """Lines as (bytes, match or None)."""
    return [(line, LINE.match(line[:-1] if line.endswith(b'\n') else line))
            for line in re.findall(rb'[^\n]*\n|[^\n]+\Z', text)]


def value(match):
    if match['dq'] is not None:
        return re.sub(rb'\\(["\\$`])', rb'\1', match['dq'])
    return match['sq'] if match['sq'] is not None else match['pl']


def keys(lines):
    found = {}
    for _, match in lines:
        if match:
            found.setdefault(match['key'], value(match))
    return found


def change(lines, key, val):
    """The lines with a key set, or without it if val is None."""
    if val is None:
        return [line for line in lines if not (line[1] and line[1]['key'] == key)]
    quoted = b'"' + re.sub(rb'(["\\$`])', rb'\\\1', val) + b'"'
    for i, (line, match) in enumerate(lines):
        if match and match['key'] == key:
            if value(match) != val:
                line = line[:match.start('val')] + quoted + line[match.end('val'):]
            return lines[:i] + parse(line) + lines[i + 1:]
    if lines and not lines[-1][0].endswith(b'\n'):
        lines = lines[:-1] + parse(lines[-1][0] + b'\n')
    return lines + parse(key + b'=' + quoted + b'\n')


def random_file(rng):
    pieces = [b'A', b'B', b'KEY', b'=', b'=', b'"', b'"', b"'", b' ', b'#', b'\\', b'\n', b'\n',
              b'$', b'x', b'1:2', b'\t', b'\r', b'A="v"', b'B=3', b'\nA=', b'\xff', b';', b'`']
    return b''.join(rng.choice(pieces) for _ in range(rng.randrange(40)))


def main():
    cli = sys.argv[1]
    rng = random.Random(6)
    wrong = []
    with tempfile.TemporaryDirectory() as top:
        name = os.path.join(top, 'conf')
        for _ in range(400):
            text = random_file(rng)
            edits = [(rng.choice([b'A', b'B', b'KEY', b'NEW']),
                      rng.choice([None, b'', b'1:2', b'a b', b'q"\\$`x', b'#']))
                     for _ in range(rng.randrange(4))]
            with open(name, 'wb') as f:
                f.write(text)
            lines = parse(text)
            for key, val in edits:
                lines = change(lines, key, val)
            want = b''.join(k + b'\0' + v + b'\0' for k, v in keys(lines).items()) + b'\0' + \
                b''.join(line for line, _ in lines)
            args = [b'-' + k if v is None else k + b'=' + v for k, v in edits]
            got = subprocess.run([cli, name] + args, capture_output=True, check=False)
            if got.returncode or got.stdout != want:
                wrong.append((text, edits, want, got.stdout, got.stderr[-300:]))
        tap.ok(not wrong, 'another implementation finds the same in 400 files', wrong[:1])

        values = [b'', b'a b', b'"', b'\\', b'$HOME', b'`id`', b"it's", b'a#b', b'*', b'~', b'!']
        with open(name, 'wb') as f:
            f.write(b'')
        got = subprocess.run([cli, name] + [b'K%d=%s' % kv for kv in enumerate(values)],
                             capture_output=True, check=True)
        with open(name, 'wb') as f:
            f.write(got.stdout.rsplit(b'\0', 1)[1])
        script = f'. {name}; ' + '; '.join(f'printf %s "$K{i}"; printf "\\\\0"'
                                           for i in range(len(values)))
        shell = subprocess.run(['sh', '-c', script], capture_output=True, check=True)
        tap.equal(shell.stdout, b''.join(v + b'\0' for v in values),
                  'a shell reads what was written')
    tap.done()


main()
