"""Run `airflow dags test` several times in one process, since importing Airflow is most of it.

Reads a JSON list of `{"root", "fake", "conf"}` from stdin, with `"dag"` where it is another than the retraining;
writes each run's output to `ROOT/airflow.log` and prints a JSON list of exit codes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from airflow.cli.cli_parser import get_parser


def run(root: str, fake: str, conf: str, dag: str = "customer_retraining") -> int:
    os.environ |= {"RETRAIN_ROOT": root, "RETRAIN_FAKE": fake, "ML_PYTHON": f"{root}/fake-ml"}
    arguments = get_parser().parse_args(["dags", "test", dag, "--conf", conf])
    with (Path(root) / "airflow.log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            arguments.func(arguments)
        except SystemExit as end:
            return int(bool(end.code))
        except Exception as error:
            print(repr(error), flush=True)
            return 1
        finally:
            sys.stdout.flush()
    return 0


def main() -> None:
    answer = os.dup(1)
    codes = [run(**wanted) for wanted in json.load(sys.stdin)]
    os.write(answer, json.dumps(codes).encode())


if __name__ == "__main__":
    main()
