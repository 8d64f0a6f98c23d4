"""The live room's page: what everybody sees, the same for all, and what is one person's own."""

import re
from datetime import timedelta

import pytest

from portal.forum import services as forum
from portal.forum.models import QuestionState
from portal.kernel import clock, events
from portal.pages.room import public_key, public_tag
from portal.training import content, services
from portal.training.events import RoomChanged
from portal.training.queries import session_page
from tests.builders import training as build
from tests.training.statements import counted_statements

MINUTES = timedelta(minutes=1)


@pytest.fixture
def live(db, merchant, bob, organiser, expert):
    """The first session of a cohort, live; the merchant and Bob have seats."""
    with clock.at(build.BEFORE):
        cohort = build.make_cohort(db, organiser, expert)
        for user in (merchant, bob):
            services.enrol(db, user=user, cohort_id=cohort.id)
    session = build.session_of(db, cohort)
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    return session


@pytest.fixture
def during(live):
    """The clock, ten minutes into the session."""
    with clock.at(live.starts_at + 10 * MINUTES):
        yield


def now_of(session, language="fr", key=None):
    return f"/{language}/sessions/{session.id}/now/{key or public_key(session.id)}"


def body(answer):
    return answer.get_data(as_text=True).replace("&#39;", "’")


def test_the_fragment_is_the_same_for_everyone_in_a_language(new_client, sign_in, db, live, during, merchant, bob):
    mine = forum.ask_live(db, user=merchant, session_id=live.id, title="Et le samedi ?")
    forum.vote(db, user=bob, question_id=mine.id)
    answers = []
    for user in (merchant, bob, None):
        browser = new_client()
        if user:
            sign_in(browser, user)
        answers.append(browser.get(now_of(live)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    assert "csrf" not in body(answers[0])
    assert all("comptoir=" not in cookie for cookie in answers[0].headers.getlist("Set-Cookie"))
    arabic = new_client().get(now_of(live, "ar"))
    assert arabic.headers["ETag"] != answers[0].headers["ETag"]
    assert content.lesson(1).words["ar"].slides[0].title in body(arabic)


def test_the_key_opens_its_own_session_only(client, live, during):
    other = live.id + 1
    for address in (now_of(live, key="x"), now_of(live, key=public_key(other)), f"/fr/sessions/{live.id}/now/"):
        assert client.get(address).status_code == 404
    assert client.get(now_of(live)).status_code == 200


def test_an_unchanged_room_is_304_in_two_statements(client, live, during):
    first = client.get(now_of(live))
    with counted_statements() as seen:
        again = client.get(now_of(live), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, len(seen)) == (304, b"", 2)


def changes(db, live, merchant, bob, expert):
    """Everything that everybody sees, one after the other."""
    asked = forum.ask_live(db, user=merchant, session_id=live.id, title="Et le samedi ?")
    yield "a question"
    other = forum.ask_live(db, user=merchant, session_id=live.id, title="Et le dimanche ?")
    yield "another"
    forum.vote(db, user=bob, question_id=asked.id)
    yield "a vote"
    forum.vote(db, user=bob, question_id=asked.id, wanted=False)
    forum.vote(db, user=bob, question_id=other.id)
    yield "the vote moved to the other question"
    forum.highlight(db, user=expert, question_id=asked.id)
    yield "chosen"
    forum.mark_answered(db, user=expert, question_id=asked.id)
    yield "answered"
    forum.answer(db, user=expert, question_id=other.id, text="Le dimanche aussi.")
    yield "answered in writing"
    third = forum.ask_live(db, user=bob, session_id=live.id, title="Une insulte")
    yield "a third"
    forum.hide(db, user=expert, question_id=third.id, reason="Hors sujet")
    yield "hidden"
    services.turn_slide(db, session_id=live.id, to=3)
    yield "a slide"
    services.end_session(db, session_id=live.id)
    yield "the end"


def test_every_change_is_told_and_changes_the_tag(db, live, merchant, bob, expert):
    heard = []

    def listen(_db, event):
        heard.append(event.session_id)

    events.subscribe(RoomChanged, listen)
    try:
        # All at one moment: no change is told apart by the time alone.
        with clock.at(live.starts_at + 10 * MINUTES):
            tags = [public_tag(db, session_page(db, live.id, None), "fr")]
            told, before = [], 0
            for step in changes(db, live, merchant, bob, expert):
                told.append((step, len(heard) > before))
                before = len(heard)
                db.flush()
                db.expire_all()
                tags.append(public_tag(db, session_page(db, live.id, None), "fr"))
    finally:
        events._handlers[RoomChanged].remove(listen)
    assert [step for step, is_told in told if not is_told] == []
    assert len(set(tags)) == len(tags) == 12
    assert set(heard) == {live.id}


def test_a_question_elsewhere_tells_no_room(db, merchant, app):
    heard = []

    def listen(_db, event):
        heard.append(event)

    events.subscribe(RoomChanged, listen)
    try:
        asked = forum.ask(db, user=merchant, title="Sans session", text="", lesson_number=3)
        assert asked.state is QuestionState.OPEN
    finally:
        events._handlers[RoomChanged].remove(listen)
    assert heard == []


def test_the_page_shows_the_slide_and_the_next_one(client, sign_in, db, live, during, merchant):
    sign_in(client, merchant)
    slides = content.lesson(1).words["fr"].slides
    page = body(client.get(f"/fr/sessions/{live.id}"))
    assert slides[0].title in page
    assert "data-ping" in page
    services.turn_slide(db, session_id=live.id, to=1)
    assert slides[1].title in body(client.get(now_of(live)))


def test_ones_own_part_has_the_ring_and_304(client, sign_in, db, live, merchant):
    build.attend(db, live, merchant, minutes=9)
    sign_in(client, merchant)
    with clock.at(live.starts_at + 9 * MINUTES):
        own = client.get(f"/fr/sessions/{live.id}/state")
        assert "30" in re.search(r'data-part="standing".*', body(own), re.DOTALL)[0]
        again = client.get(f"/fr/sessions/{live.id}/state", headers={"If-None-Match": own.headers["ETag"]})
        assert (own.status_code, again.status_code) == (200, 304)


def test_a_pending_or_hidden_question_is_its_askers_alone(
    client, new_client, sign_in, db, live, during, merchant, bob, expert
):
    waiting = forum.ask_live(db, user=merchant, session_id=live.id, title="Voir https://exemple.test ?")
    hidden = forum.ask_live(db, user=merchant, session_id=live.id, title="Rien à voir")
    forum.hide(db, user=expert, question_id=hidden.id, reason="Ce n’est pas le sujet.")
    assert waiting.state is QuestionState.PENDING
    sign_in(client, merchant)
    shared = body(client.get(now_of(live)))
    assert waiting.title not in shared
    assert hidden.title not in shared
    for address in (f"/fr/sessions/{live.id}", f"/fr/sessions/{live.id}/state"):
        own = body(client.get(address))
        assert waiting.title in own
        assert "Ce n’est pas le sujet." in own
    second = new_client()
    sign_in(second, bob)
    assert waiting.title not in body(second.get(f"/fr/sessions/{live.id}"))


def test_a_vote_works_without_scripts_and_shows_as_ones_own(client, sign_in, db, live, during, merchant, bob):
    asked = forum.ask_live(db, user=bob, session_id=live.id, title="Et le samedi ?")
    sign_in(client, merchant)
    page = body(client.get(f"/fr/sessions/{live.id}"))
    assert re.search(
        rf'form="vote" formaction="/fr/q/{asked.id}/vote" name="value" value="1" aria-pressed="false"', page
    )
    client.post(f"/fr/q/{asked.id}/vote", data={"value": "1", "back": "room", "order": "useful"})
    page = body(client.get(f"/fr/sessions/{live.id}"))
    assert re.search(rf'formaction="/fr/q/{asked.id}/vote" name="value" value="0" aria-pressed="true"', page)
    assert 'value="1" aria-pressed="false"' in body(client.get(now_of(live)))


def test_the_end_is_said_in_the_room_itself(client, sign_in, db, live, merchant):
    sign_in(client, merchant)
    with clock.at(live.ends_at):
        services.end_session(db, session_id=live.id)
        over = client.get(now_of(live))
        assert "data-over" in body(over)
        assert client.get(now_of(live), headers={"If-None-Match": over.headers["ETag"]}).status_code == 304
        assert client.get(f"/fr/sessions/{live.id}/state").status_code == 410


def test_the_expert_sees_who_is_here_by_name_and_nobody_else_does(
    client, new_client, sign_in, db, live, merchant, bob, expert
):
    sign_in(client, expert)
    stranger = new_client()
    sign_in(stranger, bob)
    with clock.at(live.starts_at + MINUTES):
        services.ping(db, user=merchant, session_id=live.id, device="page")
        page = body(client.get(f"/fr/sessions/{live.id}"))
        assert "Qui est là" in page
        people = page[page.index('data-part="people"') :]
        assert people.index("Merchant") < people.index("Bob")
        assert 'data-part="people"' in body(client.get(f"/fr/sessions/{live.id}/state"))
        for address in (f"/fr/sessions/{live.id}", f"/fr/sessions/{live.id}/state"):
            assert 'data-part="people"' not in body(stranger.get(address))


def test_the_number_of_statements_does_not_grow_with_the_room(client, sign_in, db, live, during, merchant, expert, bob):
    def cost(address):
        with counted_statements() as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    sign_in(client, merchant)
    addresses = [f"/fr/sessions/{live.id}", f"/fr/sessions/{live.id}/state", now_of(live)]
    few = [cost(address) for address in addresses]
    for number in range(8):
        forum.ask_live(db, user=bob, session_id=live.id, title=f"Question numéro {number} ?")
    assert [cost(address) for address in addresses] == few


@pytest.mark.parametrize("number", [0, 2**63 - 1, 2**63, 10**25])
def test_a_session_that_cannot_be_is_not_found(client, sign_in, organiser, number):
    sign_in(client, organiser)
    for part in ("", "/state", "/enter", "/now/x", f"/now/{public_key(number)}", "/questions"):
        assert client.get(f"/fr/sessions/{number}{part}").status_code == 404
    assert client.get(f"/fr/manage/sessions/{number}/our-fault").status_code == 404
    for part in ("presence", "here", "start", "slide", "end"):
        assert client.post(f"/fr/sessions/{number}/{part}", data={"to": "1"}).status_code == 404
