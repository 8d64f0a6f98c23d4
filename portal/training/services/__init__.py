"""What changes training: the programme, cohorts, enrolment, the room, attendance."""

from portal.training.services.attendance import mark_our_fault, override_attendance, recompute_attendance
from portal.training.services.changes import (
    Wanted,
    When,
    cancel_session,
    change_draft_session,
    discard_changes,
    move_session,
    propose_cancel,
    propose_change,
    release_changes,
)
from portal.training.services.cohorts import (
    CohortRequest,
    assign_expert,
    create_cohort,
    plan_cohort,
    release,
    replan_cohort,
    shift_session,
)
from portal.training.services.enrolment import enrol, join_waitlist, leave, leave_enrolment
from portal.training.services.feeds import calendar_feed, reset_feed
from portal.training.services.lines import Line
from portal.training.services.presence import ping, press_button
from portal.training.services.priorities import choose_rule, set_priority
from portal.training.services.programme import ensure_programme
from portal.training.services.quiz import answer_quiz
from portal.training.services.room import end_session, start_due, start_session, turn_slide
from portal.training.services.seats import (
    book_seat,
    claim_offer,
    confirm_seat,
    decline_offer,
    give_back,
    give_back_own,
)
from portal.training.services.waitlist import join_line, leave_line

__all__ = [
    "CohortRequest",
    "Line",
    "Wanted",
    "When",
    "answer_quiz",
    "assign_expert",
    "book_seat",
    "calendar_feed",
    "cancel_session",
    "change_draft_session",
    "choose_rule",
    "claim_offer",
    "confirm_seat",
    "create_cohort",
    "decline_offer",
    "discard_changes",
    "end_session",
    "enrol",
    "ensure_programme",
    "give_back",
    "give_back_own",
    "join_line",
    "join_waitlist",
    "leave",
    "leave_enrolment",
    "leave_line",
    "mark_our_fault",
    "move_session",
    "override_attendance",
    "ping",
    "plan_cohort",
    "press_button",
    "propose_cancel",
    "propose_change",
    "recompute_attendance",
    "release",
    "release_changes",
    "replan_cohort",
    "reset_feed",
    "set_priority",
    "shift_session",
    "start_due",
    "start_session",
    "turn_slide",
]
