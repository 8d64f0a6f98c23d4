"""Reading for pages: one function a page, the fewest statements."""

from portal.training.queries.attendance import my_attendance, session_attendance
from portal.training.queries.calendars import calendar_entries
from portal.training.queries.cohorts import (
    cohort_card,
    cohorts_page,
    is_enrolled,
    is_waiting,
    lesson_dates,
    my_cohort,
    open_cohorts,
    timetable,
    waiting_for_news,
)
from portal.training.queries.progress import Progress, needed_lessons, progress, seated_sessions
from portal.training.queries.sessions import (
    has_seat,
    last_ended,
    live_sessions,
    next_sessions,
    presence_so_far,
    present_count,
    session_page,
)
from portal.training.queries.waitlist import next_chances

__all__ = [
    "Progress",
    "calendar_entries",
    "cohort_card",
    "cohorts_page",
    "has_seat",
    "is_enrolled",
    "is_waiting",
    "last_ended",
    "lesson_dates",
    "live_sessions",
    "my_attendance",
    "my_cohort",
    "needed_lessons",
    "next_chances",
    "next_sessions",
    "open_cohorts",
    "presence_so_far",
    "present_count",
    "progress",
    "seated_sessions",
    "session_attendance",
    "session_page",
    "timetable",
    "waiting_for_news",
]
