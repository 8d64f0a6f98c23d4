"""After a real move each person with a seat is asked whether it suits; a seat without an answer goes to who waits."""

import re
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa

from portal.kernel import clock
from portal.training import services
from portal.training.jobs.confirmations import release_unconfirmed
from portal.training.models import Attendance, Seat, SeatState, Session, WaitlistEntry, WaitlistOffer
from portal.training.policies import answer_by
from portal.training.services import Line
from tests.builders import training as build
from tests.training.changing import mails, propose, release


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert, alice, bob):
    """A public cohort with Alice and Bob in it."""
    cohort = build.make_cohort(db, organiser, expert)
    for user in (alice, bob):
        services.enrol(db, user=user, cohort_id=cohort.id)
    return cohort


@pytest.fixture
def far(db, cohort):
    """A session more than 48 hours away."""
    return build.session_of(db, cohort, 10)


HOURS = timedelta(hours=1)


@pytest.mark.parametrize(
    ("moved_by", "ahead", "expected"),
    [
        (timedelta(minutes=15), 100 * HOURS, None),
        (timedelta(minutes=16), 100 * HOURS, 48 * HOURS),
        (timedelta(minutes=-16), 100 * HOURS, 48 * HOURS),
        (24 * HOURS, 48 * HOURS, 48 * HOURS),
        (24 * HOURS, 48 * HOURS - timedelta(seconds=1), None),
    ],
)
def test_who_is_asked_whether_a_new_time_suits(moved_by, ahead, expected):
    new = build.BEFORE + ahead
    until = answer_by(new - moved_by, new, build.BEFORE)
    assert until == (build.BEFORE + expected if expected else None)


def seats(db, session):
    rows = db.scalars(
        sa.select(Seat).where(Seat.session_id == session.id).order_by(Seat.id).execution_options(populate_existing=True)
    )
    return list(rows)


def test_seats_that_are_not_confirmed_in_time_go_to_who_waits(db, cohort, far, organiser, alice, bob, charlie):
    propose(db, organiser, far, at=time(18), until=time(18, 30))
    release(db, organiser, cohort)
    assert {seat.confirm_by for seat in seats(db, far)} == {build.BEFORE + 48 * HOURS}
    services.confirm_seat(db, seat_id=seats(db, far)[0].id)
    db.execute(sa.update(Session).where(Session.id == far.id).values(guest_capacity=0))
    services.join_line(db, user=charlie, line=Line(session_id=far.id))
    with clock.at(build.BEFORE + 48 * HOURS - timedelta(seconds=1)):
        release_unconfirmed()
        assert [seat.state for seat in seats(db, far)] == [SeatState.HELD, SeatState.HELD]
    with clock.at(build.BEFORE + 48 * HOURS):
        release_unconfirmed()
        release_unconfirmed()
    assert [seat.state for seat in seats(db, far)] == [SeatState.HELD, SeatState.RELEASED]
    assert [mail.email for mail in mails(db, "training.seat_lapsed")] == [bob.email]
    offer = db.scalars(sa.select(WaitlistOffer).join(WaitlistEntry).where(WaitlistEntry.session_id == far.id)).one()
    assert offer.offered_at == build.BEFORE + 48 * HOURS
    build.run_session(db, far, alice)
    recorded = db.scalars(sa.select(Attendance.user_id).where(Attendance.session_id == far.id)).all()
    assert bob.id not in recorded
    assert alice.id in recorded


def test_nobody_loses_a_seat_by_a_move_to_the_next_hours(db, cohort, organiser):
    session = build.session_of(db, cohort, 2)
    propose(db, organiser, session, on=date(2026, 11, 25), at=time(8), until=time(8, 30))
    release(db, organiser, cohort)
    assert {seat.confirm_by for seat in seats(db, session)} == {None}
    assert {mail.params["answer_by"] for mail in mails(db, "training.moved")} == {None}
    with clock.at(session.starts_at - timedelta(minutes=1)):
        release_unconfirmed()
    assert {seat.state for seat in seats(db, session)} == {SeatState.HELD}


def test_a_later_move_asks_again_or_no_longer(db, cohort, far, organiser):
    propose(db, organiser, far, at=time(18), until=time(18, 30))
    release(db, organiser, cohort)
    asked = build.BEFORE + 48 * HOURS
    with clock.at(build.BEFORE + HOURS):
        # A small move leaves the question as it was.
        propose(db, organiser, far, at=time(18, 10), until=time(18, 40))
        release(db, organiser, cohort)
        assert {seat.confirm_by for seat in seats(db, far)} == {asked}
        propose(db, organiser, far, at=time(20), until=time(20, 30))
        release(db, organiser, cohort)
        assert {seat.confirm_by for seat in seats(db, far)} == {asked + HOURS}
        # To tomorrow: nobody may lose a seat by it.
        propose(db, organiser, far, on=date(2026, 11, 25), at=time(8), until=time(8, 30))
        release(db, organiser, cohort)
        assert {seat.confirm_by for seat in seats(db, far)} == {None}


def test_a_cancellation_asks_nobody_anything(db, cohort, far, organiser):
    propose(db, organiser, far, at=time(18), until=time(18, 30))
    release(db, organiser, cohort)
    services.cancel_session(db, session_id=far.id)
    assert {seat.confirm_by for seat in seats(db, far)} == {None}


def test_the_mail_of_a_move_carries_a_yes_and_a_no(app, db, cohort, far, organiser, alice):
    from portal.notifications.compose import compose

    propose(db, organiser, far, at=time(18), until=time(18, 30))
    release(db, organiser, cohort)
    (mail, _other) = mails(db, "training.moved")
    for language in ("fr", "en", "ar"):
        mail.language = language
        with app.app_context():
            text = compose(mail).get_body(("plain",)).get_content()
        assert f"/{language}/seats/confirm/" in text
        assert f"/{language}/seats/give-back/" in text
    for row in [*mails(db, "training.leads"), *mails(db, "training.changed")]:
        with app.app_context():
            assert "10. " in compose(row)["Subject"]


def test_ones_own_pages_ask_as_well_until_there_is_an_answer(client, sign_in, db, cohort, far, organiser, alice):
    propose(db, organiser, far, at=time(18), until=time(18, 30))
    release(db, organiser, cohort)
    sign_in(client, alice)
    for path in ("/en/me", f"/en/sessions/{far.id}"):
        html = client.get(path).get_data(as_text=True)
        assert "Does the new time suit you?" in html
        (link,) = re.findall(r'href="(/en/seats/confirm/[^"]+)"', html)
    answer = client.post(link, headers={"Origin": "http://localhost"})
    assert answer.status_code == 303
    assert [seat.confirm_by for seat in seats(db, far) if seat.user_id == alice.id] == [None]
    for path in ("/en/me", f"/en/sessions/{far.id}"):
        assert "Does the new time suit you?" not in client.get(path).get_data(as_text=True)
