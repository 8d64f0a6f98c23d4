"""Rooms at a provider, against a small BigBlueButton over real HTTP: entering, who is there, the end, the recording."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote, urlsplit

import pytest
import sqlalchemy as sa
import urllib3

from portal import config
from portal.kernel import clock
from portal.training import flows, rooms, services
from portal.training.errors import NoSuchSessionError, NotInSessionError, WrongStateError
from portal.training.jobs import find_recordings, watch_rooms
from portal.training.models import (
    Attendance,
    AttendanceState,
    PresencePing,
    PresenceSource,
    RoomKind,
    Session,
    SessionState,
)
from portal.training.queries import presence_so_far, present_count
from tests.builders import training as build
from tests.training.bigbluebutton import recording

MINUTES, SECONDS = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def session(db, server, merchant, organiser, expert):
    """The first session of a cohort whose rooms are BigBlueButton's; the merchant has a seat."""
    with clock.at(build.BEFORE):
        cohort = build.make_cohort(db, organiser, expert)
        services.enrol(db, user=merchant, cohort_id=cohort.id)
        cohort.room_kind = RoomKind.BIGBLUEBUTTON
        db.flush()
    return build.session_of(db, cohort)


def enter(session, user, moment=None):
    with clock.at(moment or session.starts_at):
        return flows.enter_room(session_id=session.id, user=user)


def follow(address):
    """What a browser does with a join address; returns the answer's text."""
    return urllib3.request("GET", address, retries=False).data.decode()


def poll(session, moment):
    with clock.at(moment):
        return flows.poll_roster(session.id)


def roster_rows(db, session):
    query = sa.select(PresencePing).where(
        PresencePing.session_id == session.id, PresencePing.source == PresenceSource.ROSTER
    )
    return db.scalars(query.order_by(PresencePing.id).execution_options(populate_existing=True)).all()


# Entering


def test_everyone_enters_the_same_room_under_their_own_name_and_role(session, server, merchant, expert):
    addresses = [enter(session, merchant), enter(session, expert), enter(session, merchant)]
    assert all("successfullyJoined" in follow(address) for address in addresses)
    [room] = server.rooms.values()
    assert room.people == {str(merchant.id): "Merchant", str(expert.id): "Expert"}
    assert room.roles == {str(merchant.id): "VIEWER", str(expert.id): "MODERATOR"}
    assert (server.count("create"), room.name) == (3, "1. " + room.name[3:])
    assert room.leave_url == f"http://localhost/fr/sessions/{session.id}"


def test_a_changed_join_address_is_refused(session, server, merchant, expert):
    address = enter(session, merchant)
    for before, after in (
        ("role=VIEWER", "role=MODERATOR"),
        (f"userID={merchant.id}", f"userID={expert.id}"),
        ("fullName=Merchant", "fullName=Somebody"),
    ):
        assert before in address
        assert "checksumError" in follow(address.replace(before, after))
    assert "checksumError" in follow(address[:-1] + ("0" if address[-1] != "0" else "1"))
    assert [room.people for room in server.rooms.values()] == [{}]


def test_a_join_address_does_not_open_a_later_room_of_the_same_name(session, server, merchant):
    old = enter(session, merchant)
    server.rooms.clear()
    enter(session, merchant)
    assert "mismatchCreateTimeParam" in follow(old)


def test_the_room_is_closed_to_those_without_a_seat_and_before_and_after(db, session, server, merchant, charlie):
    with pytest.raises(NotInSessionError):
        enter(session, charlie)
    with pytest.raises(WrongStateError):
        enter(session, merchant, session.starts_at - 11 * MINUTES)
    with pytest.raises(NoSuchSessionError), clock.at(session.starts_at):
        flows.enter_room(session_id=session.id + 1000, user=merchant)
    build.run_session(db, session)
    with pytest.raises(WrongStateError):
        enter(session, merchant, session.ends_at)
    assert server.count("create") == 0


def test_the_name_of_a_room_is_long_stable_and_its_own(session):
    names = {rooms.room_name(number) for number in range(1, 200)}
    assert len(names) == 199
    assert rooms.room_name(session.id) == rooms.room_name(session.id)
    assert all(len(name) == 41 for name in names)


def test_a_start_stamps_the_room(db, session):
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    assert db.get_one(Session, session.id, populate_existing=True).room_id == rooms.room_name(session.id)


