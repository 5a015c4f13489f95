#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# long: debug 6.1
# timeout: 400
# vm-args: -c 1
"""The same as cpu_shares.py on a machine with one CPU."""
import os
import runpy

runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'cpu_shares.py'),
               run_name='__main__')
