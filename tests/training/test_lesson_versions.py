"""Editing a lesson's words: versions that are only added, two organisers at once, and what a session had."""

import copy
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.identity.models import User
from portal.identity.services import create_user
from portal.kernel.db import reading, transaction
from portal.kernel.errors import PortalError
from portal.training import content
from portal.training.errors import BadWordsError, EditedMeanwhileError, NoSuchVersionError
from portal.training.models import LessonVersion
from portal.training.queries.lessons import (
    ORIGINAL,
    edited_lessons,
    lesson_words,
    newest_version,
    shown_version,
    version_history,
    version_of,
)
from portal.training.services.lessons import restore_words, save_words
from tests.training.statements import counted_statements

NUMBER = 3


def changed(task="Faites ceci.", number=NUMBER):
    """The lesson's words with another task in French."""
    words = content.lesson(number).entries()
    words["fr"]["task"] = task
    return words


def numbers(db):
    return db.scalars(sa.select(LessonVersion.number).order_by(LessonVersion.number)).all()


def test_a_lesson_nobody_edited_shows_its_file(db):
    assert lesson_words(db, NUMBER, "ar") == content.lesson(NUMBER).words["ar"]
    assert newest_version(db, NUMBER).number == 0
    assert (version_history(db, NUMBER), edited_lessons(db)) == ([], {})


def test_a_saved_version_is_shown_and_the_title_and_quiz_stay(db, organiser):
    assert save_words(db, organiser=organiser, number=NUMBER, words=changed(), based_on=0) == 1
    words = lesson_words(db, NUMBER, "fr")
    original = content.lesson(NUMBER).words["fr"]
    assert words.task == "Faites ceci."
    assert (words.title, words.quiz, words.slides) == (original.title, original.quiz, original.slides)
    assert lesson_words(db, NUMBER, "en") == content.lesson(NUMBER).words["en"]
    assert lesson_words(db, NUMBER + 1, "fr") == content.lesson(NUMBER + 1).words["fr"]
    assert [(one.number, one.author) for one in version_history(db, NUMBER)] == [(1, organiser.display_name)]
    assert edited_lessons(db)[NUMBER].version == 1


def test_what_a_session_had_is_what_it_shows(db, organiser):
    save_words(db, organiser=organiser, number=NUMBER, words=changed("Un."), based_on=0)
    first = newest_version(db, NUMBER).id
    save_words(db, organiser=organiser, number=NUMBER, words=changed("Deux."), based_on=1)

    def task_of(stamped, *, began):
        return lesson_words(db, NUMBER, "fr", shown_version(stamped, began=began)).task

    assert task_of(first, began=True) == "Un."
    assert task_of(None, began=True) == content.lesson(NUMBER).words["fr"].task
    assert task_of(None, began=False) == task_of(first, began=False) == "Deux."
    with pytest.raises(LookupError):
        lesson_words(db, NUMBER + 1, "fr", first)


def test_words_cost_one_statement_and_the_original_none(db):
    with counted_statements() as seen:
        lesson_words(db, NUMBER, "fr")
    assert len(seen) == 1
    with counted_statements() as seen:
        lesson_words(db, NUMBER, "fr", ORIGINAL)
    assert seen == []


def test_saving_what_is_there_already_adds_nothing(db, organiser):
    assert save_words(db, organiser=organiser, number=NUMBER, words=content.lesson(NUMBER).entries(), based_on=0) == 0
    save_words(db, organiser=organiser, number=NUMBER, words=changed(), based_on=0)
    assert save_words(db, organiser=organiser, number=NUMBER, words=changed(), based_on=1) == 1
    assert numbers(db) == [1]


@pytest.mark.parametrize("based_on", [0, 2, 7, -1])
def test_a_version_follows_the_newest_one_only(db, organiser, based_on):
    save_words(db, organiser=organiser, number=NUMBER, words=changed(), based_on=0)
    with pytest.raises(EditedMeanwhileError):
        save_words(db, organiser=organiser, number=NUMBER, words=changed("Autre."), based_on=based_on)
    assert numbers(db) == [1]


def _spoil(words, kind):
    if kind == "aim":
        words["en"]["aims"][1] = ""
    elif kind == "four aims":
        words["en"]["aims"].append("One more")
    elif kind == "slides":
        words["ar"]["text"] = words["ar"]["text"].replace("\n## ", "\n### ", 1)
    elif kind == "long":
        words["fr"]["text"] += " mot" * 300
    elif kind == "short":
        words["fr"]["text"] = "## Un\n\nDeux."
    elif kind == "heading":
        words["fr"]["text"] = words["fr"]["text"].removeprefix("## ")
    else:
        words["ar"][kind] = ""
    return words


@pytest.mark.parametrize("kind", ["aim", "four aims", "slides", "long", "short", "heading", "summary", "task", "text"])
def test_words_that_break_the_rules_of_the_files_are_refused(db, organiser, kind):
    with pytest.raises(BadWordsError):
        save_words(db, organiser=organiser, number=NUMBER, words=_spoil(changed(), kind), based_on=0)
    assert numbers(db) == []


def test_an_older_version_comes_back_as_a_new_one(db, organiser):
    save_words(db, organiser=organiser, number=NUMBER, words=changed("Un."), based_on=0)
    save_words(db, organiser=organiser, number=NUMBER, words=changed("Deux."), based_on=1)
    assert restore_words(db, organiser=organiser, number=NUMBER, version=1, based_on=2) == 3
    assert lesson_words(db, NUMBER, "fr").task == "Un."
    assert restore_words(db, organiser=organiser, number=NUMBER, version=0, based_on=3) == 4
    assert newest_version(db, NUMBER).words == content.lesson(NUMBER).entries()
    assert version_of(db, NUMBER, 2).words["fr"]["task"] == "Deux."
    with pytest.raises(NoSuchVersionError):
        restore_words(db, organiser=organiser, number=NUMBER, version=9, based_on=4)


@pytest.mark.parametrize("statement", ["UPDATE lesson_versions SET number = 9", "DELETE FROM lesson_versions"])
def test_the_database_keeps_every_version(db, organiser, statement):
    save_words(db, organiser=organiser, number=NUMBER, words=changed(), based_on=0)
    with pytest.raises(IntegrityError, match="append-only"), db.begin_nested():
        db.execute(sa.text(statement))


def test_two_organisers_at_once_save_one_version(fresh_database):
    with transaction() as db:
        ids = [create_user(db, email=f"o{one}@example.org", display_name="O", is_organiser=True).id for one in range(4)]
    barrier = Barrier(len(ids))

    def save(user_id):
        barrier.wait()
        try:
            with transaction() as db:
                words = copy.deepcopy(changed(f"Par {user_id}."))
                return save_words(db, organiser=db.get_one(User, user_id), number=NUMBER, words=words, based_on=0)
        except PortalError as error:
            return type(error)

    with ThreadPoolExecutor(len(ids)) as pool:
        outcomes = list(pool.map(save, ids))
    assert sorted(map(str, outcomes)) == sorted(map(str, [1, *[EditedMeanwhileError] * 3]))
    with reading() as db:
        assert numbers(db) == [1]
        winner = ids[outcomes.index(1)]
        assert lesson_words(db, NUMBER, "fr").task == f"Par {winner}."
