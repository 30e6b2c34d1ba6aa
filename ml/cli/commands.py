"""The command line: each step alone, the whole run in one process, status, history and rollback."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from ml.cli.status import (
    as_json,
    failed_before_the_start,
    history,
    history_text,
    result_text,
    status,
    status_text,
)
from ml.config.overrides import toml_string
from ml.config.settings import Settings, resolve
from ml.errors import DONE, NOTHING_TO_DO, FinalError, NothingToDoError, RetrainError
from ml.pipeline.local_runner import new_run_id, retrain
from ml.pipeline.run import FROZEN, Run
from ml.pipeline.steps import STEP_FUNCTIONS, run_step
from ml.storage.files import disk_errors
from ml.storage.log_format import make_printable
from ml.storage.root import Root

log = logging.getLogger("ml")


def main(arguments: Sequence[str], stdout: TextIO) -> int:
    """Run one command and return its exit code. Logs go to stderr; the answer, and nothing else, to `stdout`."""
    options = _parser().parse_args(arguments)
    _log_to_stderr(logging.DEBUG if options.verbose else logging.INFO)
    try:
        with disk_errors(f"python -m ml {options.name}"):
            answer: tuple[int, str] = options.command(options)
    except NothingToDoError as nothing:
        log.info("nothing to do (%s): %s", nothing.outcome, nothing.what)
        return NOTHING_TO_DO if options.is_step else DONE
    except RetrainError as error:
        log.error("%s: %s", type(error).__name__, error)
        return error.exit_code
    code, text = answer
    if text:
        stdout.write(text if text.endswith("\n") else text + "\n")
    return code


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", metavar="DIR", help="the root directory; default RETRAIN_ROOT, or var/")
    common.add_argument(
        "--settings", metavar="FILE", type=Path, help="TOML with what differs from ml/config/settings.toml"
    )
    common.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change one setting, such as train.epochs=5; may be repeated",
    )
    common.add_argument(
        "--raise",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="raises",
        help="like --set, for a threshold in judge.at_least, which may only go up",
    )
    common.add_argument("--serving-url", metavar="URL", help="the model server; default: one in this process")
    common.add_argument("--data", metavar="SOURCE", help="kaggle | sample | inbox:NAME | PATH")
    common.add_argument("--json", action="store_true", help="one JSON value on stdout")
    common.add_argument("--verbose", action="store_true", help="log also what matters only when something is wrong")

    parser = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="name")
    for name, step in STEP_FUNCTIONS.items():
        one = commands.add_parser(name, parents=[common], help=step.__doc__)
        one.add_argument(
            "--run", required=True, metavar="ID", help="a new run id, or that of an earlier run in the root"
        )
        one.add_argument("--force", action="store_true", help="go on even if nothing is new")
        one.set_defaults(command=_step, step=name, is_step=True)
    whole = commands.add_parser("retrain", parents=[common], help="all steps in one process")
    whole.add_argument("--run", metavar="ID", help="the run id; default: made from the time")
    whole.add_argument("--force", action="store_true", help="retrain although nothing is new")
    whole.set_defaults(command=_retrain, is_step=False)
    state = commands.add_parser("status", parents=[common], help="what serves, since when, and why")
    state.set_defaults(command=_status, is_step=False)
    events = commands.add_parser("history", parents=[common], help="every event of every version")
    events.set_defaults(command=_history, is_step=False)
    back = commands.add_parser("rollback", parents=[common], help="serve an older version again")
    back.add_argument("version", nargs="?", type=int, help="default: the one before the champion")
    back.add_argument("--reason", required=True, help="a sentence for the ledger")
    back.set_defaults(command=_rollback, is_step=False)
    taken = commands.add_parser("adopt", parents=[common], help="take a version over that the ledger does not know")
    taken.add_argument("version", type=int, help="the name of its directory")
    taken.add_argument("--reason", required=True, help="a sentence for the ledger")
    taken.set_defaults(command=_adopt, is_step=False)
    return parser


def _settings(options: argparse.Namespace, frozen: dict[str, Any] | None = None) -> Settings:
    overrides = list(options.overrides)
    if options.data is not None:
        overrides.append(f"data.source={toml_string(options.data)}")
    if options.serving_url is not None:
        overrides.append(f"serving.url={toml_string(options.serving_url)}")
    return resolve(file=options.settings, overrides=overrides, raises=options.raises, frozen=frozen)


def _need_libraries() -> None:
    """Raise a `FinalError` when this interpreter lacks TensorFlow; `python` is often not the one that was meant."""
    if find_spec("pyarrow") is None or find_spec("tensorflow") is None:
        raise FinalError(
            f"{sys.executable} lacks the libraries of the ML environment.",
            "Use .venv-ml/bin/python in the project's directory; `make demo` makes it.",
        )


def _step(options: argparse.Namespace) -> tuple[int, str]:
    _need_libraries()
    root = Root.find(options.root)
    is_later = options.step != "ingest" and (root.run(options.run) / FROZEN).is_file()
    frozen = Run.frozen_settings(root, options.run) if is_later else None
    settings = _settings(options, frozen)
    if frozen is not None:
        settings.require_same_deciding_settings(resolve(frozen=frozen, environment={}), run=options.run)
    result = run_step(options.step, Run(root, options.run, settings, options.force))
    log.info("step %s: %s in %.1f s", options.step, result["outcome"], result["seconds"])
    return DONE, as_json(result) if options.json else ""


def _retrain(options: argparse.Namespace) -> tuple[int, str]:
    run_id = options.run or new_run_id()
    try:
        _need_libraries()
        with disk_errors("python -m ml retrain"):
            root, settings = Root.find(options.root), _settings(options)
        root.run(run_id)
    except RetrainError as error:
        failed = failed_before_the_start(run_id, error)
        log.error("%s: %s", type(error).__name__, error)
        return failed.exit_code, as_json(failed.as_json()) if options.json else ""
    result = retrain(root, settings, run_id=run_id, force=options.force)
    text = as_json(result.as_json()) if options.json else result_text(result, root, settings)
    return result.exit_code, text


def _status(options: argparse.Namespace) -> tuple[int, str]:
    answer = status(Root.to_read(options.root), _settings(options))
    return DONE, as_json(answer) if options.json else status_text(answer)


def _history(options: argparse.Namespace) -> tuple[int, str]:
    events = history(Root.to_read(options.root))
    return DONE, as_json(events) if options.json else history_text(events)


def _rollback(options: argparse.Namespace) -> tuple[int, str]:
    from ml.registry.intervention.rollback import rollback
    from ml.registry.retention import clean_up

    root, settings = Root.find(options.root), _settings(options)
    try:
        version = rollback(root, settings, target=options.version, reason=options.reason)
    except NothingToDoError as nothing:
        return DONE, as_json(status(root, settings)) if options.json else nothing.what
    clean_up(root, settings)
    answer = status(root, settings)
    serves = "is published" if answer["unconfirmed"] else "now serves"
    what = f" the bytes of version {version.intent['rollback_of']}" if "rollback_of" in version.intent else " again"
    text = f"Version {version.number} {serves}{' with' if answer['unconfirmed'] and what != ' again' else ''}{what}."
    if answer["unconfirmed"]:
        text += (
            "\nIt is unconfirmed: no model server has answered with it. The next command that reaches one confirms it."
        )
    return DONE, as_json(answer) if options.json else text


def _adopt(options: argparse.Namespace) -> tuple[int, str]:
    from ml.registry.intervention.adopt import adopt

    _need_libraries()
    root, settings = Root.find(options.root), _settings(options)
    try:
        version = adopt(root, settings, number=options.version, reason=options.reason)
    except NothingToDoError as nothing:
        return DONE, as_json(status(root, settings)) if options.json else nothing.what
    if options.json:
        return DONE, as_json(status(root, settings))
    return DONE, f"Version {version.number} stands in the ledger, as confirmed as any other."


def _log_to_stderr(level: int) -> None:
    """Log what this project says from `level` on, and of libraries only errors; some of them use the root logger."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.ERROR, format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"
    )
    make_printable()
    for ours in ("ml", "serving"):
        logging.getLogger(ours).setLevel(level)
    logging.getLogger("absl").setLevel(logging.ERROR)
