"""Attendance drawn: bars of people by lesson, and one person's 25 marks. Widths in percent, heights in pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from portal.training.models import LESSONS, AttendanceState
from portal.training.queries.overview import LessonAttendance


class Piece(StrEnum):
    """What a bar is made of, from the ground up; excused and technical problems stand together."""

    PRESENT = "present"
    REPLAY = "replay"
    PARTIAL = "partial"
    EXCUSED = "excused"
    ABSENT = "absent"


_PIECES = {
    AttendanceState.PRESENT: Piece.PRESENT,
    AttendanceState.REPLAY: Piece.REPLAY,
    AttendanceState.PARTIAL: Piece.PARTIAL,
    AttendanceState.EXCUSED: Piece.EXCUSED,
    AttendanceState.TECHNICAL: Piece.EXCUSED,
    AttendanceState.ABSENT: Piece.ABSENT,
}
# Of the drawing: where the bars stand, how high the tallest is, and the room for the figures at the end.
GROUND, _TALLEST = 148, 132
_BARS_WIDE, _GAP = 91.0, 0.28
_EVERY = 5
_NICE = (1, 2, 4, 6, 8)


@dataclass(frozen=True, slots=True)
class Bar:
    """One lesson: where it stands in percent of the width, and (piece, top, height) from the ground up."""

    number: int
    at: float
    wide: float
    middle: float
    pieces: list[tuple[Piece, float, float]]
    labelled: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """The whole drawing; `rules` are (height, people)."""

    bars: list[Bar]
    rules: list[tuple[float, int]]
    totals: Mapping[Piece, int]
    rows: list[tuple[LessonAttendance, dict[Piece, int]]]


def pieces_of(people: Mapping[AttendanceState, int]) -> dict[Piece, int]:
    """People by piece, each piece named."""
    counted = dict.fromkeys(Piece, 0)
    for state, count in people.items():
        counted[_PIECES[state]] += count
    return counted


def rounded_up(most: int) -> int:
    """The smallest even number of one digit and zeros that is not below: where the upper rule stands."""
    power = 1
    while True:
        for factor in _NICE:
            if factor * power >= most and factor * power % 2 == 0:
                return factor * power
        power *= 10


def _bar(one: LessonAttendance, top: int) -> Bar:
    step = _BARS_WIDE / LESSONS
    at = step * (one.number - 1)
    drawn: list[tuple[Piece, float, float]] = []
    y = float(GROUND)
    for piece, count in pieces_of(one.people).items():
        if count:
            height = round(_TALLEST * count / top, 1)
            y = round(y - height, 1)
            drawn.append((piece, y, height))
    wide = round(step * (1 - _GAP), 2)
    labelled = one.number == 1 or one.number % _EVERY == 0
    return Bar(one.number, round(at, 2), wide, round(at + wide / 2, 2), drawn, labelled)


def attendance_chart(lessons: Sequence[LessonAttendance]) -> Chart | None:
    """The drawing of a cohort's attendance and the figures beside it; None before a session has ended."""
    ended = [one for one in lessons if one.ended]
    if not any(one.total for one in ended):
        return None
    top = rounded_up(max(one.total for one in ended))
    rows = [(one, pieces_of(one.people)) for one in ended]
    totals = {piece: sum(row[piece] for _one, row in rows) for piece in Piece}
    rules = [(GROUND - _TALLEST, top), (GROUND - _TALLEST / 2, top // 2)]
    return Chart([_bar(one, top) for one in lessons], rules, totals, rows)


@dataclass(frozen=True, slots=True)
class Mark:
    """One of a person's 25: where it stands in percent, and what it shows (None: nothing yet)."""

    at: float
    piece: Piece | None


def marks(states: Mapping[int, AttendanceState]) -> list[Mark]:
    """A person's 25 marks in a line, a gap after each chapter."""
    found = []
    for index in range(LESSONS):
        state = states.get(index + 1)
        at = 2.2 + index * 3.7 + (index // _EVERY) * 1.7
        found.append(Mark(round(at, 2), _PIECES[state] if state else None))
    return found
