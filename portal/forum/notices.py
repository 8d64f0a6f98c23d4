"""The words of the forum's notices on one's own page."""

from datetime import datetime

from flask_babel import gettext as _

from portal.notifications.contents import NoticeContent, Params, notice_kind
from portal.web.formats import date_medium, time_short


def _by_when(params: Params) -> str:
    promised_at = datetime.fromisoformat(params["promised_at"])
    return str(_("Before %(day)s, %(time)s", day=date_medium(promised_at), time=time_short(promised_at)))


@notice_kind("forum.answered")
def answered(params: Params) -> NoticeContent:
    """Your question was answered."""
    title = _("%(name)s has answered you", name=params["author"])
    return NoticeContent("message-circle-reply", "go", title, params["title"])


@notice_kind("forum.followed_answered")
def followed_answered(params: Params) -> NoticeContent:
    """A question you follow was answered."""
    return NoticeContent("bell", "info", _("A question you follow has an answer"), params["title"])


@notice_kind("forum.answered_aloud")
def answered_aloud(params: Params) -> NoticeContent:
    """Your question was answered in the session."""
    if params["minute"] is None:
        return NoticeContent("mic", "go", _("Answered in the session"), params["title"])
    title = _("Answered in the session, minute %(minute)s", minute=params["minute"])
    return NoticeContent("mic", "go", title, params["title"])


@notice_kind("forum.accepted")
def accepted(params: Params) -> NoticeContent:
    """Your answer was accepted."""
    return NoticeContent(
        "circle-check", "go", _("%(name)s has accepted your answer", name=params["by"]), params["title"]
    )


@notice_kind("forum.routed")
def routed(params: Params) -> NoticeContent:
    """A question is yours to answer."""
    return NoticeContent("inbox", "wait", _("To answer: %(when)s", when=_by_when(params)), params["title"])


@notice_kind("forum.handed_on")
def handed_on(params: Params) -> NoticeContent:
    """Your question has another expert, and a new promise."""
    title = _("We are late. Another expert answers you: %(when)s", when=_by_when(params))
    return NoticeContent("clock", "wait", title, params["title"])


@notice_kind("forum.carried_on")
def carried_on(params: Params) -> NoticeContent:
    """The session ended first: an expert answers in the forum."""
    title = _("Your question goes on after the session: %(when)s", when=_by_when(params))
    return NoticeContent("clock", "info", title, params["title"])


@notice_kind("forum.clarification")
def clarification(params: Params) -> NoticeContent:
    """The expert needs a detail from you."""
    return NoticeContent("message-circle-question-mark", "wait", _("The expert needs one more detail"), params["title"])


@notice_kind("forum.asker_replied")
def asker_replied(params: Params) -> NoticeContent:
    """The asker has replied; your clock runs again."""
    return NoticeContent("inbox", "wait", _("The detail is there: %(when)s", when=_by_when(params)), params["title"])


@notice_kind("forum.merged")
def merged(params: Params) -> NoticeContent:
    """Your question was merged into another."""
    title = _("Your question joins another one that asks the same")
    return NoticeContent("git-merge", "info", title, params["title"])


@notice_kind("forum.hidden")
def hidden(params: Params) -> NoticeContent:
    """Your question is no longer shown."""
    title = _("Your question is no longer shown: %(reason)s", reason=params["reason"])
    return NoticeContent("eye-off", "bad", title, params["title"])


@notice_kind("forum.answer_hidden")
def answer_hidden(params: Params) -> NoticeContent:
    """Your answer is no longer shown."""
    title = _("Your answer is no longer shown: %(reason)s", reason=params["reason"])
    return NoticeContent("eye-off", "bad", title, params["title"])
