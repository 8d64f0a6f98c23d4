"""People who asked to be told when a shop opens. Nothing is sent before they confirmed (CPCE L34-5)."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.kernel import clock, ids
from portal.kernel.db import conflict_insert
from portal.kernel.worker import wake_after_commit
from portal.notifications.services import Recipient, send_mail
from portal.store import policies
from portal.store.errors import FollowerNotFoundError
from portal.store.models import Storefront, StorefrontFollower

TELL_JOB = "store_tell_followers"


def follow(db: Session, *, shop_id: int, shop_name: str, email: str, language: str, time_zone: str) -> None:
    """Ask an address to confirm that it wants to be told; known or not, the page says the same."""
    insert = conflict_insert(db, StorefrontFollower).values(
        storefront_id=shop_id, email=email.lower(), language=language, token=ids.token(), created_at=clock.now()
    )
    db.execute(insert.on_conflict_do_nothing(index_elements=["storefront_id", "email"]))
    row = _row(db, shop_id, email)
    if row.confirmed_at is not None:
        return
    send_mail(
        db,
        to=Recipient(email=row.email, name="", language=language, time_zone=time_zone),
        kind="store.confirm_following",
        params={"shop": shop_name, "token": row.token},
        dedupe_key=f"store:confirm:{row.id}:{clock.now():%Y-%m-%d}",
    )


def _row(db: Session, shop_id: int, email: str) -> StorefrontFollower:
    return db.scalars(
        sa.select(StorefrontFollower).where(
            StorefrontFollower.storefront_id == shop_id, StorefrontFollower.email == email.lower()
        )
    ).one()


def follow_as(db: Session, *, shop_id: int, user: User) -> None:
    """A signed-in user follows at once: their address was confirmed when they came in."""
    insert = conflict_insert(db, StorefrontFollower).values(
        storefront_id=shop_id,
        user_id=user.id,
        email=user.email,
        language=str(user.language),
        token=ids.token(),
        created_at=clock.now(),
        confirmed_at=clock.now(),
    )
    confirmed = {"confirmed_at": clock.now(), "user_id": user.id}
    db.execute(insert.on_conflict_do_update(index_elements=["storefront_id", "email"], set_=confirmed))


def stop_as(db: Session, *, shop_id: int, user: User) -> None:
    """A signed-in user no longer wants to be told."""
    db.execute(
        sa.delete(StorefrontFollower).where(
            StorefrontFollower.storefront_id == shop_id, StorefrontFollower.email == user.email
        )
    )


def follows(db: Session, *, shop_id: int, email: str) -> bool:
    """Whether this address is told when the shop opens."""
    confirmed = sa.exists().where(
        StorefrontFollower.storefront_id == shop_id,
        StorefrontFollower.email == email,
        StorefrontFollower.confirmed_at.is_not(None),
    )
    return bool(db.scalar(sa.select(confirmed)))


def by_token(db: Session, token: str) -> tuple[StorefrontFollower, Storefront]:
    """Who a mail's link belongs to, and the shop; FollowerNotFoundError otherwise."""
    row = db.execute(
        sa.select(StorefrontFollower, Storefront)
        .join(Storefront, Storefront.id == StorefrontFollower.storefront_id)
        .where(StorefrontFollower.token == token)
    ).first()
    if row is None:
        raise FollowerNotFoundError
    return row[0], row[1]


def confirm(db: Session, token: str) -> Storefront:
    """The link of the mail was used: from now on they are told."""
    follower, shop = by_token(db, token)
    follower.confirmed_at = follower.confirmed_at or clock.now()
    db.flush()
    return shop


def stop(db: Session, token: str) -> Storefront:
    """One tap in any mail ends it."""
    follower, shop = by_token(db, token)
    db.delete(follower)
    db.flush()
    return shop


def tell_open(db: Session, shop: Storefront) -> bool:
    """Let the worker tell the followers that the shop is open; at most once a day. Returns whether it will."""
    if not policies.may_tell_followers(shop, clock.now()):
        return False
    shop.told_open_at = clock.now()
    shop.followers_told_up_to = 0
    db.flush()
    wake_after_commit(db, TELL_JOB)
    return True


def tell_some(db: Session, *, limit: int = 500) -> int:
    """Write the mails for the next followers of one shop that has just opened; returns how many.

    The shop keeps how far it got: a killed worker goes on from there, and nobody is told twice a day.
    """
    shop = db.scalar(
        sa.select(Storefront)
        .where(Storefront.followers_told_up_to.is_not(None))
        .order_by(Storefront.told_open_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if shop is None or shop.told_open_at is None:
        return 0
    rows = db.scalars(
        sa.select(StorefrontFollower)
        .where(
            StorefrontFollower.storefront_id == shop.id,
            StorefrontFollower.confirmed_at.is_not(None),
            StorefrontFollower.id > shop.followers_told_up_to,
        )
        .order_by(StorefrontFollower.id)
        .limit(limit)
    ).all()
    for follower in rows:
        send_mail(
            db,
            to=Recipient(email=follower.email, name="", language=follower.language, time_zone=shop.time_zone),
            kind="store.open_now",
            params={"shop": shop.name, "slug": shop.slug, "token": follower.token},
            dedupe_key=f"store:open:{follower.id}:{shop.told_open_at:%Y-%m-%d}",
        )
    shop.followers_told_up_to = rows[-1].id if len(rows) == limit else None
    db.flush()
    return len(rows)
