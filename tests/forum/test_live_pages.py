import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.forum import services
from portal.forum.models import Question
from portal.kernel import clock
from portal.training.services import enrol
from tests.builders import forum
from tests.builders.forum import path

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_the_answers_part_is_304_until_something_changes(client, new_client, sign_in, db, question, alice, expert):
    sign_in(client, alice)
    page = client.get(path(question)).text
    poll = re.search(r'data-poll="([^"]+)"', page)[1].replace("&amp;", "&")
    tag = re.search(r"data-tag='([^']+)'", page)[1]
    assert client.get(poll, headers={"If-None-Match": tag}).status_code == 304
    other = new_client()
    sign_in(other, expert)
    other.post(f"/fr/q/{question.id}/answers", data={"text": "Oui, dès aujourd’hui."})
    part = client.get(poll, headers={"If-None-Match": tag})
    assert part.status_code == 200
    assert "Oui, dès aujourd’hui." in part.text
    assert part.headers["X-New"].startswith("1")
    assert client.get(poll, headers={"If-None-Match": part.headers["ETag"]}).status_code == 304


@pytest.fixture
def session(db, organiser, expert, alice, bob):
    found = forum.live_session(db, organiser, expert)
    for user in (alice, bob):
        enrol(db, user=user, cohort_id=found.cohort_id)
    db.commit()
    return found


def poll_of(page):
    return (
        re.search(r'data-poll="([^"]+/questions[^"]*)"', page)[1].replace("&amp;", "&"),
        re.search(r"data-tag='([^']+)'", page)[1],
    )


def parts_of(page):
    """What everybody's part of the room is polled at, and one's own."""
    return [found.replace("&amp;", "&") for found in re.findall(r'data-parts="([^"]+)"', page)]


def test_two_browsers_in_one_session(client, new_client, sign_in, db, session, alice, expert):
    second = new_client()
    sign_in(client, alice)
    sign_in(second, expert)
    room = f"/fr/sessions/{session.id}"
    with clock.at(session.starts_at + timedelta(minutes=14)):
        asked = client.post(f"{room}/questions", data={"title": "Et le samedi ?"})
        assert asked.headers["Location"] == f"{room}#questions"
        question = db.scalars(sa.select(Question)).one()
        assert question.minute == 14
        shared, own = parts_of(client.get(room).text)
        part = client.get(shared)
        assert "Et le samedi" in part.text
        assert client.get(shared, headers={"If-None-Match": part.headers["ETag"]}).status_code == 304
        assert "Et le samedi" in second.get(room).text
        assert second.post(f"/fr/q/{question.id}/highlight").status_code == 303
        part = client.get(shared, headers={"If-None-Match": part.headers["ETag"]})
        assert (part.status_code, "répond maintenant" in part.text) == (200, True)
        assert client.get(shared, headers={"If-None-Match": part.headers["ETag"]}).status_code == 304
        second.post(f"/fr/q/{question.id}/answers", data={"text": "Le samedi aussi, jusqu’à 18 h."})
        part = client.get(shared, headers={"If-None-Match": part.headers["ETag"]})
        assert "Le samedi aussi" in part.text
        assert "Le samedi aussi" in client.get(own).text


def test_a_poll_takes_three_statements(client, sign_in, db, session, alice, bob, statements):
    for number in range(6):
        services.ask_live(db, user=bob, session_id=session.id, title=f"Question numéro {number} ?")
    db.commit()
    sign_in(client, alice)
    client.get(f"/fr/sessions/{session.id}/questions")
    statements.clear()
    client.get(f"/fr/sessions/{session.id}/questions?shown=1-2-3")
    assert len(statements) == 3, statements  # who it is, the session, its questions


def test_what_is_new_is_said_to_the_expert_and_not_pushed(client, sign_in, db, session, expert, bob):
    sign_in(client, expert)
    room = f"/fr/sessions/{session.id}"
    with clock.at(session.starts_at + timedelta(minutes=2)):
        poll, tag = poll_of(client.get(room).text)
        assert client.get(poll, headers={"If-None-Match": tag}).status_code == 304
        for title in ("Première de Bob ?", "Seconde de Bob ?"):
            services.ask_live(db, user=bob, session_id=session.id, title=title)
        db.commit()
        part = client.get(poll, headers={"If-None-Match": tag})
        assert part.headers["X-New"].startswith("2")


def test_a_vote_in_the_room_comes_back_to_the_room(client, sign_in, db, session, alice, bob):
    question = services.ask_live(db, user=bob, session_id=session.id, title="Et le samedi ?")
    db.commit()
    sign_in(client, alice)
    answer = client.post(f"/fr/q/{question.id}/vote", data={"value": "1", "back": "room", "order": "new"})
    assert answer.headers["Location"] == f"/fr/sessions/{session.id}?order=new#q{question.id}"


def test_the_panel_is_not_for_strangers_and_stops_at_the_end(client, new_client, sign_in, db, session, alice, charlie):
    stranger = new_client()
    sign_in(stranger, charlie)
    assert stranger.get(f"/fr/sessions/{session.id}/questions").status_code == 404
    assert stranger.post(f"/fr/sessions/{session.id}/questions", data={"title": "Et moi ?"}).status_code == 403
    sign_in(client, alice)
    from portal.training.services import end_session

    with clock.at(session.ends_at):
        end_session(db, session_id=session.id)
    db.commit()
    assert client.get(f"/fr/sessions/{session.id}/questions").status_code == 410


def test_an_empty_live_question_is_refused_beside_its_field(client, sign_in, db, session, alice):
    sign_in(client, alice)
    page = client.post(f"/fr/sessions/{session.id}/questions", data={"title": " "})
    assert page.status_code == 422
    assert 'id="title-error"' in page.text


def test_junk_in_what_the_poll_says_back_is_nothing(client, sign_in, db, session, alice):
    sign_in(client, alice)
    for junk in ("abc", "-1", "1-2-x", f"{10**40}", "-".join("123456789" * 2000)):
        assert client.get(f"/fr/sessions/{session.id}/questions?shown={junk}&order=zzz").status_code == 200
