#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The machine to which containers move: it serves ssh until it is told to end."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pair                     # noqa: E402  pylint: disable=wrong-import-position

pair.machine(2)
end = time.monotonic() + 2900
while not os.path.exists('/run/done') and time.monotonic() < end:
    time.sleep(0.2)
