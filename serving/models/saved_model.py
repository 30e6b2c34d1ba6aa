"""A SavedModel, loaded and called in the same way as TensorFlow Serving does it: through a TF1 session.

Importing this module imports TensorFlow. A SavedModel that holds variables its checkpoint does not restore loads
here too and fails at the first call, exactly as in TensorFlow Serving (`tf.saved_model.load` would hide that).
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # a server's log is for its own lines

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its dependencies announce the end of Python versions; nothing to act on here
    import tensorflow as tf

from tensorflow.core.protobuf import config_pb2

from serving.errors import CODE_NAMES, StatusError
from serving.models.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec

_LOOPS = frozenset({"While", "StatelessWhile", "NextIteration", "For", "PyFunc", "EagerPyFunc"})
_FLOAT_TYPES_WITHOUT_NAME = {"float32": "float", "float64": "double", "float16": "half"}


class Servable:
    """A loaded SavedModel. `run` may be called from any thread.

    Attributes:
        path: where it was loaded from.
        signatures: by name; signatures without inputs (the init op) are included.
        signature_defs: the protobufs themselves, for metadata.
        has_loops: whether the time that a call takes may depend on what is asked for, and not on its rows alone.
    """

    def __init__(self, path: Path, session: Any, meta_graph: Any) -> None:
        self.path = path
        self.signature_defs: Mapping[str, Any] = dict(sorted(meta_graph.signature_def.items()))
        self.signatures: Mapping[str, Signature] = {
            name: _signature(name, definition) for name, definition in self.signature_defs.items()
        }
        self.has_loops = _has_loops(meta_graph.graph_def)
        self._session = session
        self._calls: dict[str, Callable[..., Sequence[NDArray[Any]]]] = {}
        self._lock = threading.Lock()

    def run(self, inputs: Mapping[str, NDArray[Any]], *, signature: str = DEFAULT_SIGNATURE) -> dict[str, NDArray[Any]]:
        """Calls the graph once.

        Args:
            inputs: one array for each input of the signature; text as object arrays of bytes or str.
            signature: which signature to call.

        Returns:
            One array for each output; text as object arrays of bytes.

        Raises:
            StatusError: the graph failed; code and message are TensorFlow's.
        """
        known = self.signatures[signature]
        call = self._calls.get(signature) or self._prepare(signature)
        try:
            results = call(*[inputs[name] for name in known.inputs])
        except tf.errors.OpError as error:
            raise from_tensorflow(error) from error
        except UnicodeDecodeError as error:
            # The graph's message quotes bytes of the request that are no UTF-8, and so never became an OpError.
            raise StatusError("INVALID_ARGUMENT", error.object.decode("utf-8", "surrogateescape")) from error
        # A scalar output comes as a NumPy scalar or as plain bytes; everything else is an array already.
        return {
            name: value if isinstance(value, np.ndarray) else np.asarray(value, dtype=spec.numpy)
            for (name, spec), value in zip(known.outputs.items(), results, strict=True)
        }

    def close(self) -> None:
        """Frees the session; a call that still runs fails."""
        self._calls.clear()
        self._session.close()

    def _prepare(self, signature: str) -> Callable[..., Sequence[NDArray[Any]]]:
        # Session.make_callable with feeds is session.run in disguise, with its checks and conversions at every call.
        # What lies below it is what TensorFlow Serving calls too: nothing compares shapes with the signature, the
        # graph itself says what is wrong. There is no public name for it.
        known = self.signatures[signature]
        options = config_pb2.CallableOptions(
            feed=[spec.tensor for spec in known.inputs.values()],
            fetch=[spec.tensor for spec in known.outputs.values()],
            # Run the operations on the thread that asks: handing a small graph to another thread and waiting for it
            # costs three times the graph. One operation may still use all cores.
            run_options=config_pb2.RunOptions(inter_op_thread_pool=-1),
        )
        with self._lock:
            call: Callable[..., Sequence[NDArray[Any]]] = self._session._make_callable_from_options(options)  # noqa: SLF001
            self._calls[signature] = call
        return call


def load(path: Path, *, threads: int = 0) -> Servable:
    """Loads a SavedModel with the tag "serve".

    Args:
        path: the directory with saved_model.pb.
        threads: threads for one operation and across operations; 0 lets TensorFlow choose.

    Raises:
        StatusError: with the code and the text that TensorFlow Serving reports for the same defect.
    """
    _refuse_what_is_no_saved_model(path)
    # The loader warns of its own deprecation; TensorFlow Serving's behaviour is the reason to use it all the same.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    graph = tf.Graph()
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    session = tf.compat.v1.Session(graph=graph, config=config)
    try:
        with graph.as_default():
            meta_graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(path))
    except tf.errors.OpError as error:
        session.close()
        raise from_tensorflow(error) from error
    except Exception as error:
        session.close()
        raise _from_python(error, path) from error
    return Servable(path, session, meta_graph)


def from_tensorflow(error: Any) -> StatusError:
    """The same error without TensorFlow's types."""
    code = error.error_code if isinstance(error.error_code, int) else 2
    # session.run, which restores the variables, adds words of its own before the message of the C++ runtime.
    message = str(error.message).removeprefix("Graph execution error:\n\n")
    return StatusError(CODE_NAMES[code] if 0 <= code < len(CODE_NAMES) else "UNKNOWN", message)


