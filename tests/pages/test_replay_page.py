"""A session to see again: the words it had, its recording, the questions asked then."""

import html
from datetime import timedelta

import pytest

from portal.forum import services as forum
from portal.kernel import clock
from portal.training import content, services
from portal.training.models import Cohort, SlideTurn
from portal.training.queries.lessons import newest_version
from portal.training.services.lessons import save_words
from tests.builders import forum as ask_build
from tests.builders import training as build
from tests.training.statements import counted_statements

MINUTE = timedelta(minutes=1)
FILE = "https://videos.example/lesson.mp4"
PLAYER = "https://bbb.example/playback/presentation/2.3/abc"


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def held(db, organiser, expert, merchant):
    """A session of lesson 1 that is over: its second slide came up at five minutes, a question at twelve."""
    cohort = build.make_cohort(db, organiser, expert)
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    session = build.session_of(db, cohort)
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    db.add(SlideTurn(session_id=session.id, slide=1, at=session.starts_at + 5 * MINUTE))
    with clock.at(session.starts_at + 12 * MINUTE):
        question = ask_build.ask(
            db, merchant, "Faut-il une balance ?", lesson_number=1, session_id=session.id, minute=12
        )
        forum.publish(db, user=expert, question_id=question.id)
    with clock.at(session.ends_at):
        services.end_session(db, session_id=session.id)
        yield build.session_of(db, cohort)


def page_of(client, session, query=""):
    answer = client.get(f"/fr/sessions/{session.id}/replay{query}")
    assert answer.status_code == 200
    return html.unescape(answer.get_data(as_text=True)), answer


def test_without_a_recording_the_text_is_the_replay(client, held):
    page, answer = page_of(client, held)
    words = content.lesson(1).words["fr"]
    assert all(f'id="s{number}"' in page for number in range(1, len(words.slides) + 1))
    assert 'href="#s2"' in page
    assert '<bdi dir="ltr" class="num">5:00</bdi>' in page
    assert "Faut-il une balance ?" in page
    assert "12:00" in page
    assert f"/programme/{content.lesson(1).address}/quiz" in page
    assert "media-src" not in answer.headers["Content-Security-Policy"]
    assert "public" in answer.headers["Cache-Control"]


def test_a_players_recording_is_opened_at_each_chapter(client, db, held):
    held.replay_url, held.replay_from_seconds = PLAYER, 90
    db.flush()
    page, _ = page_of(client, held)
    assert f'href="{PLAYER}?t=1m30s"' in page
    assert f'href="{PLAYER}?t=6m30s"' in page
    assert f'href="{PLAYER}?t=13m30s"' in page
    assert f'href="{PLAYER}?t=1m35s"' in page_of(client, held, "?t=5")[0]


def test_a_file_plays_here_and_only_from_where_it_is(client, db, held):
    held.replay_url, held.replay_from_seconds = FILE, 90
    db.flush()
    page, answer = page_of(client, held, "?t=300")
    assert f'src="{FILE}#t=390"' in page
    assert f"/fr/sessions/{held.id}/replay?t=720#player" in page
    assert answer.headers["Content-Security-Policy"].endswith("media-src https://videos.example")


@pytest.mark.parametrize("query", ["?t=x", "?t=-5", "?t=²", "?t=1e3", "?t=9999999999999", "?t="])
def test_a_second_that_is_none_is_the_beginning(client, db, held, query):
    held.replay_url = FILE
    db.flush()
    assert f'src="{FILE}#t=0"' in page_of(client, held, query)[0]


def test_it_shows_the_words_the_session_had(client, db, held, organiser):
    original = content.lesson(1).words["fr"].slides[0].title
    for number, title in enumerate(("Premier changement", "Second changement")):
        words = content.lesson(1).entries()
        words["fr"]["text"] = words["fr"]["text"].replace(original, title, 1)
        save_words(db, organiser=organiser, number=1, words=words, based_on=number)
        if number == 0:
            first = newest_version(db, 1).id
    lesson_page = client.get(f"/fr/programme/{content.lesson(1).address}").get_data(as_text=True)
    assert "Second changement" in lesson_page
    assert original in page_of(client, held)[0]
    held.lesson_version_id = first
    db.flush()
    page, _ = page_of(client, held)
    assert "Premier changement" in page
    assert "Second changement" not in page


