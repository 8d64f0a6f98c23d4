"""People who have met the rule, certificates of theirs, and a signed document that is ready."""

from datetime import UTC, date, datetime

from sqlalchemy.orm import Session as DbSession

from portal.certificates.models import Certificate
from portal.certificates.services import issue
from portal.identity.models import Language, User
from portal.kernel import clock
from portal.training import content
from portal.training import services as training
from tests.builders.training import make_cohort, make_expert, session_of

NEEDED = 20
# The day after the 20th session of the builders' cohort, Tuesdays and Thursdays from 24 November 2026.
EARNED = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


def attend_lessons(db: DbSession, user: User, organiser: User, *, lessons: int) -> None:
    """Let somebody attend the first sessions of a cohort from beginning to end, by pressing the button."""
    cohort = make_cohort(db, organiser, make_expert(db))
    with clock.at(session_of(db, cohort).starts_at):
        training.enrol(db, user=user, cohort_id=cohort.id)
    for number in range(1, lessons + 1):
        session = session_of(db, cohort, number)
        starts_at, ends_at = session.starts_at, session.ends_at
        with clock.at(starts_at):
            training.start_session(db, session_id=session.id)
        for fifth in range(6):
            with clock.at(starts_at + (ends_at - starts_at) * fifth / 6):
                training.press_button(db, user=user, session_id=session.id)
        with clock.at(ends_at):
            training.end_session(db, session_id=session.id)


def certify(db: DbSession, user: User, organiser: User, name: str = "Claire Vasseur", shop: str = "") -> Certificate:
    """A certificate that was earned and issued."""
    attend_lessons(db, user, organiser, lessons=NEEDED)
    with clock.at(EARNED):
        return issue(db, user=user, name=name, shop=shop)


def unsaved(language: str = "fr", name: str = "Claire Vasseur", *, shop: str = "", minutes: int = 660) -> Certificate:
    """A certificate as the database would hold it: 21 sessions attended, one by replay, three missed."""
    states = {6: "missed", 9: "replay", 16: "excused", 23: "missed"}
    return Certificate(
        serial="C-2027-004182",
        code="7KQ4MX2D9TRAHW5E8B3CNVGF6Y",
        printed_name=name,
        printed_shop=shop,
        language=Language(language),
        programme_title="Vendre en ligne, de la vitrine au virement",
        training_minutes=minutes,
        counted=22,
        needed=NEEDED,
        first_on=date(2026, 10, 15),
        last_on=date(2027, 1, 21),
        lessons=[
            {
                "number": lesson.number,
                "chapter": chapter.title(language),
                "title": lesson.title(language),
                "state": states.get(lesson.number, "present"),
            }
            for chapter in content.chapters()
            for lesson in chapter.lessons
        ],
        issued_at=datetime(2027, 1, 21, 12, tzinfo=UTC),
    )
