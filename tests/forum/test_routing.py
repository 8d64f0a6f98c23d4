from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.forum import queries, services
from portal.forum.errors import NotYoursError, QuestionClosedError
from portal.forum.jobs import hand_on_overdue
from portal.forum.models import AssignmentOutcome, Question, QuestionAssignment, QuestionState
from portal.forum.queries.queue import Sort, open_count
from portal.forum.services.routing import Candidate, choose
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.notifications.models import Notice
from tests.builders import forum, training

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def expert(number, *, teaches=False, language="fr", load=0):
    return Candidate(number, language, teaches, load)


@pytest.mark.parametrize(
    ("experts", "chosen"),
    [
        ([expert(1, load=1), expert(2, load=0)], 2),
        ([expert(1), expert(2)], 1),
        ([expert(1, language="fr"), expert(2, language="ar", load=9)], 2),
        ([expert(1, language="ar"), expert(2, language="fr", teaches=True, load=9)], 2),
        ([expert(1, language="ar", teaches=True, load=5), expert(2, language="ar", teaches=True, load=4)], 2),
        ([expert(1, language="ar", teaches=True, load=5), expert(2, language="fr", teaches=True)], 1),
        ([expert(7)], None),
        ([], None),
    ],
)
def test_by_lesson_then_language_then_load(experts, chosen):
    found = choose(experts, language="ar", without={7})
    assert (found.user_id if found else None) == chosen


def test_whoever_teaches_the_lesson_comes_first(db, alice, organiser, expert):
    teacher = forum.make_user(db, is_expert=True)
    training.make_cohort(db, organiser, teacher)
    assert forum.ask(db, alice, lesson_number=3).owner_id == teacher.id


def test_an_arabic_question_goes_to_who_reads_arabic(db, alice, expert):
    arab = forum.make_user(db, is_expert=True, language="ar")
    assert forum.ask(db, alice, "هل أبيع العسل؟").owner_id == arab.id
    assert forum.ask(db, alice, "Puis-je vendre du miel ?").owner_id == expert.id


def test_open_questions_are_shared(db, alice, expert):
    other = forum.make_user(db, is_expert=True)
    owners = [forum.ask(db, alice, f"Question {number} ?").owner_id for number in range(4)]
    assert owners == [expert.id, other.id, expert.id, other.id]


def test_an_answered_question_is_no_load(db, alice, expert):
    other = forum.make_user(db, is_expert=True)
    question = forum.ask(db, alice)
    forum.answer(db, expert, question)
    assert forum.ask(db, alice).owner_id == expert.id
    assert forum.ask(db, alice).owner_id == other.id


def test_taking_keeps_the_promise(db, alice, expert):
    other = forum.make_user(db, is_expert=True)
    with clock.at(NOW):
        question = forum.ask(db, alice)
    promised = question.promised_at
    with clock.at(NOW + timedelta(hours=1)):
        taken = services.take(db, user=other, question_id=question.id)
    assert (taken.owner_id, taken.promised_at) == (other.id, promised)
    turns = db.scalars(sa.select(QuestionAssignment).order_by(QuestionAssignment.id)).all()
    assert [(turn.expert_id, turn.outcome) for turn in turns] == [
        (expert.id, AssignmentOutcome.TAKEN),
        (other.id, None),
    ]


def test_taking_twice_is_taking_once(db, alice, expert):
    question = forum.ask(db, alice)
    services.take(db, user=expert, question_id=question.id)
    assert db.scalars(sa.select(sa.func.count(QuestionAssignment.id))).one() == 1


def test_passing_goes_to_who_has_not_had_it(db, alice, expert):
    second, third = forum.make_user(db, is_expert=True), forum.make_user(db, is_expert=True)
    question = forum.ask(db, alice)
    owners = [services.pass_on(db, user=owner, question_id=question.id).owner_id for owner in (expert, second)]
    assert owners == [second.id, third.id]
    assert services.pass_on(db, user=third, question_id=question.id).owner_id in {expert.id, second.id}


def test_alone_there_is_nobody_to_pass_to(db, alice, expert):
    question = forum.ask(db, alice)
    with pytest.raises(QuestionClosedError):
        services.pass_on(db, user=expert, question_id=question.id)


def test_merchants_neither_take_nor_pass(db, alice, bob, expert):
    question = forum.ask(db, alice)
    for change in (services.take, services.pass_on):
        with pytest.raises(NotYoursError):
            change(db, user=bob, question_id=question.id)


