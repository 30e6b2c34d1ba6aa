"""Warm-up requests: a server sends them to a new version first, so that no client waits for the first slow answer.

Source of the format: tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc. A TFRecord of PredictionLog.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ml.data.features import CATEGORICAL, FEATURES
from ml.training.export import CLASSIFY, DEFAULT, REGRESS
from ml.training.preprocessing import Encoding

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
BATCH_SIZE = 64
Customer = dict[str, Any]


def write_warm_up(saved_model: Path, encoding: Encoding) -> None:
    """Put requests for every signature into an exported SavedModel: one of one customer, and one of `BATCH_SIZE`.

    They name no model, so that the bytes of a version are the same under whatever name it is served.
    """
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    path = saved_model / FILE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for some in (synthetic_customers(encoding, 1), synthetic_customers(encoding, BATCH_SIZE)):
            logs = [PredictionLog() for _ in range(3)]
            predict = logs[0].predict_log.request
            predict.model_spec.signature_name = DEFAULT
            for name in FEATURES:
                column = np.array([each[name] for each in some], object if name in CATEGORICAL else np.float32)
                predict.inputs[name].CopyFrom(tf.make_tensor_proto(column))
            classify, regress = logs[1].classify_log.request, logs[2].regress_log.request
            for request, signature in ((classify, CLASSIFY), (regress, REGRESS)):
                request.model_spec.signature_name = signature
                request.input.example_list.examples.extend(map(tf_example, some))
            for log in logs:
                writer.write(log.SerializeToString(deterministic=True))


def synthetic_customers(encoding: Encoding, count: int) -> list[Customer]:
    """Make customers with all fitted values and missing ones; real ones must not travel with a SavedModel."""
    values: dict[str, list[Any]] = {
        feature.name: [*feature.values, ""]
        if feature.kind == "category"
        else [*feature.numbers, feature.mean, math.nan]
        for feature in encoding.features
    }
    return [{name: values[name][row % len(values[name])] for name in FEATURES} for row in range(count)]


def tf_example(customer: Mapping[str, Any]) -> tf.train.Example:
    """Return a customer as tf.Example, in which a missing value ("", NaN) is left out."""
    features = {}
    for name in FEATURES:
        value = customer[name]
        if name in CATEGORICAL and value != "":
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        elif name not in CATEGORICAL and value == value:  # not NaN
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Example(features=tf.train.Features(feature=features))
