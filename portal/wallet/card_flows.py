"""Adding money by card: recorded, then paid at the provider, between two transactions."""

from portal.identity.models import User
from portal.kernel.db import transaction
from portal.kernel.money import Money
from portal.payments.flows import CheckoutItem, start_checkout
from portal.wallet.services import top_ups


def top_up(*, user: User, amount: Money, form_key: str, language: str, item_name: str) -> str:
    """Record a top-up, then open the provider's payment page for it; returns its address. Raises AmountError."""
    with transaction() as db:
        started = top_ups.start_top_up(db, user=user, amount=amount, form_key=form_key)
    return start_checkout(
        purpose=top_ups.PURPOSE,
        reference=started.public_id,
        items=[CheckoutItem(name=item_name, unit=started.amount, quantity=1)],
        customer_email=user.email,
        success_path=f"/{language}/wallet/top-up/{started.public_id}",
        cancel_path=f"/{language}/wallet/top-up",
        key=f"top-up:{started.public_id}",
        language=language,
    )
