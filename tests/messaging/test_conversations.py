"""Conversations: one for a pair, read by each in their own time, closed to strangers."""

import threading

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel.db import Database, transaction
from portal.kernel.errors import NotFoundError
from portal.messaging import queries, services
from portal.messaging.errors import BlockedError, EmptyMessageError, MessageTooLongError, NobodyElseError
from portal.messaging.models import Conversation, ConversationReader, Message


def talk(db, first, second):
    return services.conversation_between(db, first.id, second.id)


def test_a_pair_has_one_conversation_whoever_begins(db, alice, bob):
    assert talk(db, alice, bob).id == talk(db, bob, alice).id
    assert db.scalar(sa.select(sa.func.count()).select_from(Conversation)) == 1


def test_nobody_talks_to_themselves(db, alice):
    with pytest.raises(NobodyElseError):
        talk(db, alice, alice)


@pytest.mark.parametrize("swapped", [True, False])
def test_the_database_holds_the_order_of_a_pair(db, alice, bob, swapped):
    low, high = sorted((alice.id, bob.id))
    row = {"lower_user_id": high if swapped else low, "higher_user_id": low, "created_at": clock.now()}
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(sa.insert(Conversation).values(row))


def test_the_database_wants_words_or_a_card(db, alice, bob):
    conversation = talk(db, alice, bob)
    for wrong in ({}, {"text": "a", "card_kind": "k", "card_reference": "r"}, {"card_kind": "k"}):
        row = {"conversation_id": conversation.id, "sender_id": alice.id, "created_at": clock.now()} | wrong
        with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
            db.execute(sa.insert(Message).values(row))


def test_a_message_is_unread_for_the_other_until_they_read_it(db, alice, bob):
    conversation = talk(db, alice, bob)
    services.add_message(db, conversation_id=conversation.id, sender_id=alice.id, text="Bonjour")
    last = services.add_message(db, conversation_id=conversation.id, sender_id=alice.id, text="Il en reste dix.")
    assert queries.unread_conversations(db, bob.id) == 1
    assert queries.unread_conversations(db, alice.id) == 0
    line = queries.inbox(db, bob.id)[0]
    assert (line.unread, line.text, line.other.display_name) == (2, "Il en reste dix.", "Alice")
    services.mark_read(db, conversation_id=conversation.id, user_id=bob.id, up_to=last.id)
    assert queries.unread_conversations(db, bob.id) == 0


def test_what_came_while_reading_stays_unread(db, alice, bob):
    conversation = talk(db, alice, bob)
    first = services.add_message(db, conversation_id=conversation.id, sender_id=alice.id, text="1")
    services.add_message(db, conversation_id=conversation.id, sender_id=alice.id, text="2")
    services.mark_read(db, conversation_id=conversation.id, user_id=bob.id, up_to=first.id)
    assert queries.inbox(db, bob.id)[0].unread == 1
    services.mark_read(db, conversation_id=conversation.id, user_id=bob.id, up_to=first.id - 1)
    assert [m.is_new for m in queries.thread(db, conversation, bob.id).messages] == [False, True]


def test_reading_further_than_the_last_message_changes_nothing(db, alice, bob):
    conversation = talk(db, alice, bob)
    last = services.add_message(db, conversation_id=conversation.id, sender_id=alice.id, text="1")
    services.mark_read(db, conversation_id=conversation.id, user_id=bob.id, up_to=last.id + 1000)
    assert queries.unread_conversations(db, bob.id) == 1


def test_answering_is_having_read(db, alice, bob):
    conversation = talk(db, alice, bob)
    services.add_message(db, conversation_id=conversation.id, sender_id=alice.id, text="Il en reste ?")
    services.add_message(db, conversation_id=conversation.id, sender_id=bob.id, text="Oui.")
    assert queries.unread_conversations(db, bob.id) == 0
    assert queries.unread_conversations(db, alice.id) == 1


def test_the_same_form_twice_says_it_once(db, alice, bob):
    conversation = talk(db, alice, bob)
    said = [
        services.add_message(
            db, conversation_id=conversation.id, sender_id=alice.id, text="Bonjour", form_key="k" * 32
        ).id
        for _ in range(2)
    ]
    assert said[0] == said[1]
    assert queries.inbox(db, bob.id)[0].unread == 1


def test_a_stranger_neither_writes_nor_reads(db, alice, bob, charlie):
    conversation = talk(db, alice, bob)
    services.add_message(db, conversation_id=conversation.id, sender_id=alice.id, text="entre nous")
    with pytest.raises(NotFoundError):
        services.add_message(db, conversation_id=conversation.id, sender_id=charlie.id, text="et moi ?")
    with pytest.raises(NotFoundError):
        services.mark_read(db, conversation_id=conversation.id, user_id=charlie.id, up_to=1)
    assert queries.inbox(db, charlie.id) == []


