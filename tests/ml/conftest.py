"""What several tests of the steps share: data, and one real retraining in this process."""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path

import pytest

from ml.config.settings import Settings, resolve
from ml.data.sample import write_csv
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.storage.root import PROJECT, Root

REAL_FILE = PROJECT.parent / "shared" / "data" / "Train.csv"
QUICK = ["train.epochs=4", "judge.at_least.AUC=0.8", "judge.at_least.BinaryAccuracy=0.75", "judge.at_least.Recall=0.2"]
"""Settings for runs whose quality is not the question."""
EQUAL_IS_ENOUGH = ("gate.refresh_changed_share=0.0", "gate.refresh_days=0", "gate.margin=0.5")
"""Settings under which a candidate that is not worse replaces the champion, whatever the data and the time."""


@pytest.fixture(scope="session")
def sample_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 made-up customers."""
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    write_csv(path, rows=3000, seed=7)
    return path


@pytest.fixture(scope="session")
def customers_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Kaggle file where it is, else as many made-up customers."""
    if REAL_FILE.is_file():
        return REAL_FILE
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    write_csv(path, rows=8000, seed=7)
    return path


@pytest.fixture(scope="session")
def libraries() -> None:
    """Load TensorFlow and its company once; what they warn of while loading is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_data_validation
        import tensorflow_model_analysis

        import serving.models.saved_model

        for module in (tensorflow_data_validation, tensorflow_model_analysis, serving.models.saved_model):
            assert module.__name__ in sys.modules


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.find(str(tmp_path / "root"))


def settings_for(data: Path | str, *overrides: str) -> Settings:
    """Quick settings for `data`, whatever the environment of the tests says."""
    return resolve(overrides=[f"data.source={str(data)!r}", *QUICK, *overrides], environment={})


@pytest.fixture(scope="session")
def first_run(
    libraries: None, customers_csv: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Root, RetrainResult]:
    """A root whose version 1 came from all eight steps with the default settings. Copy it before you change it."""
    root = Root.find(str(tmp_path_factory.mktemp("first") / "root"))
    settings = resolve(overrides=[f"data.source={str(customers_csv)!r}"], environment={})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return root, retrain(root, settings, run_id="first", force=False)


@pytest.fixture
def promoted_root(first_run: tuple[Root, RetrainResult], tmp_path: Path) -> Root:
    """A copy of the root with version 1, to go on with."""
    root = Root(tmp_path / "root")
    shutil.copytree(first_run[0].path, root.path)
    return root


def settings_of(csv: Path, *overrides: str) -> Settings:
    """The default settings for a file."""
    return resolve(overrides=[f"data.source={str(csv)!r}", *overrides], environment={})
