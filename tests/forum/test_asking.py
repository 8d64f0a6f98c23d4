from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.forum import services
from portal.forum.errors import NoSeatError, QuestionNotFoundError, TooManyPostsError
from portal.forum.models import QuestionAssignment, QuestionState, Topic
from portal.kernel import clock
from portal.kernel.db import UTCDateTime
from portal.notifications.models import Notice, OutboxMail
from portal.training.services import enrol
from tests.builders import forum, training

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Paris


def test_a_question_opens_in_the_forum_with_owner_and_promise(db, alice, expert):
    with clock.at(NOW):
        question = forum.ask(db, alice, "Quel prix pour une robe retouchée ?", lesson_number=7)
    assert question.state is QuestionState.OPEN
    assert question.owner_id == expert.id
    assert question.promised_at == datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    assert question.slug == "quel-prix-pour-une-robe-retouchee"
    turn = db.scalars(sa.select(QuestionAssignment)).one()
    assert (turn.question_id, turn.expert_id, turn.ended_at) == (question.id, expert.id, None)


def test_the_expert_is_told_that_a_question_is_theirs(db, alice, expert):
    question = forum.ask(db, alice)
    notice = db.scalars(sa.select(Notice)).one()
    assert (notice.user_id, notice.kind) == (expert.id, "forum.routed")
    assert notice.path == f"/fr/q/{question.id}-{question.slug}"
    assert db.scalars(sa.select(OutboxMail)).all() == []


def test_without_any_expert_the_promise_stands_and_the_question_is_free(db, alice):
    question = forum.ask(db, alice)
    assert question.owner_id is None
    assert question.promised_at is not None


def test_an_expert_is_never_asked_their_own_question(db, expert):
    assert forum.ask(db, expert).owner_id is None


def test_a_question_takes_its_lessons_topic(db, alice):
    question = forum.ask(db, alice, lesson_number=24)
    assert db.get_one(Topic, question.topic_id).slug == "prix-et-tva"
    assert forum.ask(db, alice, lesson_number=None).topic_id is None


def test_every_lesson_has_one_topic(db):
    numbers = [number for topic in db.scalars(sa.select(Topic)) for number in topic.lesson_numbers]
    assert sorted(numbers) == list(range(1, 26))


@pytest.mark.parametrize(
    ("title", "page", "language"),
    [
        ("Puis-je vendre du miel ?", "fr", "fr"),
        ("Can I sell honey?", "en", "en"),
        ("هل أستطيع بيع العسل؟", "fr", "ar"),
        ("Puis-je vendre du miel ?", "ar", "fr"),
        ("هل أبيع iPhone؟", "fr", "ar"),
        ("12 ?", "en", "en"),
    ],
)
def test_the_language_is_read_from_the_letters_then_from_the_page(db, alice, title, page, language):
    assert forum.ask(db, alice, title, language=page).language == language


def test_an_arabic_title_keeps_its_letters_in_the_address(db, alice):
    assert forum.ask(db, alice, "هل أبيع العسل؟").slug == "هل-ابيع-العسل"


def test_eleven_questions_in_an_hour_are_one_too_many(db, alice, bob):
    with clock.at(NOW):
        for number in range(10):
            forum.ask(db, alice, f"Question {number} ?")
        with pytest.raises(TooManyPostsError):
            forum.ask(db, alice, "Encore une ?")
        forum.ask(db, bob, "La mienne ?")
    with clock.at(NOW + timedelta(hours=1)):
        forum.ask(db, alice, "Une heure plus tard ?")


def test_a_live_question_carries_the_sessions_minute(db, organiser, expert, alice):
    session = forum.live_session(db, organiser, expert, 3)
    enrol(db, user=alice, cohort_id=session.cohort_id)
    with clock.at(session.starts_at + timedelta(minutes=14, seconds=59)):
        question = services.ask_live(db, user=alice, session_id=session.id, title="Et le samedi ?")
    assert (question.state, question.minute, question.lesson_number) == (QuestionState.PUBLISHED, 14, 3)
    assert (question.owner_id, question.promised_at) == (None, None)


