# SPDX-License-Identifier: GPL-2.0
"""Read the KTAP that KUnit suites in modules print into the kernel log.

kunit.py's parser stops after the first KTAP document, which holds the suites
that are built in, and so calls a run good whose modules all failed. This one
reads every suite, and demands: each suite that is asked for by name ran, with a
plan, and to its end; each plan was kept.
"""
import re

STAMP = re.compile(r'^\[ *\d+\.\d+\](?:\[ *[CT]\d+\])? ?')
SUBTEST = re.compile(r'^( *)# Subtest: (\S+)')
PLAN = re.compile(r'^( *)1\.\.(\d+)\s*$')
RESULT = re.compile(r'^( *)(not ok|ok) (\d+) (?:- )?(.*?)(?: # (?:SKIP|TODO)(?: (.*))?)?\s*$')
SKIPPED = re.compile(r' # (?:SKIP|TODO)')


class Level:
    """A suite, or a case with parameters, that is being reported."""

    def __init__(self, indent, name):
        self.indent = indent
        self.name = name
        self.plan = None
        self.results = []       # (ok, name, why it was skipped or None)


def results(log, wanted):
    """A list of (ok, name, why it was skipped or None)."""
    out, stack, ran = [], [], set()
    for line in log.splitlines():
        line = STAMP.sub('', line)
        if m := SUBTEST.match(line):
            stack.append(Level(len(m[1]), m[2]))
        elif (m := PLAN.match(line)) and stack and stack[-1].indent == len(m[1]) \
                and stack[-1].plan is None:
            stack[-1].plan = int(m[2])
        elif m := RESULT.match(line):
            indent, ok, name = len(m[1]), m[2] == 'ok', m[4]
            skip = (m[5] or '') if SKIPPED.search(line) else None
            while stack and stack[-1].indent > indent:
                level = stack.pop()
                if level.name != name:
                    out.append((False, f'{level.name}: closed by {name}', None))
                if level.plan is not None and len(level.results) != level.plan:
                    out.append((False, f'{name}: {len(level.results)} results, '
                                f'{level.plan} planned', None))
                if indent == 0:
                    ran.add(name)
                    if level.plan is None:
                        out.append((False, f'{name}: no plan', None))
                    out += [(o, f'{name}: {n}', s) for o, n, s in level.results]
                    if not ok and all(o for o, _, _ in level.results):
                        out.append((False, f'{name}: the suite itself', None))
            if stack and stack[-1].indent == indent:
                stack[-1].results.append((ok, name, skip))
    out += [(False, f'{level.name}: never ended', None) for level in stack]
    out += [(False, f'{name}: did not run', None) for name in wanted if name not in ran]
    return out
