"""The recording of a session."""

from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import Length, ValidationError

from portal.training.replay import seconds_of
from portal.web.forms import PortalForm


class RecordingForm(PortalForm):
    """Its address, and where the session begins in it."""

    url = StringField(
        _l("Address of the recording"),
        description=_l("Begins with https://. Empty: there is none."),
        validators=[Length(max=500, message=_l("500 characters at most."))],
    )
    begins = StringField(
        _l("The session begins at"),
        description=_l("Minutes and seconds of the recording, like 1:30."),
        validators=[Length(max=8, message=_l("Write it like 1:30."))],
    )

    def validate_url(self, field: StringField) -> None:
        """A web address that a page may link to."""
        parts = urlsplit(field.data or "")
        if field.data and (parts.scheme != "https" or not parts.hostname):
            raise ValidationError(_l("The link must begin with https://."))

    def validate_begins(self, field: StringField) -> None:
        """Minutes and seconds."""
        if seconds_of(field.data or "") is None:
            raise ValidationError(_l("Write it like 1:30."))

    def from_seconds(self) -> int:
        """The second of the recording at which the session begins, once the form is valid."""
        return seconds_of(self.begins.data or "") or 0
