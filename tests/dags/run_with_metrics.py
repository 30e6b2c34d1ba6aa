"""`airflow dags test customer_retraining` in a process that sends its metrics over StatsD, as a scheduler's would.

Airflow gives statistics to its servers and to the processes of tasks, but not to `dags test`, which is both at once.
"""

from __future__ import annotations

from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf
from airflow.observability import stats as server_stats
from airflow.observability.metrics.stats_utils import get_stats_factory as server_factory
from airflow.sdk.observability import stats as task_stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory as task_factory


def main() -> None:
    legacy = conf.getboolean("metrics", "legacy_names_on")
    server_stats.initialize(factory=server_factory(), export_legacy_names=legacy)
    task_stats.initialize(factory=task_factory(), export_legacy_names=legacy)
    for command in (["db", "migrate"], ["dags", "test", "customer_retraining"]):
        arguments = get_parser().parse_args(command)
        arguments.func(arguments)


if __name__ == "__main__":
    main()
