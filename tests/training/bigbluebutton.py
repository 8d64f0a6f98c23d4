"""A small BigBlueButton: the part of its API that the portal uses, over real HTTP on loopback.

It keeps to the documented rules: every call needs its checksum (SHA-256), a room created twice with other passwords is
refused, `end` needs the moderator's, joining another run of a room of the same name fails.
"""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

SECRET = "a-secret-of-the-tests"
PATH = "/bigbluebutton/api/"


@dataclass
class Room:
    """A meeting and who is in it: our id (or the server's own word) to the name they entered under."""

    name: str
    passwords: dict[str, str]
    created: int
    leave_url: str
    people: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """What the server knows, and what was asked of it."""

    url: str
    rooms: dict[str, Room] = field(default_factory=dict)
    recordings: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    # When set, the next answers are these bytes instead.
    broken: bytes | None = None
    status: int = 200
    delay: float = 0.0

    def count(self, call: str) -> int:
        """How often a call was made with a right checksum."""
        return self.calls.count(call)


def _answer(inner: str, code: str = "SUCCESS") -> str:
    return f"<response><returncode>{code}</returncode>{inner}</response>"


def _failed(key: str) -> str:
    return _answer(f"<messageKey>{key}</messageKey><message>{key}</message>", "FAILED")


def _create(server: Server, given: dict[str, str]) -> str:
    passwords = {"VIEWER": given["attendeePW"], "MODERATOR": given["moderatorPW"]}
    room = server.rooms.get(given["meetingID"])
    extra = ""
    if room is None:
        created = int(time.time() * 1000) + len(server.calls)
        room = server.rooms[given["meetingID"]] = Room(given["name"], passwords, created, given["logoutURL"])
    elif room.passwords != passwords:
        return _failed("idNotUnique")
    else:
        extra = "<messageKey>duplicateWarning</messageKey>"
    return _answer(f"<meetingID>{given['meetingID']}</meetingID><createTime>{room.created}</createTime>{extra}")


def _join(server: Server, given: dict[str, str]) -> str:
    room = server.rooms.get(given["meetingID"])
    if room is None:
        return _failed("invalidMeetingIdentifier")
    if given.get("createTime", str(room.created)) != str(room.created):
        return _failed("mismatchCreateTimeParam")
    if room.passwords[given["role"]] != given["password"]:
        return _failed("invalidPassword")
    room.people[given["userID"]] = given["fullName"]
    room.roles[given["userID"]] = given["role"]
    return _answer("<messageKey>successfullyJoined</messageKey>")


def _running(server: Server, given: dict[str, str]) -> str:
    room = server.rooms.get(given["meetingID"])
    return _answer(f"<running>{'true' if room and room.people else 'false'}</running>")


def _end(server: Server, given: dict[str, str]) -> str:
    room = server.rooms.get(given["meetingID"])
    if room is None:
        return _failed("notFound")
    if room.passwords["MODERATOR"] != given["password"]:
        return _failed("invalidPassword")
    del server.rooms[given["meetingID"]]
    return _answer("<messageKey>sentEndMeetingRequest</messageKey>")


def _info(server: Server, given: dict[str, str]) -> str:
    room = server.rooms.get(given["meetingID"])
    if room is None:
        return _failed("notFound")
    people = "".join(
        f"<attendee><userID>{escape(user_id)}</userID><fullName>{escape(name)}</fullName>"
        f"<role>{room.roles.get(user_id, 'VIEWER')}</role></attendee>"
        for user_id, name in room.people.items()
    )
    return _answer(f"<meetingName>{escape(room.name)}</meetingName><attendees>{people}</attendees>")


def _recordings(server: Server, given: dict[str, str]) -> str:
    found = "".join(server.recordings.get(given["meetingID"], ()))
    if not found:
        return _answer("<recordings></recordings><messageKey>noRecordings</messageKey>")
    return _answer(f"<recordings>{found}</recordings>")


_CALLS = {
    "create": _create,
    "join": _join,
    "isMeetingRunning": _running,
    "end": _end,
    "getMeetingInfo": _info,
    "getRecordings": _recordings,
}


def recording(*, began: int, ended: int, state: str = "published", formats: dict[str, str] | None = None) -> str:
    """One recording as the server lists it; moments in seconds since 1970."""
    formats = {"presentation": "https://bbb.test/playback/1"} if formats is None else formats
    playback = "".join(f"<format><type>{kind}</type><url>{escape(url)}</url></format>" for kind, url in formats.items())
    return (
        f"<recording><recordID>r-{began}</recordID><state>{state}</state><startTime>{began * 1000}</startTime>"
        f"<endTime>{ended * 1000}</endTime><playback>{playback}</playback></recording>"
    )


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(server.delay)
            body = server.broken if server.broken is not None else self._said().encode()
            self.send_response(server.status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # the reader gave up waiting

        def _said(self) -> str:
            parts = urlsplit(self.path)
            call = parts.path.removeprefix(PATH)
            query, _, checksum = parts.query.rpartition("&checksum=")
            if hashlib.sha256(f"{call}{query}{SECRET}".encode()).hexdigest() != checksum:
                return _failed("checksumError")
            server.calls.append(call)
            return _CALLS[call](server, dict(parse_qsl(query)))

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def running() -> Iterator[Server]:
    """A server on a free port of loopback, ended with the block."""
    server = Server("")
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_address[1]}/bigbluebutton"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
