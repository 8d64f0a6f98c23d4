"""Planning a cohort is working out a value: 25 dated sessions and what stands in their way. It writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from portal.training.content import LESSONS
from portal.training.rota import Absence, Rota

# A series that finds no room in two years has been given impossible days.
_LONGEST = timedelta(days=730)
_SHIFT_DAYS = 14


class ConflictKind(StrEnum):
    """What stands in the way of a session, the most serious first."""

    NO_SUCH_TIME = "no_such_time"
    TIME_TWICE = "time_twice"
    SAME_TIME = "same_time"
    EXPERT_BUSY = "expert_busy"
    EXPERT_AWAY = "expert_away"
    OUTSIDE_HOURS = "outside_hours"
    OTHER_LANGUAGE = "other_language"
    DAY_OFF = "day_off"


# Without one real moment there is no session at all: such a plan cannot even be kept as a draft.
_IMPOSSIBLE = frozenset({ConflictKind.NO_SUCH_TIME, ConflictKind.TIME_TWICE})
# What is refused when it is published. The rest are warnings: an organiser who knows better may keep them.
_REFUSED = _IMPOSSIBLE | {ConflictKind.SAME_TIME, ConflictKind.EXPERT_BUSY}


@dataclass(frozen=True, slots=True)
class Busy:
    """An expert's other session; `label` and `number` say which, for the person who plans."""

    expert_id: int
    starts_at: datetime
    ends_at: datetime
    label: str = ""
    number: int = 0

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Half-open spans: one may begin as the other ends."""
        return self.starts_at < ends_at and self.ends_at > starts_at


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """What a plan is made from. `weekdays`: 0 is Monday. `closed`: days off and their names.

    `fold` answers "which one" where a local time happens twice: 0 the earlier, 1 the later. `rotas` are what the
    experts said of themselves; somebody without one leads at any hour and in any language.
    """

    first_on: date
    weekdays: frozenset[int]
    local_time: time
    zone: str
    team: tuple[int, ...]
    closed: Mapping[date, str] = field(default_factory=lambda: MappingProxyType({}))
    busy: tuple[Busy, ...] = ()
    rotas: tuple[Rota, ...] = ()
    language: str = ""
    fold: int | None = None
    minutes: int = 30
    count: int = LESSONS


@dataclass(frozen=True, slots=True)
class Draft:
    """One planned session."""

    number: int
    local_date: date
    local_time: time
    zone: str
    starts_at: datetime
    ends_at: datetime
    expert_id: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that stands in the way: the other session, the absence, or the name of the day off."""

    kind: ConflictKind
    busy: Busy | None = None
    absence: Absence | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """What is wrong with the session of lesson `number` on `on`, and the ways out that were found."""

    number: int
    on: date
    problems: tuple[Problem, ...]
    free_expert_id: int | None = None
    free_on: date | None = None

    @property
    def kind(self) -> ConflictKind:
        """The most serious of its problems."""
        return self.problems[0].kind

    @property
    def refused(self) -> bool:
        """Whether it must be settled before publishing; otherwise it is a warning, which may be kept."""
        return self.kind in _REFUSED


@dataclass(frozen=True, slots=True)
class DayOff:
    """A day the series steps over."""

    on: date
    name: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The sessions in order, what stands in the way, the days stepped over, and the days clocks change."""

    drafts: tuple[Draft, ...]
    conflicts: tuple[Conflict, ...]
    skipped: tuple[DayOff, ...]
    clock_changes: tuple[date, ...]

    @property
    def possible(self) -> bool:
        """True when every session has one real moment: what remains can be settled in the draft."""
        return not any(conflict.kind in _IMPOSSIBLE for conflict in self.conflicts)

    @property
    def refused(self) -> tuple[Conflict, ...]:
        """What must be settled before publishing."""
        return tuple(one for one in self.conflicts if one.refused)

    @property
    def warnings(self) -> tuple[Conflict, ...]:
        """What may be kept as it is."""
        return tuple(one for one in self.conflicts if not one.refused)


def weekday_mask(weekdays: frozenset[int]) -> int:
    """Weekdays as the bits a cohort keeps: Monday is bit 0."""
    return sum(1 << weekday for weekday in weekdays)


def weekdays_of(mask: int) -> frozenset[int]:
    """The weekdays in a cohort's bits."""
    return frozenset(weekday for weekday in range(7) if mask >> weekday & 1)


