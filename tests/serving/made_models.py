"""Small SavedModels made on the spot, for what the golden ones do not show."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its dependencies announce the end of Python versions
    import tensorflow as tf


def save_slow(path: Path) -> None:
    """A model whose only input says for how many rounds it keeps the graph busy; a million take about a second."""

    class Slow(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="rounds")])  # type: ignore[untyped-decorator]
        def serve(self, rounds: Any) -> dict[str, Any]:
            most = tf.reduce_max(tf.concat([rounds, [0]], 0))
            _, total = tf.while_loop(
                lambda i, _: i < most, lambda i, total: (i + 1, tf.math.sin(total)), (0, tf.constant(1.0))
            )
            return {"total": tf.fill(tf.shape(rounds), total)}

    module = Slow()
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def save_gated(path: Path, gate: Path, *, rows: int) -> None:
    """A model that gives back what it is given; with more rows than told, only once the file `gate` is there."""

    class Gated(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="x")])  # type: ignore[untyped-decorator]
        def serve(self, x: Any) -> dict[str, Any]:
            def look(_: Any, looks: Any) -> tuple[Any, Any]:
                # A name that depends on the round; else TensorFlow looks once, in advance.
                nothing = tf.strings.regex_replace(tf.strings.as_string(looks), "[0-9]", "")
                return tf.size(tf.io.matching_files(str(gate) + nothing)) == 0, looks + 1

            looked = tf.while_loop(lambda closed, _: closed, look, (tf.size(x) > rows, 0))
            with tf.control_dependencies(looked):
                return {"y": tf.identity(x)}

    module = Gated()
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def save_half(path: Path) -> None:
    """A model that halves and fails on demand: a negative number is an invalid argument."""

    class Half(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def serve(self, x: Any) -> dict[str, Any]:
            with tf.control_dependencies([tf.debugging.assert_non_negative(x, message="no negative numbers")]):
                return {"half": x / 2.0, "name_bytes": tf.strings.as_string(x)}

    module = Half()
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def save_uninitialised(path: Path) -> None:
    """A model that loads, but one of whose two variables is in no checkpoint."""
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        kept = v1.get_variable("kept", initializer=1.0, use_resource=True)
        lost = v1.get_variable("lost", initializer=1.0, use_resource=True)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(path))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": x * kept + lost})
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, saver=v1.train.Saver([kept])
        )
        builder.save()


def write_warm_up(path: Path, *values: float) -> None:
    """A warm-up file with one :predict request for each value."""
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    (path / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(path / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        for value in values:
            log = PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = "any"
            request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.array([value], dtype=np.float32)))
            writer.write(log.SerializeToString())


def save_every_type(path: Path) -> None:
    """A model with a signature for each type that gives back what it is given, and some with odd inputs and outputs."""
    signatures = {
        _WORDS.get(dtype, dtype.name): _function(lambda x: {"y": tf.identity(x)}, x=dtype)
        for dtype in (
            *(tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64),
            *(tf.float16, tf.float32, tf.float64, tf.complex64, tf.bool, tf.string),
        )
    }
    signatures["serving_default"] = signatures["float"]
    signatures["positive"] = _function(lambda x: {"y": tf.boolean_mask(x, x > 0)}, x=tf.float32)
    signatures["numbers"] = _function(lambda inputs: {"outputs": inputs}, inputs=tf.float32)
    signatures["pair"] = _function(lambda a, b: {"y": tf.strings.join([a, b])}, a=tf.string, b=tf.string)
    tf.saved_model.save(tf.Module(), str(path), signatures=signatures)


_WORDS = {tf.float16: "half", tf.float32: "float", tf.float64: "double"}


def _function(compute: Any, **inputs: Any) -> Any:
    return tf.function(compute, input_signature=[tf.TensorSpec([None], dtype, name) for name, dtype in inputs.items()])
