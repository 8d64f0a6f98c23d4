"""The PIN: set, tried, locked, reset. A try is counted and committed before it is looked at (see flows)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy.orm import Session

from portal import config
from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock, ids, throttle
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.errors import TooManyAttemptsError
from portal.notifications.services import notify, send_mail
from portal.wallet.errors import PinLockedError, PinSetError, ResetCodeError, TooManyResetsError, WeakPinError
from portal.wallet.models import Pin, PinReset
from portal.wallet.policies import PIN_LENGTH, is_common_pin

TRIES = 5
FIRST_LOCK = timedelta(hours=1)
LONGEST_LOCK = timedelta(hours=24)
RESET_LASTS = timedelta(minutes=15)
RESETS_PER_HOUR = 3
NO_NEW_PAYEES_FOR = timedelta(hours=24)

# OWASP's smallest setting for Argon2id; the library's defaults take ten times as long and slow down nobody
# who has the pepper.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def _keyed(user_id: int, pin: str) -> str:
    """The PIN under a key kept outside the database: without it the million PINs cannot be tried on a stolen one."""
    return hmac.new(config.current().pin_pepper.encode(), f"{user_id}:{pin}".encode(), hashlib.sha256).hexdigest()


def hashed(user_id: int, pin: str) -> str:
    """What the database keeps of a PIN; slow on purpose, so outside of any transaction.

    Raises WeakPinError for a PIN that many people choose, ValueError for anything but six digits.
    """
    if len(pin) != PIN_LENGTH or not pin.isascii() or not pin.isdecimal():
        msg = "a PIN is six digits"
        raise ValueError(msg)
    if is_common_pin(pin):
        raise WeakPinError
    return _hasher.hash(_keyed(user_id, pin))


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(ids.token())


def matches(stored: str | None, user_id: int, pin: str) -> bool:
    """Whether this is the PIN; the same work when there is none to compare with. Outside of any transaction."""
    try:
        _hasher.verify(stored or _nobodys_hash(), _keyed(user_id, pin))
    except VerifyMismatchError:
        return False
    return stored is not None


@dataclass(frozen=True, slots=True)
class CountedTry:
    """One try that is counted and may now be looked at, once."""

    stored: str | None
    left: int


def _lock_until(now: datetime) -> sa.ColumnElement[datetime]:
    """One hour, then twice as long each time, up to 24."""
    steps: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[datetime]]] = []
    length, count = FIRST_LOCK, 0
    while length < LONGEST_LOCK:
        steps.append((Pin.locks == count, sa.literal(now + length, Pin.locked_until.type)))
        length, count = length * 2, count + 1
    return sa.case(*steps, else_=sa.literal(now + LONGEST_LOCK, Pin.locked_until.type))


def count_try(db: Session, *, user_id: int) -> CountedTry:
    """Count one try; commit it before `matches` is asked. The fifth locks at once: only if it is right is that undone.

    Raises PinLockedError while locked. One conditional update: of any number of simultaneous tries five are counted.
    """
    now = clock.now()
    over = sa.and_(Pin.locked_until.is_not(None), Pin.locked_until <= now)
    tries = sa.case((over, 1), else_=Pin.tries + 1)
    locks_now = tries == TRIES
    counted = (
        sa.update(Pin)
        .where(Pin.user_id == user_id, sa.or_(Pin.locked_until.is_(None), Pin.locked_until <= now))
        .values(
            tries=tries,
            locked_until=sa.case((locks_now, _lock_until(now)), else_=sa.null()),
            locks=sa.case((locks_now, Pin.locks + 1), else_=Pin.locks),
        )
        .execution_options(synchronize_session=False)
    )
    changed = rows_changed(db, counted)
    row = db.execute(sa.select(Pin.hash, Pin.tries, Pin.locked_until).where(Pin.user_id == user_id)).first()
    if row is None:
        return CountedTry(stored=None, left=TRIES - 1)
    if not changed:
        raise PinLockedError(row.locked_until or now)
    return CountedTry(stored=row.hash, left=TRIES - row.tries)


def forget_tries(db: Session, *, user_id: int, stored: str) -> bool:
    """After a right try: none against the PIN any more, and no lock. False when the PIN changed meanwhile.

    It also holds the row until the transaction ends, so two payments of one person are counted one after the other.
    """
    forgiven = (
        sa.update(Pin)
        .where(Pin.user_id == user_id, Pin.hash == stored)
        .values(tries=0, locks=0, locked_until=None)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(db, forgiven) == 1


def tell_if_locked(db: Session, *, user: User) -> datetime | None:
    """After a wrong try: when that locked the PIN, tell its owner, once. Returns until when, or None."""
    until = db.scalar(sa.select(Pin.locked_until).where(Pin.user_id == user.id))
    if until is None or until <= clock.now():
        return None
    key = f"pin-locked:{user.id}:{until.isoformat()}"
    params = {"until": until.isoformat()}
    send_mail(db, to=recipient_of(user), kind="wallet.pin_locked", params=params, dedupe_key=key)
    path = f"/{user.language}/wallet/pin/reset"
    notify(db, user_id=user.id, kind="wallet.pin_locked", params=params, path=path, dedupe_key=key)
    return until


def has_pin(db: Session, user_id: int) -> bool:
    """Whether this user has chosen a PIN."""
    return db.get(Pin, user_id) is not None


def locked_until(db: Session, user_id: int) -> datetime | None:
    """Until when approval by PIN is locked; None when it is not."""
    until = db.scalar(sa.select(Pin.locked_until).where(Pin.user_id == user_id))
    return until if until is not None and until > clock.now() else None


def choose(db: Session, *, user: User, pin_hash: str) -> None:
    """Keep a user's first PIN and tell them by mail. Raises PinSetError when there is one already."""
    insert = (
        conflict_insert(db, Pin)
        .values(user_id=user.id, hash=pin_hash, tries=0, locks=0, changed_at=clock.now())
        .on_conflict_do_nothing()
        .returning(Pin.user_id)
    )
    if db.scalar(insert) is None:
        raise PinSetError
    send_mail(db, to=recipient_of(user), kind="wallet.pin_chosen", params={})


