from datetime import UTC, datetime

from portal.forum.models import QuestionState
from tests.builders import forum
from tests.builders.forum import fresh, path

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


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
