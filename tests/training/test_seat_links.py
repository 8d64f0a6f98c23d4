"""Links in mails that act without signing in, single seats on the lesson's page, the line on the cohort's."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from portal.kernel import clock
from portal.notifications.compose import compose
from portal.notifications.contents import write_notice
from portal.notifications.models import Notice, OutboxMail
from portal.training import content, links, services
from portal.training.jobs import run_waitlists
from portal.training.links import ENROLMENT, OFFER, SEAT
from portal.training.models import (
    Enrolment,
    EnrolmentState,
    OfferOutcome,
    Seat,
    SeatState,
    Session,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistState,
)
from portal.training.services import Line
from tests.builders import training as build
from tests.training.statements import counted_statements

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert, alice):
    """A cohort with one place, which Alice has."""
    cohort = build.make_cohort(db, organiser, expert, capacity=1)
    services.enrol(db, user=alice, cohort_id=cohort.id)
    return cohort


@pytest.fixture
def offer(db, cohort, alice, bob, charlie):
    """The place is held for Bob; Charlie comes next."""
    for user in (bob, charlie):
        services.join_waitlist(db, user=user, cohort_id=cohort.id)
    services.leave(db, user=alice, cohort_id=cohort.id)
    return db.scalars(sa.select(WaitlistOffer)).one()


def seat_of(db, session, user):
    return db.scalars(sa.select(Seat).where(Seat.session_id == session.id, Seat.user_id == user.id)).one()


def fresh(db, row):
    return db.get_one(type(row), row.id, populate_existing=True)


def links_of(app, mail):
    """The signed addresses in a mail's text, as its reader has them."""
    with app.app_context(), app.test_request_context():
        text = compose(mail).get_body(("plain",)).get_content()
    return re.findall(r"http://localhost(?::\d+)?(/\w\w/\S+)", text)


@pytest.mark.parametrize("token", ["", "x", "MQ.forged", "é", "MQ" * 200])
def test_a_forged_token_opens_nothing(client, token):
    for path in ("offers", "offers/decline", "seats/give-back", "seats/confirm", "cohorts/leave"):
        assert client.get(f"/fr/{path}/{token or '-'}").status_code == 404
        assert client.post(f"/fr/{path}/{token or '-'}").status_code == 404


def test_a_link_for_one_thing_opens_no_other(client, db, offer, alice, cohort):
    seat = seat_of(db, build.session_of(db, cohort), alice)
    for made_for, path in ((SEAT, "offers"), (ENROLMENT, "seats/give-back"), (OFFER, "cohorts/leave")):
        token = links.sign(made_for, seat.id)
        assert client.get(f"/fr/{path}/{token}").status_code == 404
        assert client.post(f"/fr/{path}/{token}").status_code == 404
    assert fresh(db, offer).outcome is OfferOutcome.OPEN


def test_a_signed_link_to_a_row_that_is_gone_says_so(client):
    for made_for, path in ((OFFER, "offers"), (SEAT, "seats/give-back"), (ENROLMENT, "cohorts/leave")):
        token = links.sign(made_for, 10**9)
        assert client.get(f"/fr/{path}/{token}").status_code == 404


def test_opening_a_link_changes_nothing_and_another_sites_form_is_refused(client, db, offer):
    path = f"/fr/offers/{links.sign(OFFER, offer.id)}"
    assert client.get(path).status_code == 200
    assert client.post(path, headers={"Origin": "https://evil.example"}).status_code == 403
    assert fresh(db, offer).outcome is OfferOutcome.OPEN


