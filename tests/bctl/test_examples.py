#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The examples of Documentation/examples, on the sample store.

Usage: test_examples.py BCTL
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import make_usage_db as made
from results import BCTL, TOP, finish, ok

EXAMPLES = TOP / "Documentation/examples"
def usage(path, *args):
    return subprocess.run([BCTL, "usage", "--db", path, *args], capture_output=True, timeout=60,
                          check=True).stdout


def example(name, data, *args):
    return subprocess.run([EXAMPLES / name, *args], input=data, capture_output=True, timeout=60,
                          check=True).stdout


def test_killbill(path, tmp):
    pools = Path(tmp) / "map"
    pools.write_text("web 0d7b3f7e-0000-4000-8000-000000000001\n"
                     "job 0d7b3f7e-0000-4000-8000-000000000002\n")
    data = usage(path, "--from", "2026-10-01", "--to", "2026-10-05", "--by", "day", "-j")
    bodies = [json.loads(line) for line in example("killbill-usage", data, pools).splitlines()]
    ids = [b["trackingId"] for b in bodies]
    ok(sorted(ids) == ["node1/job/2026-10-01", "node1/web/2026-10-01", "node1/web/2026-10-02"],
       "kill_bill_has_a_request_for_each_subscription_and_day", ids)
    web = next(b for b in bodies if b["trackingId"] == "node1/web/2026-10-01")
    ok(web["subscriptionId"].endswith("1") and
       web["unitUsageRecords"][0] == {"unitType": "cpu-seconds", "usageRecords": [
           {"recordDate": "2026-10-01", "amount": 8793}]} and
       [u["unitType"] for u in web["unitUsageRecords"]] ==
       ["cpu-seconds", "memory-mib-hours", "written-mb"], "a_request_of_kill_bill", web)
    data = usage(path, "--from", "2026-10-01", "--to", "2026-10-02T23:00", "--by", "day", "-j")
    ids = example("killbill-usage", data, pools).decode()
    ok("2026-10-01" in ids and "2026-10-02" not in ids, "a_day_that_is_not_over_waits", ids)


def test_whmcs(path):
    data = usage(path, "--from", "2026-10-01", "--to", "2026-11-01", "--csv")
    tenants = json.loads(example("whmcs-usage", data))
    ok(set(tenants) == {"host", "web", "web.shop", "job"} and
       tenants["web"] == {"cpuhours": "4.896267", "readgb": "0.054825", "writtengb": "0.043704",
                          "memorypeakmib": "5.468750", "memorygibhours": "0.207600"},
       "whmcs_has_the_metrics_of_all_tenants", tenants)
    ok(json.loads(example("whmcs-usage", data, "web")) == tenants["web"] and
       json.loads(example("whmcs-usage", data, "nobody")) == {}, "whmcs_asks_for_one_tenant")


def test_tariff(path):
    text = usage(path, "--from", "2026-10-01", "--to", "2026-11-01", "--price",
                 EXAMPLES / "tariff").decode()
    ok("Read rate, 95th percentile" in text and re.search(r"Base fee +1.987500 d .* 0.20", text),
       "the_tariff_of_the_examples", text)
    page = (TOP / "Documentation/man/bctl-tariff.5").read_text()
    lines = [line for line in (EXAMPLES / "tariff").read_text().splitlines()
             if line and not line.startswith("#")]
    ok(all(line.replace("-", "\\-") in page for line in lines), "is_the_one_of_the_manual")


def main():
    with tempfile.TemporaryDirectory() as tmp:
        path = f"{tmp}/usage.db"
        made.sample(path)
        test_killbill(path, tmp)
        test_whmcs(path)
        test_tariff(path)
    sys.exit(finish())


if __name__ == "__main__":
    main()
