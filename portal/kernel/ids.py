"""Random identifiers: for addresses that give access, and for keys made once per form."""

import hashlib
import secrets

# Crockford's base 32 without I, L, O and U: what is read aloud or typed from paper is not mistaken.
_READABLE = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def token() -> str:
    """A URL-safe secret of 256 random bits: links in mail, login sessions, order addresses."""
    return secrets.token_urlsafe(32)


def readable_code(characters: int = 26) -> str:
    """A random code of base-32 characters, 5 bits each: 26 of them hold more than 128 bits."""
    return "".join(secrets.choice(_READABLE) for _ in range(characters))


def digits(count: int) -> str:
    """A random number of exactly `count` digits, leading zeros kept."""
    return "".join(secrets.choice("0123456789") for _ in range(count))


def digest(secret: str) -> str:
    """SHA-256 of a random secret, in hex: what the database keeps of a token it must recognise.

    Only for secrets of high entropy; a PIN or a six-digit code needs a keyed, slow hash.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
