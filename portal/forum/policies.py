"""Who may see and do what with questions. Pure: everything they need is given."""

from datetime import timedelta
from typing import Protocol

from portal.forum.models import DONE_STATES, FORUM_STATES, LIVE_STATES, QuestionState

UNDO_MERGE_WITHIN = timedelta(days=7)


class Member(Protocol):
    """Whoever looks: signed in or not."""

    is_authenticated: bool
    is_expert: bool
    is_organiser: bool


class Asked(Protocol):
    """What the rules read of a question."""

    @property
    def asker_id(self) -> int:
        """Who asked."""

    @property
    def state(self) -> QuestionState:
        """Where it is in its life."""


def is_moderator(user: Member) -> bool:
    """Experts and organisers publish, highlight, hide and merge."""
    return user.is_authenticated and (user.is_expert or user.is_organiser)


def is_asker(user: Member, question: Asked) -> bool:
    """Whether this person asked it; `id` is read only of someone signed in."""
    return user.is_authenticated and getattr(user, "id", None) == question.asker_id


def may_see(user: Member, question: Asked) -> bool:
    """Everyone sees what is published; what is pending or hidden, its asker and the moderators."""
    if question.state in {QuestionState.PENDING, QuestionState.HIDDEN}:
        return is_asker(user, question) or is_moderator(user)
    return True


def may_answer(user: Member, question: Asked) -> bool:
    """In the forum everyone signed in; in a live session its experts."""
    if question.state in FORUM_STATES:
        return user.is_authenticated
    return question.state in LIVE_STATES and is_moderator(user)


def may_accept(user: Member, question: Asked) -> bool:
    """The asker or an expert, once it is in the forum."""
    return question.state in FORUM_STATES and (is_asker(user, question) or is_moderator(user))


def may_vote(question: Asked) -> bool:
    """Whatever is shown to everyone can be voted for."""
    return question.state not in {QuestionState.PENDING, QuestionState.HIDDEN}


def may_ask_back(user: Member, question: Asked) -> bool:
    """An expert may ask for a clarification while the question is unanswered."""
    return question.state is QuestionState.OPEN and is_moderator(user)


def may_merge(user: Member, question: Asked) -> bool:
    """Experts and organisers merge questions of the forum."""
    return question.state in FORUM_STATES and is_moderator(user)


def may_highlight(user: Member, question: Asked) -> bool:
    """Experts choose which live question is answered now."""
    return question.state in {QuestionState.PENDING, QuestionState.PUBLISHED} and is_moderator(user)


def may_hide(user: Member, question: Asked) -> bool:
    """Experts and organisers hide whatever is still shown."""
    return question.state is not QuestionState.HIDDEN and is_moderator(user)


def is_done(question: Asked) -> bool:
    """Whether it has been answered."""
    return question.state in DONE_STATES


def is_published_at_once(*, has_link: bool, hidden_before: int) -> bool:
    """Whether a live question appears without waiting for the expert.

    One with a link in it, or by someone whose question was hidden lately, waits for a look.
    """
    return not has_link and hidden_before == 0