def moments(on: date, at: time, zone: str) -> tuple[datetime, ...]:
    """The UTC moments a wall clock in `zone` shows `at` on `on`: one, none (spring), or two (autumn)."""
    place = ZoneInfo(zone)
    wall = datetime.combine(on, at)
    found = []
    for fold in (0, 1):
        moment = wall.replace(tzinfo=place, fold=fold).astimezone(UTC)
        real = moment.astimezone(place).replace(tzinfo=None) == wall
        if real and moment not in found:
            found.append(moment)
    return tuple(found)


def public_holidays(country: str, first_on: date, language: str = "fr") -> dict[date, str]:
    """The public holidays of a country for the two years from `first_on`, named in a language it is known in."""
    known = holidays.country_holidays(country).supported_languages
    wanted = next((name for name in known if name == language or name.startswith(f"{language}_")), None)
    days = holidays.country_holidays(country, years=range(first_on.year, first_on.year + 3), language=wanted)
    return {on: name for on, name in sorted(days.items()) if on >= first_on}


def clock_changes(zone: str, first_on: date, last_on: date) -> tuple[date, ...]:
    """The days between two dates on which this zone changes its clocks."""
    place = ZoneInfo(zone)

    def offset(on: date) -> timedelta | None:
        return datetime.combine(on, time(12), tzinfo=place).utcoffset()

    days = (last_on - first_on).days
    dates = [first_on + timedelta(days=count) for count in range(days + 1)]
    return tuple(after for before, after in pairwise(dates) if offset(before) != offset(after))


def first_clash(busy: tuple[Busy, ...], expert_id: int, starts_at: datetime, ends_at: datetime) -> Busy | None:
    """The first other session of this expert that the span would run into."""
    return next((one for one in busy if one.expert_id == expert_id and one.overlaps(starts_at, ends_at)), None)


def expert_problems(inputs: PlanInputs, expert_id: int, starts_at: datetime, ends_at: datetime) -> tuple[Problem, ...]:
    """Why this expert should not lead a session in this span, the most serious reason first."""
    found = []
    clash = first_clash(inputs.busy, expert_id, starts_at, ends_at)
    if clash is not None:
        found.append(Problem(ConflictKind.EXPERT_BUSY, busy=clash))
    rota = next((one for one in inputs.rotas if one.expert_id == expert_id), None)
    if rota is None:
        return tuple(found)
    absence = rota.absence_at(starts_at, ends_at)
    if absence is not None:
        found.append(Problem(ConflictKind.EXPERT_AWAY, absence=absence))
    elif not rota.covers(starts_at, ends_at):
        found.append(Problem(ConflictKind.OUTSIDE_HOURS))
    if inputs.language and inputs.language not in rota.languages:
        found.append(Problem(ConflictKind.OTHER_LANGUAGE))
    return tuple(found)


def draft_problems(inputs: PlanInputs, draft: Draft, others: tuple[Draft, ...] = ()) -> tuple[Problem, ...]:
    """What stands in the way of one dated session: another of its cohort, its expert, a day off it was moved to."""
    found: tuple[Problem, ...] = ()
    same = next((one for one in others if one.starts_at < draft.ends_at and one.ends_at > draft.starts_at), None)
    if same is not None:
        span = Busy(same.expert_id, same.starts_at, same.ends_at, number=same.number)
        found = (Problem(ConflictKind.SAME_TIME, busy=span),)
    found += expert_problems(inputs, draft.expert_id, draft.starts_at, draft.ends_at)
    if draft.local_date in inputs.closed:
        found += (Problem(ConflictKind.DAY_OFF, name=inputs.closed[draft.local_date]),)
    return found


