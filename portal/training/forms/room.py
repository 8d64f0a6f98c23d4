"""The room's slides, and correcting attendance."""

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.forms import PortalForm

_SHORTEST_REASON = 3


class SlideForm(PortalForm):
    """The slide to show to everybody, from 0."""

    to = IntegerField(validators=[InputRequired()])


class EmptyForm(PortalForm):
    """A button and its token."""


class FaultForm(PortalForm):
    """Why a session failed through us, as those it concerns read it."""

    reason = TextAreaField(
        _l("What happened"),
        validators=[Length(min=_SHORTEST_REASON, max=300, message=_l("Say in a sentence what happened."))],
    )


class OverrideForm(PortalForm):
    """A corrected attendance, with its reason."""

    after = SelectField(_l("Attendance"))
    reason = StringField(
        _l("Reason"),
        validators=[
            Length(min=_SHORTEST_REASON, max=500, message=_l("Say in a few words why the attendance is changed."))
        ],
    )
