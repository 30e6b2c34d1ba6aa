"""The kinds of files that are scored, by their media types."""

from __future__ import annotations

from dataclasses import dataclass

from serving.gateway.headers import Fields, first


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        ending: That of a file name.
        media_type: How the answer is called.
    """

    ending: str
    media_type: bytes


CSV = Kind(".csv", b"text/csv; charset=utf-8")
WORKBOOK = Kind(".xlsx", b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
JSON_LINES = Kind(".jsonl", b"application/x-ndjson")
_BY_MEDIA_TYPE = {
    b"text/csv": CSV,
    b"application/csv": CSV,
    WORKBOOK.media_type: WORKBOOK,
    b"application/x-ndjson": JSON_LINES,
    b"application/jsonl": JSON_LINES,
    b"application/x-jsonlines": JSON_LINES,
}
CURE = (
    "Send Content-Type: text/csv, application/x-ndjson, or "
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet for a workbook."
)


def kind_of(fields: Fields) -> Kind | None:
    """The kind that the header of a request names; None when it is unknown."""
    media_type = (first(fields, b"content-type") or b"").partition(b";")[0].strip().lower()
    return _BY_MEDIA_TYPE.get(media_type)
