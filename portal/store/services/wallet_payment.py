"""An order as something a shopper approves and pays from their wallet."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.queries import people
from portal.kernel.money import Money
from portal.store.errors import OrderNotFoundError
from portal.store.models import Order, OrderState, PayMethod, Storefront
from portal.store.services import orders, sales
from portal.wallet.services.approvals import Payable, PayableView, Place


class OrderPayments:
    """The owner of approvals of kind `order`."""

    def payable(self, db: Session, reference: str) -> Payable | None:
        """The order as it stands, while it waits to be paid from a wallet."""
        found = self._find(db, reference)
        if found is None:
            return None
        order, merchant_id = found
        waits = order.state is OrderState.PENDING_PAYMENT and order.method is PayMethod.WALLET
        if not waits or order.customer_id is None:
            return None
        amount = Money(order.total_minor, order.currency)
        return Payable(payer_id=order.customer_id, payee=f"user:{merchant_id}", amount=amount)

    def execute(self, db: Session, reference: str) -> None:
        """Pay and fulfil it."""
        sales.settle_wallet_payment(db, public_token=reference)

    def refused(self, db: Session, reference: str) -> None:
        """It could not be paid by then: its items go back, it can be tried again."""
        self._fail(db, reference)

    def given_up(self, db: Session, reference: str) -> None:
        """The shopper chose not to pay so: its items go back, it can be tried again."""
        self._fail(db, reference)

    def _fail(self, db: Session, reference: str) -> None:
        order = orders.lock_order(db, reference)
        if order is not None:
            orders.note_payment_failed(db, public_token=reference, key=orders.payment_key(order))

    def view(self, db: Session, reference: str) -> PayableView:
        """The shop, and how often one has bought there from the wallet."""
        found = self._find(db, reference)
        if found is None:
            raise OrderNotFoundError
        order, merchant_id = found
        shop = db.scalars(sa.select(Storefront).where(Storefront.id == order.storefront_id)).one()
        earlier = sa.select(sa.func.count()).where(
            Order.storefront_id == shop.id,
            Order.customer_id == order.customer_id,
            Order.method == PayMethod.WALLET,
            Order.paid_at.is_not(None),
        )
        return PayableView(
            payee=people(db, [merchant_id]).get(merchant_id),
            payee_name=shop.name,
            note="",
            fee=None,
            arrives_at_once=True,
            times_paid=db.scalars(earlier).one(),
            back=Place("storefront.checkout", {"slug": shop.slug}),
        )

    def done(self, db: Session, reference: str) -> Place:  # noqa: ARG002 (the wallet's interface)
        """Its receipt."""
        return Place("order.order", {"token": reference})

    def _find(self, db: Session, reference: str) -> tuple[Order, int] | None:
        row = db.execute(
            sa.select(Order, Storefront.merchant_id)
            .join(Storefront, Storefront.id == Order.storefront_id)
            .where(Order.public_token == reference)
        ).first()
        return (row[0], row[1]) if row is not None else None
