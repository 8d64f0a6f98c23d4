"""Who is to be paid or asked: someone of the portal, or an e-mail address that is nobody's yet."""

from collections.abc import Sequence
from datetime import timedelta

from flask import redirect, render_template, url_for
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeSerializer

from portal import config
from portal.identity.models import User
from portal.identity.queries import user_by_email, user_by_handle
from portal.kernel import throttle
from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError, PortalError, TooManyAttemptsError
from portal.wallet.errors import SelfTransferError, UnknownPayeeError
from portal.wallet.forms import MoneyForm, PayeeForm
from portal.wallet.queries import overview
from portal.wallet.queries.balances import balance
from portal.wallet.services import transfers
from portal.wallet.services.approvals import Place
from portal.wallet.views import words
from portal.wallet.views.blueprint import blueprint
from portal.wallet.views.words import View
from portal.web.access import requires, signed_in
from portal.web.database import read_db

_LOOK_UPS = 60


def _signer() -> URLSafeSerializer:
    """An address someone typed goes into the next page's address signed, so that nobody sends others there."""
    return URLSafeSerializer(config.current().secret_key, salt="wallet-payee")


def _payee_page(form: PayeeForm, *, asking: bool) -> str:
    people: Sequence[object] = overview.recent_people(read_db(), current_user.id)
    return render_template("wallet/payee.html", form=form, people=people, asking=asking, words=words)


@blueprint.get("/wallet/send")
@requires(signed_in)
def send() -> str:
    """To whom?"""
    return _payee_page(PayeeForm(), asking=False)


@blueprint.get("/wallet/request")
@requires(signed_in)
def ask() -> str:
    """From whom?"""
    return _payee_page(PayeeForm(), asking=True)


def _found(form: PayeeForm) -> User | None:
    """The user that was typed. Looking people up is counted, so that addresses cannot be tried through."""
    try:
        with transaction() as db:
            throttle.hit(db, f"payee:{current_user.id}", limit=_LOOK_UPS, window=timedelta(hours=1))
    except TooManyAttemptsError as error:
        raise UnknownPayeeError from error
    db = read_db()
    found = user_by_email(db, form.email) if form.email else user_by_handle(db, form.to.data or "")
    if found is None and not form.email:
        raise UnknownPayeeError
    if found is not None and found.id == current_user.id:
        raise SelfTransferError
    return found


def _choose(*, asking: bool) -> View:
    form = PayeeForm()
    if form.validate():
        try:
            found = _found(form)
            if found is None and asking:
                raise UnknownPayeeError
        except PortalError as error:
            form.to.errors = [str(error)]
        else:
            if found is not None:
                if asking:
                    return words.go_to(Place("wallet.money", {"handle": found.handle, "for": "request"}))
                return words.go_to(Place("wallet.conversation", {"handle": found.handle}))
            return redirect(url_for("wallet.send_to_address", token=_signer().dumps(form.email)), code=303)
    return _payee_page(form, asking=asking), 422


@blueprint.post("/wallet/send")
@requires(signed_in)
def send_to() -> View:
    """Go on to the conversation, or to the page for an address that is nobody's yet."""
    return _choose(asking=False)


@blueprint.post("/wallet/request")
@requires(signed_in)
def ask_from() -> View:
    """Go on to how much."""
    return _choose(asking=True)


def _address(token: str) -> str:
    try:
        email: str = _signer().loads(token)
    except BadSignature as error:
        raise NotFoundError from error
    return email


@blueprint.get("/wallet/send/<token>")
@requires(signed_in)
def send_to_address(token: str) -> str:
    """How much, to an e-mail address that is nobody's yet."""
    return _address_page(MoneyForm(), _address(token))


def _address_page(form: MoneyForm, email: str) -> str:
    return render_template("wallet/address.html", form=form, email=email, balance=balance(read_db(), current_user.id))


@blueprint.post("/wallet/send/<token>")
@requires(signed_in)
def start_to_address(token: str) -> View:
    """Begin the transfer; it goes on to its approval."""
    form, email = MoneyForm(), _address(token)
    if form.validate():
        try:
            return words.go_to(words.begin_from(form, transfers.resolve_email(read_db(), email)))
        except PortalError as error:
            words.show(error, form, form.amount)
    return _address_page(form, email), 422
