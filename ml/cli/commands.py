"""The command line: each step alone, the whole run in one process, status, history and rollback."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from ml.audit.history import history, history_text
from ml.cli import approval_commands, audit_commands, intervention_commands, live_commands, schema_commands
from ml.cli.libraries import need_libraries
from ml.cli.options import Command, parser
from ml.cli.status import as_json, failed_before_the_start, status
from ml.cli.status_text import result_text, status_text
from ml.config.overrides import toml_string
from ml.config.settings import Settings, resolve
from ml.errors import DONE, NOTHING_TO_DO, NothingToDoError, RetrainError, printable
from ml.pipeline.local_runner import new_run_id, retrain
from ml.pipeline.outcome import error_lines, result_of_error
from ml.pipeline.run import FROZEN, Run
from ml.pipeline.steps import STEP_FUNCTIONS, run_step
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.trigger import Trigger
from ml.reports.card.after_promotion import try_card_of_champion
from ml.storage.files import disk_errors
from ml.storage.log_format import make_printable
from ml.storage.root import Root

log = logging.getLogger("ml")
INTERRUPTED = 130


def main(arguments: Sequence[str], stdout: TextIO) -> int:
    """Run one command and return its exit code. Logs go to stderr; the answer, and nothing else, to `stdout`.

    Help is an answer, too.
    """
    with redirect_stdout(stdout):  # where argparse writes help
        options = parser(COMMANDS | dict.fromkeys(STEP_FUNCTIONS, _step)).parse_args(arguments)
    _log_to_stderr(logging.DEBUG if options.verbose else logging.INFO)
    try:
        with disk_errors(f"python -m ml {options.name}"):
            answer: tuple[int, str] = options.command(options)
    except NothingToDoError as nothing:
        log.info("nothing to do (%s): %s", nothing.outcome, nothing.what)
        return NOTHING_TO_DO if options.is_step else DONE
    except RetrainError as error:
        _tell(error)
        return error.exit_code
    code, text = answer
    if text:
        stdout.write(text if text.endswith("\n") else text + "\n")
        stdout.flush()  # what was done is said before anything else can go wrong
    if _may_have_promoted(options.name, code):
        try:
            try_card_of_champion(Root.to_read(options.root))
        except KeyboardInterrupt:
            log.warning("interrupted while the card was written; the next command that promotes writes it")
    return code


def _may_have_promoted(command: str, code: int) -> bool:
    """Whether another version may serve after this command; Airflow's tasks tell it by the command `report`."""
    if command == "probation":
        return code != DONE
    return (
        command in ("retrain", "approve", "rollback", "quarantine", "adopt", "report", "challenge")
        and code != INTERRUPTED
    )


def _settings(options: argparse.Namespace, frozen: dict[str, Any] | None = None) -> Settings:
    overrides = list(options.overrides)
    if getattr(options, "data", None) is not None:
        overrides.append(f"data.source={toml_string(options.data)}")
    if getattr(options, "serving_url", None) is not None:
        overrides.append(f"serving.url={toml_string(options.serving_url)}")
    return resolve(file=options.settings, overrides=overrides, raises=getattr(options, "raises", ()), frozen=frozen)


def _step(options: argparse.Namespace) -> tuple[int, str]:
    need_libraries()
    root = Root.find(options.root)
    is_later = options.step != "ingest" and (root.run(options.run) / FROZEN).is_file()
    frozen = Run.frozen_settings(root, options.run) if is_later else None
    settings = _settings(options, frozen)
    if frozen is not None:
        settings.require_same_deciding_settings(resolve(frozen=frozen, environment={}), run=options.run)
    trigger = getattr(options, "trigger", Trigger())
    result = run_step(options.step, Run(root, options.run, settings, getattr(options, "force", False), trigger))
    log.info("step %s: %s in %.1f s", options.step, result["outcome"], result["seconds"])
    return DONE, as_json(result) if options.json else ""


def _retrain(options: argparse.Namespace) -> tuple[int, str]:
    run_id = new_run_id() if options.run is None else options.run
    try:
        need_libraries()
        with disk_errors("python -m ml retrain"):
            root, settings = Root.find(options.root), _settings(options)
        root.run_to_begin(run_id)
    except RetrainError as error:
        failed = failed_before_the_start(run_id, error)
        _tell(error)
        return failed.exit_code, as_json(failed.as_json()) if options.json else ""
    result = retrain(root, settings, run_id=run_id, force=options.force)
    page = None if result.exit_code == INTERRUPTED else _page_about(root, run_id)
    if options.json:
        return result.exit_code, as_json(result.as_json())
    where = f"\nReport: {printable(page)}" if page else ""
    return result.exit_code, result_text(result, root, settings) + where


