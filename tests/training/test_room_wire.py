"""BigBlueButton's API on the wire: signatures, answers that are none; and setting an installation up for rooms."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from portal import config
from portal.kernel import clock
from portal.training import rooms
from portal.training.models import Cohort, RoomKind
from portal.training.rooms import BigBlueButton, RoomRefusedError, RoomUnavailableError, bigbluebutton
from tests.builders import training as build
from tests.training.bigbluebutton import SECRET


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
