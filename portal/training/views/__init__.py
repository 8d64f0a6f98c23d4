"""The pages of training. Read downwards: the programme, cohorts, calendars, the room's signals, planning, the quiz."""

from portal.training.views import (
    availability,
    calendar,
    cohorts,
    editing,
    feedback,
    lessons,
    plan,
    programme,
    quiz,
    room,
    seats,
)
from portal.training.views._blueprint import blueprint

__all__ = [
    "availability",
    "blueprint",
    "calendar",
    "cohorts",
    "editing",
    "feedback",
    "lessons",
    "plan",
    "programme",
    "quiz",
    "room",
    "seats",
]