def test_hidden_questions_and_sessions_that_are_not_over_are_not_shown(client, db, held, expert, merchant):
    with clock.at(held.ends_at):
        question = ask_build.ask(db, merchant, "À cacher", lesson_number=1, session_id=held.id, minute=3)
        forum.hide(db, user=expert, question_id=question.id, reason="Sans rapport avec la leçon.")
    assert "À cacher" not in page_of(client, held)[0]
    for session_id in (held.id + 1, 10**9, 10**30):
        assert client.get(f"/fr/sessions/{session_id}/replay").status_code == 404


def test_the_page_takes_as_many_statements_whatever_was_asked(client, db, held, merchant):
    with counted_statements() as few:
        page_of(client, held)
    with clock.at(held.ends_at):
        for minute in range(10):
            ask_build.ask(
                db, merchant, f"Question {minute} de la session", lesson_number=1, session_id=held.id, minute=minute
            )
    with counted_statements() as many:
        page_of(client, held)
    assert len(many) == len(few) <= 3


def test_the_lesson_page_leads_to_ones_own_session_first(client, sign_in, db, held, merchant, organiser):
    other = build.make_cohort(db, organiser, build.make_expert(db))
    later = build.session_of(db, other)
    build.run_session(db, later)
    later = build.session_of(db, other)
    later.replay_url = FILE
    db.flush()
    path = f"/fr/programme/{content.lesson(1).address}"
    visitor = client.get(path).get_data(as_text=True)
    assert visitor.index(f"/fr/sessions/{later.id}/replay") < visitor.index(f"/fr/sessions/{held.id}/replay")
    sign_in(client, merchant)
    mine = client.get(path).get_data(as_text=True)
    assert mine.index(f"/fr/sessions/{held.id}/replay") < mine.index(f"/fr/sessions/{later.id}/replay")


def test_an_organiser_says_where_the_recording_is(client, new_client, sign_in, db, held, organiser):
    sign_in(client, organiser)
    path = f"/fr/sessions/{held.id}/replay"
    assert client.post(path, data={"url": FILE, "begins": "1:30"}).status_code == 303
    page, _ = page_of(new_client(), held)
    assert f'src="{FILE}#t=90"' in page
    assert 'name="begins"' not in page
    assert 'value="1:30"' in client.get(path).get_data(as_text=True)
    assert client.post(path, data={"url": "", "begins": "1:30"}).status_code == 303
    assert "<video" not in page_of(new_client(), held)[0]


@pytest.mark.parametrize(
    "data",
    [
        {"url": "javascript:alert(1)", "begins": "0:00"},
        {"url": "http://videos.example/a.mp4", "begins": "0:00"},
        {"url": "https://", "begins": "0:00"},
        {"url": FILE, "begins": "soon"},
        {"url": f"https://videos.example/{'a' * 500}", "begins": "0:00"},
    ],
)
def test_a_wrong_recording_is_said_so_and_nothing_typed_is_lost(client, sign_in, db, held, organiser, data):
    sign_in(client, organiser)
    answer = client.post(f"/fr/sessions/{held.id}/replay", data=data)
    assert answer.status_code == 422
    assert html.escape(data["url"]) in answer.get_data(as_text=True)
    assert build.session_of(db, db.get_one(Cohort, held.cohort_id)).replay_url == ""


def test_only_organisers_set_it_and_only_for_a_session_that_is_over(
    client, new_client, sign_in, held, merchant, organiser
):
    sign_in(client, merchant)
    assert client.post(f"/fr/sessions/{held.id}/replay", data={"url": FILE}).status_code == 404
    other = new_client()
    sign_in(other, organiser)
    assert other.post(f"/fr/sessions/{held.id + 1}/replay", data={"url": FILE}).status_code == 404


def test_an_address_that_is_none_of_the_web_is_never_a_link(client, db, held):
    held.replay_url = "javascript:alert(1)"
    db.flush()
    assert "javascript:" not in page_of(client, held)[0]
