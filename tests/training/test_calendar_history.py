"""Create, move, move, cancel: what a calendar makes of the files it gets, read by two independent parsers."""

import base64
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa
import vobject
from icalendar import Calendar

from portal.kernel import clock
from portal.notifications.models import OutboxMail
from portal.training import services
from portal.training.models import CalendarFeed, RoomKind
from portal.training.services import Wanted, When
from tests.builders import training as build


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


class CalendarClient:
    """What calendars do: a UID's highest SEQUENCE wins, a cancellation takes the event out but is remembered."""

    def __init__(self):
        """Begin empty."""
        self.events = {}

    def receive(self, content):
        """Read one file with both parsers, see that they agree, and act on it."""
        for method, event in read_both(content):
            known = self.events.get(event["uid"])
            if known is None or event["sequence"] >= known["sequence"]:
                gone = method == "CANCEL" or event["status"] == "CANCELLED"
                self.events[event["uid"]] = {**event, "gone": gone}

    @property
    def shown(self):
        """What the person sees, by the start."""
        return sorted(event["start"] for event in self.events.values() if not event["gone"])


def _by_icalendar(content):
    calendar = Calendar.from_ical(content)
    return str(calendar["METHOD"]), [
        {
            "uid": str(event["UID"]),
            "sequence": int(event["SEQUENCE"]),
            "status": str(event["STATUS"]),
            "start": event.decoded("dtstart"),
            "end": event.decoded("dtend"),
            "summary": str(event["SUMMARY"]),
            "attendees": [str(event["ATTENDEE"])] if "ATTENDEE" in event else [],
        }
        for event in calendar.walk("VEVENT")
    ]


def _by_vobject(content):
    calendar = vobject.readOne(content.decode())
    return calendar.method.value, [
        {
            "uid": event.uid.value,
            "sequence": int(event.sequence.value),
            "status": event.status.value,
            "start": event.dtstart.value,
            "end": event.dtend.value,
            "summary": event.summary.value,
            "attendees": [one.value for one in event.contents.get("attendee", [])],
        }
        for event in calendar.vevent_list
    ]


def read_both(content):
    """(method, event) for each event of a file, as two parsers that share no code read it."""
    method, events = _by_icalendar(content)
    assert (method, events) == _by_vobject(content)
    return [(method, event) for event in events]


def calendars_to(db, user):
    """Every calendar file that was mailed to somebody, the oldest first."""
    mails = db.scalars(sa.select(OutboxMail).where(OutboxMail.email == user.email).order_by(OutboxMail.id))
    return [base64.b64decode(one["content"]) for mail in mails for one in mail.attachments]


@pytest.fixture
def cohort(db, organiser, expert):
    return build.make_cohort(db, organiser, expert)


def test_a_calendar_follows_a_session_through_its_history(db, cohort, alice):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    session = build.session_of(db, cohort, 2)
    before, client = session.starts_at, CalendarClient()
    client.receive(calendars_to(db, alice)[-1])
    assert len(client.shown) == 25
    assert before in client.shown
    for on, at in ((date(2026, 11, 27), time(18)), (date(2026, 11, 28), time(9))):
        services.move_session(db, session_id=session.id, when=When(on, at))
        client.receive(calendars_to(db, alice)[-1])
        assert len(client.shown) == 25
        assert session.starts_at in client.shown
        assert before not in client.shown
    services.cancel_session(db, session_id=session.id)
    client.receive(calendars_to(db, alice)[-1])
    assert len(client.shown) == 24
    assert session.starts_at not in client.shown


def test_mails_that_arrive_in_any_order_leave_the_same_calendar(db, cohort, alice):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    session = build.session_of(db, cohort, 2)
    services.move_session(db, session_id=session.id, when=When(date(2026, 11, 27), time(18)))
    services.move_session(db, session_id=session.id, when=When(date(2026, 11, 28), time(9)))
    services.cancel_session(db, session_id=session.id)
    files = calendars_to(db, alice)
    assert len(files) == 4
    for order in (files, files[::-1], [files[2], files[0], files[3], files[1]]):
        client = CalendarClient()
        for one in order:
            client.receive(one)
        assert len(client.shown) == 24
        assert session.starts_at not in client.shown


def test_each_change_keeps_the_uid_and_counts_one_up(db, cohort, alice):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    session = build.session_of(db, cohort, 2)
    uid = session.calendar_uid
    services.move_session(db, session_id=session.id, when=When(date(2026, 11, 27), time(18)))
    services.move_session(db, session_id=session.id, when=When(date(2026, 11, 28), time(9)))
    services.cancel_session(db, session_id=session.id)
    told = [read_both(content)[0] for content in calendars_to(db, alice)[1:]]
    assert [(method, event["sequence"], event["status"]) for method, event in told] == [
        ("REQUEST", 1, "CONFIRMED"),
        ("REQUEST", 2, "CONFIRMED"),
        ("CANCEL", 3, "CANCELLED"),
    ]
    assert {event["uid"] for _method, event in told} == {f"{uid}@sessions.comptoir"}
    assert all(event["attendees"] == [f"mailto:{alice.email}"] for _method, event in told)


