"""The form of a line of the log: a time, a level, and a message that cannot forge another line."""

from __future__ import annotations

import logging

from ml.errors import printable


class PrintableFormatter(logging.Formatter):
    """Writes each message as printable text; only the lines of a traceback stay lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line of a record."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802
        """Return the traceback, each line of it printable."""
        return "\n".join(map(printable, super().formatException(ei).split("\n")))  # type: ignore[arg-type]


def make_printable() -> None:
    """Give every handler of the root logger this form, with the format that it has."""
    for handler in logging.getLogger().handlers:
        present = handler.formatter
        if present is not None and not isinstance(present, PrintableFormatter):
            handler.setFormatter(PrintableFormatter(present._fmt, present.datefmt))  # noqa: SLF001
