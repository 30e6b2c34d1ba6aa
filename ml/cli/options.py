"""The command line's grammar: the commands, and to each the options that mean something to it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ml.audit.rules_by_week import WEEKS
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import STEP_FUNCTIONS
from ml.registry.policy.trigger import BY_HAND, WEEKLY, Trigger

Command = Callable[[argparse.Namespace], tuple[int, str]]

DESCRIPTION = "The command line: each step alone, the whole run in one process, versions, and decisions read back."
ASK_THE_SERVER = ("ingest", "evaluate", "promote", "confirm")
"""The steps that talk to the model server: ingest and evaluate settle what an earlier run left unconfirmed, and
evaluate asks which version serves."""

DECISIONS = {
    "approve": "Promote and confirm the candidate of a run that waits for a person.",
    "refuse": "End a run that waits for a person: its candidate is not promoted.",
    "override": "Permit `approve` for one candidate although its verdict, or a person, was against it.",
}
"""The commands by which a person decides about the candidate of a run."""
MOST_HOURS = 8760.0


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return the parser; the `command` of what it parsed is one of `commands`, which has all by their names."""
    of_all = _group(_root_and_output)
    settings, raises, data, server = (_group(add) for add in (_settings, _raises, _data, _server))
    whole = argparse.ArgumentParser(prog="python -m ml", description=DESCRIPTION)
    each = whole.add_subparsers(required=True, metavar="COMMAND", dest="name")

    def add(name: str, told: str | None, *groups: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made = each.add_parser(name, parents=[*groups, of_all], help=told, description=told)
        made.set_defaults(command=commands[name], step=name, is_step=name in STEPS)
        return made

    for name in STEPS:
        is_first, asks = name == STEPS[0], name in ASK_THE_SERVER
        groups = [settings, raises, *([data] if is_first else []), *([server] if asks else [])]
        one = add(name, STEP_FUNCTIONS[name].__doc__, *groups)
        a_run = "a new run id, or that of an earlier run in the root" if is_first else "a run id of the root"
        one.add_argument("--run", required=True, metavar="ID", help=a_run)
        if is_first:
            one.add_argument("--force", action="store_true", help="go on even if nothing is new")
            because = f"why the run begins: {WEEKLY!r}, {BY_HAND!r}, or what `monitor` asked for, as JSON"
            one.add_argument("--trigger", metavar="TEXT", type=_trigger, default=Trigger(), help=because)
    every_step = add("retrain", "All steps in one process.", settings, raises, data, server)
    every_step.add_argument("--run", metavar="ID", help="the run id; default: made from the time")
    every_step.add_argument("--force", action="store_true", help="retrain although nothing is new")
    add("status", "What serves, since when, and why.", settings, server)
    events = add("history", "What happened to versions and candidates, a line for each, the newest first.")
    events.add_argument("--long", action="store_true", help="with run, data and reasons below each line")
    back = add("rollback", "Serve an older version again.", settings, server)
    back.add_argument("version", nargs="?", type=int, help="default: the last one with other bytes than the champion")
    back.add_argument("--reason", required=True, type=_sentence, help="a sentence for the ledger")
    bad = add("quarantine", "Never serve these bytes again; the champion is gone back from.", settings, server)
    bad.add_argument("subject", metavar="VERSION|RUN", nargs="?", help="a version, or the id of a run with a candidate")
    bad.add_argument("--reason", required=True, type=_sentence, help="a sentence for the ledger")
    free = add("release", "End the hold after a rollback: runs promote by themselves again.", settings)
    free.add_argument("--reason", required=True, type=_sentence, help="a sentence for the ledger")
    old = add("clean", "Remove what the settings keep no longer: versions, data, runs, models, scores.", settings)
    old.add_argument("--dry-run", action="store_true", help="only say what would go, and why")
    gone = add(
        "erase", "Remove a customer from the rows that outcomes added to the data of runs and versions.", settings
    )
    gone.add_argument("--id", metavar="ID", help="the customer, as files of customers have it")
    by_row = "a row of a request or a list, by its X-Request-Id; may be repeated"
    gone.add_argument("--row", metavar="REQUEST:ROW", type=_row, action="append", default=[], help=by_row)
    add("probation", "Check the version on probation once; 2 if it went back.", settings, server)
    add("performance", "How each version does, from what came of its customers; kept in performance.json.", settings)
    traffic = add("monitor", "Has the traffic drifted from the training data? Notes what asks to retrain.", settings)
    of_day = "the last day (UTC) of the requests that are looked at; default: today"
    traffic.add_argument("--day", metavar="YYYY-MM-DD", type=_day, help=of_day)
    dares = add("challenge", "Try the champion's kept challengers on outcomes that came since.", settings, server)
    dares.add_argument("--promote", action="store_true", help="promote the one that has won, if any, as a run does")
    for name, told in DECISIONS.items():
        decides = add(name, told, settings, server)
        decides.add_argument("run", metavar="RUN", help="its run id")
        decides.add_argument("--reason", required=True, type=_sentence, help="a sentence for the ledger")
        about = "the hash of the candidate that is meant: an error if the run has another one"
        decides.add_argument("--candidate", metavar="SHA256", default="", help=about)
        if name == "override":
            until = "when the permission ends: hours from now, or an ISO time; default 24"
            decides.add_argument("--until", metavar="TIME", type=_end, default="24", help=until)
    checked = add("verify", "Compute the numbers of a verdict again from its rows, and say whether they agree.")
    checked.add_argument("verdict", metavar="VERDICT", help="a version, a run id, or a directory with verdict.json")
    taken = add("adopt", "Take a version over that the ledger does not know.", settings)
    taken.add_argument("version", type=int, help="the name of its directory")
    taken.add_argument("--reason", required=True, type=_sentence, help="a sentence for the ledger")
    version_or_run = "a version, or the id of a run"
    why = add("explain", "Why a version was promoted, or a candidate was not.")
    why.add_argument("subject", metavar="VERSION|RUN", help=version_or_run)
    beside = add("compare", "Two versions or candidates beside each other: settings, data, metrics, slices.")
    beside.add_argument("one", metavar="A", help=version_or_run)
    beside.add_argument("other", metavar="B", help=version_or_run)
    page = add("report", "Write the page about a run, and print its path: verdict, data, model, how to repeat it.")
    page.add_argument("run", metavar="RUN", help="the id of a run whose files are kept")
    weekly = add("rules", "Which rules of validation and of the gate spoke in which week.")
    weekly.add_argument(
        "--weeks", type=int, default=WEEKS, metavar="N", help=f"how many, back from now; default {WEEKS}"
    )
    of_data = add("data", "Two data sets beside each other: drift, what validation finds, and drawings.", settings)
    of_data.add_argument("action", choices=("compare",))
    source = "kaggle, sample, inbox:NAME, a path or a directory of shards"
    of_data.add_argument("one", metavar="A", help=f"the data to compare with: {source}")
    of_data.add_argument("other", metavar="B", help=f"the data that are asked about: {source}")
    of_version = add("card", "Write the card of a version, and print its path: whom to target, where not to trust it.")
    of_version.add_argument("version", metavar="VERSION", type=int, nargs="?", help="default: the champion")
    made_of = add("lineage", "What a version was made of: data, schema, code, settings, libraries, verdict.", settings)
    made_of.add_argument("subject", metavar="VERSION|RUN", help=version_or_run)
    again = add("reproduce", "Train a version again from what is recorded; 1 if other weights come out.", settings)
    again.add_argument("subject", metavar="VERSION", help="a version that is kept")
    again.add_argument("--into", metavar="DIR", type=Path, help="an empty directory that keeps what was made")
    chain = add("ledger", "Verify that no line of the ledger was changed, or accept it as it is.", settings)
    chain.add_argument("action", choices=("verify", "accept"), help="accept: go on with a ledger that was corrected")
    seen = "values that retrain_ledger_entries and retrain_ledger_head had at one time; may be repeated"
    chain.add_argument("--seen", metavar="LINES:NUMBER", action="append", default=[], help=seen)
    chain.add_argument("--reason", type=_sentence, help="accept: a sentence for the ledger")
    schemas = add("schema", "The schema of the data: show the one in force, compare it, accept another.", settings)
    schemas.add_argument("action", choices=("show", "diff", "accept"), help="diff: git's against the one in force")
    proposes = "diff, accept: a blocked run that proposes a wider schema"
    schemas.add_argument("run", nargs="?", metavar="RUN", help=proposes)
    schemas.add_argument("--file", metavar="FILE", type=Path, help="accept: a schema that you wrote")
    schemas.add_argument("--seed", action="store_true", help="accept: git's, ml/data/schema.pbtxt")
    schemas.add_argument("--reason", type=_sentence, help="accept: a sentence for the ledger")
    meant = "accept RUN: the hash of the schema that is meant; an error if the run proposes another one"
    schemas.add_argument("--candidate", metavar="SHA256", default="", help=meant)
    trial = add("try", "Is a change of settings better? By cross-validation on the training side.", settings, data)
    trial.add_argument("--folds", type=int, metavar="K", help="of the cross-validation; default 5")
    trial.add_argument("--repeats", type=int, metavar="N", help="how often the folds are drawn anew; default 2")
    past = add(
        "backtest",
        "What would serve if each week's candidate were promoted always, never, or by a gate.",
        settings,
        data,
    )
    past.add_argument("--weeks", type=int, metavar="N", help="how many are replayed on the training side; default 12")
    return whole


def _row(text: str) -> tuple[str, int]:
    request_id, _, row = text.rpartition(":")
    if not request_id or not re.fullmatch("[0-9]{1,9}", row):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a request and a row, like 5f3a:12")
    return request_id, int(row)


def _sentence(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is blank: say why, for whoever reads the ledger later")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day, such as 2026-01-31") from error


def _trigger(text: str) -> Trigger:
    try:
        return Trigger.parse(text)
    except (ValueError, RecursionError) as error:
        what = f"neither {WEEKLY!r} nor {BY_HAND!r}, nor what `monitor` asked for ({error})"
        raise argparse.ArgumentTypeError(what) from error


def _end(text: str) -> datetime:
    """Return the end of a permission: `text` hours from now, or the time that it names; without a zone, local time."""
    try:
        hours = float(text)
    except ValueError:
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise argparse.ArgumentTypeError(f"{text!r} is neither hours nor an ISO time") from error
    if not 0 < hours <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text} hours: must lie above 0, and not above {MOST_HOURS:g}")
    return datetime.now(UTC) + timedelta(hours=hours)


