"""The messages of the Open Inference Protocol over gRPC, as KServe and Triton define them.

They are made from their names and fields, whose numbers count from 1, in a pool of their own: clients in the same
process bring the same names. Source: KServe's open_inference_grpc.proto.
"""

import re
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"
METHODS = ("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer")

_TENSOR = "string name, string datatype, repeated int64 shape"
_NAMED = "string name, string version"
_MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "bool live",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "bool ready",
    "ModelReadyRequest": _NAMED,
    "ModelReadyResponse": "bool ready",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "string name, string version, repeated string extensions",
    "ModelMetadataRequest": _NAMED,
    "ModelMetadataResponse.TensorMetadata": _TENSOR,
    "ModelMetadataResponse": "string name, repeated string versions, string platform, "
    "repeated ModelMetadataResponse.TensorMetadata inputs, repeated ModelMetadataResponse.TensorMetadata outputs",
    "ModelInferRequest.InferInputTensor": f"{_TENSOR}, map InferParameter parameters, InferTensorContents contents",
    "ModelInferRequest.InferRequestedOutputTensor": "string name, map InferParameter parameters",
    "ModelInferRequest": "string model_name, string model_version, string id, map InferParameter parameters, "
    "repeated ModelInferRequest.InferInputTensor inputs, "
    "repeated ModelInferRequest.InferRequestedOutputTensor outputs, repeated bytes raw_input_contents",
    "ModelInferResponse.InferOutputTensor": f"{_TENSOR}, map InferParameter parameters, InferTensorContents contents",
    "ModelInferResponse": "string model_name, string model_version, string id, map InferParameter parameters, "
    "repeated ModelInferResponse.InferOutputTensor outputs, repeated bytes raw_output_contents",
    "InferParameter": "oneof bool bool_param, oneof int64 int64_param, oneof string string_param, "
    "oneof double double_param, oneof uint64 uint64_param",
    "InferTensorContents": "repeated bool bool_contents, repeated int32 int_contents, repeated int64 int64_contents, "
    "repeated uint32 uint_contents, repeated uint64 uint64_contents, repeated float fp32_contents, "
    "repeated double fp64_contents, repeated bytes bytes_contents",
}
_ONEOF = "parameter_choice"
_FIELD = descriptor_pb2.FieldDescriptorProto


def _file() -> descriptor_pb2.FileDescriptorProto:
    """The file that a compiler would make of the protocol's definition."""
    file = descriptor_pb2.FileDescriptorProto(name="open_inference_grpc.proto", package=PACKAGE, syntax="proto3")
    made: dict[str, Any] = {}
    for outer in (name for name in _MESSAGES if "." not in name):
        made[outer] = file.message_type.add(name=outer)
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.partition(".")
        message = made[outer].nested_type.add(name=inner) if inner else made[outer]
        for number, field in enumerate(filter(None, fields.split(", ")), 1):
            _add_field(message, name, number, *re.fullmatch(r"(?:(\w+) )?(\S+) (\w+)", field).groups(""))  # type: ignore[union-attr]
    service = file.service.add(name=SERVICE.rpartition(".")[2])
    for method in METHODS:
        service.method.add(
            name=method, input_type=f".{PACKAGE}.{method}Request", output_type=f".{PACKAGE}.{method}Response"
        )
    return file


def _add_field(message: Any, within: str, number: int, rule: str, kind: str, name: str) -> None:
    field = message.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL)
    if rule == "map":  # on the wire a list of entries, which are messages with a key and a value
        entry = message.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=_FIELD.LABEL_OPTIONAL, type=_FIELD.TYPE_STRING)
        _add_field(entry, within, 2, "", kind, "value")
        kind = f"{within}.{entry.name}"
    elif rule == "oneof":
        if not message.oneof_decl:
            message.oneof_decl.add(name=_ONEOF)
        field.oneof_index = 0
    if rule in ("repeated", "map"):
        field.label = _FIELD.LABEL_REPEATED
    if kind[0].isupper():
        field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(_FIELD, f"TYPE_{kind.upper()}")


POOL = DescriptorPool()
for _content in (
    _file().SerializeToString(),
    health_pb2.DESCRIPTOR.serialized_pb,
    reflection_pb2.DESCRIPTOR.serialized_pb,
):
    POOL.AddSerializedFile(_content)


def message_class(name: str) -> Any:
    """The class of a message, by its name in the protocol."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))
