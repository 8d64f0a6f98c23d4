"""The live room: what the expert shows, how one's presence stands, and the questions beside it."""

from flask import redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forum.queries.live import live_panel
from portal.kernel import clock
from portal.pages.blueprint import blueprint
from portal.training.errors import NoSuchSessionError
from portal.training.models import SessionState
from portal.training.policies import may_run
from portal.training.queries import my_attendance, session_page
from portal.training.views.room import room_state_of
from portal.web.access import requires, signed_in
from portal.web.database import read_db
from portal.web.languages import language


@blueprint.get("/sessions/<int:session_id>")
@requires(signed_in)
def room(session_id: int) -> str | Response:
    """The room while it is open; before and after, what to do. Whoever has no seat finds the cohort instead."""
    db = read_db()
    page = session_page(db, session_id, current_user.id)
    if page is None:
        raise NoSuchSessionError
    if not (page.seated or may_run(current_user, page.expert_id)):
        return redirect(url_for("training.cohort", cohort_id=page.cohort_id), code=303)
    state = room_state_of(db, page, current_user, language())
    if not page.open_at(clock.now()):
        attendance = my_attendance(db, session_id, current_user.id) if page.state is SessionState.ENDED else None
        return render_template("pages/room_closed.html", room=state, attendance=attendance)
    panel = live_panel(db, session_id=session_id, user=current_user, order=request.args.get("order", ""))
    return render_template("pages/room.html", room=state, panel=panel)
