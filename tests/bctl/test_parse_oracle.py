#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Hold the value parser against a second one, on random input.

The second parser is written from the man page, with Python's own integers.
Usage: test_parse_oracle.py PARSE_CLI
"""
import random
import re
import subprocess
import sys

UNLIMITED = 2**64 - 1
AMOUNT_MAX = 2**62 - 1
ITEMS, BYTES, PAGES = range(3)
SHIFT = {"K": 10, "M": 20, "G": 30, "T": 40}


class Refused(Exception):
    pass


def amount(text, unit, page):
    if text == "unlimited":
        return UNLIMITED
    match = re.fullmatch(r"([0-9]+)([KMGTPkmgtp]?)", text)
    if not match:
        raise Refused
    number, suffix = int(match[1]), match[2].upper()
    if suffix and unit == ITEMS:
        raise Refused
    if suffix == "P":
        number *= page if unit == BYTES else 1
    elif suffix:
        number <<= SHIFT[suffix]
        if unit == PAGES:
            number = -(-number // page)
    if number > AMOUNT_MAX:
        raise Refused
    return number


def written(text):
    """What was asked for, before it is rounded to pages; only for bytes."""
    match = re.fullmatch(r"([0-9]+)([KMGTkmgt])", text)
    return int(match[1]) << SHIFT[match[2].upper()] if match else -1


def value(text, unit, page):
    parts = text.split(":")
    if len(parts) > 2:
        raise Refused
    barrier = amount(parts[0], unit, page)
    limit = amount(parts[-1], unit, page)
    if barrier > limit or 0 <= written(parts[-1]) < written(parts[0]):
        raise Refused
    return f"{barrier} {limit}"


def random_amount(rng):
    kind = rng.randrange(20)
    if kind == 0:
        return "unlimited"
    if kind == 1:
        return "".join(rng.choice("0123456789KMGTP:-+ .xunlimted") for _ in range(rng.randrange(6)))
    bits = rng.choice((1, 4, 8, 16, 24, 40, 52, 61, 62, 63, 64, 65, 79, 80, 81, 90, 200))
    number = rng.getrandbits(bits) + rng.choice((0, 0, 1 << (bits - 1)))
    return f"{number}{rng.choice(['', '', '', *'KMGTPkmgtp'])}"


def random_value(rng):
    text = random_amount(rng)
    while rng.randrange(100) < (45 if ":" not in text else 3):
        text += ":" + random_amount(rng)
    return text


def main():
    rng = random.Random(20)
    cases = [(rng.randrange(3), rng.choice((4096, 16384, 65536)), random_value(rng))
             for _ in range(60000)]
    # Equal and nearly equal pairs, which pure chance never makes.
    for _ in range(20000):
        number, suffix = rng.getrandbits(rng.randrange(1, 64)), rng.choice(["", *"KMGTP"])
        other = number + rng.choice((-1, 0, 1))
        cases.append((rng.randrange(3), 4096, f"{number}{suffix}:{max(other, 0)}{suffix}"))
    text = "".join(f"{unit} {page} {val}\n" for unit, page, val in cases)
    run = subprocess.run([sys.argv[1]], input=text, capture_output=True, text=True, check=False)
    have = run.stdout.splitlines()
    wrong = accepted = 0
    for (unit, page, val), result in zip(cases, have):
        try:
            want = value(val, unit, page)
            accepted += 1
        except Refused:
            want = "refused"
        if want != result:
            wrong += 1
            if wrong <= 5:
                print(f"# unit {unit} page {page} {val!r}: have {result}, want {want}")
    results = [
        (run.returncode == 0 and not run.stderr and len(have) == len(cases), "parser_answers_every_line"),
        (wrong == 0, f"parser_agrees_with_the_second_one_on_{len(cases)}_values"),
        (len(cases) // 10 < accepted < len(cases) * 9 // 10, f"both_outcomes_occur ({accepted} accepted)"),
    ]
    for number, (good, name) in enumerate(results, 1):
        print(f"{'' if good else 'not '}ok {number} - {name}")
    print(f"1..{len(results)}")
    return not all(good for good, _ in results)


if __name__ == "__main__":
    sys.exit(main())
