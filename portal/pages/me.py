"""One's own page: the one next thing to do, then the card, the news, the shop and the wallet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask import render_template, url_for
from flask_login import current_user
from sqlalchemy.orm import Session

from portal.certificates.queries import valid_certificate
from portal.identity.models import User
from portal.kernel import clock
from portal.notifications.contents import NoticeContent, write_notice
from portal.notifications.models import Notice
from portal.notifications.queries import notices
from portal.pages.blueprint import blueprint
from portal.store.models import Storefront, StorefrontState
from portal.store.queries.orders import to_do_count
from portal.store.queries.shop import shop_of
from portal.training.content import chapters, lesson, lessons
from portal.training.queries.confirmations import MovedSeat, seats_to_confirm
from portal.training.queries.lessons import lesson_tasks
from portal.training.queries.progress import COUNTED, Progress, SeatedSession, progress
from portal.training.queries.tasks import tasks
from portal.wallet.queries import WalletBalance, balance, waiting_count
from portal.web.access import requires, signed_in
from portal.web.database import read_db
from portal.web.languages import language

_NOTICES_SHOWN = 5
_TASKS_SHOWN = 2


@dataclass(frozen=True, slots=True)
class News:
    """A notice, and what it says."""

    row: Notice
    content: NoticeContent


@dataclass(frozen=True, slots=True)
class Shop:
    """One's own shop, and what waits there."""

    name: str
    awning: str
    published: bool
    orders_to_prepare: int


@dataclass(frozen=True, slots=True)
class Task:
    """What a lesson asks for in the shop; `seen` says what the shop shows of it once it is done."""

    number: int
    title: str
    address: str
    text: str = ""
    seen: object = ""


@dataclass(frozen=True, slots=True)
class MyTasks:
    """The tasks of the lessons that one has had: the first that are open, those that are done, and all of them."""

    open: list[Task]
    done: list[Task]
    all: int


@dataclass(frozen=True, slots=True)
class MyPage:
    """What a signed-in person finds on their own page; `step` names the one next thing."""

    step: str
    session: SeatedSession | None
    title: str
    progress: Progress
    card: list[dict[str, object]]
    tasks: MyTasks
    news: list[News]
    balance: WalletBalance
    waiting: int
    shop: Shop | None
    to_confirm: list[tuple[MovedSeat, str]]


def next_step(user: User, far: Progress, *, certified: bool, shop: Shop | None) -> str:
    """The one thing to do now, the most pressing first.

    One of: room, orders, certificate, shop, session, answer, organise, replay, sell, join.
    """
    first = far.next
    choices = (
        ("room", first is not None and first.room_open(clock.now())),
        ("orders", shop is not None and shop.orders_to_prepare > 0),
        ("certificate", far.reached and not certified),
        ("shop", certified and (shop is None or not shop.published)),
        ("session", first is not None),
        ("answer", user.is_expert),
        ("organise", user.is_organiser),
        ("replay", bool(far.to_catch_up)),
        ("sell", shop is not None),
    )
    return next((name for name, holds in choices if holds), "join")


def stamp_card(far: Progress, code: str) -> list[dict[str, object]]:
    """The 5 × 5 card: a row for each chapter, a stamp for each lesson."""
    return [
        {
            "title": chapter.title(code),
            "lessons": [
                {
                    "number": one.number,
                    "title": one.title(code),
                    "state": far.states[one.number].state,
                    "href": url_for("training.lesson", address=one.address),
                }
                for one in lessons()
                if one.chapter == chapter.number
            ],
        }
        for chapter in chapters()
    ]


def my_tasks(db: Session, user_id: int, far: Progress, code: str) -> MyTasks:
    """What the lessons that count ask for in the shop, and what else is done: three statements."""
    found = tasks(db, user_id)
    all_ = [
        Task(one.number, one.title(code), one.address, seen=found.why(one.number))
        for one in lessons()
        if far.states[one.number].state in COUNTED or found.done(one.number)
    ]
    first = [one for one in all_ if not found.done(one.number)][:_TASKS_SHOWN]
    texts = lesson_tasks(db, [one.number for one in first], code)
    return MyTasks(
        open=[replace(one, text=texts[one.number]) for one in first],
        done=[one for one in all_ if found.done(one.number)],
        all=len(all_),
    )


def _news(rows: Sequence[Notice]) -> list[News]:
    return [News(row, write_notice(row.kind, row.params)) for row in rows]


def _shop(db: Session, user_id: int) -> Shop | None:
    own: Storefront | None = shop_of(db, user_id)
    if own is None:
        return None
    published = own.state is StorefrontState.PUBLISHED
    return Shop(own.name, str(own.awning), published, to_do_count(db, user_id) if published else 0)


def my_page(db: Session, user: User, code: str) -> MyPage:
    """Everything on one's own page, in a bounded number of statements."""
    far = progress(db, user.id)
    shop = _shop(db, user.id)
    step = next_step(user, far, certified=valid_certificate(db, user.id) is not None, shop=shop)
    return MyPage(
        step=step,
        session=far.next,
        title=lesson(far.next.number).title(code) if far.next else "",
        progress=far,
        card=stamp_card(far, code),
        tasks=my_tasks(db, user.id, far, code),
        news=_news(notices(db, user.id, limit=_NOTICES_SHOWN)),
        balance=balance(db, user.id),
        waiting=waiting_count(db, user.id),
        shop=shop,
        to_confirm=[(one, lesson(one.number).title(code)) for one in seats_to_confirm(db, user.id)],
    )


@blueprint.get("/me")
@requires(signed_in)
def me() -> str:
    """The next step first."""
    page = my_page(read_db(), current_user, language())
    return render_template("pages/me.html", page=page, now=clock.now())
