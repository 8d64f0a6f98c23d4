"""A conversation, with money in it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from flask import Response as FlaskResponse
from flask import make_response, render_template, request
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.identity.models import User
from portal.identity.queries import user_by_handle
from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError, PortalError
from portal.messaging import queries as messaging
from portal.messaging import services as messages_service
from portal.messaging.queries import Thread, ThreadMessage
from portal.wallet.forms import ButtonForm, ComposerForm, amount_in
from portal.wallet.queries import overview
from portal.wallet.services.approvals import Place
from portal.wallet.services.transfers import Payee
from portal.wallet.views import words
from portal.wallet.views.blueprint import blueprint
from portal.wallet.views.words import View
from portal.web.access import requires, signed_in
from portal.web.database import read_db
from portal.web.fragments import is_known, tagged
from portal.web.requests import id_argument


def other_person(handle: str) -> User:
    """The other one of a conversation; NotFoundError for nobody and for oneself."""
    other = user_by_handle(read_db(), handle)
    if other is None or other.id == current_user.id:
        raise NotFoundError
    return other


def _thread(other: User) -> Thread:
    db = read_db()
    conversation = messaging.conversation_of(db, current_user.id, other.id)
    return messaging.thread(db, conversation, current_user.id, before=id_argument("before"))


@dataclass(frozen=True, slots=True)
class _Day:
    """The messages of one of the reader's days."""

    words: str
    messages: list[ThreadMessage]


def _by_day(messages: Sequence[ThreadMessage]) -> list[_Day]:
    days: list[_Day] = []
    last: date | None = None
    for message in messages:
        day = words.local_day(message.at)
        if day != last:
            days.append(_Day(words.day_words(day), []))
            last = day
        days[-1].messages.append(message)
    return days


def _bubbles(thread: Thread, other: User) -> str:
    return render_template("wallet/_bubbles.html", days=_by_day(thread.messages), other=other, words=words)


def _page(other: User, form: ComposerForm) -> str:
    thread, db = _thread(other), read_db()
    return render_template(
        "wallet/conversation.html",
        other=other,
        thread=thread,
        bubbles=_by_day(thread.messages),
        last_id=thread.messages[-1].id if thread.messages else 0,
        exchanges=overview.exchanges(db, current_user.id, other.id),
        blocked=messaging.has_blocked(db, current_user.id, other.id),
        form=form,
        words=words,
    )


@blueprint.get("/wallet/with/<handle>")
@requires(signed_in)
def conversation(handle: str) -> str:
    """What was said and sent between me and someone, and one field to go on."""
    return _page(other_person(handle), ComposerForm(formdata=None, data={"text": request.args.get("text", "")}))


@blueprint.post("/wallet/with/<handle>")
@requires(signed_in)
def say(handle: str) -> View:
    """Send words; an amount alone goes on to its approval."""
    other, form = other_person(handle), ComposerForm()
    if form.validate():
        try:
            amount = amount_in(form.text.data or "")
            if amount is not None:
                return words.go_to(words.begin(Payee(user_id=other.id), amount, "", form.key.data or ""))
            _say(other, form)
            return words.go_to(Place("wallet.conversation", {"handle": handle}))
        except PortalError as error:
            words.show(error, form, form.text)
    return _page(other, form), 422


def _say(other: User, form: ComposerForm) -> None:
    with transaction() as db:
        begun = messages_service.conversation_between(db, current_user.id, other.id)
        messages_service.add_message(
            db,
            conversation_id=begun.id,
            sender_id=current_user.id,
            text=form.text.data or "",
            form_key=form.key.data or None,
        )


def _tag(thread: Thread) -> str:
    """Changes when a message comes, a card changes its state, or the day does."""
    seen = [
        [message.id, message.text, message.is_new, repr(message.card), words.day_words(words.local_day(message.at))]
        for message in thread.messages
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:32]


@blueprint.get("/wallet/with/<handle>/messages")
@requires(signed_in)
def messages(handle: str) -> FlaskResponse:
    """The messages alone, for the page that is open; nothing when nothing is new."""
    other = other_person(handle)
    thread = _thread(other)
    tag = _tag(thread)
    if is_known(tag):
        return tagged("", tag)
    response = tagged(_bubbles(thread, other), tag)
    shown = id_argument("after") or 0
    fresh = sum(message.id > shown and not message.mine for message in thread.messages)
    response.headers["X-New"] = quote(ngettext("%(num)d new message", "%(num)d new messages", fresh)) if fresh else "0"
    return response


def _mark_read(handle: str) -> None:
    other = other_person(handle)
    up_to = id_argument("up_to") or 0
    with transaction() as db:
        begun = messaging.conversation_of(db, current_user.id, other.id)
        if begun is not None:
            messages_service.mark_read(db, conversation_id=begun.id, user_id=current_user.id, up_to=up_to)


@blueprint.post("/wallet/with/<handle>/read")
@requires(signed_in)
def read(handle: str) -> Response:
    """I have read up to here: a button without scripting."""
    _mark_read(handle)
    return words.go_to(Place("wallet.conversation", {"handle": handle}))


@blueprint.post("/wallet/with/<handle>/seen")
@requires(signed_in)
def seen(handle: str) -> FlaskResponse:
    """I have read up to here: said once by the page that is open, which is then told to stop."""
    _mark_read(handle)
    return make_response("", 410)


@blueprint.post("/wallet/with/<handle>/block")
@requires(signed_in)
def block(handle: str) -> View:
    """Stop everything from a person (value 1), or let them write again (value 0)."""
    other, form = other_person(handle), ButtonForm()
    if form.validate():
        change = messages_service.block if request.form.get("value") == "1" else messages_service.unblock
        with transaction() as db:
            change(db, blocker_id=current_user.id, blocked_id=other.id)
    return words.go_to(Place("wallet.conversation", {"handle": handle}))
