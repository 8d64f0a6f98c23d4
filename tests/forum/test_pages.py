import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.forum import services
from portal.forum.models import Answer, Question, QuestionState
from portal.kernel import clock
from portal.training.services import enrol
from tests.builders import forum

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def question(db, alice):
    found = forum.ask(db, alice, "Puis-je encaisser par lien ?", text="Mon **client** attend.")
    db.commit()
    return found


def path(question, language="fr"):
    return f"/{language}/q/{question.id}-{question.slug}"


def fresh(db, question):
    return db.get_one(Question, question.id, populate_existing=True)


@pytest.fixture
def statements(app):
    """Counts the statements that reach the database."""
    from portal.kernel.db import database

    seen = []
    engine = database().engine

    def listen(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", listen)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", listen)


# Reading


def test_everyone_reads_a_question_in_each_language(client, question, db, expert):
    forum.answer(db, expert, question, "Oui, **dès aujourd’hui**. <script>alert(1)</script>")
    db.commit()
    for language in ("fr", "en", "ar"):
        page = client.get(path(question, language))
        assert page.status_code == 200
        assert "<strong>dès aujourd’hui</strong>" in page.text
        assert "<script>alert" not in page.text
        assert 'dir="auto"' in page.text
        assert page.headers["Cache-Control"] == "public, max-age=60"
        assert "Set-Cookie" not in page.headers
        assert "csrf_token" not in page.text


def test_a_wrong_slug_leads_to_the_right_address(client, question):
    for wrong in (f"/fr/q/{question.id}-autre", f"/fr/q/{question.id}", f"/fr/q/{question.id}--"):
        answer = client.get(wrong)
        assert (answer.status_code, answer.headers["Location"]) == (301, path(question))


def test_an_arabic_slug_is_its_own_address(client, db, alice):
    asked = forum.ask(db, alice, "هل أبيع العسل؟")
    db.commit()
    short = client.get(f"/ar/q/{asked.id}")
    assert client.get(short.headers["Location"]).status_code == 200


@pytest.mark.parametrize("junk", ["0-x", "999999-x", f"{2**63}-x", f"{10**40}-x", "abc", "-1-x"])
def test_unknown_and_junk_questions_are_not_found(client, app, db, junk):
    assert client.get(f"/fr/q/{junk}").status_code == 404


def test_hidden_questions_are_seen_by_their_asker_and_moderators(
    client, new_client, sign_in, db, question, alice, bob, expert
):
    services.hide(db, user=expert, question_id=question.id, reason="Coordonnées privées.")
    db.commit()
    seen = {}
    for user in (alice, bob, expert):
        browser = new_client()
        sign_in(browser, user)
        page = browser.get(path(question))
        seen[user.display_name] = (page.status_code, "Coordonnées privées." in page.text)
    assert seen == {"Alice": (200, True), "Bob": (404, False), "Expert": (200, True)}
    assert client.get(path(question)).status_code == 404
    assert client.get(f"/fr/q/{question.id}/answers").status_code == 404


def test_a_merged_question_leads_to_the_one_that_goes_on(client, db, question, bob, expert):
    other = forum.ask(db, bob, "Un lien pour encaisser ?")
    services.merge(db, user=expert, question_id=question.id, into_id=other.id)
    db.commit()
    assert client.get(path(question), follow_redirects=True).request.path == path(other)


def test_the_structured_data_is_data(client, db, question, expert):
    forum.answer(db, expert, question, "Oui </script><b>.")
    db.commit()
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', client.get(path(question)).text, re.DOTALL)
    data = json.loads(found[1])
    assert data["mainEntity"]["name"] == "Puis-je encaisser par lien ?"
    assert data["mainEntity"]["suggestedAnswer"][0]["text"] == "Oui </script><b>."


def test_an_anonymous_asker_has_no_name_anywhere(client, db, alice):
    asked = forum.ask(db, alice, "Ma boutique va mal, que faire ?", anonymous=True)
    db.commit()
    for address in (path(asked), "/fr/questions", "/fr/questions?q=boutique"):
        assert "Alice" not in client.get(address).text


# The list


def test_the_list_finds_and_says_when_nobody_asked(client, question):
    assert "Puis-je encaisser par lien" in client.get("/fr/questions").text
    assert "Puis-je encaisser par lien" in client.get("/fr/questions?q=Encaissé").text
    empty = client.get("/fr/questions?q=porcelaine")
    assert empty.status_code == 200
    assert 'class="empty' in empty.text
    assert "/fr/questions/new?q=porcelaine" in empty.text


@pytest.mark.parametrize(
    "junk",
    [
        "page=abc",
        "page=-1",
        f"page={10**40}",
        "lesson=99",
        "lesson=x",
        "show=zzz",
        "topic=%01",
        "session=0",
        f"session={2**70}",
        "q=%22%20OR%201=1",
        "q=" + "a" * 3000,
        "page=%D9%A1",
    ],
)
def test_junk_in_the_address_of_the_list_is_nothing(client, question, junk):
    assert client.get(f"/fr/questions?{junk}").status_code == 200


def test_fifty_rows_then_older(client, db):
    for _number in range(6):
        user = forum.make_user(db)
        for number in range(9):
            forum.ask(db, user, f"Question numéro {number} ?")
    db.commit()
    first = client.get("/fr/questions")
    assert len(re.findall(r"/fr/q/\d+-", first.text)) == 50
    older = re.search(r'rel="next" href="([^"]+)"', first.text)[1]
    assert len(re.findall(r"/fr/q/\d+-", client.get(older).text)) == 4


