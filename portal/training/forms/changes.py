"""How a session is to be: when, who leads it, where."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, RadioField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import InputRequired, Length, ValidationError

from portal.training.forms.fields import ClockField, DayField, PickField
from portal.training.models import RoomKind
from portal.training.planning import moments
from portal.training.queries.changes import EditableSession
from portal.training.queries.planning import Expert
from portal.training.services import Wanted, When
from portal.web.forms import PortalForm

ROOM_KINDS = {
    RoomKind.LINK: _l("A link to any video room"),
    RoomKind.JITSI: "Jitsi Meet",
    RoomKind.BIGBLUEBUTTON: "BigBlueButton",
}
_EARLIER, _LATER = 0, 1
_LONGEST = timedelta(hours=4)


class ChangeForm(PortalForm):
    """Another time, another expert, another room; begins with how the session is, or is to be."""

    on = DayField(_l("Day"), validators=[InputRequired(_l("Choose a day."))])
    at = ClockField(_l("Starts at"), validators=[InputRequired(_l("Choose a time, for example 12:30."))])
    until = ClockField(_l("Ends at"), validators=[InputRequired(_l("Choose a time, for example 13:00."))])
    fold = RadioField(
        _l("The clocks go back: which of the two?"),
        choices=[
            SelectChoice(_EARLIER, _l("The first, before the change")),
            SelectChoice(_LATER, _l("The second, after the change")),
        ],
        coerce=int,
        validate_choice=False,
    )
    expert_id = PickField(_l("Led by"), coerce=int)
    room_kind = PickField(_l("Room"))
    video_url = StringField(
        _l("Link to the video room"),
        description=_l("Begins with https://. Left empty, it is the cohort's."),
        validators=[Length(max=500, message=_l("500 characters at most."))],
    )
    # What waited when the page was shown: another organiser may have changed it meanwhile.
    seen = HiddenField(validators=[Length(max=64)])

    def offer(self, experts: Sequence[Expert], kinds: Sequence[RoomKind]) -> None:
        """Let these lead it, in these rooms."""
        self.expert_id.choices = [SelectChoice(one.id, one.name) for one in experts]
        self.room_kind.choices = [SelectChoice(str(kind), ROOM_KINDS[kind]) for kind in kinds]

    @staticmethod
    def values_of(session: EditableSession, seen: str) -> dict[str, Any]:
        """What the form begins with."""
        shown = session.shown
        begin = datetime.combine(shown.local_date, shown.local_time)
        return {
            "on": shown.local_date,
            "at": shown.local_time,
            "until": (begin + (shown.ends_at - shown.starts_at)).time(),
            "expert_id": shown.expert_id,
            "room_kind": str(shown.room_kind),
            "video_url": shown.video_url,
            "seen": seen,
        }

    def validate_until(self, field: ClockField) -> None:
        """After the start, the same day, within four hours."""
        if field.data is None or self.at.data is None:
            return
        if field.data <= self.at.data:
            raise ValidationError(_l("The end must be after the start, on the same day."))
        day = self.on.data or date.min
        if datetime.combine(day, field.data) - datetime.combine(day, self.at.data) > _LONGEST:
            raise ValidationError(_l("Four hours at most."))

    def validate_video_url(self, field: StringField) -> None:
        """A web address that a page may link to."""
        parts = urlsplit(field.data or "")
        if field.data and (parts.scheme != "https" or not parts.hostname):
            raise ValidationError(_l("The link must begin with https://."))

    def happens_twice(self, zone: str) -> bool:
        """Whether the time that was typed happens twice that day, so that one must be said."""
        if self.on.data is None or self.at.data is None:
            return False
        return len(moments(self.on.data, self.at.data, zone)) > 1

    def as_wanted(self) -> Wanted:
        """The request, once the form is valid."""
        if self.on.data is None or self.at.data is None:
            msg = "validate the form first"
            raise ValueError(msg)
        fold = self.fold.data if self.fold.data in {_EARLIER, _LATER} else None
        kind = RoomKind(self.room_kind.data)
        return Wanted(
            when=When(self.on.data, self.at.data, fold),
            expert_id=self.expert_id.data or 0,
            room_kind=kind,
            # A provider's room needs no link of ours.
            video_url=(self.video_url.data or "") if kind is RoomKind.LINK else "",
            until=self.until.data,
        )


class SeenForm(PortalForm):
    """A button that acts on what was shown."""

    seen = HiddenField(validators=[Length(max=64)])
