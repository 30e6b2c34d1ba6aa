"""One backtest: what would serve under each policy? Neither the root nor the ledger is written, nor a look taken."""

from __future__ import annotations

import logging

import numpy as np

from ml.config.settings import Settings
from ml.errors import SettingsError
from ml.evaluation.slices import slicing_columns
from ml.gate.paired.contributions import AUC
from ml.storage.root import Root
from ml.trial.backtest.candidates import candidates
from ml.trial.backtest.measures import Future
from ml.trial.backtest.policies import ALWAYS, POINT_GATE, History, always, never, point_gate, this_gate
from ml.trial.backtest.result import BacktestResult, measured
from ml.trial.backtest.weeks import draw
from ml.trial.training_side import Customers, of_last_run, of_source

log = logging.getLogger(__name__)
WEEKS = 12
MOST_WEEKS = 104


def backtest(root: Root, settings: Settings, *, with_source: bool, weeks: int = WEEKS) -> BacktestResult:
    """Replay some weeks on the training side, and measure what would have served under each policy.

    Args:
        root: Where the last run is; only read.
        settings: `train` makes the candidates, `gate` decides, `transform.eval_share` are compared on.
        with_source: Take the data of `data.source` instead of those of the last run.
        weeks: 2 to 104.

    Raises:
        RetrainError: The data cannot be had or used, or are too few, or training diverges.
    """
    if not 2 <= weeks <= MOST_WEEKS:
        raise SettingsError(f"--weeks {weeks}: must lie in [2, {MOST_WEEKS}].", "Change the value.")
    customers = of_source(root, settings) if with_source else of_last_run(root)
    log.info("%s: %s customers on the training side", customers.name, f"{len(customers.side.labels):,}")
    return replay(customers, settings, weeks=weeks)


def replay(customers: Customers, settings: Settings, *, weeks: int) -> BacktestResult:
    """Return what `backtest` does, for a training side that is there already."""
    side = customers.side
    drawn = draw(side, weeks=weeks, eval_share=settings.transform.eval_share, seed=settings.train.seed)
    scores = candidates(side, drawn, settings.train)
    held, future_rows = drawn.in_eval, drawn.is_future
    history = History(
        came=drawn.came[held],
        labels=side.labels[held],
        profiles=side.profiles[held],
        groups={name: column[held] for name, column in slicing_columns(side.columns).items()},
        scores=scores[:, held],
        rows=np.array([drawn.rows(week) for week in range(1, weeks + 1)]),
    )
    ours = this_gate(
        history,
        settings=settings.gate,
        threshold=customers.target.threshold,
        economics=settings.gate_economics,
    )
    economics = settings.economics if settings.economics.is_set else None
    others = {one.policy: one for one in (never(weeks), always(weeks), point_gate(history))}
    future = Future(
        side.labels[future_rows],
        side.profiles[future_rows],
        scores[:, future_rows],
        cut=economics.cut if economics else None,
    )
    return BacktestResult(
        data=customers.name,
        customers=len(side.labels),
        weeks=weeks,
        seed=settings.train.seed,
        training_rows=(int(drawn.training(1).sum()), int(drawn.training(weeks).sum())),
        evaluation_rows=(int(drawn.evaluation(1).sum()), int(held.sum())),
        future={
            "rows": future.rows,
            "profiles": future.profiles,
            "targets": future.targets,
            "top": future.top,
        },
        policies=[measured(one, future, economics) for one in (*others.values(), ours)],
        gate_against={
            name: future.difference(AUC, ours.serving, others[name].serving) for name in (ALWAYS, POINT_GATE)
        },
        economics=economics,
    )