@pytest.mark.parametrize("code", ["fr", "en", "ar"])
def test_the_mails_own_link_takes_the_place_without_signing_in(app, client, db, offer, bob, cohort, code):
    bob.language = code
    db.flush()
    mail = db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "training.seat_offered")).one()
    mail.language = code
    db.flush()
    take, decline = links_of(app, mail)
    assert take.startswith(f"/{code}/offers/")
    assert decline.startswith(f"/{code}/offers/decline/")
    page = client.get(take).get_data(as_text=True)
    assert page.count("<button") - page.count('type="button"') >= 1
    assert cohort.name in page
    for _twice in range(2):
        answer = client.post(take)
        assert (answer.status_code, answer.headers["Location"]) == (303, take)
        assert client.get(take).status_code == 200
    assert fresh(db, offer).outcome is OfferOutcome.TAKEN
    held = sa.select(sa.func.count()).select_from(Seat).where(Seat.user_id == bob.id, Seat.state == SeatState.HELD)
    assert db.scalar(held) == 25
    client.post(decline)
    assert fresh(db, offer).outcome is OfferOutcome.TAKEN


def test_declining_from_the_mail_gives_it_to_the_next(client, db, offer, charlie):
    path = f"/fr/offers/decline/{links.sign(OFFER, offer.id)}"
    assert client.get(path).status_code == 200
    assert fresh(db, offer).outcome is OfferOutcome.OPEN
    for _twice in range(2):
        assert client.post(path).status_code == 303
    assert fresh(db, offer).outcome is OfferOutcome.DECLINED
    entry = db.scalars(sa.select(WaitlistEntry).where(WaitlistEntry.user_id == charlie.id)).one()
    assert fresh(db, entry).state is WaitlistState.OFFERED
    assert "303" not in client.get(path).get_data(as_text=True)


def test_claiming_too_late_says_that_it_is_over(client, db, offer):
    path = f"/en/offers/{links.sign(OFFER, offer.id)}"
    with clock.at(offer.expires_at):
        page = client.post(path, follow_redirects=True)
        assert page.status_code == 200
        text = page.get_data(as_text=True)
    assert "This offer is over" in text
    assert "The time of this offer has passed" in text
    assert fresh(db, offer).outcome is OfferOutcome.OPEN


def test_the_confirmation_and_the_reminder_let_one_give_seats_back(app, client, db, cohort, alice):
    mail = db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "training.enrolled")).one()
    leave = next(path for path in links_of(app, mail) if "/cohorts/leave/" in path)
    session = build.session_of(db, cohort)
    with clock.at(session.starts_at - 24 * HOUR):
        services.reminders.remind(db, session_id=session.id, soon=False)
        reminder = db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "training.tomorrow")).one()
        back = next(path for path in links_of(app, reminder) if "/seats/give-back/" in path)
        assert client.get(back).status_code == 200
        for _twice in range(2):
            assert client.post(back).status_code == 303
        assert client.get(back).status_code == 200
    assert fresh(db, seat_of(db, session, alice)).state is SeatState.RELEASED
    other = build.session_of(db, cohort, 2)
    assert seat_of(db, other, alice).state is SeatState.HELD
    assert client.get(leave).status_code == 200
    for _twice in range(2):
        assert client.post(leave).status_code == 303
    assert client.get(leave).status_code == 200
    assert db.scalars(sa.select(Enrolment.state)).one() is EnrolmentState.LEFT
    assert fresh(db, seat_of(db, other, alice)).state is SeatState.RELEASED


def test_a_new_time_is_confirmed_or_the_seat_given_back(client, db, cohort, alice):
    session = build.session_of(db, cohort, 3)
    seat = seat_of(db, session, alice)
    seat.confirm_by = build.BEFORE + 48 * HOUR
    db.flush()
    token = links.sign(SEAT, seat.id)
    page = client.get(f"/en/seats/confirm/{token}").get_data(as_text=True)
    assert "Does the new time suit you?" in page
    assert f"/en/seats/give-back/{token}" in page
    assert client.post(f"/en/seats/confirm/{token}").status_code == 303
    assert fresh(db, seat).confirm_by is None
    assert "Your seat is confirmed" in client.get(f"/en/seats/confirm/{token}").get_data(as_text=True)
    client.post(f"/en/seats/give-back/{token}")
    client.post(f"/en/seats/confirm/{token}")
    assert fresh(db, seat).state is SeatState.RELEASED
    assert "Your seat is free again" in client.get(f"/en/seats/confirm/{token}").get_data(as_text=True)