def test_another_room_counts_one_up_and_another_expert_does_not(db, cohort, alice, organiser):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    session = build.session_of(db, cohort, 2)
    other = build.make_expert(db)

    def change(**changes):
        wanted = Wanted(
            When(session.local_date, session.local_time),
            changes.get("expert_id", session.expert_id),
            RoomKind.LINK,
            changes.get("video_url", session.video_url),
        )
        services.propose_change(db, organiser_id=organiser.id, session_id=session.id, wanted=wanted)
        services.release_changes(db, organiser_id=organiser.id, cohort_id=cohort.id)

    change(expert_id=other.id)
    assert session.calendar_sequence == 0
    assert len(calendars_to(db, alice)) == 1
    change(video_url="https://meet.example.org/b")
    assert session.calendar_sequence == 1
    assert len(calendars_to(db, alice)) == 2


def test_the_feed_is_a_snapshot_of_ones_own(client, db, cohort, alice, bob, expert):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    session = build.session_of(db, cohort, 2)
    for user in (alice, bob, expert):
        services.calendar_feed(db, user=user)
    addresses = dict(db.execute(sa.select(CalendarFeed.user_id, CalendarFeed.token)).all())

    def feed(user):
        answer = client.get(f"/fr/calendar/{addresses[user.id]}.ics")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/calendar")
        return answer.data

    services.move_session(db, session_id=session.id, when=When(date(2026, 11, 27), time(18)))
    mine = read_both(feed(alice))
    assert len(mine) == 25
    assert session.starts_at in {event["start"] for _method, event in mine}
    assert len(read_both(feed(expert))) == 25
    assert b"VEVENT" not in feed(bob)
    # What is in the feed never is older than what was mailed.
    mailed, calendar = calendars_to(db, alice)[-1], CalendarClient()
    calendar.receive(mailed)
    calendar.receive(feed(alice))
    services.cancel_session(db, session_id=session.id)
    calendar.receive(feed(alice))
    assert len(calendar.shown) == 24


def test_a_reset_feed_leaves_the_old_address_empty(client, sign_in, db, cohort, alice):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    sign_in(client, alice)
    client.post("/fr/calendar")
    old = db.scalar(sa.select(CalendarFeed.token).where(CalendarFeed.user_id == alice.id))
    client.post("/fr/calendar")
    assert db.scalar(sa.select(CalendarFeed.token).where(CalendarFeed.user_id == alice.id)) == old
    assert client.post("/fr/calendar/reset").status_code == 303
    new = db.scalar(sa.select(CalendarFeed.token).where(CalendarFeed.user_id == alice.id))
    assert new != old
    assert client.get(f"/fr/calendar/{old}.ics").status_code == 404
    assert len(read_both(client.get(f"/fr/calendar/{new}.ics").data)) == 25
    assert new in client.get("/fr/programme").get_data(as_text=True)


def test_the_cohorts_and_the_sessions_files_are_public_and_agree(client, db, cohort):
    session = build.session_of(db, cohort, 3)
    whole = read_both(client.get(f"/en/cohorts/{cohort.id}/calendar.ics").data)
    one = read_both(client.get(f"/en/sessions/{session.id}/session.ics").data)
    assert len(whole) == 25
    assert one == [pair for pair in whole if pair[1]["uid"].startswith(session.calendar_uid)]
    assert one[0][1]["end"] - one[0][1]["start"] == timedelta(minutes=30)


def test_a_draft_has_no_calendar(client, db, organiser, expert):
    draft = build.make_draft(db, organiser, expert)
    assert client.get(f"/fr/cohorts/{draft.id}/calendar.ics").status_code == 404
    assert client.get(f"/fr/sessions/{build.session_of(db, draft).id}/session.ics").status_code == 404


def test_an_invitation_stands_beside_the_text_and_under_it(app, db, cohort, alice):
    from portal.notifications.compose import compose

    services.enrol(db, user=alice, cohort_id=cohort.id)
    session = build.session_of(db, cohort, 2)
    services.move_session(db, session_id=session.id, when=When(date(2026, 11, 27), time(18)))
    enrolled, moved = db.scalars(
        sa.select(OutboxMail).where(OutboxMail.email == alice.email).order_by(OutboxMail.id)
    ).all()
    with app.app_context():
        messages = [compose(enrolled), compose(moved)]
    for message, method, places in ((messages[0], "PUBLISH", 1), (messages[1], "REQUEST", 2)):
        parts = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
        assert [part.get_param("method") for part in parts] == [method] * places
        files = [part.get_payload(decode=True).replace(b"\r\n", b"\n") for part in parts]
        assert len(set(files)) == 1
        assert len(list(message.iter_attachments())) == 1
