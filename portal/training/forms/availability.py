"""When an expert leads sessions: hours, languages, days away."""

from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import InputRequired, Length, ValidationError

from portal.kernel import clock
from portal.training.forms.fields import CheckboxesField, ClockField, DayField, PickField
from portal.training.forms.planning import WEEKDAYS, ZONES
from portal.web.forms import PortalForm
from portal.web.languages import LANGUAGES

_LONGEST = timedelta(days=366)


class LanguagesForm(PortalForm):
    """The languages somebody leads sessions in."""

    languages = CheckboxesField(_l("Languages"), choices=[SelectChoice(*pair) for pair in LANGUAGES.items()])

    def validate_languages(self, field: CheckboxesField) -> None:
        """At least one."""
        if not field.data:
            raise ValidationError(_l("Tick at least one language."))


class HoursForm(PortalForm):
    """The same hours on one or more days of the week."""

    weekdays = CheckboxesField(_l("Days"), coerce=int, choices=[SelectChoice(*pair) for pair in enumerate(WEEKDAYS)])
    from_time = ClockField(_l("Starts at"), validators=[InputRequired(_l("Choose a time, for example 12:30."))])
    until_time = ClockField(_l("Ends at"), validators=[InputRequired(_l("Choose a time, for example 18:00."))])
    zone = PickField(_l("Time zone"))

    def offer_zones(self, own: str) -> None:
        """The user's own zone before the usual ones."""
        self.zone.choices = [SelectChoice(zone, zone) for zone in dict.fromkeys((own, *ZONES))]

    def validate_weekdays(self, field: CheckboxesField) -> None:
        """At least one day."""
        if not field.data:
            raise ValidationError(_l("Tick at least one day of the week."))

    def validate_until_time(self, field: ClockField) -> None:
        """After the start; a night is two windows."""
        if field.data is not None and self.from_time.data is not None and field.data <= self.from_time.data:
            raise ValidationError(_l("The end must be after the start, on the same day."))

    def as_hours(self) -> dict[str, Any]:
        """What `add_hours` takes, once the form is valid."""
        return {
            "weekdays": self.weekdays.data,
            "from_time": self.from_time.data,
            "until_time": self.until_time.data,
            "zone": self.zone.data,
        }


class AbsenceForm(PortalForm):
    """Days on which somebody leads nothing."""

    first_on = DayField(_l("First day"), validators=[InputRequired(_l("Choose a day."))])
    last_on = DayField(_l("Last day"), validators=[InputRequired(_l("Choose a day."))])
    note = StringField(
        _l("Note"),
        description=_l("The organisers see it."),
        validators=[Length(max=120, message=_l("120 characters at most."))],
    )

    def validate_last_on(self, field: DayField) -> None:
        """Not before the first day, not over yet, a year at most."""
        if field.data is None:
            return
        if field.data < clock.now().date():
            raise ValidationError(_l("These days are past."))
        if self.first_on.data is not None and field.data < self.first_on.data:
            raise ValidationError(_l("The last day is before the first one."))
        if self.first_on.data is not None and field.data - self.first_on.data > _LONGEST:
            raise ValidationError(_l("A year at most."))

    def as_days(self) -> dict[str, Any]:
        """What `add_absence` takes, once the form is valid."""
        return {"first_on": self.first_on.data, "last_on": self.last_on.data, "note": self.note.data or ""}