def test_the_list_takes_one_statement_however_long_it_is(client, db, statements):
    for _number in range(5):
        user = forum.make_user(db)
        for number in range(9):
            forum.ask(db, user, f"Question numéro {number} ?")
    db.commit()
    client.get("/fr/questions")  # the topics are read once
    statements.clear()
    client.get("/fr/questions?lesson=12&topic=argent")
    assert len(statements) == 1, statements
    statements.clear()
    client.get("/fr/questions?q=question")
    assert len(statements) == 1, statements


def test_a_question_takes_three_statements_however_many_answers(client, db, question, statements, expert):
    for _number in range(6):
        forum.answer(db, forum.make_user(db), question)
    db.commit()
    statements.clear()
    client.get(path(question))
    assert len(statements) == 3, statements  # question, answers, close questions


# Asking


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


# Doing


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


# Live: what one does is seen by the other


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
        poll, tag = poll_of(client.get(room).text)
        assert client.get(poll, headers={"If-None-Match": tag}).status_code == 304
        assert "Et le samedi" in second.get(room).text
        assert second.post(f"/fr/q/{question.id}/highlight").status_code == 303
        part = client.get(poll, headers={"If-None-Match": tag})
        assert (part.status_code, part.headers["X-New"]) == (200, "0")
        assert client.get(poll, headers={"If-None-Match": part.headers["ETag"]}).status_code == 304
        second.post(f"/fr/q/{question.id}/answers", data={"text": "Le samedi aussi, jusqu’à 18 h."})
        part = client.get(poll, headers={"If-None-Match": part.headers["ETag"]})
        assert "Le samedi aussi" in part.text


def test_a_poll_takes_three_statements(client, sign_in, db, session, alice, bob, statements):
    for number in range(6):
        services.ask_live(db, user=bob, session_id=session.id, title=f"Question numéro {number} ?")
    db.commit()
    sign_in(client, alice)
    client.get(f"/fr/sessions/{session.id}/questions")
    statements.clear()
    client.get(f"/fr/sessions/{session.id}/questions?shown=1-2-3")
    assert len(statements) == 3, statements  # who it is, the session, its questions


def test_what_is_new_is_said_and_not_pushed(client, new_client, sign_in, db, session, alice, bob):
    sign_in(client, alice)
    room = f"/fr/sessions/{session.id}"
    with clock.at(session.starts_at + timedelta(minutes=2)):
        poll, tag = poll_of(client.get(room).text)
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


# The expert's queue


def test_the_expert_answers_from_the_queue(client, sign_in, db, question, expert):
    sign_in(client, expert)
    assert "Puis-je encaisser par lien" in client.get("/fr/expert").text
    answer = client.post(f"/fr/expert/{question.id}", data={"text": "Oui.", "act": "answer"})
    assert answer.headers["Location"] == "/fr/expert"
    assert fresh(db, question).state is QuestionState.ANSWERED
    assert client.get(f"/fr/expert/{question.id}").headers["Location"] == "/fr/expert"


def test_asking_back_from_the_queue_stops_the_clock_and_the_asker_replies(
    client, new_client, sign_in, db, question, alice, expert
):
    sign_in(client, expert)
    client.post(f"/fr/expert/{question.id}", data={"text": "Quel montant ?", "act": "ask_back"})
    assert fresh(db, question).paused_at is not None
    asker = new_client()
    sign_in(asker, alice)
    assert "Quel montant ?" in asker.get(path(question)).text
    assert asker.post(f"/fr/q/{question.id}/comments", data={"text": "64 €."}).status_code == 303
    assert fresh(db, question).paused_at is None


def test_an_empty_answer_in_the_queue_stays_there(client, sign_in, db, question, expert):
    sign_in(client, expert)
    page = client.post(f"/fr/expert/{question.id}", data={"text": "", "act": "answer"})
    assert page.status_code == 422
    assert 'id="text-error"' in page.text


def test_comparing_merging_and_undoing(client, sign_in, db, question, bob, expert):
    other = forum.ask(db, bob, "Encaisser par lien, est-ce possible ?")
    forum.answer(db, expert, other)
    db.commit()
    sign_in(client, expert)
    queue = client.get(f"/fr/expert/{question.id}").text
    address = f"/fr/expert/{question.id}/merge/{other.id}"
    assert address in queue
    assert client.get(address).status_code == 200
    assert client.post(address).headers["Location"] == path(other)
    assert "/unmerge" in client.get(path(other)).text
    assert client.post(f"/fr/q/{question.id}/unmerge").headers["Location"] == path(question)
    assert client.get(path(question)).status_code == 200


def test_hiding_asks_for_a_reason(client, sign_in, db, question, expert):
    sign_in(client, expert)
    assert client.post(f"/fr/q/{question.id}/hide", data={"reason": ""}).status_code == 422
    assert client.post(f"/fr/q/{question.id}/hide", data={"reason": "Hors sujet."}).status_code == 303
    assert fresh(db, question).hidden_reason == "Hors sujet."


def test_the_queue_takes_few_statements(client, sign_in, db, alice, expert, statements):
    for number in range(9):
        forum.ask(db, alice, f"Question numéro {number} ?")
    db.commit()
    sign_in(client, expert)
    client.get("/fr/expert")
    statements.clear()
    client.get("/fr/expert")
    assert len(statements) <= 5, statements  # who it is, the queue, promises kept, what is similar