def test_silence_hands_it_on_with_a_new_promise_and_tells_the_asker(db, alice, expert):
    other = forum.make_user(db, is_expert=True)
    with clock.at(NOW):
        question = forum.ask(db, alice)
    with clock.at(question.promised_at - timedelta(minutes=1)):
        assert services.overdue(db) == []
        assert not services.hand_on(db, question_id=question.id)
    late = datetime(2026, 11, 24, 16, 5, tzinfo=UTC)
    with clock.at(late):
        assert services.overdue(db) == [question.id]
        assert services.hand_on(db, question_id=question.id)
        assert services.overdue(db) == []
        assert not services.hand_on(db, question_id=question.id)
    question = db.get_one(Question, question.id, populate_existing=True)
    assert (question.owner_id, question.promised_at) == (other.id, datetime(2026, 11, 25, 16, 0, tzinfo=UTC))
    told = db.scalars(sa.select(Notice.kind).where(Notice.user_id == alice.id)).all()
    assert told == ["forum.handed_on"]


def test_while_it_is_the_askers_turn_nothing_is_handed_on(db, alice, expert):
    with clock.at(NOW):
        question = forum.ask(db, alice)
        services.comment(db, user=expert, question_id=question.id, text="Combien ?", is_clarification=True)
    with clock.at(NOW + timedelta(days=9)):
        assert services.overdue(db) == []
        assert not services.hand_on(db, question_id=question.id)


def test_someone_alone_keeps_it_with_a_new_promise(db, alice, expert):
    with clock.at(NOW):
        question = forum.ask(db, alice)
    with clock.at(NOW + timedelta(days=2)):
        assert services.hand_on(db, question_id=question.id)
    question = db.get_one(Question, question.id, populate_existing=True)
    assert (question.owner_id, question.promised_at) == (expert.id, datetime(2026, 11, 26, 16, 0, tzinfo=UTC))


def test_the_job_hands_on_what_is_overdue_once(fresh_database):
    with transaction() as db:
        asker = forum.make_user(db)
        for _number in range(2):
            forum.make_user(db, is_expert=True)
        with clock.at(NOW):
            for number in range(3):
                forum.ask(db, asker, f"Question {number} ?")
    with clock.at(NOW + timedelta(days=3)):
        assert hand_on_overdue() == 3
        assert hand_on_overdue() == 0
    with transaction() as db:
        silent = QuestionAssignment.outcome == AssignmentOutcome.SILENT
        assert db.scalars(sa.select(sa.func.count()).where(silent)).one() == 3
        running = QuestionAssignment.ended_at.is_(None)
        assert db.scalars(sa.select(sa.func.count()).where(running)).one() == 3


def test_at_most_one_turn_runs(db, alice, bob, expert):
    question = forum.ask(db, alice)
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(sa.insert(QuestionAssignment).values(question_id=question.id, expert_id=bob.id, promised_at=NOW))


def test_the_queue_holds_ones_own_and_the_free_ones_by_promise(db, alice, expert):
    with clock.at(NOW + timedelta(days=1)):
        later = forum.ask(db, alice, "La seconde ?")
    with clock.at(NOW):
        sooner = forum.ask(db, alice, "La première ?")
        other = forum.make_user(db, is_expert=True)
        services.take(db, user=other, question_id=forum.ask(db, alice, "À une collègue ?").id)
    db.execute(sa.update(Question).where(Question.id == later.id).values(owner_id=None))
    queue = queries.queue(db, user_id=expert.id)
    assert [(row.id, row.is_mine) for row in queue.rows] == [(sooner.id, True), (later.id, False)]
    assert open_count(db, user_id=expert.id) == 1
    assert queue.due_before(sooner.promised_at) == 1


def test_the_queue_by_how_many_wait_and_what_waits_for_its_asker(db, alice, bob, expert):
    questions = [forum.ask(db, alice, f"Question {number} ?") for number in range(3)]
    services.follow(db, user=bob, question_id=questions[1].id)
    services.comment(db, user=expert, question_id=questions[2].id, text="Combien ?", is_clarification=True)
    queue = queries.queue(db, user_id=expert.id, sort=Sort.AWAITED)
    assert [row.id for row in queue.rows] == [questions[1].id, questions[0].id]
    assert [row.id for row in queue.paused] == [questions[2].id]


def test_promises_kept_are_those_answered_in_time(db, alice, expert):
    assert queries.queue(db, user_id=expert.id).kept_percent is None
    questions = []
    with clock.at(NOW):
        questions = [forum.ask(db, alice, f"Question {number} ?") for number in range(3)]
        forum.answer(db, expert, questions[0])
    with clock.at(NOW + timedelta(days=2)):
        forum.answer(db, expert, questions[1])
        services.hand_on(db, question_id=questions[2].id)
        assert queries.queue(db, user_id=expert.id).kept_percent == 33


def test_what_was_answered_or_merged_leaves_the_queue(db, alice, expert):
    first, second, third = (forum.ask(db, alice, f"Question {number} ?") for number in range(3))
    forum.answer(db, expert, first)
    services.merge(db, user=expert, question_id=second.id, into_id=third.id)
    assert [row.id for row in queries.queue(db, user_id=expert.id).rows] == [third.id]
    assert db.get_one(Question, first.id, populate_existing=True).state is QuestionState.ANSWERED
