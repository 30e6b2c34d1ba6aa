"""The commands that look at versions at work: probation, how they do with real customers, challengers, the traffic."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ml.cli.libraries import need_libraries
from ml.cli.status import as_json
from ml.config.overrides import toml_string
from ml.config.settings import Settings, resolve
from ml.errors import DONE, WILL_FAIL_AGAIN, NothingToDoError, SettingsError, printable
from ml.probation.item import BREACHED, PASSED
from ml.storage.root import Root

if TYPE_CHECKING:
    from ml.performance.live import LivePerformance
    from ml.probation.probation import Checked


def probation(options: argparse.Namespace) -> tuple[int, str]:
    """Check the version on probation once, and say what was seen.

    Returns:
        0 while it is on probation and when it has passed, also when nothing is on probation; 2 after a breach, so that
        a task of Airflow is red at its first try: the decision has been carried out, and must not be tried again.
    """
    need_libraries()
    from ml.probation.probation import check_probation
    from ml.registry.retention import clean_up

    root, settings = _root_and_settings(options)
    try:
        checked = check_probation(root, settings)
    except NothingToDoError as nothing:
        nobody = {"version": None, "state": "none", "reason": nothing.what}
        return DONE, as_json(nobody) if options.json else nothing.what
    if checked.restored is not None:
        clean_up(root, settings)
    code = WILL_FAIL_AGAIN if checked.state == BREACHED else DONE
    return code, as_json(asdict(checked)) if options.json else "\n".join(map(printable, _checked(checked)))


def performance(options: argparse.Namespace) -> tuple[int, str]:
    """Compute how each version does from what came of its customers, write it down, and say it."""
    need_libraries()
    from ml.feedback.performance_text import performance_text
    from ml.performance.live_file import as_json as plain

    root, settings = _root_and_settings(options)
    found = _live_performance(root, settings, datetime.now(UTC))
    return DONE, as_json(plain(found)) if options.json else performance_text(found)


def monitor(options: argparse.Namespace) -> tuple[int, str]:
    """Compute how each version does, look at the traffic of the one that serves, note both, and say what was found.

    Raises:
        SettingsError: The day is still to come.
    """
    need_libraries()
    from ml.drift.check import check_traffic
    from ml.drift.check_text import check_text
    from ml.drift.fall import falls

    now = datetime.now(UTC)
    day = options.day or now.date()
    if day > now.date():
        raise SettingsError(f"monitor: --day {day} is still to come.", f"Name a day up to {now.date()} (UTC).")
    root, settings = _root_and_settings(options)
    found = _live_performance(root, settings, now)
    check = check_traffic(root, settings, day=day, found=falls(found))
    return DONE, as_json(check.as_dict()) if options.json else check_text(check)


def challenge(options: argparse.Namespace) -> tuple[int, str]:
    """Follow the challengers once; with `--promote`, bring the one that has won to its end, whatever that is."""
    need_libraries()
    from ml.challenge.answer import answer_text, winner, without_bets
    from ml.challenge.challenge import follow
    from ml.challenge.process import Process
    from ml.challenge.run import promote_challenger

    root, settings = _root_and_settings(options)
    answer = follow(root, settings)
    best = winner(answer) if options.promote else None
    ended = promote_challenger(root, settings, Process.of(best)) if best else None
    if options.json:
        return DONE, as_json(without_bets(answer) | {"run": None if ended is None else asdict(ended)})
    return DONE, answer_text(answer, ended)


def _live_performance(root: Root, settings: Settings, now: datetime) -> LivePerformance:
    """Compute and keep it, and write the cards again that tell of it."""
    from ml.feedback.update import update_live_performance
    from ml.reports.card.after_promotion import try_card

    found = update_live_performance(root, settings, now=now)
    for one in found.versions:
        if (root.card(int(one.version)) / "card.html").is_file():
            try_card(root, int(one.version))
    return found


def _root_and_settings(options: argparse.Namespace) -> tuple[Root, Settings]:
    serving = getattr(options, "serving_url", None)
    overrides = [*options.overrides, *([f"serving.url={toml_string(serving)}"] if serving is not None else [])]
    return Root.find(options.root), resolve(file=options.settings, overrides=overrides)


def _checked(checked: Checked) -> Iterator[str]:
    """Yield the answer; the last line says what it came to, since Airflow tells people that one."""
    for item in checked.items:
        yield f"  {item.name:<13}{item.result:<10}{item.sentence}"
    number, until = checked.version, checked.until.isoformat(timespec="minutes")
    if checked.state == BREACHED and checked.restored is not None:
        yield f"Version {number} broke its probation, and version {checked.restored} serves now. {checked.reason}"
    elif checked.state == BREACHED:
        yield f"Version {number} broke its probation and still serves: {checked.why_not} {checked.reason}"
    elif checked.state == PASSED:
        yield f"Version {number} has passed its probation."
    else:
        yield f"Version {number} is on probation until {until}."
