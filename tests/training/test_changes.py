"""Moving and cancelling a published session: one change, one message each, the same UID, SEQUENCE one higher."""

import base64
import re
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from portal.kernel import clock
from portal.notifications.models import OutboxMail
from portal.training import services
from portal.training.errors import ExpertTakenError, PastTimeError, PlanRefusedError, WrongStateError
from portal.training.models import Cohort, CohortState, SessionState
from portal.training.queries import progress
from portal.training.services import reminders
from portal.training.services.changes import When
from tests.builders import training as build


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def seated(db, alice, bob, charlie, organiser, expert):
    """The second session of a cohort with Alice and Bob in it; Charlie has left."""
    cohort = build.make_cohort(db, organiser, expert)
    for user in (alice, bob, charlie):
        services.enrol(db, user=user, cohort_id=cohort.id)
    services.leave(db, user=charlie, cohort_id=cohort.id)
    return build.session_of(db, cohort, 2)


def mails(db, kind):
    return list(db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == kind).order_by(OutboxMail.id)))


def event_of(mail):
    (attachment,) = mail.attachments
    calendar = Calendar.from_ical(base64.b64decode(attachment["content"]))
    (event,) = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), event


NEW = When(date(2026, 11, 27), time(18, 0))


def test_moving_tells_each_person_with_a_seat_once(db, seated, alice, bob):
    with clock.at(seated.starts_at - reminders.DAY_BEFORE):
        reminders.remind(db, session_id=seated.id, soon=False)
    before, uid = seated.starts_at, seated.calendar_uid
    assert services.move_session(db, session_id=seated.id, when=NEW) == 2
    told = mails(db, "training.moved")
    assert [mail.email for mail in told] == [alice.email, bob.email]
    assert mails(db, "training.tomorrow") == []
    method, event = event_of(told[0])
    assert (method, event["SEQUENCE"], str(event["UID"]).partition("@")[0]) == ("REQUEST", 1, uid)
    assert event.decoded("dtstart") == seated.starts_at != before
    assert told[0].params["before"] == before.isoformat()
    assert (seated.local_time, seated.moved_from, seated.day_reminder_at) == (time(18, 0), before, None)


def test_moving_twice_raises_the_sequence_twice_and_reminds_at_the_new_time(db, seated):
    services.move_session(db, session_id=seated.id, when=NEW)
    services.move_session(db, session_id=seated.id, when=When(date(2026, 11, 28), time(9, 0)))
    assert [event_of(mail)[1]["SEQUENCE"] for mail in mails(db, "training.moved")] == [1, 1, 2, 2]
    with clock.at(seated.starts_at - reminders.SOON_BEFORE):
        assert reminders.sessions_to_remind(db, soon=True) == [seated.id]
        assert reminders.remind(db, session_id=seated.id, soon=True) == 2


def test_a_move_that_cannot_be_tells_nobody(db, seated, organiser, expert):
    other = build.session_of(db, db.get_one(Cohort, seated.cohort_id), 3)
    for when, error in (
        (When(date(2026, 11, 20), time(9, 0)), PastTimeError),
        (When(date(2027, 3, 28), time(2, 30)), PlanRefusedError),
        (When(date(2027, 10, 31), time(2, 30)), PlanRefusedError),
        (When(other.local_date, time(12, 45)), ExpertTakenError),
    ):
        with pytest.raises(error):
            services.move_session(db, session_id=seated.id, when=when)
    assert mails(db, "training.moved") == []
    twice = When(date(2027, 10, 31), time(2, 30), fold=0)
    assert services.move_session(db, session_id=seated.id, when=twice) == 2


def test_cancelling_takes_it_out_of_calendars_and_of_what_comes_next(db, seated, alice):
    assert services.cancel_session(db, session_id=seated.id) == 2
    method, event = event_of(mails(db, "training.cancelled")[0])
    assert (method, str(event["STATUS"]), event["SEQUENCE"]) == ("CANCEL", "CANCELLED", 1)
    assert seated.id not in {one.session_id for one in progress(db, alice.id).to_come}
    with pytest.raises(WrongStateError):
        services.cancel_session(db, session_id=seated.id)


def test_what_has_begun_is_neither_moved_nor_cancelled(db, seated):
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
        with pytest.raises(WrongStateError):
            services.move_session(db, session_id=seated.id, when=NEW)
        with pytest.raises(WrongStateError):
            services.cancel_session(db, session_id=seated.id)


def test_cancelling_the_last_one_left_finishes_the_cohort(db, seated):
    cohort = db.get_one(Cohort, seated.cohort_id)
    for number in range(1, 26):
        services.cancel_session(db, session_id=build.session_of(db, cohort, number).id)
    assert db.get_one(Cohort, cohort.id, populate_existing=True).state is CohortState.FINISHED


def changes_of(html):
    """The mark of the changes an organiser saw."""
    return re.search(r'name="seen" value="([^"]*)"', html[html.index('id="changes"') :]).group(1)


def test_an_organiser_moves_and_cancels_on_the_page(client, sign_in, db, seated, organiser, expert):
    sign_in(client, organiser)
    path, cohort = f"/fr/manage/sessions/{seated.id}", f"/fr/manage/cohorts/{seated.cohort_id}"
    assert client.get(path).status_code == 200
    form = {"on": "2026-11-27", "at": "18:00", "until": "18:30", "expert_id": expert.id, "room_kind": "link"}
    past = client.post(f"{path}/change", data={**form, "on": "2026-11-20"})
    assert (past.status_code, "2026-11-20" in past.get_data(as_text=True)) == (422, True)
    assert client.post(f"{path}/change", data=form).status_code == 303
    db.refresh(seated)
    assert seated.starts_at != build.BEFORE.replace(day=27, hour=17)
    seen = changes_of(client.get(cohort).get_data(as_text=True))
    assert client.post(f"{cohort}/changes/release", data={"seen": seen}).status_code == 303
    db.refresh(seated)
    assert seated.starts_at == build.BEFORE.replace(day=27, hour=17)
    assert "Avant, c’était" in client.get(f"/fr/sessions/{seated.id}").get_data(as_text=True)
    assert client.post(f"{path}/cancel").status_code == 303
    assert "Annulée" not in client.get(f"/fr/cohorts/{seated.cohort_id}").get_data(as_text=True)
    seen = changes_of(client.get(cohort).get_data(as_text=True))
    assert client.post(f"{cohort}/changes/release", data={"seen": seen}).status_code == 303
    assert "Annulée" in client.get(f"/fr/cohorts/{seated.cohort_id}").get_data(as_text=True)
    db.refresh(seated)
    assert seated.state is SessionState.CANCELLED
    assert client.post(f"{path}/cancel").status_code == 409


def test_a_mail_is_written_for_everyone_in_their_language(app, db, seated, alice):
    from portal.notifications.compose import compose

    services.move_session(db, session_id=seated.id, when=NEW)
    with clock.at(seated.starts_at - timedelta(minutes=5)):
        reminders.remind(db, session_id=seated.id, soon=True)
    rows = db.scalars(sa.select(OutboxMail).where(OutboxMail.email == alice.email)).all()
    services.cancel_session(db, session_id=seated.id)
    rows += db.scalars(sa.select(OutboxMail).where(OutboxMail.kind.in_(("training.cancelled", "training.left")))).all()
    for row in rows:
        for language in ("fr", "en", "ar"):
            row.language = language
            with app.app_context():
                message = compose(row)
            assert message["Subject"]
            assert "2. " in message.get_body(("plain",)).get_content() or row.kind in {
                "training.enrolled",
                "training.left",
            }