def _refuse_what_is_no_saved_model(path: Path) -> None:
    """The checks TensorFlow Serving's C++ loader makes first; Python's loader would word them differently."""
    model = path / "saved_model.pb"
    if not model.is_file() and not (path / "saved_model.pbtxt").is_file():
        raise StatusError(
            "NOT_FOUND",
            "Specified file path does not appear to contain a SavedModel bundle (should have a file called "
            f"`saved_model.pb`)\nSpecified file path: {path}",
        )
    if model.is_file():
        from google.protobuf.message import DecodeError
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

        try:
            SavedModel.FromString(model.read_bytes())
        except DecodeError as error:
            raise StatusError("DATA_LOSS", f"Can't parse {model} as binary proto") from error


def _from_python(error: Exception, path: Path) -> StatusError:
    if "MetaGraphDef associated with tags" in str(error):
        return StatusError(
            "NOT_FOUND",
            "Could not find meta graph def matching supplied tags: { serve }. To inspect available tag-sets in the "
            f"SavedModel, please use the SavedModel CLI: `saved_model_cli` Specified file path: {path}",
        )
    index = path / "variables" / "variables.index"
    if isinstance(error, ValueError) and not index.exists():
        # TensorFlow Serving loads this without a word, and then fails every request with "Could not find variable".
        return StatusError(
            "FAILED_PRECONDITION", f"Could not find variables: the graph has some, but there is no {index}"
        )
    if isinstance(error, OSError):
        return StatusError("NOT_FOUND", f"{error}")
    return StatusError("INVALID_ARGUMENT", f"{type(error).__name__}: {error}")


def _has_loops(graph: Any) -> bool:
    nodes = chain(graph.node, *(function.node_def for function in graph.library.function))
    return any(node.op in _LOOPS for node in nodes)


def _signature(name: str, definition: Any) -> Signature:
    return Signature(
        name=name,
        inputs={key: _spec(info) for key, info in sorted(definition.inputs.items())},
        outputs={key: _spec(info) for key, info in sorted(definition.outputs.items())},
        text=str(definition),
    )


def _spec(info: Any) -> TensorSpec:
    # DT_INVALID is the type of an init op, which is no tensor.
    word = tf.dtypes.as_dtype(info.dtype).name if info.dtype else "invalid"
    shape = info.tensor_shape
    return TensorSpec(
        tensor=info.name,
        dtype=_FLOAT_TYPES_WITHOUT_NAME.get(word, word),
        shape=None if shape.unknown_rank else tuple(None if dim.size < 0 else int(dim.size) for dim in shape.dim),
    )