@pytest.mark.parametrize(
    ("text", "error"), [("", EmptyMessageError), ("  \n ", EmptyMessageError), ("a" * 2001, MessageTooLongError)]
)
def test_nothing_and_too_much_are_refused(db, alice, bob, text, error):
    with pytest.raises(error):
        services.add_message(db, conversation_id=talk(db, alice, bob).id, sender_id=alice.id, text=text)


@pytest.mark.parametrize("who_blocks", [0, 1])
def test_a_block_stops_messages_both_ways_until_it_is_lifted(db, alice, bob, who_blocks):
    pair = (alice, bob)
    blocker, blocked = pair[who_blocks], pair[1 - who_blocks]
    conversation = talk(db, alice, bob)
    services.block(db, blocker_id=blocker.id, blocked_id=blocked.id)
    services.block(db, blocker_id=blocker.id, blocked_id=blocked.id)
    for sender in pair:
        with pytest.raises(BlockedError):
            services.add_message(db, conversation_id=conversation.id, sender_id=sender.id, text="allô ?")
    # Only who blocked can lift it.
    services.unblock(db, blocker_id=blocked.id, blocked_id=blocker.id)
    assert queries.is_blocked(db, alice.id, bob.id)
    services.unblock(db, blocker_id=blocker.id, blocked_id=blocked.id)
    services.add_message(db, conversation_id=conversation.id, sender_id=alice.id, text="de retour")


def test_the_list_has_the_last_said_first_and_pages(db, alice):
    others = [create_user(db, email=f"p{n}@example.org", display_name=f"Person {n}") for n in range(5)]
    for other in others:
        services.add_message(db, conversation_id=talk(db, alice, other).id, sender_id=alice.id, text="Bonjour")
    services.add_message(db, conversation_id=talk(db, alice, others[0]).id, sender_id=others[0].id, text="Oui ?")
    first_page = queries.inbox(db, alice.id, limit=2)
    assert [line.other.display_name for line in first_page] == ["Person 0", "Person 4"]
    rest = queries.inbox(db, alice.id, before=first_page[-1].last_message_id)
    assert [line.other.display_name for line in rest] == ["Person 3", "Person 2", "Person 1"]


def test_the_list_costs_the_same_for_two_and_for_ten(db, alice):
    def statements(count):
        for n in range(count):
            other = create_user(db, email=f"q{count}-{n}@example.org", display_name=f"P {n}")
            services.add_message(db, conversation_id=talk(db, alice, other).id, sender_id=alice.id, text="x")
        seen = []
        connection = db.connection()

        def count_one(_c, _cursor, statement, *_rest):
            seen.append(statement)

        sa.event.listen(connection, "before_cursor_execute", count_one)
        queries.inbox(db, alice.id)
        sa.event.remove(connection, "before_cursor_execute", count_one)
        return len(seen)

    assert statements(2) == statements(10) == 2


def test_a_thread_pages_backwards(db, alice, bob):
    conversation = talk(db, alice, bob)
    for n in range(7):
        services.add_message(db, conversation_id=conversation.id, sender_id=alice.id, text=str(n))
    last = queries.thread(db, conversation, bob.id, limit=3)
    assert [m.text for m in last.messages] == ["4", "5", "6"]
    before = queries.thread(db, conversation, bob.id, before=last.earlier, limit=5)
    assert [m.text for m in before.messages] == ["0", "1", "2", "3"]
    assert before.earlier is None


def test_a_conversation_not_begun_is_empty(db, alice):
    assert queries.thread(db, None, alice.id).messages == ()


def test_two_who_begin_at_once_share_one_conversation(fresh_database: Database):
    with transaction() as db:
        first = create_user(db, email="a@example.org").id
        second = create_user(db, email="b@example.org").id
    found, barrier = [], threading.Barrier(4)

    def begin(pair):
        barrier.wait()
        with transaction() as db:
            conversation = services.conversation_between(db, *pair)
            services.add_message(db, conversation_id=conversation.id, sender_id=pair[0], text="Bonjour")
            found.append(conversation.id)

    pairs = [(first, second), (second, first)] * 2
    threads = [threading.Thread(target=begin, args=(pair,)) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    with transaction() as db:
        readers = db.scalars(sa.select(ConversationReader)).all()
        newest = db.scalar(sa.select(sa.func.max(Message.id)))
        assert len(readers) == 2
        assert {reader.last_message_id for reader in readers} == {newest}