def _page_about(root: Root, run_id: str) -> Path | None:
    """Write the page about a run that has ended, if there is anything to tell of it."""
    from ml.reports.run.report import try_report

    return try_report(root, run_id) if root.run(run_id).is_dir() else None


def _report(options: argparse.Namespace) -> tuple[int, str]:
    need_libraries()
    from ml.cli.page_commands import report

    return report(options)


def _data(options: argparse.Namespace) -> tuple[int, str]:
    need_libraries()
    from ml.cli.page_commands import data

    return data(options)


def _card(options: argparse.Namespace) -> tuple[int, str]:
    need_libraries()
    from ml.cli.page_commands import card

    return card(options)


def _status(options: argparse.Namespace) -> tuple[int, str]:
    answer = status(Root.to_read(options.root), _settings(options))
    return DONE, as_json(answer) if options.json else status_text(answer)


def _history(options: argparse.Namespace) -> tuple[int, str]:
    root = Root.to_read(options.root)
    events, champion = history(root), Ledger(root.ledger).champion()
    if options.json:
        return DONE, as_json(events)
    return DONE, history_text(events, champion=champion.number if champion else None, with_reasons=options.long)


def _adopt(options: argparse.Namespace) -> tuple[int, str]:
    need_libraries()
    return intervention_commands.adopt(options)


def _erase(options: argparse.Namespace) -> tuple[int, str]:
    need_libraries()
    return intervention_commands.erase(options)


def _reproduce(options: argparse.Namespace) -> tuple[int, str]:
    need_libraries()
    return audit_commands.reproduce(options)


def _try(options: argparse.Namespace) -> tuple[int, str]:
    from ml.trial.change import change
    from ml.trial.trial import FOLDS, REPEATS, try_change

    wanted = change(options.overrides, file=options.settings, data=options.data)
    need_libraries()
    try:
        result = try_change(
            Root.to_read(options.root),
            wanted,
            with_source=options.data is not None,
            folds=FOLDS if options.folds is None else options.folds,
            repeats=REPEATS if options.repeats is None else options.repeats,
        )
    except KeyboardInterrupt:
        log.error("interrupted; nothing was written")
        return INTERRUPTED, ""
    return DONE, as_json(result.as_json()) if options.json else result.as_text()


def _backtest(options: argparse.Namespace) -> tuple[int, str]:
    need_libraries()
    from ml.trial.backtest.backtest import WEEKS, backtest

    root, weeks = Root.to_read(options.root), WEEKS if options.weeks is None else options.weeks
    try:
        result = backtest(root, _settings(options), with_source=options.data is not None, weeks=weeks)
    except KeyboardInterrupt:
        log.error("interrupted; nothing was written")
        return INTERRUPTED, ""
    return DONE, as_json(result.as_json()) if options.json else result.as_text()


def _schema(options: argparse.Namespace) -> tuple[int, str]:
    if options.action == "accept":
        need_libraries()
    return schema_commands.schema(options)


def _tell(error: RetrainError) -> None:
    """End the log with the error, a line for each finding, and the cure."""
    described = result_of_error(error)["error"]
    kind = {"what": f"{described['type']}: {described['what']}"}
    found = [f"{described['type']}: {finding}" for finding in described.get("findings", ())]
    for line in error_lines(described | kind | ({"findings": found} if found else {})):
        log.error("%s", line)


COMMANDS: dict[str, Command] = {
    "retrain": _retrain,
    "status": _status,
    "history": _history,
    "rollback": intervention_commands.rollback,
    "quarantine": intervention_commands.quarantine,
    "release": intervention_commands.release,
    "clean": intervention_commands.clean,
    "erase": _erase,
    "adopt": _adopt,
    "approve": approval_commands.approve,
    "refuse": approval_commands.refuse,
    "override": approval_commands.override,
    "probation": live_commands.probation,
    "performance": live_commands.performance,
    "monitor": live_commands.monitor,
    "challenge": live_commands.challenge,
    "verify": audit_commands.verify,
    "explain": audit_commands.explain,
    "compare": audit_commands.compare,
    "report": _report,
    "data": _data,
    "rules": audit_commands.rules,
    "card": _card,
    "lineage": audit_commands.lineage,
    "reproduce": _reproduce,
    "ledger": audit_commands.ledger,
    "schema": _schema,
    "try": _try,
    "backtest": _backtest,
}


def _log_to_stderr(level: int) -> None:
    """Log what this project says from `level` on, and of libraries only errors; some of them use the root logger."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.ERROR, format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"
    )
    make_printable()
    for ours in ("ml", "serving"):
        logging.getLogger(ours).setLevel(level)
    logging.getLogger("absl").setLevel(logging.ERROR)
