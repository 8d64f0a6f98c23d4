"""Coming in: each try is counted and committed before it is looked at."""

from datetime import timedelta

from portal.identity import services
from portal.identity.errors import TooManySignInsError
from portal.kernel import throttle
from portal.kernel.db import transaction
from portal.kernel.errors import TooManyAttemptsError

TRIES = 10
WINDOW = timedelta(hours=1)


def _count(*keys: str) -> None:
    try:
        with transaction() as db:
            for key in keys:
                throttle.hit(db, key, limit=TRIES, window=WINDOW)
    except TooManyAttemptsError as error:
        raise TooManySignInsError from error


def request_sign_in(*, email: str, source: str, language: str, next_path: str) -> str:
    """Count the try, then mail the link and the code; returns the public id of the request.

    Raises TooManySignInsError after ten an hour for the address or for the source.
    """
    _count(f"sign-in:{email.lower()}", f"sign-in-from:{source}")
    with transaction() as db:
        return services.request_sign_in(db, email=email, language=language, next_path=next_path).public_id


def sign_in_by_code(*, public_id: str, code: str, source: str, user_agent: str) -> tuple[services.SignedIn, str]:
    """Count the try, then let in whoever has the code; returns who it is and the cookie's token.

    Raises TooManySignInsError, WrongCodeError or SignInExpiredError.
    """
    _count(f"code:{public_id}", f"code-from:{source}")
    with transaction() as db:
        who = services.sign_in_by_code(db, public_id=public_id, code=code)
        return who, services.start_login_session(db, user=who.user, user_agent=user_agent)
