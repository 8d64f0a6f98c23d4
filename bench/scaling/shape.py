"""How big: everything that is counted follows from one factor.

Factor 1 is what the portal must hold: 200,000 merchants, 400 cohorts, 10,000 sessions, 5,000,000 attendance rows. A
small factor keeps at least the cohorts that the pages list, so that the same pages are compared over more data.
"""

from dataclasses import dataclass
from fractions import Fraction

LESSONS = 25
SMALLEST, LARGEST = Fraction(1, 1000), Fraction(10)
_MERCHANTS, _COHORTS, _ATTENDANCES = 200_000, 400, 5_000_000
_FEWEST_COHORTS = 8
LIVE, TO_COME, FINISHED, RUNNING = "live", "to_come", "finished", "running"
# What the cohorts are doing, over and over: three of twenty under way (one of them live now), two to come.
_PATTERN = (LIVE, TO_COME, FINISHED, RUNNING, RUNNING, TO_COME, *[FINISHED] * 14)
_ENDED = {LIVE: 12, RUNNING: 12, TO_COME: 0, FINISHED: LESSONS}
# Cohorts that one expert leads, at different hours of the day; whoever leads a live one leads no other.
_HOURS = 8


def parse_factor(text: str) -> Fraction:
    """`1`, `0.05` or `1/1000`; ValueError outside of 1/1000 to 10."""
    try:
        factor = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        factor = Fraction(0)
    if not SMALLEST <= factor <= LARGEST:
        msg = f"FACTOR must lie between 1/1000 and 10, not {text!r}"
        raise ValueError(msg)
    return factor


@dataclass(frozen=True, slots=True)
class Shape:
    """The counts of one database."""

    # The name of its database: `scale_1`, `scale_1_1000`.
    database: str
    merchants: int
    cohorts: int
    # In each cohort.
    people: int
    pattern: tuple[str, ...] = _PATTERN

    @property
    def sessions(self) -> int:
        """Sessions in all."""
        return self.cohorts * LESSONS

    @property
    def seats(self) -> int:
        """Seats in all: everyone holds one in each session of their cohort."""
        return self.sessions * self.people

    @property
    def attendances(self) -> int:
        """Attendance rows: one for each seat of a session that has ended."""
        return self.people * sum(self.ended(cohort) for cohort in range(self.cohorts))

    @property
    def live(self) -> int:
        """Cohorts whose session runs now."""
        return sum(1 for cohort in range(self.cohorts) if self.kind(cohort) == LIVE)

    @property
    def experts(self) -> int:
        """Experts in all."""
        return self.live + -(-(self.cohorts - self.live) // _HOURS)

    def kind(self, cohort: int) -> str:
        """What a cohort (from 0) is doing."""
        return self.pattern[cohort % len(self.pattern)]

    def ended(self, cohort: int) -> int:
        """How many of its sessions are over."""
        return _ENDED[self.kind(cohort)]

    def expert_of(self, cohort: int) -> tuple[int, int]:
        """(which expert, from 0, at which of their hours, from 0) leads a cohort: never two cohorts at one hour."""
        live_before = sum(1 for one in range(cohort) if self.kind(one) == LIVE)
        if self.kind(cohort) == LIVE:
            return live_before, 0
        position = cohort - live_before
        return self.live + position // _HOURS, position % _HOURS


def shape_of(factor: Fraction) -> Shape:
    """The counts for a factor, as close to its share of factor 1 as whole cohorts allow."""
    cohorts = max(_FEWEST_COHORTS, round(_COHORTS * factor))
    ended = sum(_ENDED[_PATTERN[cohort % len(_PATTERN)]] for cohort in range(cohorts))
    merchants = round(_MERCHANTS * factor)
    people = min(round(_ATTENDANCES * factor / ended), merchants)
    return Shape(f"scale_{factor}".replace("/", "_"), merchants, cohorts, people)
