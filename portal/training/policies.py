"""Who may do what in training: pure predicates."""

from datetime import datetime, timedelta
from typing import Protocol

from portal.training.models import CohortState, SessionState

ROOM_OPENS = timedelta(minutes=10)
# A move by more than this asks each person with a seat whether the new time suits, for this long.
ASKS_FROM = timedelta(minutes=15)
ANSWER_WITHIN = timedelta(hours=48)
# Nobody in line is moved up this close to a session.
NONE_WITHIN = timedelta(minutes=15)


class Member(Protocol):
    """What training asks of whoever is looking."""

    id: int
    is_authenticated: bool
    is_expert: bool
    is_organiser: bool


def may_organise(user: Member) -> bool:
    """Plan cohorts, publish them, correct attendance."""
    return user.is_authenticated and user.is_organiser


def may_see_cohort(user: Member, state: CohortState) -> bool:
    """A draft is for organisers only."""
    return state is not CohortState.DRAFT or may_organise(user)


def may_run(user: Member, expert_id: int) -> bool:
    """Start, lead and end a session: its own expert, or an organiser standing in."""
    return user.is_authenticated and (user.is_organiser or (user.is_expert and user.id == expert_id))


def room_is_open(state: SessionState, starts_at: datetime, moment: datetime) -> bool:
    """From ten minutes before the start, until the session ends."""
    return state is SessionState.LIVE or (state is SessionState.SCHEDULED and moment >= starts_at - ROOM_OPENS)


def answer_by(old: datetime, new: datetime, moment: datetime) -> datetime | None:
    """Until when a moved seat waits for a yes: 48 hours, not beyond the new start.

    None when nobody is asked: a small move, or a new start so near that nobody may lose a seat by it.
    """
    if abs(new - old) <= ASKS_FROM or new - moment < ANSWER_WITHIN:
        return None
    return min(moment + ANSWER_WITHIN, new)
