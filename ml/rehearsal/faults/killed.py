"""`python -m ml COMMAND ...`, killed before the ledger gets an entry EVENT: the arguments are EVENT COMMAND ..."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from ml.__main__ import leave
from ml.__main__ import main as command_line
from ml.registry.ledger.ledger import Ledger


def main() -> int:
    """Run the command; the process dies by SIGKILL before the first entry of that kind is written."""
    _, event, *sys.argv[1:] = sys.argv
    append = Ledger.append

    def dying(ledger: Ledger, kind: str, **facts: Any) -> dict[str, Any]:
        if kind == event:
            os.kill(os.getpid(), signal.SIGKILL)
        return append(ledger, kind, **facts)

    Ledger.append = dying  # type: ignore[assignment,method-assign]
    return command_line()


if __name__ == "__main__":
    leave(main())