def test_asking_live_takes_a_seat(db, organiser, expert, charlie):
    session = forum.live_session(db, organiser, expert)
    with pytest.raises(NoSeatError):
        services.ask_live(db, user=charlie, session_id=session.id, title="Et moi ?")


def test_there_is_no_asking_in_a_draft_or_unknown_session(db, organiser, expert, alice):
    session = training.session_of(db, training.make_draft(db, organiser, expert))
    for session_id in (session.id, 999_999):
        with pytest.raises(QuestionNotFoundError):
            services.ask_live(db, user=alice, session_id=session_id, title="Et là ?")


def test_before_the_session_there_is_no_minute(db, organiser, expert, alice):
    session = training.session_of(db, training.make_cohort(db, organiser, expert))
    enrol(db, user=alice, cohort_id=session.cohort_id)
    with clock.at(session.starts_at - timedelta(minutes=5)):
        question = services.ask_live(db, user=alice, session_id=session.id, title="J’ai une avance.")
    assert (question.state, question.minute) == (QuestionState.PUBLISHED, None)


def test_after_the_session_it_opens_in_the_forum(db, organiser, expert, alice):
    session = forum.live_session(db, organiser, expert)
    enrol(db, user=alice, cohort_id=session.cohort_id)
    training.run_session(db, session)
    with clock.at(session.ends_at + timedelta(minutes=2)):
        question = services.ask_live(db, user=alice, session_id=session.id, title="Trop tard ?")
    assert (question.state, question.session_id, question.owner_id) == (QuestionState.OPEN, session.id, expert.id)


def test_a_live_question_with_a_link_waits_for_the_expert(db, organiser, expert, alice):
    session = forum.live_session(db, organiser, expert)
    enrol(db, user=alice, cohort_id=session.cohort_id)
    question = services.ask_live(db, user=alice, session_id=session.id, title="Voyez www.exemple.test, c’est bien ?")
    assert question.state is QuestionState.PENDING


def test_after_a_hidden_question_the_next_one_waits_for_a_month(db, organiser, expert, alice):
    session = forum.live_session(db, organiser, expert)
    enrol(db, user=alice, cohort_id=session.cohort_id)
    start = session.starts_at
    with clock.at(start):
        first = services.ask_live(db, user=alice, session_id=session.id, title="Hors sujet ?")
        services.hide(db, user=expert, question_id=first.id, reason="Hors sujet.")
        second = services.ask_live(db, user=alice, session_id=session.id, title="Pardon, celle-ci ?")
    assert second.state is QuestionState.PENDING
    with clock.at(start + timedelta(days=31)):
        third = services.ask_live(db, user=alice, session_id=session.id, title="Un mois plus tard ?")
    assert third.state is QuestionState.PUBLISHED


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"lesson_number": 26},
        {"lesson_number": 0},
        {"state": "hidden"},
        {"state": "published"},
        {"state": "solved"},
        {"state": "gone"},
        {"minute": 3},
        {"vote_count": -1},
        {"answer_count": -1},
        {"follower_count": -1},
        {"paused_at": NOW, "promised_at": None, "owner_id": None},
        {"promised_at": None},
        {"merged_at": NOW},
    ],
)
def test_the_database_refuses_what_must_not_be(db, alice, expert, wrong):
    question = forum.ask(db, alice)
    # A plain text type lets a state that is none reach the database.
    values = {
        sa.column(name): sa.literal(value, sa.String) if name == "state" else value for name, value in wrong.items()
    }
    change = sa.update(sa.table("questions", sa.column("id"), *values)).where(sa.column("id") == question.id)
    moments = {name: sa.literal(value, UTCDateTime) for name, value in wrong.items() if name.endswith("_at")}
    with pytest.raises((sa.exc.IntegrityError, sa.exc.DataError)), db.begin_nested():
        db.execute(change.values({**{column.name: value for column, value in values.items()}, **moments}))
