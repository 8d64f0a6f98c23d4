"""Whether the pages are as quick over everything the portal must hold as over a thousandth of it.

FACTOR says how much that is (1, unless set): 200,000 merchants, 400 cohorts, 10,000 sessions, 5,000,000 attendance
rows, built once by `make scale` and kept. Both portals run side by side and are looked at in turn, so that a busy
machine is as busy for the one as for the other. Each figure is the median over the rounds of p95 there ÷ p95 at 1/1000.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import sqlalchemy as sa

from bench.scaling import build, crowd
from bench.scaling.looking import Ask, looking
from bench.scaling.shape import SMALLEST, parse_factor, shape_of
from portal.kernel import clock
from portal.kernel.db import database
from portal.training.jobs import send_reminders
from tests import postgres

PAGES = ("programme", "cohort", "lesson", "room", "me", "manage", "manage_cohort", "manage_people", "expert")
ROUNDS = 9
TIMES = 60
GOAL = 1.2
REMINDERS = 30_000


def p95(seconds: list[float]) -> float:
    """The value that 95 of 100 stay below."""
    return sorted(seconds)[int(len(seconds) * 0.95)]


def _page_figures(small: Ask, large: Ask, factor: Fraction) -> Iterator[dict[str, object]]:
    worst = 0.0
    for name in PAGES:
        for ask in (small, large):
            ask(name, 10)
        ratios, times = [], []
        for _ in range(ROUNDS):
            before, after = small(name, TIMES), large(name, TIMES)
            assert before.statements == after.statements, (
                f"{name}: {before.statements} statements became {after.statements}"
            )
            ratios.append(p95(after.seconds) / p95(before.seconds))
            times.append((p95(before.seconds), p95(after.seconds)))
        growth = statistics.median(ratios)
        worst = max(worst, growth)
        less, more = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
        yield {
            "name": f"scale.growth.{name}",
            "value": round(growth, 3),
            "unit": f"p95 at FACTOR={factor} ÷ p95 at 1/1000, less is better",
            "reference": f"{less:.1f} ms at 1/1000; here {more:.1f} ms, {after.statements} statements in both",
        }
    yield {
        "name": "scale.page_growth_max",
        "value": round(worst, 3),
        "unit": f"the worst of these pages, at most {GOAL}",
        "reference": f"{len(PAGES)} pages, FACTOR={factor} against 1/1000, side by side in the same run",
    }


def _reminder_figure(running: postgres.Server) -> dict[str, object]:
    with crowd.due_reminders(running, REMINDERS) as moment:
        began = time.perf_counter()
        with clock.at(moment):
            written = send_reminders()
        seconds = time.perf_counter() - began
        with clock.at(moment + timedelta(minutes=1)):
            assert send_reminders() == 0
        with database().engine.connect() as connection:
            kept = connection.scalar(sa.text("SELECT count(DISTINCT email) FROM outbox_mails"))
    assert written == kept == REMINDERS, f"{written} reminders, {kept} people"
    return {
        "name": "scale.reminders_30000_s",
        "value": round(seconds, 1),
        "unit": "seconds, less is better",
        "reference": "at most 60; 50 sessions of 600 people each, in the outbox in batches of one transaction",
    }


def run() -> Iterator[dict[str, object]]:
    """The figures of this group, each as soon as it is known."""
    factor = parse_factor(os.environ.get("FACTOR", "1"))
    with build.server() as running, tempfile.TemporaryDirectory() as folder:
        small, large = build.build(running, shape_of(SMALLEST)), build.build(running, shape_of(factor))
        with looking(small, Path(folder, "small")) as ask_small, looking(large, Path(folder, "large")) as ask_large:
            yield from _page_figures(ask_small, ask_large, factor)
        yield _reminder_figure(running)
