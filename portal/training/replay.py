"""The chapters of a replay: where each slide begins, and links that jump there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# A slide that was up for less was passed on the way to another.
PASSED = timedelta(seconds=5)
_PLAYED_HERE = frozenset({".mp4", ".m4v", ".webm", ".ogv"})
_MINUTE, _HOUR = 60, 3600
_TYPED = re.compile(r"(?:([0-9]):)?([0-9]{1,3}):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Mark:
    """A slide (from 0) and the second of the session at which it came up."""

    slide: int
    seconds: int


def marks(turns: Iterable[tuple[int, datetime]], *, began_at: datetime, ended_at: datetime) -> list[Mark]:
    """Where each slide came up, in order, from (slide, moment): the first slide is up when the session begins.

    Slides that were only passed are left out, and so is what was turned outside the session.
    """
    inside = sorted(((at, slide) for slide, at in turns if began_at <= at < ended_at), key=lambda turn: turn[0])
    shown = [(began_at, 0), *inside]
    found: list[Mark] = []
    for index, (at, slide) in enumerate(shown):
        until = shown[index + 1][0] if index + 1 < len(shown) else ended_at
        if until - at < PASSED or (found and found[-1].slide == slide):
            continue
        found.append(Mark(slide, int((at - began_at).total_seconds())))
    return found


def is_played_here(url: str) -> bool:
    """Whether a recording is a plain video file, which our own page can play."""
    return PurePosixPath(urlsplit(url).path).suffix.lower() in _PLAYED_HERE


def jump(url: str, seconds: int) -> str:
    """The address of a recording at a second of it.

    A file takes a media fragment (W3C Media Fragments, `#t=754`); BigBlueButton's player and the usual video
    sites take `t=12m34s` in the query.
    """
    parts = urlsplit(url)
    if is_played_here(url):
        return urlunsplit(parts._replace(fragment=f"t={seconds}"))
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "t"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("t", _spelled(seconds))])))


def is_on_the_web(url: str) -> bool:
    """Whether a page may link to an address: nothing but http and https."""
    return urlsplit(url).scheme in {"http", "https"}


def _spelled(seconds: int) -> str:
    hours, rest = divmod(seconds, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return "".join((f"{hours}h" if hours else "", f"{minutes}m" if hours or minutes else "", f"{rest}s"))


def clock_face(seconds: int) -> str:
    """`12:34`, or `1:02:03` from an hour on."""
    hours, rest = divmod(seconds, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def seconds_of(typed: str) -> int | None:
    """What `clock_face` writes, read back: `1:30` is 90, `1:02:03` is 3723, nothing is 0; None for anything else."""
    if not typed:
        return 0
    found = _TYPED.fullmatch(typed)
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * _HOUR + minutes * _MINUTE + seconds
