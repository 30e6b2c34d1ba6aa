"""Where the data of a model come from, as a kind: models of two kinds are not comparable, and the sample is one.

A kind is `sample` (made-up customers), `kaggle:OWNER/NAME` (a data set, whatever its file and version are called) or
`file` (a file of one's own, from the inbox or a path, whatever its name). Bytes that the ledger knows keep the kind
under which it knows them, whichever way they come the next time. Nothing heavy is imported here: the exporter and the
local stack ask this module too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.errors import FinalError
from ml.registry.ledger.ledger import Version

SAMPLE, FILE, UNKNOWN = "sample", "file", ""
KAGGLE = "kaggle:"
SAMPLE_WARNING = "trained on made-up customers; it says nothing about real ones"


def kind_of_source(source: str) -> str:
    """Return the kind of a source as ingest words it, such as `kaggle:owner/name/Train.csv`; `UNKNOWN` for "" ."""
    scheme, _, rest = source.partition(":")
    if scheme == "kaggle":
        return KAGGLE + "/".join(rest.split("/")[:2])
    if scheme == "sample":
        return SAMPLE
    return FILE if source else UNKNOWN


def kind_of(entry: Mapping[str, Any]) -> str:
    """Return the kind that an entry of the ledger or a release record names; older ones name only their source."""
    return str(entry.get("source_kind") or kind_of_source(str(entry.get("source") or "")))


def kind_of_data(source: str, sha256: str, *, champion: Version | None, events: Sequence[Mapping[str, Any]]) -> str:
    """Return the kind of data that came from `source` and whose bytes have this SHA-256.

    Outcomes that joined them do not count: what they are compared with is of the same kind.

    Args:
        source: Where they came from, as ingest words it.
        sha256: The hash of their bytes, in hex, without outcomes.
        champion: The last confirmed version; data with its bytes are of its kind.
        events: The ledger; bytes that were a sample before stay one, though they come as a file now.
    """
    if champion is not None and obtained_sha256(champion.intent) == sha256:
        return kind_of(champion.intent) or kind_of_source(source)
    known = (kind_of(event) for event in events if obtained_sha256(event) == sha256)
    return SAMPLE if SAMPLE in known else kind_of_source(source)


def obtained_sha256(entry: Mapping[str, Any]) -> str | None:
    """Return the hash of the data of an entry of the ledger as they were obtained, without outcomes."""
    return entry.get("base_sha256") or entry.get("data_sha256")


def is_sample(version: Version | None) -> bool:
    """Whether a version was trained on made-up customers."""
    return version is not None and kind_of(version.intent) == SAMPLE


def is_real(version: Version | None) -> bool:
    """Whether a version was trained on data that are known not to be the sample."""
    return version is not None and kind_of(version.intent) not in (SAMPLE, UNKNOWN)


def difference(candidate: str, champion: str) -> str:
    """Return why models of these two kinds of data cannot be compared, as the end of a sentence; "" when they can.

    Data of an unknown source are taken for any kind but the sample, which must not replace what may be real.
    """
    if candidate == champion or (UNKNOWN in (candidate, champion) and SAMPLE not in (candidate, champion)):
        return ""
    return f"it was trained on {in_words(champion)}, the candidate on {in_words(candidate)}"


def in_words(kind: str) -> str:
    """Return a kind in words that fit after "trained on"."""
    if kind == SAMPLE:
        return "the built-in SAMPLE of made-up customers"
    if kind == FILE:
        return "a file of your own"
    return f"Kaggle's {kind.removeprefix(KAGGLE)}" if kind.startswith(KAGGLE) else "data of an unknown source"


def refuse_sample(champion: Version | None, *, accepted: bool) -> None:
    """Refuse to train on the sample beside a model of real data, which it could never replace.

    Raises:
        FinalError: The champion was trained on real data, and `judge.accept_incomparable` does not say that a model of
            made-up customers may take its place.
    """
    if is_real(champion) and champion is not None and not accepted:
        raise FinalError(
            f"Version {champion.number}, the champion, was trained on {in_words(kind_of(champion.intent))}; a model of "
            "the built-in sample of made-up customers must not take its place.",
            "Give real data (DATA=file.csv, Kaggle credentials, or a file in RETRAIN_ROOT/inbox as inbox:NAME), try "
            "the sample in a root of its own (RETRAIN_ROOT=var/sample make demo), or accept the exchange with "
            "judge.accept_incomparable = true.",
        )
