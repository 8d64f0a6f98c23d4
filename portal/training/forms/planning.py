"""Planning a cohort, and settling the conflicts of its draft."""

from collections.abc import Sequence
from datetime import date, time
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import IntegerField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, ValidationError

from portal import config
from portal.kernel import clock
from portal.training.forms.changes import ROOM_KINDS
from portal.training.forms.fields import CheckboxesField, ClockField, DayField, PickField
from portal.training.models import Cohort, RoomKind
from portal.training.planning import weekdays_of
from portal.training.queries.planning import Expert
from portal.training.rooms import available_kinds
from portal.training.services import CohortRequest
from portal.web.forms import PortalForm
from portal.web.languages import LANGUAGES

ZONES = (
    "Europe/Paris",
    "Europe/Brussels",
    "Europe/Zurich",
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
WEEKDAYS = (
    _l("Monday"),
    _l("Tuesday"),
    _l("Wednesday"),
    _l("Thursday"),
    _l("Friday"),
    _l("Saturday"),
    _l("Sunday"),
)
COUNTRIES = (
    ("FR", _l("France")),
    ("BE", _l("Belgium")),
    ("CH", _l("Switzerland")),
    ("LU", _l("Luxembourg")),
    ("MA", _l("Morocco")),
    ("DZ", _l("Algeria")),
    ("TN", _l("Tunisia")),
    ("", _l("No public holidays")),
)
_EARLIER, _LATER = 0, 1
_MOST_SEATS = 1000
_SHORTEST_REASON = 3


class PlanForm(PortalForm):
    """What a cohort is planned from."""

    name = StringField(
        _l("Name of the cohort"),
        description=_l("As people will see it, for example “Midday, spring 2027”."),
        validators=[DataRequired(_l("Give the cohort a name.")), Length(max=80, message=_l("80 characters at most."))],
    )
    language = PickField(_l("Language"), choices=[SelectChoice(*pair) for pair in LANGUAGES.items()])
    first_on = DayField(_l("First possible day"), validators=[InputRequired(_l("Choose the day it starts from."))])
    weekdays = CheckboxesField(_l("Days"), coerce=int, choices=[SelectChoice(*pair) for pair in enumerate(WEEKDAYS)])
    local_time = ClockField(
        _l("Time, on the clock there"), validators=[InputRequired(_l("Choose a time, for example 12:30."))]
    )
    zone = PickField(_l("Time zone"), choices=[SelectChoice(zone, zone) for zone in ZONES])
    country = PickField(_l("Public holidays of"), choices=[SelectChoice(*pair) for pair in COUNTRIES])
    days_off = TextAreaField(
        _l("Other days off"),
        description=_l("One date a line, like 2027-05-07."),
        validators=[Length(max=2000, message=_l("2,000 characters at most."))],
    )
    team = CheckboxesField(_l("Team"), coerce=int, description=_l("They lead in turn, in this order."))
    capacity = IntegerField(
        _l("Seats"),
        validators=[
            InputRequired(_l("Say how many seats there are.")),
            NumberRange(1, _MOST_SEATS, message=_l("From 1 to 1,000 seats.")),
        ],
    )
    room_kind = PickField(_l("Room"), default=str(RoomKind.LINK))
    video_url = StringField(
        _l("Link to the video room"),
        description=_l("Begins with https://. Without one, the room shows the slides."),
        validators=[Length(max=500, message=_l("500 characters at most."))],
    )
    fold = RadioField(
        _l("The clocks go back: which of the two?"),
        choices=[
            SelectChoice(_EARLIER, _l("The first, before the change")),
            SelectChoice(_LATER, _l("The second, after the change")),
        ],
        coerce=int,
        validate_choice=False,
    )

    def offer(self, experts: Sequence[Expert]) -> None:
        """Let the team be chosen among these."""
        self.team.choices = [SelectChoice(expert.id, expert.name) for expert in experts]
        kinds = available_kinds()
        self.room_kind.choices = [SelectChoice(str(kind), ROOM_KINDS[kind]) for kind in kinds]

    def validate_weekdays(self, field: CheckboxesField) -> None:
        """At least one day."""
        if not field.data:
            raise ValidationError(_l("Tick at least one day of the week."))

    def validate_team(self, field: CheckboxesField) -> None:
        """At least one expert."""
        if not field.data:
            raise ValidationError(_l("Tick at least one expert."))

    def validate_first_on(self, field: DayField) -> None:
        """Today, there, at the earliest."""
        if field.data is not None and field.data < clock.now().astimezone(self._zone()).date():
            raise ValidationError(_l("This day is past. Choose today or later."))

    def validate_days_off(self, field: TextAreaField) -> None:
        """Dates, one a line."""
        for line in (field.data or "").split():
            try:
                date.fromisoformat(line)
            except ValueError:
                words = _("%(line)s is not a day. Write each one like 2027-05-07.", line=line[:20])
                raise ValidationError(words) from None

    def _zone(self) -> ZoneInfo:
        """The zone that was chosen; the portal's own while it is none of the list."""
        return ZoneInfo(self.zone.data if self.zone.data in ZONES else config.current().time_zone)

    def skip(self, day: str) -> None:
        """Add a day to the days off, as a button beside a conflict asks."""
        lines = (self.days_off.data or "").split()
        self.days_off.data = "\n".join([*lines, day[:10]] if day not in lines else lines)

    @staticmethod
    def values_of(cohort: Cohort, team: Sequence[Expert]) -> MultiDict[str, str]:
        """What a draft was planned from, to fill the form with."""
        values = MultiDict(
            {
                "name": cohort.name,
                "language": cohort.language,
                "first_on": cohort.first_on.isoformat(),
                "local_time": cohort.local_time.isoformat("minutes"),
                "zone": cohort.zone,
                "country": cohort.country,
                "capacity": str(cohort.capacity),
                "room_kind": str(cohort.room_kind),
                "video_url": cohort.video_url,
                "days_off": "\n".join(day["on"] for day in cohort.days_off if not day["name"]),
            }
        )
        values.setlist("weekdays", [str(day) for day in sorted(weekdays_of(cohort.weekdays))])
        values.setlist("team", [str(one.id) for one in team])
        return values

    def validate_video_url(self, field: StringField) -> None:
        """A web address that a page may link to."""
        parts = urlsplit(field.data or "")
        if field.data and (parts.scheme != "https" or not parts.hostname):
            raise ValidationError(_l("The link must begin with https://."))

    def as_request(self) -> CohortRequest:
        """The request, once the form is valid."""
        return CohortRequest(
            name=self.name.data or "",
            language=self.language.data,
            first_on=self.first_on.data or date.min,
            weekdays=frozenset(self.weekdays.data or ()),
            local_time=(self.local_time.data or time.min).replace(second=0, microsecond=0),
            zone=self.zone.data,
            country=self.country.data,
            team=tuple(self.team.data or ()),
            capacity=self.capacity.data or 1,
            days_off=frozenset(date.fromisoformat(line) for line in (self.days_off.data or "").split()),
            fold=self.fold.data if self.fold.data in {_EARLIER, _LATER} else None,
            room_kind=RoomKind(self.room_kind.data),
            video_url=self.video_url.data or "",
        )


class ExpertForm(PortalForm):
    """Another expert for a draft session."""

    expert_id = IntegerField(validators=[InputRequired()])


class ShiftForm(PortalForm):
    """Another day for a draft session."""

    on = DayField(validators=[InputRequired()])
