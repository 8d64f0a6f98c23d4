"""Rooms at a provider, against a small BigBlueButton over real HTTP: entering, who is there, the end, the recording."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

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
    Cohort,
    PresencePing,
    PresenceSource,
    RoomKind,
    Session,
    SessionState,
)
from portal.training.queries import presence_so_far, present_count
from portal.training.rooms import BigBlueButton, RoomRefusedError, RoomUnavailableError, bigbluebutton
from tests.builders import training as build
from tests.training.bigbluebutton import SECRET, recording, running

MINUTES, SECONDS = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture(scope="module")
def one_server():
    with running() as server:
        yield server


@pytest.fixture
def server(app, one_server):
    """The server, empty, and this installation's settings pointing at it."""
    one_server.__init__(one_server.url)  # as it was at first
    before = config.current()
    config.use(replace(before, bbb_url=one_server.url, bbb_secret=SECRET, jitsi_url="https://meet.test"))
    yield one_server
    config.use(before)


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


# The wire


def test_a_wrong_secret_is_refused_in_the_servers_words(server):
    wrong = BigBlueButton(server.url, "another")
    with pytest.raises(RoomRefusedError) as caught:
        wrong.is_running("room")
    assert caught.value.code == "checksumError"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Bad gateway</body></html>",
        b"<response><returncode>SUCCESS",
        b'<!DOCTYPE r [<!ENTITY a "SUCCESS">]><response><returncode>&a;</returncode></response>',
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><response><returncode>SUCCESS</returncode></response>',
        b"<response>" + b" " * bigbluebutton._LARGEST_ANSWER + b"</response>",
    ],
    ids=["empty", "another page", "cut short", "entity", "outside file", "endless"],
)
def test_an_answer_that_is_none_is_no_answer(server, body):
    server.broken = body
    with pytest.raises(RoomUnavailableError):
        BigBlueButton(server.url, SECRET).is_running("room")


def test_nobody_listening_is_said_in_words(server):
    nowhere = BigBlueButton("http://127.0.0.1:9/bigbluebutton", SECRET)
    with pytest.raises(RoomUnavailableError) as caught:
        nowhere.create(rooms.Meeting("room", "Title", "http://localhost/"))
    assert "slides" in str(caught.value)


def test_a_redirect_is_not_followed(server):
    server.status, server.broken = 302, b""
    with pytest.raises(RoomUnavailableError):
        BigBlueButton(server.url, SECRET).is_running("room")


def test_the_address_may_be_given_with_or_without_its_end():
    signed = {BigBlueButton(url, "s").signed("create", {"a": "b c"}) for url in ("https://x/bbb", "https://x/bbb/api")}
    [address] = signed
    assert parse_qs(urlsplit(address).query)["a"] == ["b c"]
    # The documented example, with SHA-256 for its SHA-1.
    known = BigBlueButton("https://x", "639259d4-9dd8-4b25-bf01-95f9567eaf4b").signed("create", {"name": "Test"})
    assert known.startswith("https://x/api/create?name=Test&checksum=")
    assert len(known.rpartition("=")[2]) == 64


def test_a_large_roster_is_read_and_recorded(db, session, server, merchant):
    follow(enter(session, merchant))
    [room] = server.rooms.values()
    room.people |= {str(10_000_000 + number): "Somebody of another cohort" for number in range(3_000)}
    assert poll(session, session.starts_at) == 1
    assert len(roster_rows(db, session)) == 1


# Setting it up


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"COMPTOIR_BBB_URL": "https://bbb.test/bigbluebutton"}, "COMPTOIR_BBB_SECRET"),
        ({"COMPTOIR_BBB_SECRET": "s"}, "COMPTOIR_BBB_URL"),
        ({"COMPTOIR_BBB_URL": "bbb.test", "COMPTOIR_BBB_SECRET": "s"}, "COMPTOIR_BBB_URL must look like"),
        ({"COMPTOIR_JITSI_URL": "javascript:alert(1)"}, "COMPTOIR_JITSI_URL must look like"),
    ],
)
def test_a_half_set_or_odd_setting_refuses_to_start(tmp_path, environ, says):
    with pytest.raises(config.ConfigError, match=says):
        config.load({"COMPTOIR_INSTANCE": str(tmp_path), **environ})


def test_the_secret_is_not_in_what_is_printed(server):
    assert SECRET not in repr(config.current())


def test_an_installation_offers_the_rooms_it_has(server):
    assert rooms.available_kinds() == (RoomKind.LINK, RoomKind.JITSI, RoomKind.BIGBLUEBUTTON)
    config.use(replace(config.current(), bbb_url="", bbb_secret="", jitsi_url=""))
    assert rooms.available_kinds() == (RoomKind.LINK,)


def test_a_room_that_is_no_longer_set_up_is_not_offered(client, sign_in, db, session, server, merchant):
    config.use(replace(config.current(), bbb_url="", bbb_secret=""))
    sign_in(client, merchant)
    with clock.at(session.starts_at):
        assert "/enter" not in client.get(f"/fr/sessions/{session.id}").text
        assert client.get(f"/fr/sessions/{session.id}/enter").headers["Location"] == f"/fr/sessions/{session.id}"
        watch_rooms()


def test_a_cohort_is_planned_with_its_rooms(client, sign_in, db, server, organiser, expert):
    sign_in(client, organiser)
    assert "BigBlueButton" in client.get("/fr/manage/cohorts/new").text
    plan = {
        "name": "En salle",
        "language": "fr",
        "first_on": build.FIRST_ON.isoformat(),
        "local_time": "12:30",
        "weekdays": ["1", "3"],
        "zone": "Europe/Paris",
        "country": "FR",
        "team": [str(expert.id)],
        "capacity": "30",
        "room_kind": "bigbluebutton",
        "step": "create",
    }
    with clock.at(build.BEFORE):
        made = client.post("/fr/manage/cohorts/new", data=plan)
        assert made.status_code == 303
        assert client.post("/fr/manage/cohorts/new", data=plan | {"room_kind": "zoom"}).status_code == 422
    cohort = db.scalars(sa.select(Cohort).where(Cohort.name == "En salle")).one()
    assert cohort.room_kind is RoomKind.BIGBLUEBUTTON
