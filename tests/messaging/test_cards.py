"""Cards: opaque to messaging, drawn by their owner, one call a kind."""

import pytest

from portal.kernel.money import Money
from portal.messaging import cards, queries, services
from portal.messaging.cards import CardView

KIND = "test_card"
calls = []


def draw(_db, viewer_id, references):
    calls.append((viewer_id, list(references)))
    amount = Money(100, "EUR")
    return {ref: CardView(template="x.html", data=ref, line=f"card {ref}", amount=amount) for ref in references}


@pytest.fixture(autouse=True)
def _registered():
    cards.register(KIND, draw)
    calls.clear()


def test_cards_of_a_thread_are_drawn_in_one_call(db, alice, bob):
    conversation = services.conversation_between(db, alice.id, bob.id)
    for reference in ("one", "two", "three"):
        services.add_card(db, conversation_id=conversation.id, sender_id=alice.id, kind=KIND, reference=reference)
    thread = queries.thread(db, conversation, bob.id)
    assert [m.card.data for m in thread.messages] == ["one", "two", "three"]
    assert calls == [(bob.id, ["one", "two", "three"])]


def test_a_card_stands_once_and_is_unread_once(db, alice, bob):
    conversation = services.conversation_between(db, alice.id, bob.id)
    same = {
        services.add_card(db, conversation_id=conversation.id, sender_id=alice.id, kind=KIND, reference="r").id
        for _ in range(3)
    }
    assert len(same) == 1
    line = queries.inbox(db, bob.id)[0]
    assert (line.unread, line.card.line) == (1, "card r")


def test_a_card_nobody_draws_is_refused(db, alice, bob):
    conversation = services.conversation_between(db, alice.id, bob.id)
    with pytest.raises(ValueError, match="nobody renders"):
        services.add_card(db, conversation_id=conversation.id, sender_id=alice.id, kind="unknown", reference="r")


def test_a_kind_has_one_owner():
    with pytest.raises(ValueError, match="two renderers"):
        cards.register(KIND, lambda _db, _viewer, _references: {})
