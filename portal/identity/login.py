"""Flask-Login on top of LoginSession rows: the cookie carries a token, the row says whether it still counts."""

from datetime import datetime

from flask import Flask, g, session
from flask_login import AnonymousUserMixin, LoginManager, current_user

from portal.identity import services
from portal.identity.models import User
from portal.identity.queries import LiveLogin, live_login
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.web.database import read_db

_COOKIE_KEY = "_user_id"  # Flask-Login's own name for what its cookie carries
_LOADED = "_login_user"  # and for where it keeps the user during a request


class Visitor(AnonymousUserMixin):
    """Whoever has not signed in: the same questions as a User, all answered no."""

    id = None
    is_expert = False
    is_organiser = False
    display_name = ""
    initials = ""


def _is_over(login: LiveLogin, now: datetime) -> bool:
    return now - login.last_seen_at > services.LOGIN_SESSION_LASTS


def _load_user(token: str) -> User | None:
    login = live_login(read_db(), token)
    now = clock.now()
    if login is None or _is_over(login, now):
        return None
    if now - login.last_seen_at > services.LAST_SEEN_EVERY:
        with transaction() as db:
            services.touch_login_session(db, login_session_id=login.login_session_id)
    return login.user


def current_token() -> str | None:
    """The token in this browser's cookie."""
    token = session.get(_COOKIE_KEY)
    return token if isinstance(token, str) else None


def put_in_cookie(token: str) -> None:
    """Let this browser carry a new login session; whatever the cookie held before is dropped."""
    session.clear()
    session[_COOKIE_KEY] = token
    session["_fresh"] = True


def forget_cookie() -> None:
    """Drop whatever this browser's cookie holds."""
    session.clear()


def init_app(app: Flask) -> None:
    """Let the app know its users."""
    manager = LoginManager(app)
    # There is no remember-me cookie to keep up. Looking for it would read the session in every answer, and
    # `Vary: Cookie` on pictures and style sheets makes browsers fetch them again whenever a cookie changes.
    app.after_request_funcs[None].remove(manager._update_remember_cookie)  # noqa: SLF001
    manager.session_protection = None  # the row is what counts, and phones change their address all day
    manager.anonymous_user = Visitor
    manager.user_loader(_load_user)
    app.context_processor(_viewer)


def _viewer() -> dict[str, object]:
    # The user as already loaded: a page asks who they are some twenty times, and Flask-Login's proxy looks each time.
    # A page that needs no database (an error's) has not loaded them, and its template does not ask.
    return {"viewer": g.get(_LOADED, current_user)}
