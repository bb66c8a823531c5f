"""The protocol's messages as classes, made when they are first needed.

They are not generated in advance, because generated code refuses to run with a protobuf that is
older than its compiler, and which one is installed is mostly decided by other packages.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from vivavoce.engines.localai.schema import MESSAGES, PACKAGE, Field

_SCALARS = {
    kind: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{kind.upper()}")
    for kind in ("string", "bytes", "bool", "int32", "uint32", "int64", "float")
}


@cache
def message_class(name: str) -> Any:
    """The class of a message, such as `Reply`."""
    descriptor = _pool().FindMessageTypeByName(f"{PACKAGE}.{name}")
    return message_factory.GetMessageClass(descriptor)


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    # Not the default one: that may hold LocalAI's own description, which has the same names.
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(
        name="vivavoce/localai.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, described in fields.items():
            _add_field(message, field, described)
    pool.Add(file)
    return pool


def _add_field(message: Any, name: str, described: Field) -> None:
    kind, number = described
    label, _, of = kind.rpartition(" ")
    field = message.field.add(name=name, number=number, json_name=name)
    field.label = field.LABEL_REPEATED if label == "repeated" else field.LABEL_OPTIONAL
    if label == "optional":  # proto3 keeps the presence of a field in a oneof of its own
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")
    if of == "map":
        field.label = field.LABEL_REPEATED
        of = f"{message.name}.{_add_map_entry(message, name)}"
    if of in _SCALARS:
        field.type = _SCALARS[of]
    else:
        field.type = field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{of}"


def _add_map_entry(message: Any, name: str) -> str:
    """The message that stands for an entry of a map, named as the compiler names it."""
    entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    _add_field(entry, "key", ("string", 1))
    _add_field(entry, "value", ("string", 2))
    return str(entry.name)
