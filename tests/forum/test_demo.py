from collections import Counter
from datetime import timedelta

import sqlalchemy as sa

from portal.demo import forum as demo
from portal.demo import people
from portal.demo.people import demo_user
from portal.forum.models import Answer, Question, QuestionState
from portal.kernel import clock
from portal.training import content
from tests.builders import forum


def everybody(db):
    for person in people.EVERYBODY:
        demo_user(db, person)
    db.commit()


def test_forty_questions_are_asked_over_the_last_month(db):
    everybody(db)
    demo.build()
    questions = db.scalars(sa.select(Question)).all()
    assert len(questions) >= 40
    now = clock.now()
    assert all(now - timedelta(days=32) < question.created_at < now for question in questions)
    languages = Counter(question.language for question in questions)
    assert languages["fr"] > languages["en"] >= 5
    assert languages["ar"] >= 5
    assert Counter(question.state for question in questions)[QuestionState.OPEN] == 3
    assert db.scalars(sa.select(sa.func.min(Answer.vote_count))).one() >= 1


def test_building_twice_asks_once(db):
    everybody(db)
    demo.build()
    before = db.scalars(sa.select(sa.func.count(Question.id))).one()
    demo.build()
    assert db.scalars(sa.select(sa.func.count(Question.id))).one() == before


def test_the_live_session_gets_questions_once(db, organiser, expert):
    everybody(db)
    session = forum.live_session(db, organiser, expert)
    with clock.at(session.starts_at + timedelta(minutes=7)):
        for _time in range(2):
            demo.ask_live(db, session_id=session.id, started_at=session.starts_at)
    questions = db.scalars(sa.select(Question).order_by(Question.id)).all()
    assert [question.minute for question in questions] == [4, 6, 7, 7]
    assert [question.state for question in questions] == [QuestionState.HIGHLIGHTED] + [QuestionState.PUBLISHED] * 3
    assert [question.vote_count for question in questions] == [3, 2, 1, 0]


def test_every_question_names_a_lesson_and_no_title_twice():
    entries = demo.entries()
    assert all(content.lesson(entry["lesson"]) for entry in entries)
    assert len({entry["title"] for entry in entries}) == len(entries)
    assert len({entry["lesson"] for entry in entries}) >= 18
