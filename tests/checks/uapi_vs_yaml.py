#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare the uapi header with the YAML spec: every name, every value.

The header is not parsed but compiled: a generated C program prints the values,
so that what is compared is what a compiler makes of it. The names come from the
header's enums and defines, and each must be claimed by the spec, and the other
way round. The types of attributes are compared with those that the comment at
the head of the header gives. Last, the check has to find planted faults.

Usage: uapi_vs_yaml.py [TOP]
"""
import copy
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

TOP = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
HEADER = TOP / "uapi/linux/beancounter.h"
SPEC = TOP / "Documentation/netlink/specs/beancounter.yaml"

# What the header has only for C, or in another form: no business of the spec.
NOT_IN_SPEC = re.compile(r"_END$|_MAX$|^__BC_|^_UAPI|^BC_GENL_|^BC_MCGRP_|UNSPEC$")
BUT_IN_SPEC = {"BC_NAME_MAX", "BC_DEPTH_MAX", "BC_PATH_MAX", "BC_AMOUNT_MAX", "BC_EVENT_UNSPEC"}


def header_names(text):
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    names = re.findall(r"^#define\s+(\w+)\s", code, re.M)
    for body in re.findall(r"\benum\s+\w+\s*\{(.*?)\}", code, re.S):
        names += re.findall(r"^\s*(\w+)\s*(?:=[^,]*)?,?\s*$", body, re.M)
    return names


def header_values(text, cc):
    """Numbers of all names of the header, and the size of a record."""
    names = [n for n in header_names(text) if not n.startswith(("_UAPI", "BC_GENL_NAME", "BC_MCGRP"))]
    lines = "".join(f'printf("{n} %llu\\n", (unsigned long long){n});\n' for n in names)
    strings = "".join(f'printf("{n} %s\\n", {n});\n'
                      for n in ("BC_GENL_NAME", "BC_MCGRP_REFUSAL", "BC_MCGRP_POOL", "BC_MCGRP_THRESHOLD",
                                "BC_MCGRP_USAGE"))
    with tempfile.TemporaryDirectory() as tmp:
        (Path(tmp) / "linux").mkdir()
        (Path(tmp) / "linux/beancounter.h").write_text(text)
        source = Path(tmp) / "x.c"
        source.write_text("#include <stdio.h>\n#include <linux/beancounter.h>\n"
                          f"int main(void) {{\n{lines}{strings}return 0;\n}}\n")
        subprocess.run([cc, "-I", tmp, "-o", f"{tmp}/x", str(source)], check=True)
        out = subprocess.run([f"{tmp}/x"], check=True, capture_output=True, text=True).stdout
    pairs = (line.split(" ", 1) for line in out.splitlines())
    return {name: int(value) if value.isdigit() else value for name, value in pairs}


def c_name(prefix, name):
    return (prefix + name).upper().replace("-", "_")


def enum_values(prefix, entries, start=0):
    value = start
    for entry in entries:
        entry = {"name": entry} if isinstance(entry, str) else entry
        value = entry.get("value", value)
        yield c_name(prefix, entry["name"]), value
        value += 1


# The prefix in C of the entries of each enum.
PREFIXES = {"res-id": "bc-res-", "record-f": "bc-record-f-", "unit": "bc-unit-", "kind": "bc-kind-",
            "status": "bc-status-", "pool-state": "bc-pool-", "event": "bc-event-", "bound": "bc-bound-",
            "direction": "bc-direction-", "setting-id": "bc-setting-", "setting-f": "bc-setting-f-",
            "cpu-f": "bc-cpu-f-", "io-f": "bc-io-f-", "cause": "bc-cause-"}


def spec_values(spec):
    values = {}
    for item in spec["definitions"]:
        if item["type"] == "const":
            values[c_name("bc-", item["name"])] = item["value"]
            continue
        pairs = enum_values(PREFIXES[item["name"]], item["entries"])
        if item["type"] == "flags":
            pairs = ((name, 1 << bit) for name, bit in pairs)
        values.update(pairs)
    for space in spec["attribute-sets"]:
        values.update(enum_values(space["name-prefix"], space["attributes"], 1))
    values.update(enum_values(spec["operations"]["name-prefix"], spec["operations"]["list"], 1))
    return values


def attribute_types(text):
    """Types that the comment of the header gives, where it gives one."""
    comment = text[:text.index("#ifndef")].replace("\n *", " ")
    found = re.findall(r"BC_(?:LIMIT_|THRESHOLD_|SETTING_)?A_\w+(?:\s+or\s+BC_A_\w+)?\s+(?:u32|u64|s32|string|nest)\b", comment)
    return {name: item.split()[-1] for item in found for name in re.findall(r"BC_\w+", item)}


def spec_types(spec):
    types = {}
    for space in spec["attribute-sets"]:
        for attr in space["attributes"]:
            types[c_name(space["name-prefix"], attr["name"])] = attr["type"]
    return types


def references(spec):
    """Names in the spec that nothing there defines."""
    enums = {d["name"] for d in spec["definitions"] if d["type"] != "const"}
    consts = {d["name"] for d in spec["definitions"] if d["type"] == "const"}
    spaces = {s["name"]: {a["name"] for a in s["attributes"]} for s in spec["attribute-sets"]}
    for space in spec["attribute-sets"]:
        for attr in space["attributes"]:
            if attr.get("enum", "unit") not in enums:
                yield f"enum {attr['enum']}"
            if attr.get("nested-attributes", "main") not in spaces:
                yield f"attribute set {attr['nested-attributes']}"
            for limit in attr.get("checks", {}).values():
                if isinstance(limit, str) and limit not in consts:
                    yield f"constant {limit}"
    for op in spec["operations"]["list"]:
        lists = [op.get("event", {})] + [op.get(mode, {}).get(part, {})
                                         for mode in ("do", "dump") for part in ("request", "reply")]
        for item in lists:
            for attr in item.get("attributes", []):
                if attr not in spaces[op["attribute-set"]]:
                    yield f"attribute {attr} of {op['name']}"


def differences(text, spec, cc):
    have, want = spec_values(spec), header_values(text, cc)
    needed = {n for n in want if n in BUT_IN_SPEC or not NOT_IN_SPEC.search(n)}
    for name in sorted(needed - set(have)):
        yield f"{name} is missing in the spec"
    for name in sorted(set(have) - set(want)):
        yield f"{name} is missing in the header"
    for name in sorted(set(have) & set(want)):
        if have[name] != want[name]:
            yield f"{name} is {want[name]} in the header, {have[name]} in the spec"
    types = spec_types(spec)
    for name, kind in attribute_types(text).items():
        if types.get(name) != kind:
            yield f"{name} is {kind} in the header, {types.get(name)} in the spec"
    if spec["name"] != want["BC_GENL_NAME"]:
        yield "the family has another name"
    groups = {g["name"] for g in spec["mcast-groups"]["list"]}
    if groups != {value for name, value in want.items() if name.startswith("BC_MCGRP_")}:
        yield "the multicast groups have other names"
    yield from (f"{what} is not defined" for what in references(spec))


def faults(text, spec):
    """Copies of the two with one fault each."""
    yield "moved attribute", text.replace("\tBC_A_TIME,\n", "").replace("\tBC_A_HELD,\n", "\tBC_A_HELD,\n\tBC_A_TIME,\n"), spec
    yield "new resource", text.replace("\tBC_RES_ID_END", "\tBC_RES_NEW = 40,\n\tBC_RES_ID_END"), spec
    yield "new command", text.replace("\tBC_CMD_EVENT,\n", "\tBC_CMD_EVENT,\n\tBC_CMD_NEW,\n"), spec
    yield "new flag", text.replace("#define BC_UNLIMITED", "#define BC_RECORD_F_NEW\t2\n#define BC_UNLIMITED"), spec
    yield "other constant", text.replace("BC_DEPTH_MAX\t\t16", "BC_DEPTH_MAX\t\t17"), spec
    yield "other group", text.replace('"refusal"\n', '"refusals"\n'), spec
    for name, change in (
            ("spec without an attribute", lambda s: s["attribute-sets"][0]["attributes"].pop()),
            ("spec with another value", lambda s: next(
                d for d in s["definitions"] if d["name"] == "res-id")["entries"][4].pop("value")),
            ("spec with another type", lambda s: s["attribute-sets"][0]["attributes"][1].update(type="u64")),
            ("spec with an unknown enum", lambda s: s["attribute-sets"][0]["attributes"][6].update(enum="x")),
            ("spec with one command too many", lambda s: s["operations"]["list"].append({"name": "x", "attribute-set": "main"}))):
        bad = copy.deepcopy(spec)
        change(bad)
        yield name, text, bad


def main():
    cc = os.environ.get("CC", "cc")
    text, spec = HEADER.read_text(), yaml.safe_load(SPEC.read_text())
    results = [("header_and_spec_agree", list(differences(text, spec, cc)), False),
               ("types_are_found_in_the_header", [] if len(attribute_types(text)) >= 40 else ["too few"], False)]
    for name, bad_text, bad_spec in faults(text, spec):
        changed = bad_text != text or bad_spec != spec
        found = list(differences(bad_text, bad_spec, cc)) if changed else []
        results.append((f"fault_is_found: {name}", found, True))
    failed = 0
    for number, (name, found, wanted) in enumerate(results, 1):
        good = bool(found) == wanted
        failed += not good
        print(f"{'' if good else 'not '}ok {number} - {name}")
        if not good:
            print("".join(f"# {line}\n" for line in found or ["nothing found"]), end="")
    print(f"1..{len(results)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
