"""Calendars (iCalendar, RFC 5545; iTIP, RFC 5546): a UID for good, a SEQUENCE that only rises, times in UTC.

Which METHOD: a file of many sessions (joining a cohort, a feed) is PUBLISH, the only one that may hold several UIDs.
A change of one session goes to each person as REQUEST with that person as its attendee, already accepted and without
asking for a reply: that is what Gmail, Outlook and Apple's Mail act on by themselves, moving the event that is there
because the UID is the same and the SEQUENCE higher; a second PUBLISH only offers to add a file. CANCEL takes it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from icalendar import Calendar, Event, vCalAddress, vDuration, vText

from portal import config
from portal.kernel import clock
from portal.training import content

PUBLISH = "PUBLISH"
REQUEST = "REQUEST"
CANCEL = "CANCEL"
CONTENT_TYPE = "text/calendar"
# How often a subscribed calendar is asked to look again (RFC 7986, and what Outlook reads instead).
_REFRESH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One session as a calendar shows it."""

    session_id: int
    uid: str
    sequence: int
    number: int
    starts_at: datetime
    ends_at: datetime
    cohort: str
    zone: str
    cancelled: bool = False


def full_uid(uid: str) -> str:
    """The UID in calendars: the random part the database keeps, under a name that never changes."""
    return f"{uid}@sessions.comptoir"


def _address(mail: str, **params: str) -> vCalAddress:
    address = vCalAddress(f"mailto:{mail}")
    for name, value in params.items():
        address.params[name] = vText(value)
    return address


def _event(entry: CalendarEntry, *, language: str, method: str, attendee: str) -> Event:
    settings = config.current()
    words = content.lesson(entry.number).words[language]
    address = f"{settings.base_url}/{language}/sessions/{entry.session_id}"
    event = Event()
    event.add("uid", full_uid(entry.uid))
    event.add("sequence", entry.sequence)
    event.add("dtstamp", clock.now())
    event.add("dtstart", entry.starts_at)
    event.add("dtend", entry.ends_at)
    event.add("summary", f"{entry.number}. {words.title}")
    event.add("description", f"{words.summary}\n\n{entry.cohort} ({entry.zone})\n{address}")
    event.add("location", address)
    event.add("url", address)
    event.add("status", "CANCELLED" if method == CANCEL or entry.cancelled else "CONFIRMED")
    event.add("transp", "OPAQUE")
    name, mail = parseaddr(settings.mail_from)
    event["organizer"] = _address(mail, cn=name or "Comptoir")
    if attendee:
        event.add("attendee", _address(attendee, role="REQ-PARTICIPANT", partstat="ACCEPTED", rsvp="FALSE"))
    return event


def build(
    entries: Sequence[CalendarEntry], *, language: str, method: str = PUBLISH, name: str = "", attendee: str = ""
) -> bytes:
    """An .ics file of sessions; `method` CANCEL takes them out of the calendar again.

    `attendee`: the address of the one person a REQUEST or CANCEL is for. `name` is a subscribed calendar's.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Comptoir//Training//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    if name:
        calendar.add("x-wr-calname", name)
        calendar.add("x-published-ttl", vDuration(_REFRESH))
        calendar.add("refresh-interval", _REFRESH, parameters={"value": "DURATION"})
    for entry in entries:
        calendar.add_component(_event(entry, language=language, method=method, attendee=attendee))
    return bytes(calendar.to_ical())
