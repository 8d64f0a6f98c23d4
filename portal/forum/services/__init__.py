"""Everything that changes questions, answers, votes and promises."""

from portal.forum.services.answering import accept, answer, comment, hide_answer
from portal.forum.services.asking import ask, ask_live
from portal.forum.services.live import carry_on, hide, highlight, mark_answered, publish
from portal.forum.services.merging import merge, undo_merge
from portal.forum.services.routing import hand_on, overdue, pass_on, route, take
from portal.forum.services.voting import follow, help_vote, vote

__all__ = (
    "accept",
    "answer",
    "ask",
    "ask_live",
    "carry_on",
    "comment",
    "follow",
    "hand_on",
    "help_vote",
    "hide",
    "hide_answer",
    "highlight",
    "mark_answered",
    "merge",
    "overdue",
    "pass_on",
    "publish",
    "route",
    "take",
    "undo_merge",
    "vote",
)
