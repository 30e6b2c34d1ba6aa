"""What can go wrong, whether a retry can help, and the exit code that says so.

Exit codes of a step: 0 done, 2 will fail again, 99 nothing to do, anything else may be retried.
"""

from __future__ import annotations

import re

DONE = 0
MAY_RETRY = 1
WILL_FAIL_AGAIN = 2
NOTHING_TO_DO = 99

UNCHANGED = "unchanged"
"""The outcome of work that is already done, for `NothingToDoError`."""


STEERS_A_TERMINAL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: object) -> str:
    r"""Return the text in one line: what would steer a terminal or begin a line is written as an escape, such as \x1b.

    Names of files, reasons that somebody gave and values of the data are other people's texts.
    """
    return STEERS_A_TERMINAL.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


class RetrainError(Exception):
    """An error that names the thing and the fact (`what`) and the way out (`cure`), each in one printable line."""

    exit_code = MAY_RETRY

    def __init__(self, what: str, cure: str = "") -> None:
        self.what = printable(what)
        self.cure = printable(cure)
        super().__init__(f"{self.what} {self.cure}".strip())

    @property
    def retry(self) -> bool:
        """Whether the same call can succeed later without anybody's help."""
        return self.exit_code == MAY_RETRY


class TransientError(RetrainError):
    """Something outside was in the way (the network, a busy lock, a server that is starting) and may pass."""


class FinalError(RetrainError):
    """The same call will fail again until a person changes something."""

    exit_code = WILL_FAIL_AGAIN


class SettingsError(FinalError):
    """A setting is unknown, missing, of the wrong type or out of range."""


class DataError(FinalError):
    """The data cannot be used as they are."""


class BlockedError(DataError):
    """Validation found a blocking anomaly. `findings` holds one sentence for each, in order of weight.

    `proposal` has the hashes of the wider schema that the run proposes; it is empty when it proposes none.
    """

    def __init__(self, findings: list[str], cure: str, *, proposal: dict[str, str] | None = None) -> None:
        super().__init__(" ".join(findings), cure)
        self.proposal = dict(proposal or {})
        self.findings = [printable(finding) for finding in findings]


class NothingToDoError(RetrainError):
    """Not a failure: the work is already done, or was not asked for. `outcome` says which, in one word."""

    exit_code = NOTHING_TO_DO

    def __init__(self, outcome: str, what: str) -> None:
        super().__init__(what)
        self.outcome = outcome
