"""What a GET may write: counters that guard something, when a login was last seen, and few named endpoints.

While tests run, any other INSERT, UPDATE or DELETE inside a GET raises, whichever test made the request.
"""

import re
from typing import Any

import sqlalchemy as sa
from flask import has_request_context, request
from sqlalchemy import event

ANYWHERE = frozenset({"throttle_counters", "login_sessions"})
# The page a shopper comes back to from the payment provider fulfils what was paid, once, like the payment event does.
BY_ENDPOINT: dict[str, frozenset[str] | None] = {"payments.returned": None, "payments.cancelled": None}

# Also inside a WITH; `FOR UPDATE` and `DO UPDATE SET` name no table.
_WRITE = re.compile(
    r"\b(?:INSERT\s+INTO|DELETE\s+FROM|UPDATE(?=\s+\S+\s+(?:AS\s+\w+\s+)?SET\b))\s+\"?(?P<table>\w+)", re.IGNORECASE
)


class WritingGetError(AssertionError):
    """A page that is only looked at changed something."""


def _refuse(_connection: sa.Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
    if not has_request_context() or request.method not in {"GET", "HEAD"}:
        return
    written = _WRITE.search(statement)
    if written is None or written["table"] in ANYWHERE:
        return
    allowed = BY_ENDPOINT.get(request.endpoint or "", frozenset())
    if allowed is not None and written["table"] not in allowed:
        msg = f"GET {request.path} ({request.endpoint}) writes {written['table']}"
        raise WritingGetError(msg)


def watch() -> None:
    """Look at every statement of every engine in this process."""
    if not event.contains(sa.Engine, "before_cursor_execute", _refuse):
        event.listen(sa.Engine, "before_cursor_execute", _refuse)
