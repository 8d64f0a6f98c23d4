"""The forms of certificates: the printed name, a code to verify, a reason to revoke."""

from collections.abc import Callable
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import Field, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import InputRequired

from portal.certificates.errors import NameRefusedError
from portal.certificates.models import RevocationReason
from portal.certificates.names import printed_name, printed_shop
from portal.certificates.queries import normal_code
from portal.web.forms import OriginForm, PortalForm


def _printable(check: Callable[[str], str]) -> Callable[[Any, Field], None]:
    """A validator on what was typed, before cleaning took the invisible characters out: they are told about."""

    def validate(_form: Any, field: Field) -> None:
        typed = field.raw_data[0] if field.raw_data else ""
        try:
            check(typed)
        except NameRefusedError as error:
            raise ValidationError(str(error)) from error

    return validate


class NameForm(PortalForm):
    """The printed name, confirmed by its holder."""

    name = StringField(
        _l("First and last name"),
        description=_l("As on your papers. Later, a change makes a new certificate."),
        validators=[_printable(printed_name)],
    )
    shop = StringField(
        _l("Shop and town"),
        description=_l("Printed under your name, for example: Le Fil de Claire, Sète."),
        validators=[_printable(printed_shop)],
    )


class CodeForm(OriginForm):
    """A code typed from paper. Sent by GET: nothing changes."""

    code = StringField(_l("Verification code"), description=_l("26 letters and digits, under the serial number."))

    def validate_code(self, field: Field) -> None:
        """Refuse what cannot be a code before looking for it."""
        if not normal_code(field.data or ""):
            raise ValidationError(_l("A code has 26 letters and digits. Compare it with the one on the certificate."))


REASONS = {
    RevocationReason.ERROR: _l("Issued by mistake"),
    RevocationReason.ATTENDANCE: _l("Attendance was not genuine"),
    RevocationReason.HOLDER: _l("At the holder's request"),
}
"""The classes of reasons, in words: on the organiser's form and on the verification page."""


class RevokeForm(PortalForm):
    """Why a certificate is revoked."""

    reason = SelectField(
        _l("Reason shown on the verification page"),
        choices=[
            SelectChoice("", _l("Choose")),
            *(SelectChoice(reason.value, words) for reason, words in REASONS.items()),
        ],
        validators=[InputRequired(_l("Choose a reason: it is shown to whoever verifies this certificate."))],
    )
