"""The task of each lesson: ticked by the shop itself where it shows it done, by hand otherwise.

What a shop shows belongs to features above this one: they register what they can see.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel.db import BigId
from portal.training.models import Lesson, TaskTick

# What is seen of somebody's shop: lesson number → why its task is done, in words.
Proof = Callable[[DbSession, int], Mapping[int, object]]

_lessons, _ticks = Lesson.__table__.c, TaskTick.__table__.c
_BY_HAND = sa.select(_lessons.number).where(
    _ticks.user_id == sa.bindparam("user_id", type_=BigId), _lessons.id == _ticks.lesson_id
)
_proofs: dict[Proof, frozenset[int]] = {}


@dataclass(frozen=True, slots=True)
class Tasks:
    """The lessons whose task is done: `by_shop` says why the shop shows it, `by_hand` are ticks."""

    by_shop: Mapping[int, object] = field(default_factory=dict)
    by_hand: frozenset[int] = frozenset()

    def done(self, number: int) -> bool:
        """Whether a lesson's task is done."""
        return number in self.by_shop or number in self.by_hand

    def why(self, number: int) -> object:
        """What the shop shows of it, in words; empty for a task that is not done or was ticked by hand."""
        return self.by_shop.get(number, "")

    @property
    def count(self) -> int:
        """How many are done."""
        return len(self.by_shop.keys() | self.by_hand)


def register_proof(numbers: frozenset[int], proof: Proof) -> None:
    """Let `proof(db, user_id)` say which of the lessons in `numbers` a shop shows done; twice changes nothing."""
    _proofs[proof] = numbers


def tasks(db: DbSession, user_id: int, *, number: int | None = None) -> Tasks:
    """What is done of the 25 tasks, or of one lesson's: a statement for the ticks, and one a proof that may know."""
    by_shop: dict[int, object] = {}
    for proof, numbers in _proofs.items():
        if number is None or number in numbers:
            by_shop.update(proof(db, user_id))
    return Tasks(by_shop, frozenset(db.scalars(_BY_HAND, {"user_id": user_id})))
