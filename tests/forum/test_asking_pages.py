import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from portal.forum.models import Answer, Question, QuestionState
from portal.kernel import clock
from tests.builders import forum
from tests.builders.forum import fresh, path

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_asking_takes_signing_in(client, app, db):
    answer = client.get("/fr/questions/new")
    assert answer.status_code == 303
    assert "/fr/sign-in?next=/fr/questions/new" in answer.headers["Location"]


def test_asking_leads_to_the_question(client, sign_in, db, alice):
    sign_in(client, alice)
    answer = client.post(
        "/fr/questions/new", data={"title": "  Quel   carton pour un vase ? ", "text": "Fragile.", "lesson": "11"}
    )
    asked = db.scalars(sa.select(Question)).one()
    assert (answer.status_code, answer.headers["Location"]) == (303, path(asked))
    assert (asked.title, asked.text, asked.lesson_number) == ("Quel carton pour un vase ?", "Fragile.", 11)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "Court"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "Une bonne question ?", "text": "x" * 10_001}, "text"),
        ({"title": "Une bonne question ?", "lesson": "99"}, "lesson"),
        ({"title": "Une bonne question ?", "lesson": "x"}, "lesson"),
        ({}, "title"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(client, sign_in, db, alice, data, field):
    sign_in(client, alice)
    page = client.post("/fr/questions/new", data=data)
    assert page.status_code == 422
    assert f'id="{field}-error"' in page.text
    assert 'href="#' + field in page.text
    if data.get("title") == "Court":
        assert ">\r\nCourt</textarea>" in page.text or ">Court</textarea>" in page.text
    assert db.scalars(sa.select(Question)).all() == []


def test_without_scripting_similar_answers_are_shown_once_then_it_is_asked(client, sign_in, db, alice, bob, expert):
    forum.answer(db, expert, forum.ask(db, bob, "Quel carton pour un vase ancien ?"), "Deux cartons.")
    db.commit()
    sign_in(client, alice)
    data = {"title": "Quel carton pour un vase ?", "lesson": ""}
    shown = client.post("/fr/questions/new", data=data)
    assert shown.status_code == 200
    assert "Deux cartons." in shown.text
    assert 'name="anyway"' in shown.text
    assert db.scalars(sa.select(sa.func.count(Question.id))).one() == 1
    assert client.post("/fr/questions/new", data={**data, "anyway": "1"}).status_code == 303
    assert db.scalars(sa.select(sa.func.count(Question.id))).one() == 2


def test_similar_answers_while_typing(client, sign_in, db, alice, bob, expert):
    forum.answer(db, expert, forum.ask(db, bob, "Quel carton pour un vase ancien ?"), "Deux cartons.")
    db.commit()
    sign_in(client, alice)
    found = client.get("/fr/questions/similar?text=carton vase")
    assert "<mark>carton</mark>" in found.text
    assert client.get("/fr/questions/similar?text=%22%20zzz").text.strip() == ""
    assert (
        client.get(
            "/fr/questions/similar?text=carton vase", headers={"If-None-Match": found.headers["ETag"]}
        ).status_code
        == 304
    )


def test_the_eleventh_question_of_an_hour_is_refused_and_kept(client, sign_in, db, alice):
    sign_in(client, alice)
    with clock.at(NOW):
        for number in range(10):
            forum.ask(db, alice, f"Question numéro {number} ?")
        db.commit()
        page = client.post("/fr/questions/new", data={"title": "Encore une question ?"})
    assert page.status_code == 429
    assert "Encore une question ?</textarea>" in page.text


def test_answering_helping_accepting_following(client, sign_in, new_client, db, question, alice, bob):
    browser = new_client()
    sign_in(browser, bob)
    answer = browser.post(f"/fr/q/{question.id}/answers", data={"text": "Oui, chez moi."})
    written = db.scalars(sa.select(Answer)).one()
    assert answer.headers["Location"] == f"{path(question)}#a{written.id}"
    browser.post(f"/fr/q/{question.id}/follow", data={"value": "1"})
    sign_in(client, alice)
    client.post(f"/fr/answers/{written.id}/help", data={"value": "1"})
    assert client.post(f"/fr/answers/{written.id}/accept").status_code == 303
    page = client.get(path(question)).text
    assert 'class="card post accepted"' in page
    question = fresh(db, question)
    assert (question.state, question.follower_count) == (QuestionState.SOLVED, 1)
    assert db.scalars(sa.select(Answer.vote_count)).one() == 1


def test_an_empty_answer_is_refused_beside_its_field(client, sign_in, question, bob, db):
    sign_in(client, bob)
    page = client.post(f"/fr/q/{question.id}/answers", data={"text": "   "})
    assert page.status_code == 422
    assert 'id="text-error"' in page.text


def test_somebody_elses_question_cannot_be_accepted_for(client, sign_in, db, question, bob, charlie):
    written = forum.answer(db, bob, question)
    db.commit()
    sign_in(client, charlie)
    assert client.post(f"/fr/answers/{written.id}/accept").status_code == 403
    assert "/accept" not in client.get(path(question)).text
    assert fresh(db, question).state is QuestionState.OPEN


@pytest.mark.parametrize(
    "action",
    ["q/{q}/answers", "q/{q}/comments", "q/{q}/vote", "q/{q}/follow", "answers/{a}/help", "answers/{a}/accept"],
)
def test_visitors_are_asked_to_sign_in_before_anything(client, db, question, bob, action):
    written = forum.answer(db, bob, question)
    db.commit()
    answer = client.post("/fr/" + action.format(q=question.id, a=written.id), data={"text": "x", "value": "1"})
    assert answer.status_code == 303
    assert "/sign-in" in answer.headers["Location"]


@pytest.mark.parametrize(
    "action",
    [
        "q/{q}/publish",
        "q/{q}/highlight",
        "q/{q}/answered",
        "q/{q}/hide",
        "q/{q}/unmerge",
        "answers/{a}/hide",
        "expert/{q}",
        "expert/{q}/take",
        "expert/{q}/pass",
        "expert/{q}/merge/{q}",
    ],
)
def test_merchants_find_no_page_where_experts_work(client, sign_in, db, question, bob, charlie, action):
    written = forum.answer(db, bob, question)
    db.commit()
    sign_in(client, charlie)
    answer = client.post("/fr/" + action.format(q=question.id, a=written.id), data={"reason": "x", "text": "x"})
    assert answer.status_code == 404
    assert client.get("/fr/expert").status_code == 404


@pytest.mark.parametrize("junk", ["0", "999999", str(2**63), str(10**40)])
def test_junk_ids_are_not_found(client, sign_in, app, db, expert, junk):
    sign_in(client, expert)
    for action in ("q/{}/vote", "q/{}/follow", "q/{}/answers", "q/{}/comments", "q/{}/highlight", "q/{}/hide"):
        answer = client.post("/fr/" + action.format(junk), data={"text": "Oui.", "reason": "Non."})
        assert answer.status_code in {404, 405}, action
    for action in ("answers/{}/help", "answers/{}/accept", "answers/{}/hide"):
        assert client.post("/fr/" + action.format(junk), data={"reason": "Non."}).status_code in {404, 405}, action
    for action in ("q/{}/hide", "answers/{}/hide", "expert/{}/merge/1", "sessions/{}/questions"):
        assert client.get("/fr/" + action.format(junk)).status_code == 404, action


def test_a_vote_is_a_yes_or_a_no(client, sign_in, db, question, bob):
    sign_in(client, bob)
    assert client.post(f"/fr/q/{question.id}/vote", data={"value": "7"}).status_code == 400


def test_forms_need_their_token(app, client, sign_in, db, question, bob):
    sign_in(client, bob)
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        refused = client.post(f"/fr/q/{question.id}/answers", data={"text": "Oui."})
        page = client.get(path(question)).text
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)[1]
        taken = client.post(f"/fr/q/{question.id}/answers", data={"text": "Oui.", "csrf_token": token})
    finally:
        app.config["WTF_CSRF_ENABLED"] = False
    assert (refused.status_code, taken.status_code) == (403, 303)
    assert fresh(db, question).answer_count == 1
