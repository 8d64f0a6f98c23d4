"""The request's own reading session: opened at first use, closed when the request ends."""

from flask import Flask, g

from portal.kernel.db import ReadSession, database


def read_db() -> ReadSession:
    """The reading session of this request."""
    if "read_db" not in g:
        g.read_db = database().read_session()
    session: ReadSession = g.read_db
    return session


def _close(_error: BaseException | None) -> None:
    session = g.pop("read_db", None)
    if session is not None:
        session.close()


def init_app(app: Flask) -> None:
    """Close the session after each request."""
    app.teardown_appcontext(_close)
