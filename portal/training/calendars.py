"""Calendars (iCalendar, RFC 5545 and 5546): a UID for good, a SEQUENCE that only rises, times in UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from icalendar import Calendar, Event, vCalAddress, vText

from portal import config
from portal.kernel import clock
from portal.training import content

PUBLISH = "PUBLISH"
CANCEL = "CANCEL"
CONTENT_TYPE = "text/calendar"


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


def _event(entry: CalendarEntry, *, language: str, method: str) -> Event:
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
    organiser = vCalAddress(f"mailto:{mail}")
    organiser.params["cn"] = vText(name or "Comptoir")
    event["organizer"] = organiser
    return event


def build(entries: Sequence[CalendarEntry], *, language: str, method: str = PUBLISH, name: str = "") -> bytes:
    """An .ics file of sessions; `method` CANCEL takes them out of the calendar again."""
    calendar = Calendar()
    calendar.add("prodid", "-//Comptoir//Training//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    if name:
        calendar.add("x-wr-calname", name)
    for entry in entries:
        calendar.add_component(_event(entry, language=language, method=method))
    return bytes(calendar.to_ical())
