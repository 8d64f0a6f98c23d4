"""Approving a payment with the PIN; choosing the PIN, and another one."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from portal.kernel.db import transaction
from portal.kernel.errors import PortalError
from portal.wallet import flows
from portal.wallet.errors import ApprovalGoneError, ApprovalRefusedError, PinLockedError, PinSetError, WeakPinError
from portal.wallet.forms import ButtonForm, ChoosePinForm, PinForm, ResetPinForm
from portal.wallet.models import Approval, ApprovalState
from portal.wallet.queries.balances import balance
from portal.wallet.services import approvals, pins
from portal.wallet.views import words
from portal.wallet.views.blueprint import blueprint
from portal.wallet.views.words import View
from portal.web.access import requires, signed_in
from portal.web.database import read_db


def _own(approval_id: str) -> Approval:
    return approvals.owned_by(read_db(), user_id=current_user.id, public_id=approval_id)


def _page(approval: Approval, form: PinForm) -> str:
    db = read_db()
    return render_template(
        "wallet/approve.html",
        approval=approval,
        paid=approvals.owner_of(approval.kind).view(db, approval.reference),
        available=balance(db, current_user.id).available,
        locked_until=pins.locked_until(db, current_user.id),
        form=form,
        words=words,
    )


@blueprint.get("/wallet/approve/<approval_id>")
@requires(signed_in)
def approval(approval_id: str) -> View:
    """Who, how much, from where, at what cost, arriving when; then the PIN."""
    asked, db = _own(approval_id), read_db()
    if asked.state is ApprovalState.USED:
        return words.go_to(approvals.owner_of(asked.kind).done(db, asked.reference))
    if not approvals.is_pending(asked):
        return words.go_back(approvals.owner_of(asked.kind).view(db, asked.reference).back, ApprovalGoneError())
    if not pins.has_pin(db, current_user.id):
        return redirect(url_for("wallet.pin", approval=approval_id), code=303)
    return _page(asked, PinForm(formdata=None))


@blueprint.post("/wallet/approve/<approval_id>")
@requires(signed_in)
def approve(approval_id: str) -> View:
    """Pay, with the right PIN; a repeat shows the same receipt."""
    asked, form = _own(approval_id), PinForm()
    if form.validate():
        try:
            return words.go_to(flows.approve(payer=current_user, approval_id=approval_id, pin=form.pin.data or ""))
        except (ApprovalRefusedError, PinLockedError) as error:
            form.pin.errors = [str(error)]
        except PortalError as error:
            back = approvals.owner_of(asked.kind).view(read_db(), asked.reference).back
            return words.go_back(back, error)
    return _page(asked, form), 422


@blueprint.post("/wallet/approve/<approval_id>/give-up")
@requires(signed_in)
def give_up(approval_id: str) -> View:
    """Not after all."""
    place = flows.give_up(payer=current_user, approval_id=approval_id)
    flash(_("Nothing was sent."), "info")
    return words.go_to(place)


@blueprint.get("/wallet/pin")
@requires(signed_in)
def pin() -> View:
    """Choose the first PIN; whoever has one is shown how to get another."""
    if pins.has_pin(read_db(), current_user.id):
        return redirect(url_for("wallet.pin_reset"), code=303)
    form = ChoosePinForm(formdata=None, data={"approval": request.args.get("approval", "")[:26]})
    return render_template("wallet/pin.html", form=form)


@blueprint.post("/wallet/pin")
@requires(signed_in)
def choose_pin() -> View:
    """Keep it, and go on with what was to be paid."""
    form = ChoosePinForm()
    if form.validate():
        try:
            flows.choose_pin(user=current_user, pin=form.pin.data or "")
        except (WeakPinError, PinSetError) as error:
            form.pin.errors = [str(error)]
        else:
            flash(_("Your PIN is set."), "done")
            if form.approval.data:
                return redirect(url_for("wallet.approval", approval_id=form.approval.data), code=303)
            return redirect(url_for("wallet.wallet"), code=303)
    return render_template("wallet/pin.html", form=form), 422


@blueprint.get("/wallet/pin/reset")
@requires(signed_in)
def pin_reset() -> str:
    """A code by e-mail, then another PIN."""
    return render_template("wallet/pin_reset.html", form=ResetPinForm(formdata=None), sent="sent" in request.args)


@blueprint.post("/wallet/pin/reset/code")
@requires(signed_in)
def send_reset_code() -> View:
    """Mail the code."""
    if ButtonForm().validate():
        try:
            with transaction() as db:
                pins.ask_reset(db, user=current_user)
        except PortalError as error:
            flash(str(error), "error")
    return redirect(url_for("wallet.pin_reset", sent=1), code=303)


@blueprint.post("/wallet/pin/reset")
@requires(signed_in)
def reset_pin() -> View:
    """Replace the PIN."""
    form = ResetPinForm()
    if form.validate():
        try:
            flows.reset_pin(user=current_user, code=form.code.data or "", pin=form.pin.data or "")
        except WeakPinError as error:
            form.pin.errors = [str(error)]
        except PortalError as error:
            form.code.errors = [str(error)]
        else:
            flash(_("Your PIN has changed. For 24 hours, your wallet pays only people you have paid before."), "done")
            return redirect(url_for("wallet.wallet"), code=303)
    return render_template("wallet/pin_reset.html", form=form, sent=True), 422
