"""Pages put together from several features: home, one's own page, help, and the sandbox's mailbox."""

from flask import redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError
from portal.notifications.services import read_notice
from portal.pages import (  # noqa: F401 (their routes)
    dev,
    health,
    home,
    manage,
    manage_import,
    manage_message,
    manage_people,
    manage_session,
    manage_waitlist,
    me,
    organise,
    our_fault,
    replay,
    room,
    stream,
    tasks,
)
from portal.pages.blueprint import blueprint, plain_blueprint
from portal.web.access import public, requires, signed_in
from portal.web.languages import preferred

__all__ = ["blueprint", "plain_blueprint"]


@plain_blueprint.get("/")
@public
def root() -> Response:
    """To the home page in the visitor's language."""
    response = redirect(url_for("pages.home", language=preferred()), code=302)
    response.vary.update(["Cookie", "Accept-Language"])
    return response


@blueprint.get("/help")
@public
def help() -> str:  # noqa: A001 (the page's own name)
    """What people ask first, and whom to write to."""
    return render_template("pages/help.html")


@blueprint.get("/privacy")
@public
def privacy() -> str:
    """What is kept of a person, why, and for how long."""
    return render_template("pages/privacy.html")


@blueprint.get("/legal")
@public
def legal() -> str:
    """Who publishes this portal."""
    return render_template("pages/legal.html")


@blueprint.get("/offline")
@public
def offline() -> str:
    """What a browser shows when the network is gone."""
    return render_template("errors/offline.html")


@blueprint.post("/notices/<int:notice_id>")
@requires(signed_in)
def open_notice(notice_id: int) -> Response:
    """Mark a notice read and go where it leads."""
    with transaction() as db:
        path = read_notice(db, user_id=current_user.id, notice_id=notice_id)
    if path is None:
        raise NotFoundError
    return redirect(path, code=303)