def ways_out(draft: Draft, inputs: PlanInputs, taken: frozenset[date]) -> tuple[int | None, date | None]:
    """A team member against whom nothing speaks at that time, and the next open day on which nothing does at all."""
    free_expert = next(
        (
            one
            for one in inputs.team
            if one != draft.expert_id and not expert_problems(inputs, one, draft.starts_at, draft.ends_at)
        ),
        None,
    )
    length = draft.ends_at - draft.starts_at
    for days in range(1, _SHIFT_DAYS + 1):
        on = draft.local_date + timedelta(days=days)
        if on in taken:
            # A later date than the next session's would put the lessons out of order.
            break
        found = () if on in inputs.closed else moments(on, draft.local_time, draft.zone)
        if len(found) == 1 and not expert_problems(inputs, draft.expert_id, found[0], found[0] + length):
            return free_expert, on
    return free_expert, None


def conflict_of(
    draft: Draft, inputs: PlanInputs, taken: frozenset[date], others: tuple[Draft, ...] = ()
) -> Conflict | None:
    """What is wrong with one dated session, with its ways out; None when nothing is.

    `taken`: the days of the series. `others`: its other sessions, where somebody may have moved them by hand.
    """
    found = draft_problems(inputs, draft, others)
    if not found:
        return None
    free_expert, free_on = ways_out(draft, inputs, taken)
    if found[0].kind is ConflictKind.SAME_TIME:
        # Nobody can be in both, whoever leads them.
        free_expert = None
    return Conflict(draft.number, draft.local_date, found, free_expert, free_on)


def _dates(inputs: PlanInputs) -> tuple[list[date], list[DayOff]]:
    """The first `count` open days of the series, and the closed ones between them."""
    chosen: list[date] = []
    skipped: list[DayOff] = []
    on = inputs.first_on
    while len(chosen) < inputs.count and on - inputs.first_on < _LONGEST:
        if on.weekday() in inputs.weekdays:
            if on in inputs.closed:
                skipped.append(DayOff(on, inputs.closed[on]))
            else:
                chosen.append(on)
        on += timedelta(days=1)
    return chosen, skipped


def _moment(on: date, inputs: PlanInputs) -> datetime | ConflictKind:
    found = moments(on, inputs.local_time, inputs.zone)
    if not found:
        return ConflictKind.NO_SUCH_TIME
    if len(found) == 1:
        return found[0]
    return ConflictKind.TIME_TWICE if inputs.fold is None else found[inputs.fold]


def _check(inputs: PlanInputs) -> None:
    if not inputs.weekdays or not inputs.team:
        msg = "a plan needs at least one weekday and one expert"
        raise ValueError(msg)
    try:
        ZoneInfo(inputs.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        # A path is a ValueError, a folder of zones ("Europe") an OSError.
        msg = f"there is no time zone {inputs.zone!r}"
        raise ValueError(msg) from error
    if not 1 <= inputs.count <= LESSONS or inputs.minutes < 1:
        msg = f"a plan has 1 to {LESSONS} sessions of at least a minute"
        raise ValueError(msg)


def plan(inputs: PlanInputs) -> Plan:
    """Work out the sessions: local time kept across a change of clocks, days off stepped over, the team in turn.

    Raises ValueError when there is no weekday, no expert, a zone that does not exist, more sessions than lessons,
    sessions without length, or no room for the series within two years.
    """
    _check(inputs)
    dates, skipped = _dates(inputs)
    if len(dates) < inputs.count:
        msg = "these days leave no room for the series"
        raise ValueError(msg)
    drafts: list[Draft] = []
    conflicts: list[Conflict] = []
    for index, on in enumerate(dates):
        number, expert_id = index + 1, inputs.team[index % len(inputs.team)]
        moment = _moment(on, inputs)
        if isinstance(moment, ConflictKind):
            conflicts.append(Conflict(number, on, (Problem(moment),)))
            continue
        ends_at = moment + timedelta(minutes=inputs.minutes)
        draft = Draft(number, on, inputs.local_time, inputs.zone, moment, ends_at, expert_id)
        drafts.append(draft)
        conflict = conflict_of(draft, inputs, frozenset(dates))
        if conflict is not None:
            conflicts.append(conflict)
    changes = clock_changes(inputs.zone, dates[0], dates[-1])
    return Plan(tuple(drafts), tuple(conflicts), tuple(skipped), changes)