def test_a_seat_of_a_session_that_has_begun_cannot_be_given_back(client, db, cohort, alice):
    session = build.session_of(db, cohort)
    token = links.sign(SEAT, seat_of(db, session, alice).id)
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
        page = client.post(f"/en/seats/give-back/{token}", follow_redirects=True).get_data(as_text=True)
        assert "This session has begun or is over" in page
    assert seat_of(db, session, alice).state is SeatState.HELD


def test_a_missed_lesson_is_booked_again_in_one_tap_in_another_cohort(client, sign_in, db, organiser, cohort, alice):
    other = build.make_cohort(db, organiser, build.make_expert(db), first_on=build.FIRST_ON + timedelta(days=7))
    session, again = build.session_of(db, cohort), build.session_of(db, other)
    build.run_session(db, session)
    sign_in(client, alice)
    with clock.at(session.ends_at + HOUR):
        page = client.get(f"/en/programme/{content.lesson(1).address}").get_data(as_text=True)
        assert f"/en/sessions/{again.id}/book" in page
        assert f"/en/sessions/{session.id}/book" not in page
        answer = client.post(f"/en/sessions/{again.id}/book")
        assert answer.headers["Location"] == f"/en/programme/{content.lesson(1).address}#dates"
        assert "Your seat is booked" in client.get(answer.headers["Location"]).get_data(as_text=True)
    assert seat_of(db, again, alice).enrolment_id is None
    assert build.session_of(db, other).guests_taken == 1
    with clock.at(session.ends_at + HOUR):
        client.post(f"/en/sessions/{again.id}/give-back")
    assert fresh(db, seat_of(db, again, alice)).state is SeatState.RELEASED
    assert build.session_of(db, other).guests_taken == 0


def test_a_full_session_is_waited_for_from_the_lessons_page(client, sign_in, db, cohort, bob, charlie):
    session = build.session_of(db, cohort, 2)
    services.book_seat(db, user=bob, session_id=session.id)
    sign_in(client, charlie)
    address = f"/en/programme/{content.lesson(2).address}"
    assert f"/en/sessions/{session.id}/wait" in client.get(address).get_data(as_text=True)
    client.post(f"/en/sessions/{session.id}/book")
    client.post(f"/en/sessions/{session.id}/wait")
    page = client.get(address).get_data(as_text=True)
    assert "You are number 1 in line" in page
    services.give_back_own(db, user_id=bob.id, session_id=session.id)
    assert "Held for you until" in client.get(address).get_data(as_text=True)
    client.post(f"/en/sessions/{session.id}/stop-waiting")
    entry = db.scalars(sa.select(WaitlistEntry).where(WaitlistEntry.session_id == session.id)).one()
    assert fresh(db, entry).state is WaitlistState.LEFT
    assert build.session_of(db, cohort, 2).guests_taken == 0


def test_a_visitor_is_asked_to_sign_in_and_nothing_is_booked(client, db, cohort):
    session = build.session_of(db, cohort)
    for act in ("book", "give-back", "wait", "stop-waiting"):
        answer = client.post(f"/fr/sessions/{session.id}/{act}")
        assert "/fr/sign-in" in answer.headers["Location"]
        assert client.post(f"/fr/sessions/{10**9}/{act}").status_code == 404
    assert build.session_of(db, cohort).guests_taken == 0


def test_a_draft_and_a_cancelled_session_are_not_booked(client, sign_in, db, organiser, cohort, bob):
    draft = build.make_draft(db, organiser, build.make_expert(db))
    sign_in(client, bob)
    assert client.post(f"/fr/sessions/{build.session_of(db, draft).id}/book").status_code == 404
    session = build.session_of(db, cohort)
    db.execute(sa.update(Session).where(Session.id == session.id).values(state="cancelled"))
    assert "begun" in client.post(f"/en/sessions/{session.id}/book", follow_redirects=True).get_data(as_text=True)
    assert db.scalar(sa.select(Seat.id).where(Seat.user_id == bob.id)) is None


