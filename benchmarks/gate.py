"""What the gate promotes: models of equal worth, models that are better, and years of looks.

    .venv-ml/bin/python -m benchmarks.gate [--data Train.csv] [--scores scores.npz]

24 networks that differ by their seed are compared in all ordered pairs on the evaluation rows, by three gates:

- points: the candidate's accuracy is not below the champion's. TFX's pipelines set TFMA's change threshold so
  (`GenericChangeThreshold(absolute={"value": -1e-10}, direction=HIGHER_IS_BETTER)` on BinaryAccuracy)
- margins: AUC at most 0.005 lower and accuracy at most 0.01, on points; this project's gate before there were tests
- evidence: `ml.gate.decision.decide`

The years are simulated with the gate's rules, without slices (`benchmarks/_gate_years.py`).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
from numpy.typing import NDArray

from benchmarks._customers import customers_file
from benchmarks._gate_models import SEEDS, SETTINGS, THRESHOLD, Models, train
from benchmarks._gate_picture import Candidate, picture
from benchmarks._gate_years import Floats, Luck, Weeks, simulate, simulate_points
from ml.gate.decision import BETTER, REFRESH, WORSE
from ml.gate.paired.contributions import AUC, METRICS, contributions
from ml.gate.paired.difference import NORMAL, z_of

GAINS = (0.002, 0.004, 0.008)
CHAINS, YEARS = 1000, 5
DRAWS = 100
LEVEL = SETTINGS.false_promotions_per_year / SETTINGS.looks_per_year


def points(gain: Floats) -> NDArray[np.bool_]:
    return np.asarray(gain[..., METRICS.index("BinaryAccuracy")] > -1e-10)


def margins(gain: Floats) -> NDArray[np.bool_]:
    auc, accuracy = gain[..., METRICS.index(AUC)], gain[..., METRICS.index("BinaryAccuracy")]
    return np.asarray((auc >= -0.005) & (accuracy >= -0.01))


def equal_worth(models: Models, luck: Luck, gains: Floats) -> None:
    print(f"\nPromoted among models of equal worth ({len(models)} seeds, {len(models.labels):,} evaluation rows)")
    print(f"{'gate':46}{'all pairs':>10}{'champion: least':>17}{'most':>7}{'500 weeks':>11}")
    apart = ~np.eye(len(models), dtype=bool)
    for name, passes in (("points (accuracy not lower)", points), ("margins (0.005 AUC, 0.01 accuracy)", margins)):
        line(name, passes(gains), apart, simulate_points(luck, passes, chains=CHAINS // 4, weeks=500))
    outcomes = np.array(
        [[models.decide(one, [other], other).outcome for other in range(len(models))] for one in models.scores]
    )
    weeks = simulate(luck, SETTINGS, chains=CHAINS // 4, weeks=500)
    line("evidence: better", outcomes == BETTER, apart, weeks.better)
    line("evidence: refresh, when one is due", np.isin(outcomes, [REFRESH]), apart, weeks.refreshed[weeks.due[:, 0]])
    print(f"{'evidence: worse':46}{(outcomes == WORSE)[apart].mean():>10.1%}")
    promoted = Counter(better_of_eight(models, seed) for seed in range(DRAWS))
    several = sum(count for number, count in promoted.items() if number > 1)
    print(f"Eight retrainings over one champion, {DRAWS} draws: promoted {dict(sorted(promoted.items()))}; "
          f"more than one in {several / DRAWS:.1%}")  # fmt: skip


def line(name: str, passed: NDArray[np.bool_], apart: NDArray[np.bool_], weeks: NDArray[np.bool_]) -> None:
    by_champion = [passed[apart[:, place], place].mean() for place in range(len(apart))]
    shares = f"{passed[apart].mean():>10.1%}{min(by_champion):>17.1%}{max(by_champion):>7.1%}{weeks.mean():>11.1%}"
    print(f"{name:46}{shares}")


def better_of_eight(models: Models, seed: int) -> int:
    """The number of "better" in eight looks one after the other, with references that grow."""
    champion, *candidates = np.random.default_rng(seed).permutation(len(models))[:9].tolist()
    references, anchor, better = [champion], champion, 0
    for one in candidates:
        outcome = models.decide(models.scores[one], references, anchor).outcome
        if outcome == BETTER:
            references, anchor, better = [one], one, better + 1
        elif outcome == REFRESH:
            references = [one, *references][: SETTINGS.references]
        elif outcome != WORSE:
            references = [references[0], one, *references[1:]][: SETTINGS.references]
    return better


def power(models: Models, gains: Floats, errors: Floats) -> None:
    apart = ~np.eye(len(models), dtype=bool)
    auc, error = gains[apart][:, 0], errors[apart][:, 0]
    random = np.random.default_rng(1)
    draws = [random.permutation(len(models))[:9] for _ in range(500)]
    many = np.array(
        [[g[0] for g in (gains[d[0], d[1:]].mean(axis=0), errors[d[0], d[1:]].mean(axis=0))] for d in draws]
    )
    print("\nPower: AUC truly higher by         " + "".join(f"{gain:>9.3f}" for gain in GAINS))
    for name, found, its_error, level in (
        ("one reference, 5 % a look", auc, error, 0.05),
        (f"one reference, 1/{SETTINGS.looks_per_year}", auc, error, LEVEL),
        (f"eight references, 1/{SETTINGS.looks_per_year}", many[:, 0], many[:, 1], LEVEL),
    ):
        print(f"{name:35}" + "".join(f"{np.mean(found + g - z_of(level) * its_error > 0):>9.1%}" for g in GAINS))
    print("\nThe metric to decide by             AUC   LogLoss BinaryAccuracy BrierScore")
    each = [models.gain(m, contributions(m, models.labels, models.better, THRESHOLD) - one)
            for m in METRICS for one in models.each[m]]  # fmt: skip
    trees = np.array(each).reshape(len(METRICS), len(models), 2)
    false = [np.mean(gains[apart][:, i] > z_of(LEVEL) * errors[apart][:, i]) for i in range(len(METRICS))]
    row = [f"{np.mean(trees[i, :, 0] > z_of(LEVEL) * trees[i, :, 1]):>10.1%}" for i in range(len(METRICS))]
    print(f"{'standard error of a pair':30}" + "".join(f"{errors[apart][:, i].mean():>10.4f}" for i in range(4)))
    print(f"{'spread of equal pairs':30}" + "".join(f"{gains[apart][:, i].std():>10.4f}" for i in range(4)))
    print(f"{f'false better at {LEVEL:.3f}':30}" + "".join(f"{share:>10.1%}" for share in false))
    at_5 = [np.mean(gains[apart][:, i] > z_of(0.05) * errors[apart][:, i]) for i in range(4)]
    print(f"{'false better at 0.050':30}" + "".join(f"{share:>10.1%}" for share in at_5))
    print(f"{'gain of boosted trees':30}" + "".join(f"{trees[i, :, 0].mean():>10.4f}" for i in range(4)))
    print(
        f"{'  in standard errors':30}" + "".join(f"{np.mean(trees[i, :, 0] / trees[i, :, 1]):>10.2f}" for i in range(4))
    )
    print(f"{'  in spreads of equal pairs':30}"
          + "".join(f"{trees[i, :, 0].mean() / gains[apart][:, i].std():>10.2f}" for i in range(4)))  # fmt: skip
    print(f"{'  found':30}" + "".join(row))


def handicap(models: Models) -> Floats:
    """What the mean score of 1..8 models gains over the mean of their metrics, [8, 4]."""
    random, found = np.random.default_rng(0), np.zeros((SETTINGS.references, len(METRICS)))
    for k in range(2, SETTINGS.references + 1):
        drawn = [random.permutation(len(models))[:k] for _ in range(100)]
        for place, metric in enumerate(METRICS):
            of_mean = [
                contributions(metric, models.labels, models.scores[d].mean(axis=0, dtype=np.float64), THRESHOLD)
                for d in drawn
            ]
            single = models.mean(metric, models.each[metric])
            found[k - 1, place] = np.mean(models.mean(metric, np.stack(of_mean)) - [single[d].mean() for d in drawn])
    return found


def years(luck: Luck, short_of: Floats) -> None:
    print(f"\nYears of equal models, a look a week, a refresh due every four weeks ({CHAINS} chains of {YEARS} years)")
    print(f"{'reference':46}{'false better a year':>20}{'refreshes pass, year 1':>24}{'year 5':>8}{'+0.004 found':>14}")
    alone = replace(SETTINGS, references=1)
    for name, law, settings in (
        ("the champion alone", luck, alone),
        ("eight models, errors of pairs (ours)", luck, SETTINGS),
        ("eight models, error of their mean", replace(luck, shrinks=True), SETTINGS),
        ("mean score of eight, error of that pair", replace(luck, shrinks=True, handicap=short_of), SETTINGS),
    ):
        weeks = simulate(law, settings, chains=CHAINS, weeks=52 * YEARS)
        print(f"{name:46}{weeks.better.mean() * 52:>20.2f}{passed(weeks, 0):>24.0%}{passed(weeks, 4):>8.0%}"
              f"{weeks.found.mean():>14.0%}")  # fmt: skip
    print("\nA year in which the candidates get worse: AUC lost by the version that serves at its end")
    print(f"{'':46}{'without the anchor':>20}{'with it':>10}")
    for name, settings in (("the champion alone", alone), ("eight models (ours)", SETTINGS)):
        for step, weeks_of_a_step in (("a week", 1), ("a refresh", 4)):
            lost = [
                -simulate(
                    luck, settings, chains=CHAINS, weeks=52, anchored=anchored,
                    worth=lambda week, of=weeks_of_a_step: -0.001 * ((week + 1) // of),  # type: ignore[misc]
                ).worth[-1].mean()
                for anchored in (False, True)
            ]  # fmt: skip
            print(f"{f'{name}, 0.001 {step}':46}{lost[0]:>20.4f}{lost[1]:>10.4f}")


def drawn(models: Models) -> str:
    """The candidates over the champion whose AUC is the median, and boosted trees for comparison."""
    champion = int(np.argsort(models.mean(AUC, models.each[AUC]))[len(models) // 2])
    seeds = [place for place in range(len(models)) if place != champion]
    named = [("boosted trees", models.better), *((f"seed {SEEDS[place]}", models.scores[place]) for place in seeds)]
    candidates = []
    for name, score in named:
        decision = models.decide(score, [champion], champion)
        auc = decision.details["differences"][AUC]
        candidates.append(Candidate(name, auc["value"], auc["lower"], auc["upper"], decision.outcome))
    title = f"{len(seeds)} retrainings that differ by their seed, and a better model, when a refresh is due"
    return picture(candidates, margin=SETTINGS.margin, title=title)


def passed(weeks: Weeks, year: int) -> float:
    one = slice(52 * year, 52 * (year + 1))
    return float(weeks.refreshed[one].sum() / weeks.due[one].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="Train.csv; else the one beside the project, else a sample")
    parser.add_argument("--scores", type=Path, help="keep the scores of the networks here, and use them again")
    parser.add_argument("--picture", type=Path, help="draw the intervals of the networks over one of them, and end")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = given.scores or Path(folder) / "scores.npz"
        if not file.is_file():
            work = Path(folder) / "work"
            work.mkdir()
            train(customers_file(given.data, Path(folder)), work, file)
        models = Models(file)
    if given.picture:
        given.picture.write_text(drawn(models))
        return
    found = [models.pairs(metric) for metric in METRICS]
    gains, errors = (np.stack([pair[place] for pair in found], axis=-1) for place in (0, 1))
    values = np.stack([models.mean(metric, models.each[metric]) for metric in METRICS], axis=1)
    better = np.array([models.mean(m, contributions(m, models.labels, models.better, THRESHOLD)) for m in METRICS])
    direction = better - values.mean(axis=0)
    apart = ~np.eye(len(models), dtype=bool)
    luck = Luck(np.cov(values.T), errors[apart].mean(axis=0), direction / direction[0])
    print("standard deviation of the metrics over the seeds: "
          + ", ".join(f"{m} {s:.4f}" for m, s in zip(METRICS, values.std(axis=0, ddof=1), strict=True)))  # fmt: skip
    equal_worth(models, luck, gains)
    power(models, gains, errors)
    years(luck, handicap(models))
    detectable = (z_of(LEVEL) + NORMAL.inv_cdf(0.8)) * luck.standard_error[0]
    print(f"\nA look could have seen {detectable:+.4f} AUC with 80 % power, by the standard error of a pair.")


if __name__ == "__main__":
    main()
