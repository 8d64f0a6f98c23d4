import json
import re
from datetime import UTC, datetime

import pytest

from portal.forum import services
from tests.builders import forum
from tests.builders.forum import path

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


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
