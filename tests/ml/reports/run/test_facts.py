"""What the page about a run says of it in a few words."""

from __future__ import annotations

import json

from ml.reports.run.facts import facts_of
from ml.reports.run.material import Material
from ml.storage import run_order
from ml.storage.root import Root


def test_why_the_run_began_is_told_if_it_is_known(root: Root) -> None:
    results = root.run("r") / "results"
    results.mkdir(parents=True)
    (results / "ingest.json").write_text(json.dumps({"step": "ingest", "outcome": "failed", "error": {"what": "No."}}))
    assert "trigger" not in dict(facts_of(Material(root, "r")))
    run_order.note(root.run("r"), trigger="drift of Age")
    assert dict(facts_of(Material(root, "r")))["trigger"] == "drift of Age"
