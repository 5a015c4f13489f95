#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.12
# timeout: 120
"""bctl usage --live: what pools used since they were made, against clocks of the test."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import bc  # noqa: E402
import tap  # noqa: E402

SECONDS = 2


def usage(*args):
    """{path or name: pool} of the document."""
    doc = bc.bctl_json('usage', '--live', *args)
    return {p.get('path', p['name']): p for p in doc['pools']}


acme = bc.Pool('acme')
web = bc.Pool('web', parent=acme, numproc=50)
worker = bc.Member(web)
idle = bc.Member(web)

first = usage('--tree')
begin = time.monotonic()
burnt = worker.call(bc.burn, SECONDS)
until = time.monotonic()
last = usage('--tree')
late = time.monotonic()

name = next(p for p in last if p.endswith('/web'))
cpu = last[name]['cpu']['usage_ns'] / 1e9
tap.ok(SECONDS <= cpu <= late - begin + burnt + 5, f'CPU time is what a process used: {cpu} s')
tap.ok(last[name]['cpu']['user_ns'] + last[name]['cpu']['system_ns'] ==
       last[name]['cpu']['usage_ns'], 'user and system time are all of it')
grown = (last[name]['resources']['numproc']['held_time'] -
         first[name]['resources']['numproc']['held_time'])
held = last[name]['resources']['numproc']['held']
tap.ok(held * (until - begin) - 1 <= grown <= held * (late - begin + 1) + 1,
       f'held-time of {held} processes grew by {grown} in {until - begin:.3f} s')
above = last[name.rsplit('/', 1)[0]]
tap.ok(above['cpu']['usage_ns'] >= last[name]['cpu']['usage_ns'] and
       above['resources']['numproc']['held_time'] >= last[name]['resources']['numproc']['held_time'],
       'what the pool below used is in the figures of the one above')
tap.ok(0 <= above['own']['cpu']['usage_ns'] < 10**9, 'and is not its own')
tap.ok(last[name]['existed_ms'] == last[name]['covered_ms'] > SECONDS * 1000 and
       not last[name]['gaps'], 'all the time of its life is covered')
text = bc.bctl('usage', '--live', '--pool', 'web').stdout
tap.ok('numproc' in text and 'UNIT-H' in text, 'the table of its resources')
worker.end()
idle.end()
bc.finish()