def test_a_jitsi_room_has_the_name_in_the_fragment_only(db, session, merchant):
    session.room_kind = RoomKind.JITSI
    merchant.display_name = 'Zoé "au coin" & fils'
    db.flush()
    parts = urlsplit(enter(session, merchant))
    assert (parts.scheme, parts.netloc, parts.query) == ("https", "meet.test", "")
    assert parts.path == f"/{rooms.room_name(session.id)}"
    name = parts.fragment.split("&")[0].removeprefix("userInfo.displayName=")
    assert json.loads(unquote(name)) == merchant.display_name


def test_a_link_of_the_sessions_own_comes_before_the_cohorts_room(db, session, merchant, server):
    session.video_url = "https://video.test/room"
    db.flush()
    assert enter(session, merchant) == "https://video.test/room"
    assert server.count("create") == 0


# The page


def test_the_page_leads_to_the_room_and_works_when_the_server_is_down(client, sign_in, db, session, server, merchant):
    sign_in(client, merchant)
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
        assert f"/fr/sessions/{session.id}/enter" in client.get(f"/fr/sessions/{session.id}").get_data(as_text=True)
        there = client.get(f"/fr/sessions/{session.id}/enter")
        assert there.headers["Location"].startswith(server.url + "/api/join?")
        server.status = 500
        back = client.get(f"/fr/sessions/{session.id}/enter")
        assert (back.status_code, back.headers["Location"]) == (303, f"/fr/sessions/{session.id}")
        page = client.get(back.headers["Location"])
        assert page.status_code == 200
        assert "vidéo" in page.get_data(as_text=True)


def test_strangers_are_not_let_through_by_address(client, sign_in, session, server, charlie):
    assert client.get(f"/fr/sessions/{session.id}/enter").headers["Location"].startswith("/fr/sign-in")
    sign_in(client, charlie)
    with clock.at(session.starts_at):
        assert client.get(f"/fr/sessions/{session.id}/enter").status_code == 403
    assert server.calls == []


# The roster


def test_presence_follows_the_roster_minute_by_minute(db, session, server, merchant):
    follow(enter(session, merchant))
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    for minute in range(21):
        assert poll(session, session.starts_at + minute * MINUTES) == 1
    [row] = roster_rows(db, session)
    assert row.until_at - row.from_at == 20 * MINUTES
    with clock.at(session.starts_at + 20 * MINUTES):
        assert present_count(db, session.id, roster=True) == 1
        since = presence_so_far(db, session_id=session.id, user_id=merchant.id, from_at=session.starts_at, roster=True)
    assert since == 20 * MINUTES


def test_whoever_is_not_in_the_roster_counts_zero_however_often_they_click(db, session, server, merchant, expert):
    follow(enter(session, expert))
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    poll(session, session.starts_at + MINUTES)
    build.attend(db, session, merchant, minutes=30)
    for minute in range(0, 30, 2):
        with clock.at(session.starts_at + minute * MINUTES):
            services.press_button(db, user=merchant, session_id=session.id)
    with clock.at(session.ends_at):
        flows.end_room(session.id)
    found = db.scalars(sa.select(Attendance)).one()
    assert (found.state, found.seconds) == (AttendanceState.ABSENT, 0)


def test_without_a_roster_the_pages_pings_count(db, session, server, merchant):
    server.status = 503
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
        watch_rooms()
    build.attend(db, session, merchant, minutes=30)
    with clock.at(session.ends_at):
        flows.end_room(session.id)
    found = db.scalars(sa.select(Attendance)).one()
    assert (found.state, found.seconds) == (AttendanceState.PRESENT, 1800)


def test_a_roster_of_names_that_are_not_ours_is_not_counted_by(db, session, server, merchant):
    follow(enter(session, merchant))
    [room] = server.rooms.values()
    room.people = {"w_abc": "Merchant", "999999999999999999": "Nobody", "9" * 40: "Large"}
    assert poll(session, session.starts_at) == 0
    assert db.get_one(Session, session.id, populate_existing=True).roster_seen_at is None


