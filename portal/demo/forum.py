"""Questions of the last month, asked and answered by the demo people; and some in the session that is live."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import config
from portal.demo import people
from portal.demo.people import demo_user
from portal.forum import services
from portal.forum.models import LIVE_STATES, Question
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import transaction

_FILE = Path(__file__).parent / "questions.toml"
_WHO = {
    "claire": people.CLAIRE,
    "karim": people.KARIM,
    "nadia": people.NADIA,
    "tom": people.TOM,
    "ines": people.INES,
    "hugo": people.HUGO,
    "salma": people.SALMA,
}
# Who asks what in a live session, at which minute, and who wants it answered too. The first is being answered.
_LIVE = (
    ("claire", 4, "Je ferme entre midi et deux. Qu’est-ce que je fais en premier ?", ("karim", "nadia", "tom")),
    ("karim", 6, "Combien de temps faut-il prévoir chaque semaine ?", ("claire", "tom")),
    ("nadia", 9, "هل أستطيع أن أبدأ من هاتفي فقط؟", ("claire",)),
    ("tom", 11, "Will the slides be in the replay too?", ()),
)


def entries() -> list[dict[str, Any]]:
    """The questions of the file, the oldest first."""
    found: list[dict[str, Any]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))["question"]
    return sorted(found, key=lambda entry: (-entry["days"], entry["hour"]))


def build() -> None:
    """Ask and answer them all under the clock of their day; one that is there already is left alone."""
    now = clock.now()
    for entry in entries():
        with transaction() as db:
            asker = demo_user(db, _WHO[entry["by"]])
            known = sa.select(Question.id).where(Question.asker_id == asker.id, Question.title == entry["title"])
            if db.scalar(known) is None:
                _play(db, entry, asker, now)


def ask_live(db: Session, *, session_id: int, started_at: datetime) -> None:
    """Some questions in a session that runs, the first of them highlighted; nothing when it has some already."""
    there = sa.select(sa.func.count()).where(Question.session_id == session_id, Question.state.in_(LIVE_STATES))
    if db.scalars(there).one():
        return
    expert = demo_user(db, people.INES)
    for index, (who, minute, title, voters) in enumerate(_LIVE):
        asker = demo_user(db, _WHO[who])
        moment = min(started_at + timedelta(minutes=minute), clock.now())
        minute_then = max(int((moment - started_at).total_seconds() // 60), 0)
        with clock.at(moment):
            question = services.ask(
                db, user=asker, title=title, text="", lesson_number=None, session_id=session_id, minute=minute_then
            )
            for voter in voters:
                services.vote(db, user=demo_user(db, _WHO[voter]), question_id=question.id)
            if index == 0:
                services.highlight(db, user=expert, question_id=question.id)


def _moment(entry: Mapping[str, Any], now: datetime) -> datetime:
    """The hour of the day so many days ago, never later than an hour before now."""
    zone = ZoneInfo(config.current().time_zone)
    day = now.astimezone(zone).date() - timedelta(days=entry["days"])
    moment = datetime(day.year, day.month, day.day, entry["hour"], 12, tzinfo=zone).astimezone(UTC)
    return min(moment, now - timedelta(hours=1))


def _play(db: Session, entry: Mapping[str, Any], asker: User, now: datetime) -> None:
    asked_at = _moment(entry, now)
    with clock.at(asked_at):
        question = services.ask(
            db,
            user=asker,
            title=entry["title"],
            text=entry["text"].strip(),
            lesson_number=entry["lesson"],
            language=entry["language"],
        )
    written = []
    for answer in entry.get("answers", ()):
        moment = min(asked_at + timedelta(minutes=answer["after"]), now - timedelta(minutes=1))
        with clock.at(moment):
            author = demo_user(db, _WHO[answer["by"]])
            given = services.answer(db, user=author, question_id=question.id, text=answer["text"].strip())
            for helped in answer["helped"]:
                services.help_vote(db, user=demo_user(db, _WHO[helped]), answer_id=given.id)
        written.append((given, moment))
    for follower in entry["followers"]:
        services.follow(db, user=demo_user(db, _WHO[follower]), question_id=question.id)
    if "accepted" in entry:
        accepted, moment = written[entry["accepted"]]
        with clock.at(min(moment + timedelta(minutes=20), now)):
            services.accept(db, user=asker, answer_id=accepted.id)
