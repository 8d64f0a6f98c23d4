"""Adding money by card, and coming back from the payment page."""

from flask import redirect, render_template
from flask_babel import gettext as _
from flask_login import current_user

from portal.kernel import ids
from portal.kernel.errors import PortalError
from portal.wallet import flows
from portal.wallet.forms import TopUpForm
from portal.wallet.models import TopUpState
from portal.wallet.queries.balances import balance
from portal.wallet.services import top_ups
from portal.wallet.views.blueprint import blueprint
from portal.wallet.views.words import View
from portal.web.access import requires, signed_in
from portal.web.database import read_db
from portal.web.languages import language


def _page(form: TopUpForm) -> str:
    return render_template("wallet/top_up.html", form=form, balance=balance(read_db(), current_user.id))


@blueprint.get("/wallet/top-up")
@requires(signed_in)
def top_up() -> str:
    """How much to add."""
    return _page(TopUpForm(formdata=None))


def _payment_page(form: TopUpForm) -> str:
    name = _("Top-up of your wallet")
    amount, key = form.amount.chosen, form.key.data or ""
    return flows.top_up(user=current_user, amount=amount, form_key=key, language=language(), item_name=name)


@blueprint.post("/wallet/top-up")
@requires(signed_in)
def start_top_up() -> View:
    """On to the payment page."""
    form = TopUpForm()
    if form.validate():
        try:
            return redirect(_payment_page(form), code=303)
        except PortalError as error:
            form.amount.errors = [str(error)]
            # A payment that is over is not opened again: the next try is a new one.
            form.key.data = ids.token()
    return _page(form), 422


@blueprint.get("/wallet/top-up/<public_id>")
@requires(signed_in)
def top_up_state(public_id: str) -> str:
    """Back from the payment page: what became of it. The money is credited by the payment's own return or event."""
    found = top_ups.owned_by(read_db(), user_id=current_user.id, public_id=public_id)
    arrived = found.state is TopUpState.COMPLETED
    held = balance(read_db(), current_user.id)
    return render_template("wallet/top_up_state.html", top_up=found, arrived=arrived, balance=held)
