"""2,000 people in one room, on this machine alone: how long until the last of them sees a new slide or question.

Each has the page's own traffic: what everybody sees (pushed by nchan, or polled every 3 s from the portal itself),
their own part every 15 s, and their presence every 20 s. What is timed begins before the expert's or the asker's
transaction and ends when the bytes are in the viewer's hands. The CPU of every process is said, the load generator's
too: it shares this machine.
"""

import asyncio
import math
import os
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flask_babel import gettext as _

from bench.watching.processes import cpu_shares
from bench.watching.stage import SESSION_ID, Stage, stage
from bench.watching.viewers import Audience, Listener, own, poll
from portal.forum import services as forum
from portal.identity.models import User
from portal.kernel.db import transaction
from portal.training import services as training
from scripts import nginx

VIEWERS = 2000
CHANGES = 16
# Longer than what is allowed, so that whoever comes late is late, not lost.
PATIENCE_SECONDS = 12.0
SETTLE_SECONDS = 4.0
SLIDES = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way of telling them, measured: seconds of every delivery, who missed something, cores kept busy."""

    seconds: list[float]
    missed: int
    lost: int
    failures: list[str]
    cores: dict[str, float]
    requests_a_second: float


def _changes(place: Stage) -> Iterator[tuple[str, Callable[[], None]]]:
    """(what everybody will see, what causes it): slides turned and questions asked, in turn."""
    with place.app.test_request_context("/fr/"):
        words = str(_("Slide %(number)s of %(all)s", number="{}", all=""))

    def turn(to: int) -> None:
        with transaction() as db:
            training.turn_slide(db, session_id=SESSION_ID, to=to)

    def ask(title: str, asker_id: int) -> None:
        with transaction() as db:
            forum.ask_live(db, user=db.get_one(User, asker_id), session_id=SESSION_ID, title=title, language="fr")

    for number in range(CHANGES):
        if number % 2:
            title = f"Question {number} de la salle ?"
            yield title.removesuffix(" ?"), lambda title=title, who=place.people[number].user_id: ask(title, who)  # type: ignore[misc]
        else:
            slide = (number // 2) % (SLIDES - 1) + 1
            yield words.format(slide + 1).strip(), lambda slide=slide: turn(slide)  # type: ignore[misc]


@asynccontextmanager
async def _audience(place: Stage, *, published: bool) -> AsyncIterator[Audience]:
    """Everybody connected."""
    audience, ended = Audience(len(place.people)), asyncio.Event()
    port = place.nginx_port if published else place.portal_port
    loop = asyncio.get_running_loop()
    request = f"GET {place.path('stream')} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode()
    tasks, transports, listeners = [], [], []
    for number, person in enumerate(place.people):
        if published:
            transport, listener = await loop.create_connection(
                lambda number=number: Listener(number, audience, request, ended),  # type: ignore[misc]
                "127.0.0.1",
                port,
            )
            transports.append(transport)
            listeners.append(listener)
            if number % 50 == 0:
                await asyncio.sleep(0.05)
        else:
            tasks.append(loop.create_task(poll(number, place, port, audience, 3.0)))
        tasks.append(loop.create_task(own(person, port, audience)))
    await asyncio.sleep(SETTLE_SECONDS)
    for _try in range(100):
        if all(listener.opened for listener in listeners):
            break
        await asyncio.sleep(0.2)
    try:
        yield audience
    finally:
        ended.set()
        for transport in transports:
            transport.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _measure(place: Stage, *, published: bool) -> Outcome:
    seconds: list[float] = []
    missed = 0
    async with _audience(place, published=published) as audience:
        with cpu_shares({**place.pids, "load generator": os.getpid()}) as cores:
            began, before = time.monotonic(), audience.requests
            for marker, cause in _changes(place):
                audience.expect(marker)
                start = time.monotonic()
                await asyncio.to_thread(cause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(audience.all_there.wait(), PATIENCE_SECONDS)
                seconds += [moment - start for moment in audience.arrived.values()]
                missed += len(place.people) - len(audience.arrived)
                await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - start)))
            rate = (audience.requests - before) / (time.monotonic() - began)
        # What this process used stands below itself: the servers are its children, and are counted once.
        cores["load generator"] -= sum(cores[name] for name in place.pids if name != "postgresql")
        return Outcome(seconds, missed, audience.lost, audience.failures, dict(cores), rate)


def p95(seconds: list[float]) -> float:
    """The value that 95 of 100 stay below; endless without any."""
    return sorted(seconds)[int(len(seconds) * 0.95)] if seconds else math.inf


def _run(*, published: bool) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="comptoir-live-") as name:
        folder = Path(name)
        # nginx's workers are another user's.
        folder.chmod(0o755)
        with stage(VIEWERS, folder, published=published) as place:
            return asyncio.run(_measure(place, published=published))


def _figures(name: str, outcome: Outcome, limit: float) -> Iterator[dict[str, object]]:
    cores = ", ".join(f"{who} {share:.2f}" for who, share in outcome.cores.items())
    yield {
        "name": f"live.{name}_p95_s",
        "value": round(p95(outcome.seconds), 3),
        "unit": f"seconds until a new slide or question is there, below {limit:g}",
        "reference": (
            f"{VIEWERS} viewers, {CHANGES} changes, {os.cpu_count()} cores for everything;"
            f" cores kept busy: {cores}; {outcome.requests_a_second:.0f} requests/s besides"
        ),
    }
    yield {
        "name": f"live.{name}_dropped",
        "value": outcome.missed + outcome.lost + len(outcome.failures),
        "unit": "deliveries missed, connections lost and requests refused, 0 wanted",
        "reference": f"{VIEWERS * CHANGES} deliveries; {', '.join(outcome.failures[:3]) or 'none failed'}",
    }


def run() -> Iterator[dict[str, object]]:
    """The figures of this group, each as soon as it is known."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Two connections for each viewer, on both sides.
    assert hard == resource.RLIM_INFINITY or hard > VIEWERS * 2 + 500, f"only {hard} files may be open: ulimit -n"
    if nginx.module() is not None:
        yield from _figures("nchan", _run(published=True), 1)
    yield from _figures("poll", _run(published=False), 4)
