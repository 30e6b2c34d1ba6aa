"""The command line: TensorFlow Serving's flags where they mean the same, and flags of our own for our limits."""

from __future__ import annotations

import argparse
import difflib
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn, TypeVar

from serving.http.limits import Limits
from serving.models.load_options import LoadOptions
from serving.models.version_source import ModelConfig, path_fault
from serving.rest.app import METRICS_PATH
from serving.server.ignored_flags import IGNORED_FLAGS
from serving.server.model_config import ConfigError, read_metrics_path, read_model_config
from serving.server.server import ServeOptions

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True)
class Flags:
    """A command line, read and checked.

    Attributes:
        host: The address to bind.
        port: The TCP port; 0 for any free one.
        options: What to serve and how.
        ignored: The given flags that have no effect here.
    """

    host: str
    port: int
    options: ServeOptions
    ignored: Sequence[str]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"serving.model_server: {message}\n")


class _PrintVersion(argparse.Action):
    """Prints the version of TensorFlow, which is looked up only now: it costs time that a start can spare."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        sys.stdout.write(f"TensorFlow Library: {version('tensorflow')}\n")
        parser.exit()


def parse(arguments: Sequence[str]) -> Flags:
    """Reads the command line.

    Raises:
        SystemExit: Status 2 and one line on stderr that says what is wrong; status 0 after --help and --version.
    """
    parser = _parser()
    given, rest = parser.parse_known_args(_with_dashes(arguments))
    ignored = _ignored(parser, rest)
    try:
        models = read_model_config(given.model_config_file) if given.model_config_file else _single(parser, given)
        metrics_path: str | None = METRICS_PATH
        if given.monitoring_config_file:
            metrics_path = read_metrics_path(given.monitoring_config_file, METRICS_PATH)
    except ConfigError as error:
        parser.error(str(error))
    loading = LoadOptions(
        poll_seconds=given.file_system_poll_wait_seconds,
        max_load_retries=given.max_num_load_retries,
        load_retry_seconds=given.load_retry_interval_micros / 1e6,
        labels_for_unavailable_versions=given.allow_version_labels_for_unavailable_models,
        threads=given.tensorflow_intra_op_parallelism or given.tensorflow_session_parallelism,
        warm_up_rounds=max(given.num_request_iterations_for_warmup, 1) if given.enable_model_warmup else 0,
    )
    limits = Limits(
        body_bytes=given.max_body_bytes,
        requests=given.max_concurrent_requests,
        answer_seconds=given.rest_api_timeout_in_ms / 1000,
        receive_seconds=given.max_receive_seconds,
        stop_seconds=given.stop_grace_seconds,
    )
    options = ServeOptions(models, loading, limits, given.enable_batching, metrics_path)
    return Flags(given.rest_api_host, given.rest_api_port, options, ignored)


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m serving.model_server",
        allow_abbrev=False,
        description="Serves SavedModels over the REST API of TensorFlow Serving.",
    )
    add = parser.add_argument
    switch = partial(add, type=_switch, nargs="?", const=True)
    add("--rest_api_port", type=_port, default=8501, help="TCP port; 0 for any free one")
    add("--rest_api_host", default="127.0.0.1", help="address to bind; 0.0.0.0 for all interfaces")
    add("--model_name", default="default", help="name of the model; ignored with --model_config_file")
    add("--model_base_path", type=_directory, help="directory whose numeric children are the model's versions")
    add("--model_config_file", type=Path, help="ModelServerConfig in protobuf's text form")
    add("--monitoring_config_file", type=Path, help="MonitoringConfig in protobuf's text form")
    add("--file_system_poll_wait_seconds", type=_seconds, default=1.0, help="seconds between polls; 0: one poll only")
    add("--max_num_load_retries", type=_at_least(0, _whole), default=0, help="further tries after a failed load")
    add(
        "--load_retry_interval_micros",
        type=_whole,
        default=60_000_000,
        help="microseconds between tries; below 0: none",
    )
    switch(
        "--allow_version_labels_for_unavailable_models",
        default=False,
        help="labels may name missing versions",
    )
    switch("--enable_batching", default=True, help="requests that wait at the same time share a call")
    switch("--enable_model_warmup", default=True, help="replay a model's warm-up requests before it serves")
    add("--num_request_iterations_for_warmup", type=_whole, default=1, help="replays of each warm-up request")
    add(
        "--rest_api_timeout_in_ms",
        type=_at_least(0, _whole),
        default=30_000,
        help="longest time to an answer, else 504; 0: no limit",
    )
    add(
        "--tensorflow_session_parallelism",
        type=_at_least(0, _whole),
        default=0,
        help="threads; 0: TensorFlow chooses",
    )
    add(
        "--tensorflow_intra_op_parallelism",
        type=_at_least(0, _whole),
        default=0,
        help="the same; takes precedence over it",
    )
    add("--version", action=_PrintVersion, nargs=0, help="print the version of TensorFlow and exit")
    add(
        "--max_body_bytes",
        type=_at_least(1, _whole),
        default=Limits.body_bytes,
        help="largest body; a larger one gets 413",
    )
    add(
        "--max_concurrent_requests",
        type=_at_least(1, _whole),
        default=Limits.requests,
        help="at the same time; one more gets 503",
    )
    add(
        "--max_receive_seconds",
        type=_at_least(0, _seconds),
        default=Limits.receive_seconds,
        help="longest time to arrive, else 408",
    )
    add(
        "--stop_grace_seconds",
        type=_at_least(0, _seconds),
        default=Limits.stop_seconds,
        help="for requests in flight at a stop",
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


def _directory(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("it is empty: give the directory of the versions")
    if fault := path_fault(text):
        raise argparse.ArgumentTypeError(fault)
    return Path(text)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def _at_least(least: float, read: Callable[[str], _Number]) -> Callable[[str], _Number]:
    def read_enough(text: str) -> _Number:
        value = read(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is less than {least}")
        return value

    return read_enough


def _switch(text: str) -> bool:
    word = text.lower()
    if word in ("true", "1", "yes", "t", "y"):
        return True
    if word in ("false", "0", "no", "f", "n"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _single(parser: _Parser, given: argparse.Namespace) -> list[ModelConfig]:
    if given.model_base_path is None:
        parser.error("no model to serve. Give --model_base_path=DIR, or --model_config_file=FILE.")
    return [ModelConfig(given.model_name, given.model_base_path)]


def _with_dashes(arguments: Sequence[str]) -> list[str]:
    """TensorFlow Serving takes -flag as well as --flag."""
    return [f"-{word}" if word.startswith("-") and word[1:2].isalpha() else word for word in arguments]


def _ignored(parser: _Parser, rest: Sequence[str]) -> list[str]:
    names = []
    known = sorted([action.option_strings[0] for action in parser._actions] + [f"--{name}" for name in IGNORED_FLAGS])  # noqa: SLF001
    values = iter(rest)
    for word in values:
        name, _, _ = word.removeprefix("--").partition("=")
        if name in IGNORED_FLAGS and word.startswith("--"):
            names.append(name)
            continue
        close = difflib.get_close_matches(f"--{name}", known, n=1)
        hint = f" Did you mean {close[0]}?" if close else " See --help."
        parser.error(f"unknown flag {word!r}.{hint}")
    return names
