"""Messages to a group of a cohort: whom they go to, and those that were written."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.notifications.services import Recipient
from portal.training.models import Enrolment, GroupAudience, GroupMessage, WaitlistEntry
from portal.training.queries.overview import IN_LINE
from portal.training.queries.people import GroupSizes, Segment, in_segment

_SEGMENTS = {
    GroupAudience.EVERYONE: Segment.EVERYONE,
    GroupAudience.NOT_STARTED: Segment.NOT_STARTED,
    GroupAudience.MISSED_TWO: Segment.MISSED_TWO,
}


def size_of(sizes: GroupSizes, audience: GroupAudience) -> int:
    """How many people a message to this group goes to."""
    return {
        GroupAudience.EVERYONE: sizes.everyone,
        GroupAudience.NOT_STARTED: sizes.not_started,
        GroupAudience.MISSED_TWO: sizes.missed_two,
        GroupAudience.WAITING: sizes.waiting,
    }[audience]


@dataclass(frozen=True, slots=True)
class Group:
    """The people a message goes to now, by user id."""

    members: dict[int, Recipient]

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.members)

    @property
    def seal(self) -> str:
        """The same for the same people: what was previewed is compared with what is sent."""
        ids = ",".join(map(str, self.members))
        return hashlib.sha256(ids.encode()).hexdigest()[:32]

    @property
    def languages(self) -> list[tuple[str, int]]:
        """The languages they are written to in, with how many people, the most frequent first."""
        counts = Counter(one.language for one in self.members.values())
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def group(db: DbSession, cohort_id: int, audience: GroupAudience) -> Group:
    """Whom a message to this group goes to, in one statement."""
    whose: sa.Select[int]
    if audience is GroupAudience.WAITING:
        whose = sa.select(WaitlistEntry.user_id).where(
            WaitlistEntry.cohort_id == cohort_id, WaitlistEntry.state.in_(IN_LINE)
        )
    else:
        whose = sa.select(Enrolment.user_id).where(*in_segment(cohort_id, _SEGMENTS[audience]))
    rows = db.execute(
        sa.select(User.id, User.email, User.display_name, User.language, User.time_zone)
        .where(User.id.in_(whose))
        .order_by(User.id)
    )
    return Group({row.id: Recipient(row.email, row.display_name, str(row.language), row.time_zone) for row in rows})


@dataclass(frozen=True, slots=True)
class WrittenMessage:
    """A message in the history of a cohort."""

    id: int
    audience: GroupAudience
    subject: str
    told: int
    writer: str
    created_at: datetime
    sent_at: datetime | None


def messages(db: DbSession, cohort_id: int, *, limit: int = 50) -> list[WrittenMessage]:
    """The messages of a cohort, drafts first, then the latest sent."""
    rows = db.execute(
        sa.select(
            GroupMessage.id,
            GroupMessage.audience,
            GroupMessage.subject,
            GroupMessage.told,
            User.display_name,
            GroupMessage.created_at,
            GroupMessage.sent_at,
        )
        .join(User, User.id == GroupMessage.created_by)
        .where(GroupMessage.cohort_id == cohort_id)
        .order_by(GroupMessage.sent_at.is_not(None), GroupMessage.sent_at.desc(), GroupMessage.id.desc())
        .limit(limit)
    )
    return [WrittenMessage(*row) for row in rows]


def message(db: DbSession, cohort_id: int, message_id: int) -> GroupMessage | None:
    """One message of this cohort."""
    return db.scalar(sa.select(GroupMessage).where(GroupMessage.id == message_id, GroupMessage.cohort_id == cohort_id))
