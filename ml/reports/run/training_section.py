"""The training: loss and accuracy by epoch, on the rows that were fitted and on those held out from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.reports.look.palette import CANDIDATE, INK, MUTED
from ml.reports.look.plot import Plot, Table, drawing, svg_of
from ml.reports.look.section import Section
from ml.reports.run.material import Material

INCHES = 4.6, 2.8
CURVES = {
    "loss": ("Loss by epoch", "loss (cross-entropy)", "loss", "holdout_loss"),
    "accuracy": ("Accuracy by epoch", "accuracy (%)", "accuracy", "holdout_accuracy"),
}


def training_section(of: Material) -> Section | None:
    """Return the section; None when nothing was trained."""
    epochs = of.epochs
    if not epochs:
        return None
    best = [epoch["number"] for epoch in epochs if epoch["is_best"]]
    rows = of.record.artifact("train").get("rows")
    says = [
        f"{len(epochs)} {'epochs' if len(epochs) > 1 else 'epoch'} were trained"
        + (f" on {rows:,} rows" if isinstance(rows, int) else "")
        + (f"; the weights of epoch {best[-1]} were kept, where the loss on the holdout was lowest." if best else "."),
        "Blue is the holdout, rows of the training side that were not fitted; grey the rows that were.",
    ]
    kept = best[-1] if best else None
    return Section("training", "Training", says, plots=[_plot(name, epochs, kept) for name in CURVES])


def _plot(name: str, epochs: list[Mapping[str, Any]], kept: int | None) -> Plot:
    title, label, fitted, held_out = CURVES[name]
    factor = 100 if name == "accuracy" else 1
    numbers = [epoch["number"] for epoch in epochs]
    with drawing(inches=INCHES) as (figure, axes):
        marker = "o" if len(epochs) == 1 else ""
        for key, colour in ((fitted, MUTED), (held_out, CANDIDATE)):
            axes.plot(numbers, [factor * epoch[key] for epoch in epochs], color=colour, marker=marker)
        if kept is not None:
            axes.axvline(kept, color=INK, linestyle=(0, (3, 2)), linewidth=1)
            value = next(factor * epoch[held_out] for epoch in epochs if epoch["number"] == kept)
            axes.plot([kept], [value], "o", color=CANDIDATE, markersize=6)
            axes.annotate("kept", (kept, 1), xycoords=("data", "axes fraction"), xytext=(4, -2),
                          textcoords="offset points", color=MUTED, va="top")  # fmt: skip
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")
        svg = svg_of(figure, f"training-{name}")
    last = epochs[kept - 1 if kept else -1]
    unit = "%" if name == "accuracy" else ""
    held, learnt = (f"{factor * last[key]:.4g}{unit}" for key in (held_out, fitted))
    says = f"In epoch {last['number']} {held} on the holdout, {learnt} on the rows fitted."
    table = Table(
        ["epoch", f"{name}, fitted", f"{name}, holdout"],
        [[str(epoch["number"]), f"{epoch[fitted]:.4f}", f"{epoch[held_out]:.4f}"] for epoch in epochs],
    )
    return Plot(f"training-{name}", title, says, svg, table)
