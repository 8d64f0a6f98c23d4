"""The forum's forms."""

from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.forum.models import REASON_LONGEST, TEXT_LONGEST, TITLE_LONGEST
from portal.kernel.text import clean_line
from portal.training import content
from portal.web.forms import PortalForm

_TITLE_SHORTEST = 8


def _one_line(value: object) -> object:
    return clean_line(value) if isinstance(value, str) else value


def lesson_choices() -> list[tuple[str, str]]:
    """The 25 lessons for a select, after "no lesson in particular"."""
    locale = get_locale()
    language = locale.language if locale else "fr"
    lessons = [(str(lesson.number), f"{lesson.number}. {lesson.title(language)}") for lesson in content.lessons()]
    return [("", str(_l("No lesson in particular"))), *lessons]


class AskForm(PortalForm):
    """A question for the forum. `anyway` is there once similar questions have been shown."""

    title = TextAreaField(
        _l("In one sentence"),
        filters=[_one_line],
        validators=[
            DataRequired(_l("Write your question in one sentence.")),
            Length(min=_TITLE_SHORTEST, message=_l("A few more words, so that others find it too.")),
            Length(max=TITLE_LONGEST, message=_l("Keep it to one sentence; the details go below.")),
        ],
    )
    text = TextAreaField(
        _l("Details"),
        validators=[Length(max=TEXT_LONGEST, message=_l("That is too long. Keep what an expert needs to answer."))],
    )
    lesson = SelectField(_l("Lesson concerned"), choices=lesson_choices, default="")
    anonymous = BooleanField(_l("Ask without my name"))
    anyway = HiddenField()

    @property
    def lesson_number(self) -> int | None:
        """The chosen lesson's number."""
        return int(self.lesson.data) if self.lesson.data else None


class LiveAskForm(PortalForm):
    """A question in a live session: one sentence."""

    title = StringField(
        _l("Your question"),
        validators=[
            DataRequired(_l("Write your question in one sentence.")),
            Length(max=TITLE_LONGEST, message=_l("Keep it to one sentence.")),
        ],
    )


class AnswerForm(PortalForm):
    """An answer to a question."""

    text = TextAreaField(
        _l("Your answer"),
        validators=[
            DataRequired(_l("Write your answer first.")),
            Length(max=TEXT_LONGEST, message=_l("That is too long. Start with the answer, explain after.")),
        ],
    )


class CommentForm(PortalForm):
    """A remark, or the detail an expert asked for."""

    text = TextAreaField(
        _l("Your reply"),
        validators=[
            DataRequired(_l("Write your reply first.")),
            Length(max=TEXT_LONGEST, message=_l("That is too long. Keep what the expert needs.")),
        ],
    )


class ReasonForm(PortalForm):
    """Why something is hidden; its author reads it."""

    reason = TextAreaField(
        _l("Reason, as its author will read it"),
        validators=[
            DataRequired(_l("Say why: the author will read it.")),
            Length(max=REASON_LONGEST, message=_l("Keep it short: two sentences.")),
        ],
    )


class SureForm(PortalForm):
    """A button and its token, nothing else."""
