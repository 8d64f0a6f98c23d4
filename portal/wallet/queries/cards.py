"""Transfers and money requests as cards in a conversation: one statement for each kind of card on a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.kernel.money import Money
from portal.messaging.cards import CardView
from portal.wallet.models import MoneyRequest, RequestState, Transfer, TransferState


@dataclass(frozen=True, slots=True)
class TransferCard:
    """A transfer as one of the two sees it."""

    public_id: str
    amount: Money
    note: str
    state: TransferState
    mine: bool
    other_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RequestCard:
    """A money request as one of the two sees it."""

    public_id: str
    amount: Money
    note: str
    state: RequestState
    mine: bool
    other_name: str
    pay_by: date
    at: datetime


def _line(card: TransferCard) -> object:
    return _("You sent") if card.mine else _("Sent to you")


def transfer_cards(db: Session, viewer_id: int, references: Sequence[str]) -> dict[str, CardView]:
    """The cards of these transfers for a viewer, in one statement."""
    other = sa.case((Transfer.sender_id == viewer_id, Transfer.payee_id), else_=Transfer.sender_id)
    rows = db.execute(
        sa.select(Transfer, User.display_name)
        .join(User, User.id == other)
        .where(
            Transfer.public_id.in_(references), sa.or_(Transfer.sender_id == viewer_id, Transfer.payee_id == viewer_id)
        )
    )
    drawn = {}
    for transfer, other_name in rows:
        card = TransferCard(
            public_id=transfer.public_id,
            amount=transfer.amount,
            note=transfer.note,
            state=transfer.state,
            mine=transfer.sender_id == viewer_id,
            other_name=other_name,
            at=transfer.ended_at or transfer.created_at,
        )
        drawn[transfer.public_id] = CardView(
            template="wallet/_card_transfer.html",
            data=card,
            line=_line(card),
            amount=card.amount,
            sign=-1 if card.mine else 1,
        )
    return drawn


def _request_line(state: RequestState, *, mine: bool) -> object:
    words = {
        RequestState.REQUESTED: _("Your request is pending") if mine else _("Request to pay"),
        RequestState.PAID: _("Request paid"),
        RequestState.DECLINED: _("Request declined"),
        RequestState.CANCELLED: _("Request cancelled"),
        RequestState.EXPIRED: _("Request expired"),
    }
    return words[state]


def request_cards(db: Session, viewer_id: int, references: Sequence[str]) -> dict[str, CardView]:
    """The cards of these money requests for a viewer, in one statement."""
    is_mine = MoneyRequest.requester_id == viewer_id
    other = sa.case((is_mine, MoneyRequest.payer_id), else_=MoneyRequest.requester_id)
    rows = db.execute(
        sa.select(MoneyRequest, User.display_name)
        .join(User, User.id == other)
        .where(MoneyRequest.public_id.in_(references), sa.or_(is_mine, MoneyRequest.payer_id == viewer_id))
    )
    drawn = {}
    for request, other_name in rows:
        card = RequestCard(
            public_id=request.public_id,
            amount=request.amount,
            note=request.note,
            state=request.state,
            mine=request.requester_id == viewer_id,
            other_name=other_name,
            pay_by=request.pay_by,
            at=request.created_at,
        )
        drawn[request.public_id] = CardView(
            template="wallet/_card_request.html",
            data=card,
            line=_request_line(card.state, mine=card.mine),
            amount=card.amount,
            void=card.state in {RequestState.DECLINED, RequestState.CANCELLED, RequestState.EXPIRED},
        )
    return drawn
