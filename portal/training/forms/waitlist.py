"""Who comes first in a cohort's line: the rule, and a hand-set place with its reason."""

from flask_babel import lazy_gettext as _l
from wtforms import RadioField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import InputRequired, Length

from portal.training.models import WaitlistRule
from portal.web.forms import PortalForm

HAND_FIRST, HAND_LAST, BY_RULE = "first", "last", "rule"


class RuleForm(PortalForm):
    """The rule of a line."""

    rule = RadioField(
        _l("Who comes first"),
        choices=[
            SelectChoice(str(WaitlistRule.FIRST_COME), _l("Whoever came first")),
            SelectChoice(str(WaitlistRule.NEWCOMERS), _l("Newcomers")),
            SelectChoice(str(WaitlistRule.NEAR_CERTIFICATE), _l("Close to the certificate")),
        ],
        validators=[InputRequired(_l("Choose who comes first."))],
    )


class PriorityForm(PortalForm):
    """One person's place, by hand; `rule` takes the hand away again."""

    place = RadioField(
        _l("Place in line"),
        choices=[
            SelectChoice(HAND_FIRST, _l("First")),
            SelectChoice(HAND_LAST, _l("Last")),
            SelectChoice(BY_RULE, _l("By the rule")),
        ],
        validators=[InputRequired(_l("Choose a place."))],
    )
    reason = StringField(_l("Reason"), validators=[Length(max=200)])
