"""The words of training's notices on one's own page."""

from datetime import datetime

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.notifications.contents import NoticeContent, Params, notice_kind
from portal.training import content
from portal.web.formats import date_medium, time_short


def _what(params: Params) -> str:
    if params["whole_cohort"]:
        return str(params["cohort"])
    return f"{params['number']}. {content.lesson(params['number']).title(str(get_locale())[:2])}"


@notice_kind("training.seat_offered")
def seat_offered(params: Params) -> NoticeContent:
    """A place or a seat is held, until a moment in the reader's own zone."""
    until = datetime.fromisoformat(params["expires_at"])
    title = _(
        "A seat is held for you until %(when)s",
        when=_("%(day)s, %(time)s", day=date_medium(until), time=time_short(until)),
    )
    return NoticeContent("armchair", "wait", title, _what(params))


@notice_kind("training.seat_given")
def seat_given(params: Params) -> NoticeContent:
    """A place or a seat came free close to the session, and is theirs."""
    return NoticeContent("armchair", "go", _("A seat came free: it is yours"), _what(params))
