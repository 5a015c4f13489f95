# SPDX-License-Identifier: GPL-2.0
"""As much of JSON Schema as the schemas of bctl use, with Python alone.

A keyword that is not known here is an error, so no part of a schema can go
unchecked. Keys that a schema does not declare are reported too: consumers may
skip them, but bctl must not print what is not documented.
"""
import re

TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}
WORDS = {"$schema", "title", "description", "type", "properties", "required", "items",
         "additionalProperties", "const", "pattern", "minimum", "maximum", "minLength",
         "maxLength", "if", "then"}


def is_number(value):
    return TYPES["number"](value)


def scalar_errors(value, schema, where):
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if "minimum" in schema and is_number(value) and value < schema["minimum"]:
        yield f"{where}: {value} is below {schema['minimum']}"
    if "maximum" in schema and is_number(value) and value > schema["maximum"]:
        yield f"{where}: {value} is above {schema['maximum']}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{where}: {value!r} does not match {schema['pattern']}"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{where}: {value!r} has a wrong length"


def object_errors(value, schema, where):
    known, other = schema.get("properties", {}), schema.get("additionalProperties")
    for key in schema.get("required", []):
        if key not in value:
            yield f"{where}: {key} is missing"
    for key, member in value.items():
        if key in known:
            yield from errors(member, known[key], f"{where}.{key}")
        elif other is not None:
            yield from errors(member, other, f"{where}.{key}")
        elif known:
            yield f"{where}: {key} is not declared"


def errors(value, schema, where="$"):
    """All ways in which value is not what schema says."""
    unknown = set(schema) - WORDS
    if unknown:
        yield f"{where}: the schema uses {sorted(unknown)}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(TYPES[name](value) for name in types):
        yield f"{where}: {value!r} is not of type {'/'.join(types)}"
        return
    yield from scalar_errors(value, schema, where)
    if isinstance(value, dict):
        yield from object_errors(value, schema, where)
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from errors(item, schema.get("items", {}), f"{where}[{number}]")
    if "if" in schema and not list(subset_errors(value, schema["if"], where)):
        yield from subset_errors(value, schema["then"], where)


def subset_errors(value, schema, where):
    """Like errors(), for a part of a schema that does not declare all keys."""
    yield from (e for e in errors(value, schema, where) if not e.endswith("is not declared"))
