"""What /dev/components shows: an invented shop, lesson by lesson. Never seen outside the sandbox."""

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, FileField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import Length, Regexp

from portal import config
from portal.kernel.money import Money
from portal.web.forms import OriginForm

_CHAPTERS = ("Poser les bases", "Être trouvé", "Vendre et livrer", "Tenir son argent", "Durer")
_STATES = (*["present"] * 5, "missed", "present", "replay", *["present"] * 3, "live", *["open"] * 13)
_SALES = (("mer.", 3600), ("jeu.", 6200), ("ven.", 6900), ("sam.", 11800), ("dim.", 0), ("lun.", 5000), ("auj.", 6820))
_TYPED = {
    "name": "Élise Garnier",
    "email": "elise@poste",
    "lesson": "4",
    "code": "418",
    "pin": "12",
    "receive": "pickup",
    "pay": "card",
    "card": "4242 4242 4242 4242",
    "agree": True,
    "away": True,
}


class SampleForm(OriginForm):
    """One field of each kind; two of them are wrong."""

    name = StringField("Nom")
    email = EmailField(
        "E-mail",
        [Regexp(r".+@.+\..+", message=_l("The end of the address is missing, for example “.fr”."))],
        description="Pour le reçu et l’heure de retrait.",
    )
    lesson = SelectField("Session concernée", choices=[SelectChoice("4", "4. Encaisser sans terminal")])
    picture = FileField("Photo")
    words = TextAreaField("En une phrase")
    code = StringField("Code reçu")
    pin = StringField("Votre code à 6 chiffres", [Length(min=6, message=_l("That did not go through. 3 tries left."))])
    receive = RadioField(
        "Comment le recevoir",
        choices=[SelectChoice("pickup", "Retrait au magasin"), SelectChoice("bike", "Livraison à vélo")],
    )
    pay = RadioField(
        "Paiement", choices=[SelectChoice("card", "Carte bancaire"), SelectChoice("wallet", "Portefeuille Comptoir")]
    )
    card = StringField("Numéro de carte")
    agree = BooleanField("Prévenez-moi à l’ouverture")
    away = BooleanField("Message d’absence")


def _money(minor: int) -> Money:
    return Money(minor, config.current().currency)


def samples() -> dict[str, Any]:
    """The values of the page: a filled form, a stamp card, a week of sales, and `money(minor)`."""
    form = SampleForm(data=_TYPED)
    form.validate()
    chapters = [
        {
            "title": title,
            "lessons": [
                {"number": number, "title": "…", "state": _STATES[number - 1], "href": "#", "new": number == 11}  # noqa: PLR2004
                for number in range(5 * index + 1, 5 * index + 6)
            ],
        }
        for index, title in enumerate(_CHAPTERS)
    ]
    days = [
        {"label": label, "value": minor, "amount": _money(minor), "closed": not minor, "today": label == _SALES[-1][0]}
        for label, minor in _SALES
    ]
    return {"form": form, "chapters": chapters, "days": days, "day": date(2026, 11, 24), "money": _money}
