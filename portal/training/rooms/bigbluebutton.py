"""BigBlueButton's API: calls signed with a shared secret, answers in XML.

https://docs.bigbluebutton.org/development/api: each call's checksum is the SHA-256 of the call's name, its query string
and the secret. Only `flows` calls it, never inside a transaction.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Never
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

import urllib3

from portal.training.rooms.errors import RoomRefusedError, RoomUnavailableError

_CONNECT_SECONDS, _READ_SECONDS = 3, 8
# A roster of 5,000 people is about 2 MB.
_LARGEST_ANSWER = 8 * 1024 * 1024
_OK = 200
_SHORTEST_NAME, _LONGEST_NAME = 2, 64
_PUBLISHED = "published"
# What plays in a browser, the best first.
_FORMATS = ("video", "presentation")


@dataclass(frozen=True, slots=True)
class Meeting:
    """A room to be opened: its name at the server, what it is called, where people go when it closes."""

    room: str
    title: str
    leave_url: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who enters: our user id comes back in the roster."""

    user_id: int
    name: str
    leads: bool


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is in a room at this moment; a person with three devices is there once. `strangers` have no id of ours."""

    user_ids: frozenset[int]
    strangers: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A published recording: where it plays, and when it began."""

    url: str
    started_at: datetime
    seconds: int


class _NoDocumentType(ET.TreeBuilder):
    """Refuses a document type: without one there are no entities to expand and no files to read."""

    def doctype(self, name: str, _public_id: str | None, _system_id: str | None) -> Never:
        """An answer of this API never has one."""
        msg = f"a document type {name!r} in an answer"
        raise ValueError(msg)


@cache
def _http() -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
    return urllib3.PoolManager(maxsize=4, retries=False, timeout=timeout)


def parse(body: bytes) -> ET.Element:
    """An answer as a tree; RoomUnavailableError when it is no XML, or has a document type."""
    parser = ET.XMLParser(target=_NoDocumentType())  # noqa: S314 (see _NoDocumentType)
    try:
        parser.feed(body)
        root = parser.close()
    except (ET.ParseError, ValueError) as error:
        raise RoomUnavailableError from error
    if root.tag != "response":
        raise RoomUnavailableError
    return root


def _text(element: ET.Element, path: str) -> str:
    return element.findtext(path, "").strip()


def _moment(milliseconds: str) -> datetime | None:
    """A moment given in milliseconds; None for 0 and for what is no number."""
    if not milliseconds.isdecimal() or not int(milliseconds):
        return None
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _web_address(text: str) -> str:
    """The address, or empty when it is not one a page may link to."""
    parts = urlsplit(text)
    return text if parts.scheme in {"http", "https"} and parts.hostname else ""


def _recording(element: ET.Element) -> Recording | None:
    begin, end = _moment(_text(element, "startTime")), _moment(_text(element, "endTime"))
    if _text(element, "state") != _PUBLISHED or begin is None or end is None:
        return None
    addresses = {_text(one, "type"): _web_address(_text(one, "url")) for one in element.iterfind("playback/format")}
    url = next((addresses[kind] for kind in _FORMATS if addresses.get(kind)), "")
    return Recording(url, begin, int((end - begin).total_seconds())) if url else None


class BigBlueButton:
    """One server. Every call raises RoomUnavailableError without a usable answer, RoomRefusedError for a refusal."""

    def __init__(self, url: str, secret: str) -> None:
        """Take the address and the secret as `bbb-conf --secret` prints them."""
        self._api = url if url.endswith("/api") else f"{url}/api"
        self._secret = secret

    def _password(self, room: str, role: str) -> str:
        """A room's password for a role. A room created twice is the same room only while its passwords are."""
        return hmac.new(self._secret.encode(), f"{room}:{role}".encode(), hashlib.sha256).hexdigest()[:32]

    def signed(self, call: str, parameters: Mapping[str, str]) -> str:
        """The address of a call with its checksum."""
        query = urlencode(parameters, quote_via=quote)
        checksum = hashlib.sha256(f"{call}{query}{self._secret}".encode()).hexdigest()
        return f"{self._api}/{call}?{query}&checksum={checksum}"

    def _call(self, call: str, parameters: Mapping[str, str]) -> ET.Element:
        try:
            answer = _http().request("GET", self.signed(call, parameters), redirect=False, preload_content=False)
            try:
                body = answer.read(_LARGEST_ANSWER + 1)
            finally:
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise RoomUnavailableError from error
        if answer.status != _OK or len(body) > _LARGEST_ANSWER:
            raise RoomUnavailableError
        root = parse(body)
        if _text(root, "returncode").upper() != "SUCCESS":
            raise RoomRefusedError(_text(root, "messageKey") or "unknown")
        return root

    def create(self, meeting: Meeting) -> str:
        """Open a room, or find it open: asking again changes nothing. Returns when it was created, as the server says.

        It is recorded from the first moment, and everybody is told so; only those who lead are seen.
        """
        root = self._call(
            "create",
            {
                "meetingID": meeting.room,
                "name": meeting.title[:_LONGEST_NAME].ljust(_SHORTEST_NAME, "·"),
                "attendeePW": self._password(meeting.room, "attendee"),
                "moderatorPW": self._password(meeting.room, "moderator"),
                "logoutURL": meeting.leave_url,
                "record": "true",
                "autoStartRecording": "true",
                "allowStartStopRecording": "false",
                "notifyRecordingIsOn": "true",
                "muteOnStart": "true",
                "webcamsOnlyForModerator": "true",
            },
        )
        return _text(root, "createTime")

    def join_address(self, meeting: Meeting, visitor: Visitor, created: str) -> str:
        """Where somebody enters. Bound to the room as it was created at that moment: not to a later one of its name."""
        role = "moderator" if visitor.leads else "attendee"
        parameters = {
            "meetingID": meeting.room,
            "fullName": visitor.name,
            "password": self._password(meeting.room, role),
            "role": "MODERATOR" if visitor.leads else "VIEWER",
            "userID": str(visitor.user_id),
            "errorRedirectUrl": meeting.leave_url,
        }
        if created:
            parameters["createTime"] = created
        return self.signed("join", parameters)

    def is_running(self, room: str) -> bool:
        """Whether somebody is in the room."""
        return _text(self._call("isMeetingRunning", {"meetingID": room}), "running") == "true"

    def end(self, room: str) -> None:
        """Close a room for everybody; one that is closed already stays closed."""
        try:
            self._call("end", {"meetingID": room, "password": self._password(room, "moderator")})
        except RoomRefusedError as error:
            if error.code != "notFound":
                raise

    def roster(self, room: str) -> Roster | None:
        """Who is in a room; None when it is not open."""
        try:
            root = self._call("getMeetingInfo", {"meetingID": room})
        except RoomRefusedError as error:
            if error.code == "notFound":
                return None
            raise
        given = [_text(one, "userID") for one in root.iterfind("attendees/attendee")]
        ours = [text for text in given if text.isascii() and text.isdecimal() and len(text) <= 18]  # noqa: PLR2004 (a BIGINT)
        return Roster(frozenset(int(text) for text in ours), len(given) - len(ours))

    def recording(self, room: str) -> Recording | None:
        """The longest published recording of a room that a browser plays; None while there is none."""
        try:
            root = self._call("getRecordings", {"meetingID": room, "state": _PUBLISHED})
        except RoomRefusedError as error:
            if error.code in {"notFound", "noRecordings"}:
                return None
            raise
        found = [_recording(one) for one in root.iterfind("recordings/recording")]
        return max((one for one in found if one is not None), key=lambda one: one.seconds, default=None)