def test_the_cohort_page_shows_ones_place_the_offer_and_the_way_out(client, sign_in, db, offer, cohort, charlie, bob):
    address = f"/en/cohorts/{cohort.id}"
    sign_in(client, charlie)
    assert "You are number 1 in line" in client.get(address).get_data(as_text=True)
    sign_in(client, bob)
    page = client.get(address).get_data(as_text=True)
    assert "A place is held for you" in page
    assert f"{address}/stop-waiting" in page
    client.post(f"{address}/stop-waiting")
    assert fresh(db, offer).outcome is OfferOutcome.DECLINED
    page = client.get(address).get_data(as_text=True)
    assert "Join the waitlist" in page
    # Nobody waits beside Charlie's offer, and yet no place is free for a newcomer.
    client.post(f"{address}/join")
    assert db.scalar(sa.select(Enrolment.state).where(Enrolment.user_id == bob.id)) is None


def test_the_cohort_page_costs_the_same_however_long_the_line(client, sign_in, db, cohort, bob):
    services.join_waitlist(db, user=bob, cohort_id=cohort.id)
    sign_in(client, bob)
    client.get(f"/en/cohorts/{cohort.id}")
    with counted_statements() as few:
        client.get(f"/en/cohorts/{cohort.id}")
    for count in range(5):
        user = build.make_expert(db, f"Name{count}")
        services.join_line(db, user=user, line=Line(cohort_id=cohort.id))
    with counted_statements() as many:
        client.get(f"/en/cohorts/{cohort.id}")
    assert len(many) == len(few) <= 14


OF_SEATS = {
    "training.enrolled",
    "training.left",
    "training.seat_booked",
    "training.seat_released",
    "training.seat_lapsed",
    "training.seat_offered",
    "training.offer_expired",
    "training.line_closed",
}


def sent_of_all_kinds(db, cohort, offer, alice, bob):
    """Mails of every kind about seats, and both notices, as what happens writes them; returns the mails."""
    session, other = build.session_of(db, cohort, 2), build.session_of(db, cohort, 3)
    offered = list(db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "training.seat_offered")))
    for mail in offered:
        db.expunge(mail)
    with clock.at(offer.expires_at):
        run_waitlists()
    services.book_seat(db, user=alice, session_id=session.id)
    services.join_line(db, user=bob, line=Line(session_id=session.id))
    seat = seat_of(db, session, alice)
    with clock.at(session.starts_at - HOUR):
        services.give_back(db, seat_id=seat.id)
    seat = services.book_seat(db, user=alice, session_id=other.id)
    seat.confirm_by = build.BEFORE
    db.flush()
    services.give_back(db, seat_id=seat.id, unconfirmed=True)
    services.book_seat(db, user=alice, session_id=other.id)
    services.join_line(db, user=bob, line=Line(session_id=other.id))
    db.execute(sa.update(Session).where(Session.id == other.id).values(state="cancelled"))
    run_waitlists()
    return offered + list(db.scalars(sa.select(OutboxMail)))


@pytest.mark.parametrize("code", ["fr", "en", "ar"])
def test_every_mail_and_notice_about_seats_is_written_in_three_languages(app, db, offer, cohort, alice, bob, code):
    mails = sent_of_all_kinds(db, cohort, offer, alice, bob)
    assert {mail.kind for mail in mails} == OF_SEATS
    notices = db.scalars(sa.select(Notice)).all()
    assert {notice.kind for notice in notices} == {"training.seat_offered", "training.seat_given"}
    with app.app_context(), app.test_request_context():
        for mail in mails:
            mail.language = code
            message = compose(mail)
            text = message["Subject"] + message.get_body(("plain",)).get_content()
            assert "%(" not in text
            assert f"http://localhost/{code}/" in text
        with force_locale(code):
            for notice in notices:
                words = write_notice(notice.kind, notice.params)
                assert words.title
                assert "%(" not in words.title + words.text
    db.rollback()
