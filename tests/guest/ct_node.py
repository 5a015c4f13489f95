#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
"""bctl node: what a machine has, and what pools that are containers hold, may have and are promised."""
import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for place in ('../lib', '../bctl'):
    sys.path.insert(0, os.path.join(HERE, place))
import bc  # noqa: E402
import schema  # noqa: E402
import tap  # noqa: E402

MIB = 1 << 20


def rows():
    """{name of a line: the line}, and the document is what its schema says."""
    doc = bc.bctl_json('node')
    found = glob.glob(os.path.join(HERE, '../../Documentation/json/node.schema.json'))
    with open(found[0], encoding='utf-8') as f:
        wrong = list(schema.errors(doc, json.load(f)))
    tap.equal(wrong, [], f'with {doc["containers"]} containers it is as its schema says')
    return {row['name']: row for row in doc['rows']}


def main():
    memory = os.sysconf('SC_PHYS_PAGES') * bc.PAGE
    tap.ok(abs(rows()['memory']['machine'] - memory) < MIB, 'the memory of the machine')
    for name, limit in (('102', '64M'), ('103', '32M')):
        bc.bctl('pool', 'create', name, f'physpages=0:{limit}', 'numproc=7', 'oomguarpages=16M')
    bc.bctl('pool', 'create', 'other', 'physpages=0:9M')
    got = rows()
    tap.equal(got['memory']['limits'], 96 * MIB, 'what they may hold is told in bytes')
    tap.equal(got['memory']['promised'], 32 * MIB, 'so is what is kept for them')
    tap.equal(got['tasks']['limits'], 14, 'tasks are items')
    tap.equal(got['memory+swap']['limits'], None, 'no limit of one of them is none of all')
    tap.equal(got['allocated']['held'], 0, 'nothing is held')
    text = bc.bctl('node').stdout
    tap.ok('2 containers' in text and '96M' in text and 'unlimited' in text, 'and as text', text)
    for name in ('102', '103', 'other'):
        bc.bctl('pool', 'delete', name)
    bc.finish()


main()
