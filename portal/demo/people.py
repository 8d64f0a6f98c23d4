"""The demo people: they exist in a sandbox only, and no one of that name is meant."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.identity.queries import user_by_email
from portal.identity.services import create_user

# Told on the sandbox's sign-in page: the PIN of every demo wallet.
PIN = "274913"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Who a demo person is."""

    email: str
    name: str
    language: str = "fr"
    roles: tuple[str, ...] = ()


# Claire has met the rule and asks for her certificate; Karim sells; Nadia sews and reads Arabic; Tom is new.
CLAIRE = DemoPerson("claire@demo.example", "Claire Vidal")
KARIM = DemoPerson("karim@demo.example", "Karim Benali")
NADIA = DemoPerson("nadia@demo.example", "نادية منصوري", "ar")
TOM = DemoPerson("tom@demo.example", "Tom Baker", "en")
INES = DemoPerson("ines@demo.example", "Inès Morel", roles=("is_expert",))
HUGO = DemoPerson("hugo@demo.example", "Hugo Lanier", roles=("is_expert",))
SALMA = DemoPerson("salma@demo.example", "سلمى العلوي", "ar", roles=("is_expert",))
ODILE = DemoPerson("odile@demo.example", "Odile Garnier", roles=("is_organiser",))

EVERYBODY = (CLAIRE, KARIM, NADIA, TOM, INES, HUGO, SALMA, ODILE)
EXPERTS = (INES, HUGO, SALMA)


def demo_user(db: Session, person: DemoPerson) -> User:
    """The user a demo person is, made at first use."""
    known = user_by_email(db, person.email)
    if known is not None:
        return known
    roles: dict[str, Any] = dict.fromkeys(person.roles, True)
    return create_user(
        db, email=person.email, display_name=person.name, language=person.language, is_demo=True, **roles
    )
