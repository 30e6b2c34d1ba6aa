"""Tells people about a run that failed, was blocked or rejected its candidate; off unless `RETRAIN_NOTIFY` is set.

A task of the other DAGs, which have no steps, calls it when it has failed: a rollback, a quarantine, a probation.

`RETRAIN_NOTIFY` is a list, separated by spaces, in the environment of the DAG processor, which calls this for a
retraining, and of the workers, where the other tasks run:

- `mailto:ADDRESS`: by the SMTP server of Airflow's Connection `smtp_default` (or `[email] email_conn_id`);
- `webhook:CONNECTION`: a POST of JSON to the URL in the host of that Airflow Connection; its password, if there is one,
  goes along as a bearer token. A URL that is itself a secret may be the password, with no host: that is masked in logs
  and stored encrypted. Redirects are not followed. `text` in the JSON is what chat programs show.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier, Connection

from ml.errors import SettingsError
from ml.pipeline.outcome import BLOCKED, FAILED, REJECTED
from retraining.runs.ending import Ending
from retraining.runs.listener import DAG_ID

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context

VARIABLE = "RETRAIN_NOTIFY"
NOTIFIED_OUTCOMES = (FAILED, BLOCKED, REJECTED)
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Notification:
    """What a person is told about one run."""

    dag_id: str
    run_id: str
    outcome: str
    reasons: list[str]

    @property
    def headline(self) -> str:
        """The DAG, the outcome and the run in one line."""
        return f"{self.dag_id}: {self.outcome} (run {self.run_id})"

    @property
    def text(self) -> str:
        """The headline, and a line for each reason."""
        return "\n".join([self.headline, *(f"- {reason}" for reason in self.reasons)])


def notifiers(environment: Mapping[str, str] = os.environ) -> list[Callable[[Context], None]] | None:
    """Return a notifier for each destination in `RETRAIN_NOTIFY`; None without any, so that Airflow calls nobody."""
    return [RunNotifier(destination) for destination in environment.get(VARIABLE, "").split()] or None


class RunNotifier(BaseNotifier):
    """A callback for the success and the failure of the DAG, silent about a run that needs nobody's attention.

    Raises:
        SettingsError: The destination is neither `mailto:ADDRESS` nor `webhook:CONNECTION`.
    """

    def __init__(self, destination: str) -> None:
        super().__init__()
        self.kind, _, self.to = destination.partition(":")
        if self.kind not in ("mailto", "webhook") or not self.to:
            raise SettingsError(
                f"{VARIABLE}: {destination!r} is not a destination.", "Write mailto:ADDRESS or webhook:CONNECTION."
            )

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Do nothing: there are no such fields, and `airflow dags test` hands over a DAG that could not render them."""

    def notify(self, context: Context) -> None:
        """Tell the destination about the run, if its outcome is worth it."""
        news = _news(context)
        if news is None:
            return
        if self.kind == "mailto":
            _mail(news, self.to)
        else:
            _post(news, Connection.get(self.to))
        self.log.info("told %s: %s", self.kind, news.headline)


def _news(context: Context) -> Notification | None:
    run_id = context["run_id"]
    if context["dag"].dag_id != DAG_ID:  # of a DAG without steps, which calls this when a task has failed
        said = str(context.get("exception") or "The log of its task says what was in the way.")
        return Notification(context["dag"].dag_id, run_id, FAILED, [said])
    ending = Ending.of(run_id, succeeded=context.get("reason") == "success")
    if ending.outcome not in NOTIFIED_OUTCOMES:
        return None
    reasons = ending.record.reasons or ["No step left a result. The scheduler's log tells what happened to the run."]
    return Notification(context["dag"].dag_id, run_id, ending.outcome, reasons)


def _mail(news: Notification, address: str) -> None:
    from html import escape

    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    body = f"<pre>{escape(news.text)}</pre>"
    SmtpNotifier(to=address, subject=news.headline, html_content=body).notify({})


def _post(news: Notification, connection: Connection) -> None:
    secret = (connection.password or "").strip()  # a file with a token ends with a newline, which a header cannot hold
    url, token = (connection.host, secret) if connection.host else (secret, "")
    if not url.startswith(("http://", "https://")):
        raise SettingsError(
            f"Connection {connection.conn_id}: its host is not a URL.",
            "Put the whole http(s) URL of the webhook there; or, if it is a secret, into the password, with no host.",
        )
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = json.dumps({"text": news.text, **asdict(news)}).encode()
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - checked above
    with _OPENER.open(request, timeout=TIMEOUT_SECONDS):  # raises unless the answer is 2xx
        pass


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A handler that makes a 3xx an HTTPError: another host must not get the token, and a GET would tell nobody."""

    def redirect_request(self, *_: object) -> None:
        """Return None, which means: do not follow."""


_OPENER = urllib.request.build_opener(_NoRedirect)
