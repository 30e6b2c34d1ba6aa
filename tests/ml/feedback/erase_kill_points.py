"""Kill an erasure before each of its file operations, and fail each as a full disk does; then repeat it.

Run as a program. Prints one JSON object: how often it was disturbed, and what was wrong afterwards.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path

from ml.data.outcomes.erasure import erasure_of
from ml.storage.root import Root
from tests.ml.feedback.erase_world import WHO, erased, joined_root, places_of, state
from tests.ml.registry.kill_points import forked


def main() -> None:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        template, dataset = joined_root(Path(folder) / "root")
        saved = Path(folder) / "saved"
        template.path.rename(saved)

        def fresh() -> Root:
            shutil.rmtree(template.path, ignore_errors=True)
            shutil.copytree(saved, template.path)
            return template

        def work(root: Root) -> None:
            if busy := erased(root).busy:
                raise busy[0]

        status, message, order = forked(partial(work, fresh()))
        assert status == 0, message
        expected = state(template)
        wrong: list[str] = []
        writes = [number for number, name in enumerate(order, start=1) if name in ("write", "pwrite")]
        every = [*range(1, len(order) + 1)]
        points = {"killed": every, "half written": writes, "full disk": every}
        for how, numbers in points.items():
            for number in numbers:
                root = fresh()
                status, _, _ = forked(partial(work, root), number=number, how=how)
                where = f"operation {number} ({order[number - 1]}), {how}"
                if os.WIFSIGNALED(status) != (how != "full disk"):
                    wrong.append(f"{where}: wait status {status}")
                rewritten = WHO not in (root.run("joined") / "ingest" / "outcomes.csv").read_text()
                if rewritten and erasure_of(root, dataset.sha256) is None:
                    wrong.append(f"{where}: erased without a note")
                for again in ("repeated", "repeated twice"):
                    status, message, _ = forked(partial(work, root))
                    if status:
                        wrong.append(f"{where}, {again}: {message}")
                    if places_of(root, WHO):
                        wrong.append(f"{where}, {again}: still in {places_of(root, WHO)}")
                    if state(root) != expected:
                        wrong.append(f"{where}, {again}: other files than without a kill")
        print(json.dumps({"disturbed": sum(map(len, points.values())), "wrong": wrong}))


if __name__ == "__main__":
    main()
