"""The home page: what it is, when the next session starts, one e-mail field."""

from dataclasses import dataclass

from flask import render_template
from sqlalchemy.orm import Session

from portal.forum.queries.lists import ListRow, latest_answered
from portal.identity.forms import SignInForm
from portal.pages.blueprint import blueprint
from portal.training.content import ChapterText, chapters, lesson
from portal.training.queries.sessions import UpcomingSession, next_sessions
from portal.web.access import public
from portal.web.database import read_db
from portal.web.headers import cacheable
from portal.web.languages import language

_SESSIONS_SHOWN = 3
_QUESTIONS_SHOWN = 2
_CACHED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Announced:
    """A session to come, with its lesson's words in the reader's language."""

    session: UpcomingSession
    title: str
    address: str


@dataclass(frozen=True, slots=True)
class HomePage:
    """What the home page shows."""

    announced: list[Announced]
    answered: tuple[ListRow, ...]
    chapters: tuple[ChapterText, ...]


def home_page(db: Session, code: str) -> HomePage:
    """The next sessions and the latest answered questions, in two statements."""
    announced = [
        Announced(session, lesson(session.number).title(code), lesson(session.number).address)
        for session in next_sessions(db, _SESSIONS_SHOWN)
    ]
    return HomePage(announced, latest_answered(db, limit=_QUESTIONS_SHOWN).rows, chapters())


@blueprint.get("/")
@public
@cacheable(_CACHED_SECONDS)
def home() -> str:
    """Open to all, and kept by caches for a minute."""
    return render_template("pages/home.html", page=home_page(read_db(), language()), form=SignInForm())
