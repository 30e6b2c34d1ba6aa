"""Which Prism goes with the installed Beam; `python -m stack.prism.prism_version` prints it."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ml.storage.root import PROJECT
from stack.local.errors import StackError, run_command

BUILT = PROJECT / ".go" / "bin"
VERSIONS = {"2.72.0": "2.73.0", "2.77.0": "2.77.0"}
"""By the version of the Python SDK. The Go module proxy has no 2.72.0; a runner understands SDKs older than itself."""


def prism_version(sdk: str | None = None) -> str:
    """The version of Prism for this version of Beam's Python SDK; for the installed one, unless it is given.

    Raises:
        StackError: Beam is not installed, or nobody has tried a Prism with this version of it.
    """
    try:
        found = sdk or version("apache-beam")
    except PackageNotFoundError as error:
        raise StackError("apache-beam is not installed here. Use the Python of .venv-ml (`make ml`).") from error
    if found not in VERSIONS:
        raise StackError(
            f"apache-beam is {found}, and Prism was tried with {', '.join(VERSIONS)} only. Add the Prism that goes "
            "with it to VERSIONS in stack/prism/prism_version.py, build it by requirements/prism.sh, and run "
            "`make test-scale`."
        )
    return VERSIONS[found]


def prism_program(sdk: str | None = None, *, directory: Path = BUILT) -> Path:
    """The program that `requirements/prism.sh` builds.

    Args:
        sdk: The version of Beam's Python SDK; the installed one, unless it is given.
        directory: Where the program is.

    Raises:
        StackError: It is not there in the version that goes with this Beam.
    """
    program = directory / f"prism-{prism_version(sdk)}"
    if not program.is_file():
        built = sorted(path.name for path in directory.glob("prism-*"))
        instead = f", only {', '.join(built)}" if built else ""
        raise StackError(f"{program.name} is not built{instead}. requirements/prism.sh builds it, with Go.")
    return program


def main() -> int:
    """Print the version."""
    sys.stdout.write(f"{prism_version()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
