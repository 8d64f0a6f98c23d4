"""The live room: what everybody in it sees, what is one person's own, and the questions beside it.

What everybody sees is one fragment for each language (`public_html`), the same for all, with a stamp that costs two
statements (`public_tag`). It is polled, or published to a proxy that holds thousands of readers. What is one person's
own is another fragment, asked for more rarely.
"""

import hashlib
from functools import cache

from flask import Response, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy.orm import Session as DbSession
from werkzeug.wrappers import Response as AnyResponse

from portal import config
from portal.forum.queries.live import live_panel
from portal.forum.queries.public import for_one, own_part, public_rows, public_stamp
from portal.kernel import clock
from portal.pages.blueprint import blueprint
from portal.training import links
from portal.training.errors import NoSuchSessionError
from portal.training.models import SessionState
from portal.training.policies import may_run
from portal.training.queries import my_attendance, session_page
from portal.training.queries.confirmations import seats_to_confirm
from portal.training.queries.sessions import SessionPage
from portal.training.views.room import room_state_of, standing_of, visible_page
from portal.web.access import public, requires, signed_in
from portal.web.database import read_db
from portal.web.fragments import Briefly, fragment
from portal.web.languages import language

_GONE = 410
_OVER = (SessionState.ENDED, SessionState.CANCELLED)
# Who holds the key of a session's room may see what everybody in it sees, and nothing else.
_KEY = "room"
_now = Briefly()


def public_key(session_id: int) -> str:
    """The key of what everybody sees in a session's room: in the page of those who were let in."""
    return links.sign(_KEY, session_id)


def public_tag(db: DbSession, page: SessionPage, code: str) -> str:
    """Differs as soon as what everybody sees of a room differs. One statement, besides the session's own."""
    left = 0 if page.state in _OVER else page.minutes_left(clock.now())
    seen = (page.id, page.state, page.slide, page.lesson_version_id, page.starts_at, page.ends_at, page.expert, left)
    stamp = (code, seen, public_stamp(db, page.id))
    return hashlib.blake2b(repr(stamp).encode(), digest_size=12).hexdigest()


def public_html(db: DbSession, page: SessionPage, code: str) -> str:
    """What everybody sees of a room, in the language of the request, which is `code`."""
    panel = {
        "rows": public_rows(db, page.id),
        "answered": public_stamp(db, page.id).answered,
        "voted": (),
        "page": page,
    }
    return render_template(
        "pages/_room_public.html", room=room_state_of(db, page, code), panel=panel, over=page.state in _OVER
    )


@blueprint.get("/sessions/<int:session_id>")
@requires(signed_in)
def room(session_id: int) -> str | AnyResponse:
    """The room while it is open; before and after, what to do. Whoever has no seat finds the cohort instead."""
    db = read_db()
    page = session_page(db, session_id, current_user.id)
    if page is None:
        raise NoSuchSessionError
    if not (page.seated or may_run(current_user, page.expert_id)):
        return redirect(url_for("training.cohort", cohort_id=page.cohort_id), code=303)
    state = room_state_of(db, page, language())
    if not page.open_at(clock.now()):
        attendance = my_attendance(db, session_id, current_user.id) if page.state is SessionState.ENDED else None
        asks = [one for one in seats_to_confirm(db, current_user.id) if one.session_id == session_id]
        return render_template("pages/room_closed.html", room=state, attendance=attendance, asks=asks)
    return render_template(
        "pages/room.html",
        room=state,
        standing=standing_of(db, page, current_user),
        listens=bool(config.current().nchan_url),
        **_questions(db, page),
    )


def _questions(db: DbSession, page: SessionPage) -> dict[str, object]:
    """The questions beside the room: the experts' panel, or everybody's rows with one's own part."""
    order = request.args.get("order", "")
    if may_run(current_user, page.expert_id):
        return {"panel": live_panel(db, session_id=page.id, user=current_user, order=order), "key": public_key(page.id)}
    own = own_part(db, session_id=page.id, user_id=current_user.id)
    panel = {
        "rows": for_one(public_rows(db, page.id), own, order),
        "answered": public_stamp(db, page.id).answered,
        "voted": own.voted,
        "page": page,
        "order": "new" if order == "new" else "useful",
    }
    return {"panel": None, "shared": panel, "own": own, "key": public_key(page.id)}


@blueprint.get("/sessions/<int:session_id>/now/<key>")
@public
def room_now(session_id: int, key: str) -> Response:
    """What everybody in the room sees, polled: 304 while nothing changed. The key stands for the right to see it."""
    if links.read(_KEY, key) != session_id:
        raise NoSuchSessionError
    code = language()
    page = cache(lambda: _public_page(session_id))
    return _now.answer(
        (session_id, code), lambda: public_tag(read_db(), page(), code), lambda: public_html(read_db(), page(), code)
    )


def _public_page(session_id: int) -> SessionPage:
    page = session_page(read_db(), session_id, None)
    if page is None:
        raise NoSuchSessionError
    return page


@blueprint.get("/sessions/<int:session_id>/state")
@requires(signed_in)
def room_state(session_id: int) -> Response:
    """One person's own part of the room, polled more rarely; 410 once the session is over."""
    db = read_db()
    page = visible_page(db, session_id, current_user)
    if not page.open_at(clock.now()):
        return make_response("", _GONE)
    standing = standing_of(db, page, current_user)
    own = None if standing.runs else own_part(db, session_id=page.id, user_id=current_user.id)
    state = room_state_of(db, page, language())
    return fragment(render_template("pages/_room_own.html", room=state, standing=standing, own=own))
