"""Which source of Kaggle credentials is told to be there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ml.data.kaggle.credentials import credentials
from ml.storage.root import PROJECT


def test_credentials_are_named_in_the_order_in_which_the_client_looks(tmp_path: Path) -> None:
    variables = {"HOME": str(tmp_path), "KAGGLE_API_TOKEN": "", "KAGGLE_KEY": "secret"}
    assert credentials(variables) is None

    def store(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    store(".config/kaggle/kaggle.json", '{"username": "me", "key": "secret"}')
    assert credentials(variables) == "~/.config/kaggle/kaggle.json"
    store(".kaggle/credentials.json", '{"refresh_token": "secret"}')  # with ~/.kaggle, ~/.config/kaggle is not read
    assert credentials(variables) == "~/.kaggle/credentials.json"
    store(".kaggle/kaggle.json", '{"username": "me", "key": ""}')  # the key comes from the environment
    assert credentials(variables) == "~/.kaggle/kaggle.json"
    assert credentials({"HOME": str(tmp_path)}) == "~/.kaggle/credentials.json"
    store(".kaggle/kaggle.json", "not JSON")
    assert credentials(variables) == "~/.kaggle/credentials.json"
    store("elsewhere/kaggle.json", '{"username": "me", "key": "secret"}')
    elsewhere = {**variables, "KAGGLE_CONFIG_DIR": str(tmp_path / "elsewhere")}
    assert credentials(elsewhere) == "~/elsewhere/kaggle.json"
    variables["KAGGLE_USERNAME"] = "me"
    assert credentials(variables) == "KAGGLE_USERNAME and KAGGLE_KEY"
    store(".kaggle/access_token", "secret")
    assert credentials(variables) == "~/.kaggle/access_token"
    store("empty", "")
    assert credentials(variables | {"KAGGLE_API_TOKEN": str(tmp_path / "empty")}) == "~/.kaggle/access_token"
    assert credentials(variables | {"KAGGLE_API_TOKEN": "secret" * 100}) == "KAGGLE_API_TOKEN"


def test_asking_for_credentials_loads_the_standard_library_only() -> None:
    program = "import ml.data.kaggle.credentials, sys; assert not {'kaggle', 'requests', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True)
