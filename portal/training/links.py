"""Links in mails that let somebody act without signing in: a purpose and a row's id, signed.

Whoever holds the mail may do the one thing the link is for; the page it opens asks first, since mail scanners follow
links. A link for one purpose opens nothing else.
"""

from flask_babel import lazy_gettext as _l
from itsdangerous import BadData, URLSafeSerializer

from portal import config
from portal.kernel.errors import NotFoundError

# What links are for: an offer to answer, a seat to confirm or give back, all seats in a cohort to give back.
OFFER, SEAT, ENROLMENT = "offer", "seat", "enrolment"
# Longer than any link of ours: what exceeds it is not read at all.
_LONGEST = 200


class BadLinkError(NotFoundError):
    """Altered, cut short, or made for something else."""

    message = _l("This link is not complete. Open it again from the mail, or sign in and find your seat here.")


def _serializer(purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(config.current().secret_key, salt=f"training.{purpose}")


def sign(purpose: str, row_id: int) -> str:
    """A token, fit for an address, that stands for one row and one purpose; it does not expire."""
    return str(_serializer(purpose).dumps(row_id))


def read(purpose: str, token: str) -> int:
    """The id in a token made by `sign` for the same purpose. Raises BadLinkError for any other."""
    try:
        found = _serializer(purpose).loads(token[:_LONGEST])
    except BadData:
        raise BadLinkError from None
    if type(found) is not int:
        raise BadLinkError
    return found
