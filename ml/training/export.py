"""The served graph: customers in, raw or as tf.Examples, probability and label out, with the fitted encoding inside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ml.config.settings import TargetSettings
from ml.data.features import CATEGORICAL, FEATURES
from ml.training.preprocessing import Encoding, FeatureEncoding
from serving.client.model_metadata import SAMPLE_SIGNATURE
from serving.tables.category_spelling import fold

DEFAULT, CLASSIFY, REGRESS = "serving_default", "classify", "regress"
"""The signatures of the SavedModel."""
SAMPLE = SAMPLE_SIGNATURE
"""One more signature, which only a model of made-up customers has."""


def export(
    model: keras.Model, encoding: Encoding, target: TargetSettings, path: Path, *, of_sample: bool = False
) -> None:
    """Write the SavedModel with its three signatures, in which n is the number of customers.

    - `serving_default`: the eight raw features, each of shape [n] (text "" where missing,
      in any ASCII case and with ASCII blanks around it; float32, NaN or negative
      where missing), to `probability` (float32 [n]) and `label` (string [n]: the target segments joined by "/", or
      "rest").
    - `classify`: `inputs`, serialized tf.Examples (string [n]) with the same features, to `classes` (string [n, 2],
      "rest" and the target) and `scores` (float32 [n, 2], of sum 1).
    - `regress`: `inputs` as for `classify`, to `outputs` (float32 [n], the probability).

    The last two are what TensorFlow Serving's :classify and :regress and TFMA's own evaluation ask for. In an Example
    a text is a bytes feature, a number a float feature; one that is absent counts as missing.

    A model that was trained on the built-in sample (`of_sample`) has `serving_default` a second time under the name
    `SAMPLE`. So whoever asks a server for the metadata learns it, whatever server that is and wherever the model went.

    `ExportArchive` is the form whose variables TensorFlow Serving finds; a `tf.Module` around a Keras 3 model saved
    by `tf.saved_model.save` loads there and then fails every request.
    """
    name = "/".join(target.positive_segments)

    def serve(customers: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        checked = {feature: _one_value_per_customer(feature, column) for feature, column in customers.items()}
        probability = model(encode(checked, encoding), training=False)[:, 0]
        is_target = probability > tf.constant(target.threshold, tf.float32)
        return {"probability": probability, "label": tf.where(is_target, name, "rest")}

    specs = {
        feature: tf.TensorSpec([None], tf.string if feature in CATEGORICAL else tf.float32, name=feature)
        for feature in FEATURES
    }
    default = tf.function(serve, autograph=False, input_signature=[specs])

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        probability = default(_parse(inputs))["probability"]
        classes = tf.broadcast_to(tf.constant([["rest", name]]), [tf.size(inputs), 2])
        return {"classes": classes, "scores": tf.stack([1 - probability, probability], axis=1)}

    def regress(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"outputs": default(_parse(inputs))["probability"]}

    examples = tf.TensorSpec([None], tf.string, name="inputs")
    archive = keras.export.ExportArchive()
    archive.track(model)
    endpoints = {
        DEFAULT: default,
        CLASSIFY: tf.function(classify, autograph=False, input_signature=[examples]),
        REGRESS: tf.function(regress, autograph=False, input_signature=[examples]),
    }
    if of_sample:
        endpoints[SAMPLE] = default
    for signature, endpoint in endpoints.items():
        endpoint.get_concrete_function()
        archive.add_endpoint(signature, endpoint)
    archive.write_out(str(path), verbose=False)


def _one_value_per_customer(feature: str, column: tf.Tensor) -> tf.Tensor:
    """The column, whose rank is checked when the graph runs: no server compares a request with the signature.

    The error quotes the name of the node, which is how a client learns which feature is wrong.
    """
    return tf.ensure_shape(column, [None], name=f"{feature}_must_be_one_value_per_customer")


def _parse(examples: tf.Tensor) -> dict[str, tf.Tensor]:
    """Return the raw features of serialized tf.Examples; "" or NaN for one that is absent."""
    absent = {
        feature: tf.io.FixedLenFeature([], tf.string, "")
        if feature in CATEGORICAL
        else tf.io.FixedLenFeature([], tf.float32, math.nan)
        for feature in FEATURES
    }
    return dict(tf.io.parse_example(examples, absent))


def encode(customers: Mapping[str, tf.Tensor], encoding: Encoding) -> tf.Tensor:
    """Return the network's input, float32 [n, width]: what `Encoding.apply` computes, in TensorFlow ops.

    It compares with constants instead of lookup tables, which would have to be initialised before the first request.
    """
    parts = [_encode(feature, customers[feature.name]) for feature in encoding.features]
    return tf.concat(parts, axis=1, name="every_feature_must_have_as_many_values")


def _encode(feature: FeatureEncoding, column: tf.Tensor) -> tf.Tensor:
    if feature.kind == "category":
        # TensorFlow's strip and lower know ASCII alone, as `fold` does: REST and files mean the same by a text.
        folded = tf.constant([fold(value) for value in feature.values], tf.string)
        known = tf.equal(tf.strings.lower(tf.strings.strip(column))[:, None], folded[None, :])
        parts, missing = known, ~tf.reduce_any(known, axis=1)
    else:
        # Not `~(column >= 0)`: TensorFlow's optimizer may turn that into `column < 0`, which NaN is not.
        missing = tf.math.is_nan(column) | (column < 0)
        number = tf.where(missing, tf.constant(feature.fill, tf.float32), column)
        parts = _encode_number(feature, number[:, None])
    slots: list[Any] = [tf.cast(parts, tf.float32)]
    if feature.missing:
        slots.append(tf.cast(missing[:, None], tf.float32))
    return tf.concat(slots, axis=1)


def _encode_number(feature: FeatureEncoding, number: tf.Tensor) -> tf.Tensor:
    fitted = np.array(feature.numbers, dtype=np.float32)
    if feature.kind == "steps":
        return tf.equal(tf.minimum(number, fitted[-1]), fitted[None, :])
    if feature.kind == "pieces":
        return tf.clip_by_value((number - fitted[None, :-1]) / np.diff(fitted)[None, :], 0, 1)
    return (tf.clip_by_value(number, fitted[0], fitted[-1]) - np.float32(feature.mean)) / np.float32(feature.deviation)
