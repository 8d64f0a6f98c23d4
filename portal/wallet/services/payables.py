"""Transfers as something to approve: what is to be paid now, paying it, and what the payer is shown."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.queries import people
from portal.kernel.errors import NotFoundError
from portal.wallet.errors import ApprovalGoneError
from portal.wallet.models import Transfer, TransferState
from portal.wallet.services import transfers
from portal.wallet.services.approvals import Payable, PayableView, Place


class TransferPayments:
    """The owner of approvals of kind `transfer`."""

    def payable(self, db: Session, reference: str) -> Payable | None:
        """The transfer as it stands, while it awaits its approval."""
        transfer = transfers.by_public_id(db, reference)
        if transfer is None or transfer.state is not TransferState.AWAITING_APPROVAL:
            return None
        return Payable(payer_id=transfer.sender_id, payee=transfers.payee_of(transfer).key, amount=transfer.amount)

    def execute(self, db: Session, reference: str) -> None:
        """Send it."""
        transfer = transfers.by_public_id(db, reference)
        if transfer is None:
            raise ApprovalGoneError
        transfers.execute(db, transfer)

    def refused(self, db: Session, reference: str) -> None:
        """It could not be sent by the time it was approved."""
        transfers.end_unpaid(db, public_id=reference, state=TransferState.DECLINED)

    def given_up(self, db: Session, reference: str) -> None:
        """Its sender chose not to send it."""
        transfers.end_unpaid(db, public_id=reference, state=TransferState.CANCELLED)

    def view(self, db: Session, reference: str) -> PayableView:
        """Who it goes to, and how often they were sent money before."""
        transfer = transfers.by_public_id(db, reference)
        if transfer is None:
            raise NotFoundError
        payee = people(db, [transfer.payee_id]).get(transfer.payee_id) if transfer.payee_id is not None else None
        return PayableView(
            payee=payee,
            payee_name=payee.display_name if payee else transfer.payee_email or "",
            note=transfer.note,
            fee=None,
            arrives_at_once=payee is not None,
            times_paid=self._times_paid(db, transfer),
            back=_conversation(payee.handle) if payee else Place("wallet.send", {}),
        )

    def _times_paid(self, db: Session, transfer: Transfer) -> int:
        sent = sa.select(sa.func.count()).where(
            Transfer.sender_id == transfer.sender_id,
            Transfer.payee_id == transfer.payee_id,
            Transfer.state == TransferState.COMPLETED,
        )
        return db.scalar(sent) or 0

    def done(self, db: Session, reference: str) -> Place:
        """The conversation with its card; for someone who is not a user yet, the transfer's own page."""
        transfer = transfers.by_public_id(db, reference)
        if transfer is None:
            raise NotFoundError
        if transfer.payee_id is None:
            return Place("wallet.transfer", {"public_id": transfer.public_id})
        return _conversation(people(db, [transfer.payee_id])[transfer.payee_id].handle)


def _conversation(handle: str) -> Place:
    return Place("wallet.conversation", {"handle": handle})