def _code_hash(reset_id: int, code: str) -> str:
    key = config.current().secret_key.encode()
    return hmac.new(key, f"pin-reset:{reset_id}:{code}".encode(), hashlib.sha256).hexdigest()


def ask_reset(db: Session, *, user: User) -> None:
    """Mail a code to choose a new PIN with; the ones before it are worth nothing. TooManyResetsError after three."""
    try:
        throttle.hit(db, f"pin-reset:{user.id}", limit=RESETS_PER_HOUR, window=timedelta(hours=1))
    except TooManyAttemptsError as error:
        raise TooManyResetsError from error
    now = clock.now()
    db.execute(sa.update(PinReset).where(PinReset.user_id == user.id, PinReset.used_at.is_(None)).values(used_at=now))
    reset = PinReset(user_id=user.id, code_hash="", expires_at=now + RESET_LASTS)
    db.add(reset)
    db.flush()
    code = ids.digits(PIN_LENGTH)
    reset.code_hash = _code_hash(reset.id, code)
    send_mail(db, to=recipient_of(user), kind="wallet.pin_reset", params={"code": code})


def count_reset_try(db: Session, *, user_id: int) -> int:
    """Count one try of the mailed code; commit it before the code is compared. Returns the reset's id.

    Raises ResetCodeError when there is none that can be tried.
    """
    reset_id = db.scalar(
        sa.select(PinReset.id)
        .where(PinReset.user_id == user_id, PinReset.used_at.is_(None), PinReset.expires_at > clock.now())
        .order_by(PinReset.id.desc())
        .limit(1)
    )
    counted = (
        sa.update(PinReset)
        .where(PinReset.id == reset_id, PinReset.tries < TRIES, PinReset.used_at.is_(None))
        .values(tries=PinReset.tries + 1)
        .execution_options(synchronize_session=False)
    )
    if reset_id is None or not rows_changed(db, counted):
        raise ResetCodeError
    return reset_id


def reset(db: Session, *, user: User, reset_id: int, code: str, pin_hash: str) -> None:
    """Replace the PIN with the mailed code, once; the lock ends, and new payees wait for 24 hours.

    Raises ResetCodeError for a wrong or used code.
    """
    now = clock.now()
    used = (
        sa.update(PinReset)
        .where(
            PinReset.id == reset_id,
            PinReset.user_id == user.id,
            PinReset.code_hash == _code_hash(reset_id, code),
            PinReset.used_at.is_(None),
            PinReset.expires_at > now,
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if not rows_changed(db, used):
        raise ResetCodeError
    values = {
        "hash": pin_hash,
        "tries": 0,
        "locks": 0,
        "locked_until": None,
        "new_payees_from": now + NO_NEW_PAYEES_FOR,
        "changed_at": now,
    }
    insert = conflict_insert(db, Pin).values(user_id=user.id, **values)
    db.execute(insert.on_conflict_do_update(index_elements=["user_id"], set_=values))
    send_mail(db, to=recipient_of(user), kind="wallet.pin_changed", params={})
