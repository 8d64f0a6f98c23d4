"""How a session was."""

from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from portal.web.forms import OriginForm

LONGEST_LINE = 300


class StarsForm(OriginForm):
    """One tap of 1 to 5."""

    stars = IntegerField(validators=[InputRequired(_l("Tap a number from 1 to 5.")), NumberRange(1, 5)])


class LineForm(OriginForm):
    """A line beside it."""

    text = StringField(
        _l("One line, if you like"),
        description=_l("What helped, or what was missing. Organisers read it without your name."),
        validators=[Length(max=LONGEST_LINE, message=_l("300 characters at most."))],
    )
