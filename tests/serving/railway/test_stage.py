"""What `make railway-image` puts into the image: one version, the one that serves; and what Railway builds."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from serving.railway.stage import StageError, main, stage
from tests.serving.live import GOLDEN
from tests.serving.tensorflow_serving.image import SERVING

MODEL = "customer-model"


def champion(number: int = 7) -> dict[str, Any]:
    """As much of `python -m ml status --json` as staging reads."""
    return {"model": MODEL, "version": number, "directory": str(GOLDEN / "models" / MODEL / "1")}


def test_exactly_one_version_is_staged(tmp_path: Path) -> None:
    models = tmp_path / "models"
    stage(champion(3), models)
    place = stage(champion(12), models)
    assert place == models / MODEL / "12"
    assert [path.name for path in models.iterdir()] == [MODEL]
    assert [path.name for path in (models / MODEL).iterdir()] == ["12"]
    assert (place / "saved_model.pb").read_bytes() == (GOLDEN / "models" / MODEL / "1" / "saved_model.pb").read_bytes()
    assert (place / "variables").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_without_a_version_the_previous_one_stays_staged(tmp_path: Path) -> None:
    stage(champion(3), tmp_path / "models")
    with pytest.raises(StageError, match="No version has been confirmed yet"):
        stage({"model": MODEL, "version": None}, tmp_path / "models")
    with pytest.raises(StageError, match="there is no SavedModel"):
        stage(champion(4) | {"directory": str(tmp_path)}, tmp_path / "models")
    assert (tmp_path / "models" / MODEL / "3" / "saved_model.pb").is_file()


def test_staging_says_what_is_wrong_with_its_input() -> None:
    said = io.StringIO()
    assert main(io.StringIO(""), io.StringIO(), said) == 2
    assert "Pipe `python -m ml status --json` into it" in said.getvalue()
    said = io.StringIO()
    assert main(io.StringIO('{"version": null}'), io.StringIO(), said) == 1
    assert "No version has been confirmed yet" in said.getvalue()


@pytest.mark.parametrize("model", ["../../evil", "other-model", "", "/tmp"])
def test_another_model_than_the_image_serves_is_refused(model: str, tmp_path: Path) -> None:
    models = tmp_path / "inner" / "models"
    with pytest.raises(StageError, match=r"the image serves customer-model only"):
        stage(champion() | {"model": model}, models)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "status",
    [
        *("[]", "null", "7", '"text"', "{", '{"version": 3}', '{"version": 3, "model": "customer-model"}'),
        '{"version": 3, "model": "customer-model", "directory": null}',
        '{"version": "../3", "model": "customer-model", "directory": "x"}',
        '{"version": true, "model": "customer-model", "directory": "x"}',
    ],
)
def test_input_that_is_not_a_status_is_an_error_of_one_sentence(status: str) -> None:
    said = io.StringIO()
    assert main(io.StringIO(status), io.StringIO(), said) == 2
    assert said.getvalue().count("\n") == 1
    assert "Pipe `python -m ml status --json` into it" in said.getvalue()


def test_railway_builds_from_the_repository_what_is_there() -> None:
    config = json.loads((SERVING / "railway" / "railway.json").read_text())
    assert config["build"]["builder"] == "DOCKERFILE"
    dockerfile = SERVING.parent / config["build"]["dockerfilePath"]
    copied = [
        word
        for line in dockerfile.read_text().splitlines()
        if line.startswith("COPY") and "--from=" not in line
        for word in line.split()[1:-1]
        if not word.startswith("--")
    ]
    assert "serving/railway/models" in copied
    for path in copied:
        assert path.endswith("/models") or (SERVING.parent / path).exists(), path
    assert config["deploy"]["healthcheckPath"] == f"/v1/models/{MODEL}"
    # Railway's parser wants numbers here, although its own example showed texts.
    assert all(isinstance(config["deploy"][name], int) for name in ("overlapSeconds", "drainingSeconds"))