def _group(add: Callable[[argparse.ArgumentParser], None]) -> argparse.ArgumentParser:
    group = argparse.ArgumentParser(add_help=False)
    add(group)
    return group


def _root_and_output(group: argparse.ArgumentParser) -> None:
    group.add_argument("--root", metavar="DIR", help="the root directory; default RETRAIN_ROOT, or var/")
    group.add_argument("--json", action="store_true", help="one JSON value on stdout")
    group.add_argument("--verbose", action="store_true", help="log also what matters only when something is wrong")


def _settings(group: argparse.ArgumentParser) -> None:
    group.add_argument(
        "--settings", metavar="FILE", type=Path, help="TOML with what differs from ml/config/settings.toml"
    )
    group.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change one setting, such as train.epochs=5; may be repeated",
    )


def _raises(group: argparse.ArgumentParser) -> None:
    group.add_argument(
        "--raise",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="raises",
        help="like --set, for what may only become stricter: a threshold in judge.at_least, or gate.approval",
    )


def _data(group: argparse.ArgumentParser) -> None:
    group.add_argument("--data", metavar="SOURCE", help="kaggle | sample | inbox:NAME | PATH | s3://... | gs://...")


def _server(group: argparse.ArgumentParser) -> None:
    told = "the model server; default: serving.url, else that of `make up`, else one in this process"
    group.add_argument("--serving-url", metavar="URL", help=told)
