"""Where the slides of a session came up, and the links that jump there."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.training import replay
from portal.training.replay import Mark

BEGAN = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=30)


def marks(*turns):
    found = [(slide, BEGAN + timedelta(seconds=seconds)) for slide, seconds in turns]
    return [(one.slide, one.seconds) for one in replay.marks(found, began_at=BEGAN, ended_at=ENDED)]


def test_the_first_slide_is_up_from_the_beginning():
    assert marks() == [(0, 0)]
    assert marks((1, 300), (2, 700)) == [(0, 0), (1, 300), (2, 700)]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        # Passed on the way to another.
        ([(1, 300), (2, 302), (3, 304)], [(0, 0), (3, 304)]),
        # Back again: it is a chapter once more.
        ([(1, 300), (0, 400)], [(0, 0), (1, 300), (0, 400)]),
        # Turned away and back at once.
        ([(1, 300), (2, 400), (1, 402)], [(0, 0), (1, 300)]),
        # Turned to where it is already.
        ([(1, 300), (1, 400)], [(0, 0), (1, 300)]),
        # Turned at once.
        ([(1, 0)], [(1, 0)]),
        ([(1, 2)], [(1, 2)]),
        # Before it began, after it was over, and in the last seconds.
        ([(4, -60), (5, 1800), (6, 4000), (3, 1797)], [(0, 0)]),
        # Out of order.
        ([(2, 700), (1, 300)], [(0, 0), (1, 300), (2, 700)]),
    ],
)
def test_a_chapter_is_a_slide_that_stayed_up(turns, expected):
    assert marks(*turns) == expected


def test_a_mark_is_a_slide_and_a_second():
    turns = [(1, BEGAN + timedelta(seconds=61, milliseconds=900))]
    assert replay.marks(turns, began_at=BEGAN, ended_at=ENDED)[1] == Mark(1, 61)


@pytest.mark.parametrize(
    ("url", "seconds", "expected"),
    [
        ("https://v.example/a.mp4", 754, "https://v.example/a.mp4#t=754"),
        ("https://v.example/A.WEBM?key=1", 0, "https://v.example/A.WEBM?key=1#t=0"),
        (
            "https://b.example/playback/presentation/2.3/abc",
            754,
            "https://b.example/playback/presentation/2.3/abc?t=12m34s",
        ),
        ("https://b.example/p?meetingId=a%20b&t=1s", 3661, "https://b.example/p?meetingId=a+b&t=1h1m1s"),
        ("https://b.example/p", 3600, "https://b.example/p?t=1h0m0s"),
        ("https://b.example/p", 9, "https://b.example/p?t=9s"),
    ],
)
def test_a_link_jumps_to_a_second(url, seconds, expected):
    assert replay.jump(url, seconds) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0, "0:00"), (61, "1:01"), (3599, "59:59"), (3661, "1:01:01")])
def test_a_second_is_written_like_on_a_player(seconds, expected):
    assert replay.clock_face(seconds) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", 0),
        ("1:30", 90),
        ("0:00", 0),
        ("90:05", 5405),
        ("1:02:03", 3723),
        ("1:60", None),
        ("90", None),
        ("-1:00", None),
    ],
)
def test_a_second_is_read_as_it_is_written(typed, expected):
    assert replay.seconds_of(typed) == expected


@pytest.mark.parametrize("seconds", [0, 59, 61, 3599, 3600, 7322])
def test_what_is_written_is_read_back(seconds):
    assert replay.seconds_of(replay.clock_face(seconds)) == seconds
