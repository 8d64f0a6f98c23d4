"""What changes training: the programme, cohorts, enrolment, the room, attendance."""

from portal.training.services.changes import cancel_session, move_session
from portal.training.services.cohorts import (
    CohortRequest,
    assign_expert,
    create_cohort,
    plan_cohort,
    release,
    shift_session,
)
from portal.training.services.enrolment import enrol, join_waitlist, leave
from portal.training.services.feeds import calendar_feed
from portal.training.services.presence import ping, press_button
from portal.training.services.programme import ensure_programme
from portal.training.services.quiz import answer_quiz
from portal.training.services.room import end_session, override_attendance, start_due, start_session, turn_slide

__all__ = [
    "CohortRequest",
    "answer_quiz",
    "assign_expert",
    "calendar_feed",
    "cancel_session",
    "create_cohort",
    "end_session",
    "enrol",
    "ensure_programme",
    "join_waitlist",
    "leave",
    "move_session",
    "override_attendance",
    "ping",
    "plan_cohort",
    "press_button",
    "release",
    "shift_session",
    "start_due",
    "start_session",
    "turn_slide",
]