def test_leaving_and_coming_back_are_two_stretches_and_three_devices_one(db, session, server, merchant):
    for _device in range(3):
        follow(enter(session, merchant))
    [room] = server.rooms.values()
    here = dict(room.people)
    for minute, people in enumerate([here, here, here, {}, {}, here, here]):
        room.people = people
        poll(session, session.starts_at + minute * MINUTES)
    spans = [(row.until_at - row.from_at) // MINUTES for row in roster_rows(db, session)]
    assert spans == [2, 2]


def test_a_silence_of_the_server_is_bridged_for_five_minutes(db, session, server, merchant):
    follow(enter(session, merchant))
    start = session.starts_at
    for minute in (0, 5, 20):
        poll(session, start + minute * MINUTES)
    rows = roster_rows(db, session)
    assert [(row.from_at, row.until_at) for row in rows] == [
        (start, start + 5 * MINUTES),
        (start + 20 * MINUTES - 90 * SECONDS, start + 20 * MINUTES),
    ]


def test_a_clock_that_jumps_back_and_a_job_run_twice_change_nothing(db, session, server, merchant):
    follow(enter(session, merchant))
    start = session.starts_at
    for minute in (0, 1, 1, 0, 1):
        poll(session, start + minute * MINUTES)
    assert [(row.from_at, row.until_at) for row in roster_rows(db, session)] == [(start, start + MINUTES)]


def test_a_room_outside_its_time_is_not_asked_about(db, session, server, merchant):
    follow(enter(session, merchant))
    server.calls.clear()
    with clock.at(session.starts_at - 12 * MINUTES):
        watch_rooms()
    assert server.calls == []
    with clock.at(session.starts_at - 9 * MINUTES):
        watch_rooms()
    assert server.calls == ["getMeetingInfo"]


# The end and the recording


def test_the_end_closes_the_room_and_twice_is_once(db, session, server, merchant):
    follow(enter(session, merchant))
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    for _twice in range(2):
        with clock.at(session.ends_at):
            flows.end_room(session.id)
    assert (server.rooms, server.count("end")) == ({}, 1)
    assert db.get_one(Session, session.id, populate_existing=True).state is SessionState.ENDED


def test_a_server_that_is_down_keeps_nobody_from_ending_and_the_room_is_closed_later(db, session, server, merchant):
    follow(enter(session, merchant))
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    server.status = 502
    with clock.at(session.ends_at):
        flows.end_room(session.id)
    assert len(server.rooms) == 1
    server.status = 200
    with clock.at(session.ends_at + MINUTES):
        watch_rooms()
    assert server.rooms == {}
    with clock.at(session.ends_at + 31 * MINUTES):
        server.calls.clear()
        watch_rooms()
    assert server.calls == []


def test_the_recording_becomes_the_replay_once_it_is_published(db, session, server, merchant):
    build.run_session(db, session)
    started = int(session.starts_at.timestamp())
    with clock.at(session.ends_at + 10 * MINUTES):
        find_recordings()
        server.recordings[rooms.room_name(session.id)] = [
            recording(began=started - 300, ended=started + 1800, state="processing"),
        ]
        find_recordings()
        assert db.get_one(Session, session.id, populate_existing=True).replay_url == ""
        server.recordings[rooms.room_name(session.id)] = [
            recording(began=started - 300, ended=started + 60, formats={"presentation": "https://bbb.test/short"}),
            recording(
                began=started - 240,
                ended=started + 1800,
                formats={
                    "podcast": "https://bbb.test/a.ogg",
                    "presentation": "https://bbb.test/p",
                    "video": "https://bbb.test/v",
                },
            ),
        ]
        find_recordings()
        found = db.get_one(Session, session.id, populate_existing=True)
        assert (found.replay_url, found.replay_from_seconds) == ("https://bbb.test/v", 240)
        server.calls.clear()
        find_recordings()
        assert server.calls == []


def test_a_recording_that_leads_somewhere_odd_is_left(db, session, server):
    build.run_session(db, session)
    began = int(session.starts_at.timestamp())
    server.recordings[rooms.room_name(session.id)] = [
        recording(began=began, ended=began + 1800, formats={"video": "javascript:alert(1)"}),
        recording(began=0, ended=began, formats={"video": "https://bbb.test/v"}),
    ]
    with clock.at(session.ends_at):
        assert flows.find_recording(session.id) is False


def test_a_large_roster_is_read_and_recorded(db, session, server, merchant):
    follow(enter(session, merchant))
    [room] = server.rooms.values()
    room.people |= {str(10_000_000 + number): "Somebody of another cohort" for number in range(3_000)}
    assert poll(session, session.starts_at) == 1
    assert len(roster_rows(db, session)) == 1


def test_a_room_that_is_no_longer_set_up_is_not_offered(client, sign_in, db, session, server, merchant):
    config.use(replace(config.current(), bbb_url="", bbb_secret=""))
    sign_in(client, merchant)
    with clock.at(session.starts_at):
        assert "/enter" not in client.get(f"/fr/sessions/{session.id}").text
        assert client.get(f"/fr/sessions/{session.id}/enter").headers["Location"] == f"/fr/sessions/{session.id}"
        watch_rooms()
