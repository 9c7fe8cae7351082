"""Refuses changes of the contracts that would break a running peer or an event already stored (`make check`).

    python -m proto.breaking check        compares the contracts with proto/baseline.json
    python -m proto.breaking accept       writes the baseline anew, after a change that is compatible

What is compared is what is on the wire: messages, field numbers, types, labels; enum numbers; services, methods and their types. Adding is
compatible; removing, renumbering and retyping is not: make a v2 beside it.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor

ROOT = Path(__file__).resolve().parent
BASELINE = ROOT / "baseline.json"


def _files() -> list[FileDescriptor]:
    modules = [".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in sorted(ROOT.rglob("*_pb2.py"))]
    return [importlib.import_module(module).DESCRIPTOR for module in modules]


def _message(message: Descriptor) -> dict[str, Any]:
    return {
        str(field.number): {
            "name": field.name,
            "type": field.type,
            "repeated": field.is_repeated,
            "of": (field.message_type or field.enum_type).full_name if field.message_type or field.enum_type else "",
            "oneof": field.containing_oneof.name if field.containing_oneof else "",
        }
        for field in message.fields
    }


def _enum(enum: EnumDescriptor) -> dict[str, str]:
    return {str(value.number): value.name for value in enum.values}


def contracts() -> dict[str, Any]:
    """Everything on the wire, as plain data."""
    found: dict[str, Any] = {"messages": {}, "enums": {}, "methods": {}}
    for file in _files():
        for message in file.message_types_by_name.values():
            found["messages"][message.full_name] = _message(message)
        for enum in file.enum_types_by_name.values():
            found["enums"][enum.full_name] = _enum(enum)
        for service in file.services_by_name.values():
            for method in service.methods:
                found["methods"][method.full_name] = [method.input_type.full_name, method.output_type.full_name]
    return found


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What in `new` would break somebody who knows `old`, one sentence each."""
    faults: list[str] = []
    for name, fields in old["messages"].items():
        if name not in new["messages"]:
            faults.append(f"message {name} is gone")
            continue
        now = new["messages"][name]
        for number, field in fields.items():
            if number not in now:
                faults.append(f"{name}: field {number} ({field['name']}) is gone")
            elif now[number] != field:
                faults.append(f"{name}: field {number} ({field['name']}) changed")
    for name, values in old["enums"].items():
        for number, label in values.items():
            if new["enums"].get(name, {}).get(number) != label:
                faults.append(f"enum {name}: {number} ({label}) changed or is gone")
    for name, types in old["methods"].items():
        if new["methods"].get(name) != types:
            faults.append(f"method {name} changed or is gone")
    return faults


def main(arguments: list[str]) -> None:
    """The command line of this module."""
    match arguments:
        case ["accept"]:
            BASELINE.write_text(json.dumps(contracts(), indent=1, sort_keys=True) + "\n")
        case ["check"]:
            if faults := breaking_changes(json.loads(BASELINE.read_text()), contracts()):
                sys.exit("the contracts break a peer:\n  " + "\n  ".join(faults))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
