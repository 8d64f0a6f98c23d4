"""A lesson's four questions."""

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import (
    RadioField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import InputRequired

from portal.web.forms import PortalForm


def quiz_form(questions: Sequence[Any]) -> type[PortalForm]:
    """A form class with one choice for each question; options are numbered from 0."""

    class QuizForm(PortalForm):
        """The questions of one lesson."""

    for number, question in enumerate(questions):
        field = RadioField(
            question.question,
            choices=[SelectChoice(*pair) for pair in enumerate(question.options)],
            coerce=int,
            validators=[InputRequired(_l("Choose an answer."))],
        )
        setattr(QuizForm, f"q{number}", field)
    return QuizForm
