"""The pieces of the stack on one machine: which data, which ports, what the summary says."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from local_stack import report
from local_stack.data_choice import choose_data, conf_of
from local_stack.failure import StackError
from local_stack.ports import need_free, port_of
from ml.root import Root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    """A root, and a home without Kaggle credentials."""
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return Root.find(str(tmp_path / "root"))


def test_a_given_file_goes_through_the_inbox(root: Root, tmp_path: Path) -> None:
    file = tmp_path / "my customers.csv"
    file.write_text("ID\n1\n")
    choice = choose_data(str(file), root)
    assert choice.source == "inbox:my_customers.csv"
    assert (root.inbox / "my_customers.csv").read_text() == "ID\n1\n"
    assert "as you asked" in choice.why


def test_a_given_file_must_exist(root: Root) -> None:
    with pytest.raises(StackError, match=r"DATA=none\.csv: no such file"):
        choose_data("none.csv", root)


def test_kaggle_needs_credentials_and_the_line_says_which(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    without = choose_data(None, root)
    assert without.source == "sample"
    assert "no Kaggle credentials" in without.why
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", "hidden-value")
    with_key = choose_data(None, root)
    assert with_key.source == "kaggle"
    assert "KAGGLE_USERNAME" in with_key.why
    assert "hidden-value" not in with_key.why


def test_the_params_of_a_run(root: Root) -> None:
    choice = choose_data(None, root)
    assert conf_of(choice, force=False) == {"data": "sample"}
    assert conf_of(None, force=True) == {"force": True}


def test_an_occupied_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port} .* is in use.*SERVING_PORT="):
            need_free(port, "SERVING_PORT", "the model server")


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1"])
def test_a_port_is_a_number(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_PORT", text)
    with pytest.raises(StackError, match="not a port"):
        port_of(("SERVING_PORT", 8501))


def test_the_summary_names_reasons_and_thresholds(root: Root) -> None:
    results = {
        "judge": {
            "outcome": "done",
            "artifact": {
                "promotes": False,
                "reasons": [{"code": "below_threshold", "sentence": "Recall is 0.3000, below the threshold 0.4000."}],
                "metrics": {"Recall": 0.3},
                "champion_metrics": {},
                "champion_version": None,
            },
        },
        "promote": {"outcome": "skipped", "skipped_because": "rejected"},
    }
    assert report.conclusion(results) == "rejected"
    text = "\n".join(report.lines(results, root=root, run_id="r", model="customer-model"))
    assert "the candidate is rejected" in text
    assert "Recall is 0.3000, below the threshold 0.4000." in text
    assert "No version has been promoted yet" in text


def test_a_failure_shows_what_and_cure() -> None:
    error = {"type": "DataError", "what": "Train.csv: is empty.", "cure": "Download it again."}
    text = "\n".join(report.failure_lines({"step": "ingest", "error": error}))
    assert "Step ingest failed: DataError" in text
    assert "Train.csv: is empty." in text
    assert "Download it again." in text
