"""Making users, letting them in, and ending their login sessions."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import config
from portal.identity.errors import SignInExpiredError, WrongCodeError
from portal.identity.events import UserCreated
from portal.identity.models import Language, LoginSession, SignInRequest, User
from portal.identity.queries import user_by_email
from portal.kernel import clock, ids, text
from portal.kernel.db import rows_changed
from portal.kernel.events import publish
from portal.notifications.services import Recipient, send_mail

SIGN_IN_LASTS = timedelta(minutes=15)
LOGIN_SESSION_LASTS = timedelta(days=60)
LAST_SEEN_EVERY = timedelta(minutes=10)


def recipient_of(user: User) -> Recipient:
    """Where and how this user is written to."""
    return Recipient(email=user.email, name=user.display_name, language=str(user.language), time_zone=user.time_zone)


def _free_handle(db: Session, *wanted: str) -> str:
    """From the first of these that has Latin letters or digits: a handle is typed on any keyboard."""
    latin = (re.sub(r"[^a-z0-9]", "", text.slugify(words))[:20] for words in wanted)
    base = next(filter(None, latin), "user")
    taken = set(db.scalars(sa.select(User.handle).where(User.handle.startswith(base, autoescape=True))))
    if base not in taken:
        return base
    while (handle := f"{base}{ids.digits(4)}") in taken:
        continue
    return handle


def create_user(  # noqa: PLR0913 (each is a fact about the person)
    db: Session,
    *,
    email: str,
    display_name: str | None = None,
    language: str = "fr",
    time_zone: str | None = None,
    is_expert: bool = False,
    is_organiser: bool = False,
    is_demo: bool = False,
) -> User:
    """A new user; without a name, what stands before the @ serves until they give one."""
    address = email.strip().lower()
    local_part = re.sub(r"[._+\-\d]+", " ", address.partition("@")[0]).strip().title()
    name = text.clean_line(display_name or "") or local_part or address.partition("@")[0]
    user = User(
        email=address,
        handle=_free_handle(db, name, local_part),
        display_name=name[:80],
        language=Language(language),
        time_zone=time_zone or config.current().time_zone,
        is_expert=is_expert,
        is_organiser=is_organiser,
        is_demo=is_demo,
    )
    db.add(user)
    db.flush()
    publish(db, UserCreated(user_id=user.id))
    return user


@dataclass(frozen=True, slots=True)
class SignInSecrets:
    """What only the e-mail knows, and the public id that the waiting page carries."""

    public_id: str
    link_token: str
    code: str


def _code_hash(public_id: str, code: str) -> str:
    """Keyed with a secret outside the database: six digits alone could be tried through."""
    key = config.current().secret_key.encode()
    return hmac.new(key, f"{public_id}:{code}".encode(), hashlib.sha256).hexdigest()


def request_sign_in(db: Session, *, email: str, language: str, next_path: str = "") -> SignInSecrets:
    """Mail a link and a six-digit code to an address; known and unknown addresses look the same."""
    address = email.strip().lower()
    secrets = SignInSecrets(public_id=ids.token(), link_token=ids.token(), code=ids.digits(6))
    now = clock.now()
    db.add(
        SignInRequest(
            public_id=secrets.public_id,
            email=address,
            link_hash=ids.digest(secrets.link_token),
            code_hash=_code_hash(secrets.public_id, secrets.code),
            language=Language(language),
            next_path=next_path,
            expires_at=now + SIGN_IN_LASTS,
        )
    )
    send_mail(
        db,
        to=Recipient(email=address, name="", language=language, time_zone=config.current().time_zone),
        kind="identity.sign_in",
        params={"token": secrets.link_token, "code": secrets.code, "language": language},
    )
    return secrets


def _use(db: Session, request: SignInRequest) -> None:
    """Mark the request used, once: of two simultaneous uses one gets SignInExpiredError."""
    now = clock.now()
    used = rows_changed(
        db,
        sa.update(SignInRequest)
        .where(SignInRequest.id == request.id, SignInRequest.used_at.is_(None), SignInRequest.expires_at > now)
        .values(used_at=now)
        .execution_options(synchronize_session=False),
    )
    if not used:
        raise SignInExpiredError


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who came in, where they were going, and whether they are new here."""

    user: User
    next_path: str
    is_new: bool


def _enter(db: Session, request: SignInRequest) -> SignedIn:
    _use(db, request)
    user = user_by_email(db, request.email)
    is_new = user is None
    if user is None:
        user = create_user(db, email=request.email, language=request.language)
    return SignedIn(user=user, next_path=request.next_path, is_new=is_new)


def pending_link(db: Session, link_token: str) -> SignInRequest:
    """The request a link belongs to, unless it was used or is too old (SignInExpiredError)."""
    request = db.scalar(sa.select(SignInRequest).where(SignInRequest.link_hash == ids.digest(link_token)))
    if request is None or request.used_at is not None or request.expires_at <= clock.now():
        raise SignInExpiredError
    return request


def sign_in_by_link(db: Session, *, link_token: str) -> SignedIn:
    """Let in whoever holds the link; makes the user when the address is new. SignInExpiredError otherwise."""
    return _enter(db, pending_link(db, link_token))


def sign_in_by_code(db: Session, *, public_id: str, code: str) -> SignedIn:
    """Let in whoever typed the right code on the page that asked for it.

    Raises WrongCodeError for a wrong one, SignInExpiredError for a used or old request. Count the try first
    (`throttle.hit`), in a transaction of its own.
    """
    request = db.scalar(sa.select(SignInRequest).where(SignInRequest.public_id == public_id))
    if request is None or request.used_at is not None or request.expires_at <= clock.now():
        raise SignInExpiredError
    if not hmac.compare_digest(request.code_hash, _code_hash(public_id, code)):
        raise WrongCodeError
    return _enter(db, request)


def start_login_session(db: Session, *, user: User, user_agent: str) -> str:
    """A new signed-in browser for this user; returns the token its cookie carries."""
    token = ids.token()
    db.add(LoginSession(token_hash=ids.digest(token), user_id=user.id, user_agent=text.clean_line(user_agent)[:200]))
    db.flush()
    return token


def end_login_session(db: Session, *, token: str) -> None:
    """Sign one browser out; a copy of its cookie is worth nothing from now on."""
    db.execute(
        sa.update(LoginSession)
        .where(LoginSession.token_hash == ids.digest(token), LoginSession.ended_at.is_(None))
        .values(ended_at=clock.now())
    )


def end_all_login_sessions(db: Session, *, user: User) -> int:
    """Sign this user out everywhere; returns how many browsers that were."""
    return rows_changed(
        db,
        sa.update(LoginSession)
        .where(LoginSession.user_id == user.id, LoginSession.ended_at.is_(None))
        .values(ended_at=clock.now()),
    )


def touch_login_session(db: Session, *, login_session_id: int) -> None:
    """Note that this browser was seen just now."""
    db.execute(sa.update(LoginSession).where(LoginSession.id == login_session_id).values(last_seen_at=clock.now()))


def change_profile(db: Session, *, user: User, display_name: str, language: str, time_zone: str) -> None:
    """Change how a user is called, and the language and zone they are written to in."""
    db.execute(
        sa.update(User)
        .where(User.id == user.id)
        .values(display_name=display_name, language=Language(language), time_zone=time_zone)
    )
