"""The errors that a report of the Kaggle client stands for: which may pass, which will not, and the cure of each."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

from ml.config.settings import DataSettings
from ml.data.csv_copy import too_large
from ml.data.kaggle.client_process import ClientReport
from ml.data.kaggle.credentials import CURE
from ml.errors import FinalError, RetrainError, TransientError

LONGEST_RETRY_AFTER_SECONDS = 300.0
LATER = "Try again later; a proxy or firewall in the way, or kaggle.com being down, looks like this."


_IN_THE_WAY = {
    "proxy_login": (
        "Kaggle: 407, the proxy wants a user name and a password, or others than it was given.",
        "Put them into HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT.",
    ),
    "proxy_address": ("Kaggle: the proxy that HTTPS_PROXY or HTTP_PROXY names has no valid address.", "Correct it."),
    "socks": (
        "Kaggle: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names a SOCKS proxy, and PySocks is not installed.",
        "Name an HTTP proxy, or run `uv pip install --python .venv-ml/bin/python PySocks`.",
    ),
    "certificate": (
        "Kaggle: the certificate of kaggle.com, or of a proxy that takes its place, is not trusted on this machine.",
        "Have REQUESTS_CA_BUNDLE name the file with your organization's certificates, and check the machine's clock.",
    ),
    "ca_bundle": (
        "Kaggle: REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file of certificates that does not exist.",
        "Correct the path, or unset it.",
    ),
}


class RetryableError(Exception):
    """An attempt failed with `error`, and the next may succeed; `pause` are the seconds that the server named."""

    def __init__(self, error: RetrainError, pause: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause

    def after(self, attempts: int) -> RetrainError:
        """Return the error to end with after so many failed attempts."""
        tried = f"Tried {attempts} times." if attempts > 1 else "Tried once."
        return type(self.error)(f"{self.error.what} {tried}", self.error.cure)


def error_from_report(report: ClientReport, settings: DataSettings, account: str) -> Exception:
    """Return the error that a report other than done stands for.

    Args:
        report: What the client process wrote.
        settings: The data set and the limits, for the message.
        account: The source of the credentials, for the message.

    Returns:
        A `RetryableError` when another attempt can help; a `FinalError`, `DataError` or `OSError` when it cannot.
    """
    match report["kind"]:
        case "status":
            return _refusal(report["status"], report["retry_after"], settings, account)
        case "timeout":
            return _retryable(
                f"no complete answer within {settings.timeout_seconds:g} s.",
                f"{LATER} For a slow line raise data.timeout_seconds.",
            )
        case "network":
            return _retryable(f"no connection ({report['error']}).")
        case "cut":
            expected = f" of {report['expected']:,}" if report["expected"] is not None else ""
            return _retryable(f"the transfer ended after {report['bytes']:,}{expected} bytes.")
        case "too_large":
            return too_large(f"Kaggle {settings.dataset}: the download is", settings.max_bytes)
        case "login":
            return FinalError(f"Kaggle: the client rejects the credentials in {account} (expired or revoked?).", CURE)
        case "not_installed":
            what = f"Kaggle: the client cannot be imported: {report['error']}."
            return FinalError(what, "Install the packages of requirements/ml.txt.")
        case "proxy_login" | "proxy_address" | "socks" | "certificate" | "ca_bundle" as kind:
            return FinalError(*_IN_THE_WAY[kind])
        case "disk":
            return OSError(report["errno"], report["strerror"], report["filename"])
        case _:
            return _retryable(f"the client failed: {report['error']}.")


def _refusal(status: int, retry_after: str | None, settings: DataSettings, account: str) -> Exception:
    dataset, file = settings.dataset, settings.file
    if status == 429:
        return _retryable("429, too many requests.", pause=retry_after_seconds(retry_after))
    if status in (408, 425) or status >= 500:
        return _retryable(f"{status}, trouble at the server.", pause=retry_after_seconds(retry_after))
    if status == 407:
        return FinalError(*_IN_THE_WAY["proxy_login"])
    if status == 401:
        return FinalError(f"Kaggle: 401, the credentials in {account} are wrong, expired or revoked.", CURE)
    if status == 403:
        return FinalError(
            f"Kaggle: 403, the account of {account} may not download {dataset}.",
            f"Log in with that account, open kaggle.com/datasets/{dataset} and accept its terms or licence.",
        )
    if status == 404:
        return FinalError(
            f"Kaggle: 404, there is no data set {dataset}, or no file {file} in it.",
            "Check data.dataset and data.file.",
        )
    return FinalError(
        f"Kaggle: {status}, the request for {file} of {dataset} was refused.",
        "Check data.dataset and data.file, and whether this version of the client is still supported.",
    )


def _retryable(what: str, cure: str = LATER, pause: float | None = None) -> RetryableError:
    return RetryableError(TransientError(f"Kaggle: {what}", cure), pause)


def retry_after_seconds(header: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, at most 300; None when it cannot be read.

    The header holds seconds or a date (RFC 9110, section 10.2.3).
    """
    if not header:
        return None
    if header.strip().isdecimal():
        seconds = float(header)
    else:
        try:
            seconds = (email.utils.parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):  # not a date, or a date without a zone
            return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)
