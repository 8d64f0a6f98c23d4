"""Forms about money: an amount as people type it, a payee, a PIN that is never sent back."""

import re
import unicodedata
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, PasswordField, StringField, TextAreaField
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from portal import config
from portal.kernel.money import Money, parse_amount
from portal.messaging.services import LONGEST_MESSAGE
from portal.wallet.policies import PIN_LENGTH
from portal.wallet.services.transfers import NOTE_LENGTH
from portal.web.forms import IdempotencyField, PortalForm

# A message that is nothing but an amount is money: `25`, `12,50 €`, `1 200`. `10 bobines` and a phone number are words.
_AMOUNT = re.compile(
    r"(?P<number>(?:0|[1-9]\d*|[1-9]\d{0,2}(?:[ \u00a0\u202f]\d{3})+)(?:[.,٫]\d{1,3})?)\s*(?:€|eur|euros?|يورو)?",
    re.IGNORECASE | re.ASCII,
)
_LONGEST_AMOUNT = 16


def amount_in(words: str) -> Money | None:
    """The amount that these words are, when they are nothing else."""
    latin = "".join(str(unicodedata.digit(sign)) if sign.isdecimal() else sign for sign in words.strip())
    found = _AMOUNT.fullmatch(latin) if len(latin) <= _LONGEST_AMOUNT else None
    if found is None:
        return None
    try:
        return parse_amount(found["number"], config.current().currency)
    except ValueError:
        return None


class AmountField(StringField):
    """An amount as it is typed; `money` once it is valid. What was typed is kept as it was."""

    money: Money | None = None

    def pre_validate(self, form: BaseForm) -> None:  # noqa: ARG002 (WTForms gives it)
        """Read the amount; say how one is written when it cannot be read."""
        try:
            amount = parse_amount(self.data or "", config.current().currency)
        except ValueError as error:
            raise ValidationError(_l("Type an amount, for example 25 or 12,50.")) from error
        if not amount:
            raise ValidationError(_l("Type an amount, for example 25 or 12,50."))
        self.money = amount

    @property
    def chosen(self) -> Money:
        """The amount, once the form is valid; ValueError before."""
        if self.money is None:
            msg = "the form was not validated"
            raise ValueError(msg)
        return self.money


_NOTE = [Length(max=NOTE_LENGTH, message=_l("140 characters at most."))]


class ComposerForm(PortalForm):
    """One field for words and for amounts: an amount alone is sent as money."""

    # The wallet holds too little: the page offers to add money.
    short = False
    key = IdempotencyField()
    text = TextAreaField(
        _l("Amount or message"),
        validators=[
            DataRequired(_l("Type an amount, or a message.")),
            Length(max=LONGEST_MESSAGE, message=_l("That is too long for one message. Send it in two.")),
        ],
    )


class MoneyForm(PortalForm):
    """An amount and what it is for."""

    short = False
    key = IdempotencyField()
    amount = AmountField(_l("Amount"), description=_l("In euros, for example 25 or 12,50."))
    note = StringField(_l("What is it for?"), validators=[Optional(), *_NOTE])


class PayeeForm(PortalForm):
    """Who: a name on the portal (@karim) or an e-mail address."""

    to = StringField(
        _l("To whom?"),
        description=_l("A name like @karim, or an e-mail address."),
        validators=[DataRequired(_l("Type a name or an e-mail address."))],
    )

    @property
    def email(self) -> str | None:
        """The address in its normal form, when it is one."""
        typed = (self.to.data or "").strip()
        if "@" not in typed[1:]:
            return None
        try:
            return validate_email(typed, check_deliverability=False, test_environment=True).normalized.lower()
        except EmailNotValidError:
            return None


class ButtonForm(PortalForm):
    """A button and nothing else."""


def _six_digits(_form: Any, field: Any) -> None:
    """Latin digits, however the phone's keyboard writes them."""
    plain = "".join(character for character in field.data or "" if not character.isspace())
    if len(plain) != PIN_LENGTH or not plain.isdecimal():
        raise ValidationError(_l("Six digits, please."))
    field.data = "".join(str(int(character)) for character in plain)


class PinForm(PortalForm):
    """The PIN of an approval."""

    pin = PasswordField(_l("Your 6-digit PIN"), validators=[_six_digits])


class ChoosePinForm(PortalForm):
    """A new PIN, typed twice."""

    pin = PasswordField(_l("Your new PIN"), validators=[_six_digits])
    again = PasswordField(_l("Once more"), validators=[_six_digits])
    approval = HiddenField(validators=[Optional(), Length(max=26)])

    def validate_again(self, field: PasswordField) -> None:
        """Twice the same."""
        if not self.pin.errors and field.data != self.pin.data:
            raise ValidationError(_l("The two are not the same. Type them again."))


class ResetPinForm(ChoosePinForm):
    """A new PIN with the code of the mail."""

    code = StringField(_l("Code received"), description=_l("6 digits, in your e-mail."), validators=[_six_digits])


class TopUpForm(PortalForm):
    """How much to add by card."""

    key = IdempotencyField()
    amount = AmountField(_l("Amount to add"), description=_l("From 5 to 500 euros."))
