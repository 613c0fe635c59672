#!/usr/bin/env python3
"""Compares the names of blocks and arguments here with the schema of the AWS provider.

    check_schema.py SCHEMA FILE.tf...

SCHEMA is the `.jsii` file of the npm package @cdktn/provider-aws, which is made from the provider's own schema.
`terraform validate` would ask the provider itself, which can't be had everywhere. Unknown resources, unknown
arguments and blocks, and arguments that are missing are named; values are not looked at.
"""

import json
import sys

import hcl2

# Of every resource, whatever its kind.
COMMON = {"count", "for_each", "depends_on", "lifecycle", "provider", "timeouts", "dynamic"}
# Added by the parser.
PARSER = {"__start_line__", "__end_line__", "__is_block__"}


def plain(name):
    return name.replace("_", "").lower()


class Schema:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            types = json.load(file)["types"]
        self.types = types
        self.configs = {name.rsplit(".", 1)[-1].lower(): name for name in types if name.endswith("Config")}

    def of(self, kind, name):
        """The properties of a resource or data source, by plain name; None when there is no such."""
        prefix = "dataaws" if kind == "data" else ""
        name = f"{prefix}{plain(name.removeprefix('aws_'))}"
        # One whose name is that of a block of another has an A behind it.
        found = self.configs.get(f"{name}aconfig") or self.configs.get(f"{name}config")
        return found and self.properties(found)

    def properties(self, fqn):
        return {plain(prop["name"]): prop for prop in self.types[fqn].get("properties", [])}

    def block(self, prop):
        """The properties of a nested block; None for a plain value."""
        for fqn in names_in(prop["type"]):
            if fqn in self.types and not fqn.endswith("IResolvable"):
                return self.properties(fqn)
        return None


def names_in(kind):
    """Every type that is named in a type, however deep."""
    if isinstance(kind, dict):
        for key, value in kind.items():
            if key == "fqn":
                yield value
            else:
                yield from names_in(value)
    elif isinstance(kind, list):
        for one in kind:
            yield from names_in(one)


def check(schema, where, properties, body, is_resource):
    """Yields what is wrong with a block."""
    given = {}
    for name, value in body.items():
        if name in PARSER or (is_resource and name in COMMON - {"dynamic"}):
            continue
        if name == "dynamic":
            for dynamic in value:
                for inner, content in dynamic.items():
                    if inner not in PARSER:
                        given.setdefault(inner, []).extend(content.get("content", []))
            continue
        given.setdefault(name, []).extend(value if isinstance(value, list) else [value])
    for name, values in given.items():
        prop = properties.get(plain(name))
        if prop is None:
            yield f"{where}: there is no {name}"
            continue
        nested = schema.block(prop)
        for value in values if nested is not None else []:
            if isinstance(value, dict):
                yield from check(schema, f"{where}.{name}", nested, value, False)
    for name, prop in properties.items():
        if not prop.get("optional") and name not in {plain(one) for one in given}:
            yield f"{where}: {prop['name']} is missing"


def main():
    schema, wrong, checked = Schema(sys.argv[1]), [], 0
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            document = hcl2.load(file)
        for kind in ("resource", "data"):
            for entry in document.get(kind, []):
                for name, named in entry.items():
                    if not name.startswith("aws_"):
                        continue
                    properties = schema.of(kind, name)
                    for label, body in named.items():
                        if label in PARSER:
                            continue
                        checked += 1
                        where = f"{path}: {name}.{label}"
                        if properties is None:
                            wrong.append(f"{where}: the provider has no such {kind}")
                        else:
                            wrong.extend(check(schema, where, properties, body, True))
    for line in wrong:
        print(line)
    print(f"{checked} resources and data sources of AWS looked at, {len(wrong)} things wrong")
    sys.exit(1 if wrong or not checked else 0)


if __name__ == "__main__":
    main()
