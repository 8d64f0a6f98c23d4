"""A month of a wallet: opening balance, entries, closing balance; they always add up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import config
from portal.identity.queries import people
from portal.kernel.money import Money
from portal.ledger.kinds import AccountKind
from portal.ledger.queries import Entry, balance_at, balances, entries, moved
from portal.ledger.services import account_for
from portal.wallet.models import Transfer

PAGE = 200


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One line: when, of what kind (see the templates for its words), with whom, what for, how much (signed)."""

    at: datetime
    kind: str
    other_name: str
    note: str
    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Statement:
    """Opening + entries = closing. The month is the reader's own, in their time zone."""

    month: date
    opening: Money
    entries: list[StatementEntry]
    closing: Money
    received: Money
    sent: Money


def month_start(month: date, time_zone: str) -> datetime:
    """The first moment of a month in a time zone."""
    return datetime(month.year, month.month, 1, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def previous_month(month: date) -> date:
    """The first day of the month before."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def available_account(db: Session, user_id: int) -> int | None:
    """The ledger account of what a user can send; None for a wallet that was never used."""
    currency = config.current().currency
    if AccountKind.WALLET_AVAILABLE not in balances(db, user_id, currency):
        return None
    return account_for(db, kind=AccountKind.WALLET_AVAILABLE, currency=currency, owner_id=user_id)


def _all_entries(db: Session, account_id: int, since: datetime, until: datetime) -> list[Entry]:
    found: list[Entry] = []
    cursor = None
    while True:
        page = entries(db, account_id, cursor, PAGE, since=since, until=until)
        found += page
        if len(page) < PAGE:
            return found
        cursor = page[-1].cursor


def _named(db: Session, found: Iterable[Entry]) -> list[StatementEntry]:
    """The entries with the names and notes of their transfers, in two statements."""
    found = list(found)
    references = {entry.reference for entry in found if entry.kind in {"transfer", "transfer_back"}}
    rows = db.execute(
        sa.select(Transfer.public_id, Transfer.note, Transfer.payee_email, Transfer.payee_id, Transfer.sender_id).where(
            Transfer.public_id.in_(references)
        )
    )
    transfers = {row.public_id: row for row in rows}
    ids = {entry.other_owner_id for entry in found} | {row.payee_id for row in transfers.values()}
    names = {id_: person.display_name for id_, person in people(db, [i for i in ids if i is not None]).items()}
    named = []
    for entry in found:
        transfer = transfers.get(entry.reference)
        # Seen from the sender of one that waits, the other account is their own.
        paid = transfer is not None and entry.other_kind is AccountKind.TRANSFER_WAITING
        if transfer is not None and paid and entry.amount.amount_minor < 0:
            other = names.get(transfer.payee_id) or transfer.payee_email or ""
        elif transfer is not None and entry.kind == "transfer_back":
            other = transfer.payee_email or ""
        else:
            other = names.get(entry.other_owner_id, "") if entry.other_owner_id is not None else ""
        named.append(
            StatementEntry(
                at=entry.occurred_at,
                kind=entry.kind if entry.other_kind is not AccountKind.PLATFORM_FEES else "fee",
                other_name=other,
                note=transfer.note if transfer else "",
                reference=entry.reference,
                amount=entry.amount,
            )
        )
    return named


def recent_entries(db: Session, user_id: int, *, limit: int = 5) -> list[StatementEntry]:
    """The latest entries of a wallet."""
    account_id = available_account(db, user_id)
    return [] if account_id is None else _named(db, entries(db, account_id, None, limit))


@dataclass(frozen=True, slots=True)
class MonthSummary:
    """A month in four figures; `sent` is negative or nothing. Opening + received + sent = closing."""

    month: date
    opening: Money
    received: Money
    sent: Money
    closing: Money


def month_summary(db: Session, user_id: int, month: date, time_zone: str) -> MonthSummary:
    """A user's month without its entries: what the wallet's page shows, however long the month is."""
    nothing = Money.zero(config.current().currency)
    account_id = available_account(db, user_id)
    if account_id is None:
        return MonthSummary(month, nothing, nothing, nothing, nothing)
    since, until = month_start(month, time_zone), month_start(next_month(month), time_zone)
    opening = balance_at(db, account_id, since)
    total = moved(db, account_id, currency=opening.currency, since=since, until=until)
    closing = opening + total.received - total.paid
    return MonthSummary(month, opening, total.received, -total.paid, closing)


def statement(db: Session, user_id: int, month: date, time_zone: str) -> Statement:
    """A user's statement of a month, entries in the order they happened."""
    nothing = Money.zero(config.current().currency)
    month = month.replace(day=1)
    account_id = available_account(db, user_id)
    if account_id is None:
        return Statement(month, nothing, [], nothing, nothing, nothing)
    since, until = month_start(month, time_zone), month_start(next_month(month), time_zone)
    found = _all_entries(db, account_id, since, until)
    opening = balance_at(db, account_id, since)
    received = sum((e.amount.amount_minor for e in found if e.amount.amount_minor > 0), 0)
    sent = sum((e.amount.amount_minor for e in found if e.amount.amount_minor < 0), 0)
    return Statement(
        month=month,
        opening=opening,
        entries=_named(db, reversed(found)),
        closing=Money(opening.amount_minor + received + sent, opening.currency),
        received=Money(received, opening.currency),
        sent=Money(sent, opening.currency),
    )
