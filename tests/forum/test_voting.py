from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from portal.forum import services
from portal.forum.errors import AnswerNotFoundError, NotYoursError, QuestionNotFoundError
from portal.forum.models import Answer, AnswerVote, Question, QuestionFollower, Vote
from portal.kernel.db import transaction
from tests.builders import forum

CLICKS = 5


def test_a_vote_counts_once_however_often_it_is_given(db, alice, bob):
    question = forum.ask(db, alice)
    assert [services.vote(db, user=bob, question_id=question.id) for _time in range(3)] == [1, 1, 1]


def test_a_vote_can_be_taken_back_once(db, alice, bob, charlie):
    question = forum.ask(db, alice)
    for user in (bob, charlie):
        services.vote(db, user=user, question_id=question.id)
    taken = [services.vote(db, user=bob, question_id=question.id, wanted=False) for _time in range(3)]
    assert taken == [1, 1, 1]


def test_following_counts_others_than_the_asker(db, alice, bob):
    question = forum.ask(db, alice)
    assert services.follow(db, user=alice, question_id=question.id) == 0
    assert services.follow(db, user=bob, question_id=question.id) == 1
    assert services.follow(db, user=bob, question_id=question.id, wanted=False) == 0


def test_an_answer_helps_each_person_once(db, alice, bob, charlie):
    written = forum.answer(db, bob, forum.ask(db, alice))
    assert [services.help_vote(db, user=user, answer_id=written.id) for user in (alice, alice, charlie)] == [1, 1, 2]
    assert services.help_vote(db, user=alice, answer_id=written.id, wanted=False) == 1
    assert services.help_vote(db, user=alice, answer_id=written.id, wanted=False) == 1


def test_nobody_says_that_their_own_answer_helps(db, alice, bob):
    written = forum.answer(db, bob, forum.ask(db, alice))
    with pytest.raises(NotYoursError):
        services.help_vote(db, user=bob, answer_id=written.id)


@pytest.mark.parametrize("junk", [0, -1, 999_999, 2**63, 10**30])
def test_there_is_no_vote_for_what_is_not_there(db, alice, junk):
    for change in (services.vote, services.follow):
        with pytest.raises(QuestionNotFoundError):
            change(db, user=alice, question_id=junk)
    with pytest.raises(AnswerNotFoundError):
        services.help_vote(db, user=alice, answer_id=junk)


def test_there_is_no_vote_for_what_is_hidden(db, alice, bob, expert):
    question = forum.ask(db, alice)
    written = forum.answer(db, expert, question)
    services.hide(db, user=expert, question_id=question.id, reason="Hors sujet.")
    for user in (alice, bob):
        with pytest.raises(QuestionNotFoundError):
            services.vote(db, user=user, question_id=question.id)
    with pytest.raises(AnswerNotFoundError):
        services.help_vote(db, user=bob, answer_id=written.id)


def test_the_key_of_the_row_allows_one_vote(db, alice, bob):
    question = forum.ask(db, alice)
    services.vote(db, user=bob, question_id=question.id)
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(sa.insert(Vote).values(question_id=question.id, user_id=bob.id))


@pytest.fixture
def crowd(fresh_database):
    with transaction() as db:
        asker = forum.make_user(db)
        author = forum.make_user(db)
        question = forum.ask(db, asker)
        written = forum.answer(db, author, question)
        users = [forum.make_user(db) for _number in range(8)]
        db.expunge_all()
    return question.id, written.id, users


@pytest.mark.parametrize("kind", ["vote", "follow", "help"])
def test_a_crowd_that_clicks_at_once_counts_each_person_once(crowd, full_counts, kind):
    question_id, answer_id, users = crowd

    def click(user):
        with transaction() as db:
            if kind == "help":
                return services.help_vote(db, user=user, answer_id=answer_id)
            change = services.vote if kind == "vote" else services.follow
            return change(db, user=user, question_id=question_id)

    clicks = [user for _time in range(CLICKS * (10 if full_counts else 1)) for user in users]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(click, clicks))
    with transaction() as db:
        table, count = {
            "vote": (Vote, Question.vote_count),
            "follow": (QuestionFollower, Question.follower_count),
            "help": (AnswerVote, Answer.vote_count),
        }[kind]
        assert db.scalars(sa.select(sa.func.count()).select_from(table)).one() == len(users)
        assert db.scalars(sa.select(count)).one() == len(users)


def test_votes_given_and_taken_at_once_leave_the_count_of_the_rows(crowd, full_counts):
    question_id, _answer_id, users = crowd

    def click(order):
        number, user = order
        with transaction() as db:
            services.vote(db, user=user, question_id=question_id, wanted=number % 3 != 0)

    orders = [(n + k, user) for k in range(CLICKS * (10 if full_counts else 1)) for n, user in enumerate(users)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(click, orders))
    with transaction() as db:
        rows = db.scalars(sa.select(sa.func.count()).select_from(Vote)).one()
        assert db.scalars(sa.select(Question.vote_count)).one() == rows
