"""Fields that say in plain words what is wrong, and keep what was typed."""

from datetime import datetime, time
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import DateField, SelectField, SelectMultipleField, TimeField
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

# Between the first Unix year and a date that no browser can be made to send by accident.
_FIRST_YEAR, _LAST_YEAR = 1970, 2100


class DayField(DateField):
    """A date; one that does not exist (29 February 2027) is said to be none."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read an ISO date."""
        self.data = None
        if not valuelist or not valuelist[0]:
            return
        try:
            found = datetime.strptime(valuelist[0], "%Y-%m-%d").date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            raise ValueError(_("This day does not exist. Check the day and the month.")) from None
        if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            raise ValueError(_("Check the year."))
        self.data = found


class ClockField(TimeField):
    """A time of day, to the minute."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read HH:MM, or what browsers send with seconds."""
        self.data = None
        if not valuelist or not valuelist[0]:
            return
        try:
            found = time.fromisoformat(valuelist[0])
        except ValueError:
            raise ValueError(_("This is not a time. Write it like 12:30.")) from None
        self.data = found.replace(second=0, microsecond=0, tzinfo=None)


class PickField(SelectField):
    """One of a list."""

    def pre_validate(self, form: Any) -> None:
        """What is not in the list is refused in our own words."""
        try:
            super().pre_validate(form)
        except ValidationError:
            raise ValidationError(_l("Choose one from the list.")) from None


class CheckboxesField(SelectMultipleField):
    """Several choices, each a tick box."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def pre_validate(self, form: Any) -> None:
        """What is not in the list is refused in our own words."""
        try:
            super().pre_validate(form)
        except ValidationError:
            raise ValidationError(_l("Choose from the list.")) from None
