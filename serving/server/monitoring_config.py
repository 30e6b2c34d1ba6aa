"""Reads TensorFlow Serving's --monitoring_config_file.

`tensorflow-serving-api` does not contain this protobuf, so its few fields are declared here.
Source: tensorflow_serving/config/monitoring_config.proto.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def monitoring_config() -> Any:
    """The message class MonitoringConfig."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="monitoring_config.proto", package="tensorflow.serving", syntax="proto3")
    prometheus = file.message_type.add(name="PrometheusConfig")
    prometheus.field.add(
        name="enable", number=1, type=FieldDescriptorProto.TYPE_BOOL, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    prometheus.field.add(
        name="path", number=2, type=FieldDescriptorProto.TYPE_STRING, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    whole = file.message_type.add(name="MonitoringConfig")
    whole.field.add(
        name="prometheus_config",
        number=1,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type_name=".tensorflow.serving.PrometheusConfig",
    )
    pool = DescriptorPool()  # one of its own: a later release of the package may bring the same file
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("tensorflow.serving.MonitoringConfig"))
