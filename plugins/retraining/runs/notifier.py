"""Tells people, and programs, what each run came to, once; off unless `RETRAIN_NOTIFY` is set.

The retraining's runs are told at their end, a candidate that waits for a person by the task that asks, and rollbacks,
quarantines and the probation by the tasks that do them.

`RETRAIN_NOTIFY` is a list, separated by spaces, in the environment of the DAG processor, which calls this for a
retraining, and of the workers, where the other tasks run:

- `mailto:ADDRESS`: by the SMTP server of Airflow's Connection `smtp_default` (or `[email] email_conn_id`);
- `webhook:CONNECTION`: a POST of JSON to the URL in the host of that Airflow Connection; its password, if there is one,
  goes along as a bearer token. A URL that is itself a secret may be the password, with no host: that is masked in logs
  and stored encrypted. With `signing_secret` in its extra the body is signed (`retraining.runs.webhook`). Redirects are
  not followed. `text` in the JSON is what chat programs show.

`RETRAIN_NOTIFY_SILENT` has the outcomes that are told nobody, by default `unchanged`; `none` tells them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier, Connection

from ml.errors import SettingsError
from ml.pipeline.outcome import UNCHANGED
from retraining.runs.digest import ACTIONS, Digest
from retraining.runs.webhook import post

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context

    Telling = Callable[[Context], Digest | None]

VARIABLE, SILENT = "RETRAIN_NOTIFY", "RETRAIN_NOTIFY_SILENT"
EVERYTHING = "none"


def notifiers(
    tell: Telling, environment: Mapping[str, str] = os.environ, *, quietly: bool = False
) -> list[Callable[[Context], None]] | None:
    """Return a notifier for each destination in `RETRAIN_NOTIFY`; without any None, so that Airflow calls nobody.

    Args:
        tell: Makes the digest of a callback's context; see `retraining.runs.occasions`.
        environment: Where the variables are.
        quietly: Whether a destination that cannot be reached is logged and no error: for a task that calls this itself.

    Raises:
        SettingsError: A destination, or a word of `RETRAIN_NOTIFY_SILENT`, is unknown.
    """
    silent = _silent(environment)
    destinations = environment.get(VARIABLE, "").split()
    return [RunNotifier(destination, tell, silent, quietly=quietly) for destination in destinations] or None


class RunNotifier(BaseNotifier):
    """A callback that tells one destination what `tell` makes of the context, unless its outcome is a silent one.

    Raises:
        SettingsError: The destination is neither `mailto:ADDRESS` nor `webhook:CONNECTION`.
    """

    def __init__(
        self,
        destination: str,
        tell: Telling,
        silent: frozenset[str] = frozenset({UNCHANGED}),
        *,
        quietly: bool = False,
    ) -> None:
        super().__init__()
        self.kind, _, self.to = destination.partition(":")
        self.tell, self.silent, self.quietly = tell, silent, quietly
        if self.kind not in ("mailto", "webhook") or not self.to:
            raise SettingsError(
                f"{VARIABLE}: {destination!r} is not a destination.", "Write mailto:ADDRESS or webhook:CONNECTION."
            )

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Do nothing: there are no such fields, and `airflow dags test` hands over a DAG that could not render them."""

    def notify(self, context: Context) -> None:
        """Tell the destination about the run, if its outcome is worth it."""
        try:
            news = self.tell(context)
            if news is not None and news.outcome not in self.silent:
                self._send(news)
        except Exception as error:
            if not self.quietly:
                raise
            self.log.error("%s could not be told: %s", self.kind, error)

    def _send(self, news: Digest) -> None:
        if self.kind == "mailto":
            _mail(news, self.to)
        else:
            post(news.payload, Connection.get(self.to))
        self.log.info("told %s: %s", self.kind, news.headline)


def _silent(environment: Mapping[str, str]) -> frozenset[str]:
    words = environment.get(SILENT, "").split() or [UNCHANGED]
    if words == [EVERYTHING]:
        return frozenset()
    known = sorted(word for word in ACTIONS if " " not in word)
    for word in words:
        if word not in known:
            raise SettingsError(
                f"{SILENT}: {word!r} is no outcome.", f"Write {EVERYTHING}, or some of: {', '.join(known)}."
            )
    return frozenset(words)


def _mail(news: Digest, address: str) -> None:
    from html import escape

    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    body = f"<pre>{escape(news.text)}</pre>"
    SmtpNotifier(to=address, subject=news.headline, html_content=body).notify({})
