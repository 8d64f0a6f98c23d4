"""Wallets with money and a PIN, through the services."""

from portal.identity.models import User
from portal.kernel import ids
from portal.kernel.db import transaction
from portal.kernel.money import Money
from portal.wallet import flows
from portal.wallet.models import Transfer
from portal.wallet.services import approvals, top_ups, transfers
from portal.wallet.services.transfers import Payee

PIN = "739402"
WRONG_PIN = "604173"


def euros(amount) -> Money:
    """Euros as money: `euros(25)`, `euros("12.50")`."""
    return Money(round(float(amount) * 100), "EUR")


def fund(user: User, amount=100) -> None:
    """Put euros into a user's wallet, as topped up by card."""
    with transaction() as db:
        left = euros(amount)
        while left:
            part = min(left, euros(500))
            top_up = top_ups.start_top_up(db, user=user, amount=max(part, euros(5)), form_key=ids.token())
            top_ups.complete(db, public_id=top_up.public_id, amount=part, available=True)
            left -= part


def give_pin(user: User, pin: str = PIN) -> None:
    """Choose a user's PIN."""
    flows.choose_pin(user=user, pin=pin)


def start(sender: User, payee: User | str, amount, note: str = "", form_key: str | None = None) -> Transfer:
    """Begin a transfer; `payee` is a user or an e-mail address."""
    with transaction() as db:
        to = transfers.resolve_email(db, payee) if isinstance(payee, str) else Payee(user_id=payee.id)
        return transfers.start(
            db, sender=sender, payee=to, amount=euros(amount), note=note, form_key=form_key or ids.token()
        )


def ask_approval(transfer: Transfer) -> str:
    """The public id of a pending approval of a transfer."""
    with transaction() as db:
        return approvals.ask(db, kind=transfers.KIND, reference=transfer.public_id).public_id


def send(sender: User, payee: User | str, amount, note: str = "", pin: str = PIN) -> Transfer:
    """Send money: begin, approve, done. The sender has a PIN and enough."""
    transfer = start(sender, payee, amount, note)
    flows.approve(payer=sender, approval_id=ask_approval(transfer), pin=pin)
    with transaction() as db:
        found = transfers.by_public_id(db, transfer.public_id)
    assert found is not None
    return found
