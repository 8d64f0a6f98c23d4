"""Forms of coming in and of one's own profile."""

from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from wtforms import EmailField, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import DataRequired, Length, ValidationError

from portal.identity.models import Language
from portal.web.forms import OriginForm, PortalForm
from portal.web.languages import LANGUAGES

# Zones of the people the portal speaks to first; a user's own zone is always among the choices.
COMMON_ZONES = (
    "Europe/Paris",
    "Europe/Brussels",
    "Europe/London",
    "Africa/Casablanca",
    "Africa/Algiers",
    "Africa/Tunis",
    "Indian/Reunion",
    "America/Martinique",
    "America/Guadeloupe",
    "America/Cayenne",
    "Pacific/Noumea",
    "Pacific/Tahiti",
)


class SignInForm(OriginForm):
    """One field: the e-mail address."""

    email = EmailField(_l("Your e-mail"), validators=[DataRequired(_l("Type your e-mail address."))])
    next = HiddenField()

    def validate_email(self, field: EmailField) -> None:
        """Refuse what cannot be an address, and say what is missing; keep its normal form."""
        typed = (field.data or "").strip()
        if "@" not in typed:
            raise ValidationError(_l("The “@” is missing, for example name@shop.fr."))
        if "." not in typed.rpartition("@")[2]:
            raise ValidationError(_l("The end of the address is missing, for example “.fr”."))
        try:
            valid = validate_email(typed, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            raise ValidationError(_l("This address does not look right. Check it, please.")) from error
        field.data = valid.normalized.lower()


class CodeForm(OriginForm):
    """The six digits of the mail."""

    code = StringField(
        _l("Code received"),
        description=_l("6 digits, in your e-mail."),
        validators=[DataRequired(_l("Type the six digits of the e-mail."))],
    )

    def validate_code(self, field: StringField) -> None:
        """Six digits, however they were spaced."""
        plain = "".join(character for character in field.data or "" if not character.isspace())
        if len(plain) != 6 or not plain.isdecimal():  # noqa: PLR2004
            raise ValidationError(_l("The code has six digits."))
        field.data = "".join(str(int(character)) for character in plain)


class LinkForm(OriginForm):
    """The one button of the page a mail's link opens."""


class DemoForm(OriginForm):
    """Which demo person to be, in the sandbox."""

    user_id = HiddenField(validators=[DataRequired()])


class ProfileForm(PortalForm):
    """How I am called, and in which language and zone I am written to."""

    display_name = StringField(
        _l("Your name"),
        description=_l("As others will see it."),
        validators=[DataRequired(_l("Type your name.")), Length(max=80, message=_l("80 characters at most."))],
    )
    language = SelectField(
        _l("Language of your messages"), choices=[SelectChoice(code, name) for code, name in LANGUAGES.items()]
    )
    time_zone = SelectField(_l("Time zone"), validate_choice=False)

    def offer_zones(self, own: str) -> None:
        """Offer the common zones and the user's own."""
        zones = dict.fromkeys((own, *COMMON_ZONES))
        self.time_zone.choices = [SelectChoice(zone, zone.replace("_", " ")) for zone in zones]

    def validate_time_zone(self, field: SelectField) -> None:
        """A zone that exists."""
        if field.data not in available_timezones():
            raise ValidationError(_l("Choose a time zone of the list."))

    def chosen_language(self) -> Language:
        """The language as identity keeps it."""
        return Language(self.language.data)
