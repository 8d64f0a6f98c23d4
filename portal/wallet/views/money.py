"""An amount with what it is for, sent or asked for; requests; a transfer's own page."""

from flask import flash, render_template, request
from flask_babel import gettext as _
from flask_login import current_user

from portal.identity.models import User
from portal.identity.queries import people
from portal.kernel.db import transaction
from portal.kernel.errors import PortalError
from portal.wallet.errors import TransferClosedError
from portal.wallet.forms import MoneyForm
from portal.wallet.queries.balances import balance
from portal.wallet.services import approvals, requests, transfers
from portal.wallet.services.approvals import Place
from portal.wallet.services.transfers import Payee
from portal.wallet.views import words
from portal.wallet.views.blueprint import blueprint
from portal.wallet.views.conversation import other_person
from portal.wallet.views.words import View
from portal.web.access import requires, signed_in
from portal.web.database import read_db


def _money_page(other: User, form: MoneyForm) -> str:
    asking = request.args.get("for") == "request"
    held = balance(read_db(), current_user.id)
    return render_template("wallet/money.html", form=form, other=other, balance=held, asking=asking, words=words)


@blueprint.get("/wallet/with/<handle>/money")
@requires(signed_in)
def money(handle: str) -> str:
    """How much, and what for."""
    return _money_page(other_person(handle), MoneyForm(formdata=None))


@blueprint.post("/wallet/with/<handle>/money")
@requires(signed_in)
def send_or_ask(handle: str) -> View:
    """The button says which: send goes on to the approval, ask lands in the conversation."""
    other, form = other_person(handle), MoneyForm()
    if form.validate():
        try:
            if request.form.get("do") == "ask":
                _ask(other, form)
                return words.go_to(Place("wallet.conversation", {"handle": handle}))
            return words.go_to(words.begin_from(form, Payee(user_id=other.id)))
        except PortalError as error:
            words.show(error, form, form.amount)
    return _money_page(other, form), 422


def _ask(other: User, form: MoneyForm) -> None:
    with transaction() as db:
        requests.request_money(
            db,
            requester=current_user,
            payer_id=other.id,
            amount=form.amount.chosen,
            note=form.note.data or "",
            form_key=form.key.data or "",
        )


def _conversation_with(user_id: int) -> Place:
    return Place("wallet.conversation", {"handle": people(read_db(), [user_id])[user_id].handle})


@blueprint.post("/wallet/requests/<public_id>/pay")
@requires(signed_in)
def pay_request(public_id: str) -> View:
    """Begin the transfer that pays a request made to me; on to its approval."""
    asked = requests.asked_of(read_db(), payer_id=current_user.id, public_id=public_id)
    try:
        with transaction() as db:
            transfer = requests.pay(db, payer=current_user, public_id=public_id)
            step = approvals.next_step(db, kind=transfers.KIND, reference=transfer.public_id)
    except PortalError as error:
        return words.go_back(_conversation_with(asked.requester_id), error)
    return words.go_to(step)


@blueprint.post("/wallet/requests/<public_id>/decline")
@requires(signed_in)
def decline_request(public_id: str) -> View:
    """Say no to a request made to me."""
    asked = requests.asked_of(read_db(), payer_id=current_user.id, public_id=public_id)
    return _close(asked.requester_id, public_id, declined=True)


@blueprint.post("/wallet/requests/<public_id>/cancel")
@requires(signed_in)
def cancel_request(public_id: str) -> View:
    """Take back a request of mine."""
    asked = requests.asked_by(read_db(), requester_id=current_user.id, public_id=public_id)
    return _close(asked.payer_id, public_id, declined=False)


def _close(other_id: int, public_id: str, *, declined: bool) -> View:
    place = _conversation_with(other_id)
    try:
        with transaction() as db:
            if declined:
                requests.decline(db, payer=current_user, public_id=public_id)
            else:
                requests.cancel(db, requester=current_user, public_id=public_id)
    except PortalError as error:
        return words.go_back(place, error)
    flash(_("The request is closed. Nothing was sent."), "info")
    return words.go_to(place)


@blueprint.get("/wallet/transfers/<public_id>")
@requires(signed_in)
def transfer(public_id: str) -> str:
    """What became of a transfer I sent: its receipt."""
    found = transfers.owned_by(read_db(), sender_id=current_user.id, public_id=public_id)
    payee = people(read_db(), [found.payee_id]).get(found.payee_id) if found.payee_id else None
    until = found.sent_at + transfers.WAITS_FOR if found.sent_at else None
    return render_template("wallet/transfer.html", transfer=found, payee=payee, until=until, words=words)


@blueprint.post("/wallet/transfers/<public_id>/take-back")
@requires(signed_in)
def take_back(public_id: str) -> View:
    """Take back what nobody has joined for."""
    place = Place("wallet.transfer", {"public_id": public_id})
    try:
        with transaction() as db:
            transfers.take_back(db, sender=current_user, public_id=public_id)
    except TransferClosedError as error:
        return words.go_back(place, error)
    flash(_("It is done. The money is back in your wallet."), "done")
    return words.go_to(place)
