"""What organisers send from the pages about people: messages to a group, files of people."""

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import HiddenField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import DataRequired, Length, ValidationError

from portal.training.models import GroupAudience
from portal.training.people_files import MOST_BYTES
from portal.training.services.groups import Words
from portal.web.forms import IdempotencyField, PortalForm

AUDIENCES = {
    GroupAudience.EVERYONE: _l("Everyone enrolled"),
    GroupAudience.NOT_STARTED: _l("Not started yet"),
    GroupAudience.MISSED_TWO: _l("Missed two in a row"),
    GroupAudience.WAITING: _l("In line for a seat"),
}
_LONGEST_SUBJECT = 120
_LONGEST_TEXT = 2000
_LONGEST_SEAL = 64


class GroupMessageForm(PortalForm):
    """A message to a group, before it is looked at."""

    key = IdempotencyField()
    audience = RadioField(
        _l("To whom"), choices=[SelectChoice(str(one), words) for one, words in AUDIENCES.items()], default="everyone"
    )
    subject = StringField(
        _l("Subject"),
        validators=[
            DataRequired(_l("Give the message a subject: it is what people see first.")),
            Length(max=_LONGEST_SUBJECT, message=_l("120 characters at most.")),
        ],
    )
    text = TextAreaField(
        _l("Message"),
        description=_l("Plain text. Each line becomes a paragraph."),
        validators=[
            DataRequired(_l("Write the message.")),
            Length(max=_LONGEST_TEXT, message=_l("2,000 characters at most.")),
        ],
    )

    def words(self) -> Words:
        """What was written, once the form is valid."""
        return Words(GroupAudience(self.audience.data), self.subject.data or "", self.text.data or "")


class SendForm(PortalForm):
    """The yes to a previewed message, with the seal of the people it was shown to go to."""

    seal = HiddenField(validators=[Length(max=_LONGEST_SEAL)])


class PeopleFileForm(PortalForm):
    """A file of people to enrol."""

    file = FileField(
        _l("CSV file"), description=_l("One person on each line: e-mail; name; language. Up to 2,000 people and 1 MB.")
    )

    def validate_file(self, field: FileField) -> None:
        """A file was chosen."""
        if not field.data:
            raise ValidationError(_l("Choose a file."))

    def content(self) -> bytes:
        """The file's bytes, one more than is taken at most: enough to see that it is too large."""
        content: bytes = self.file.data.read(MOST_BYTES + 1)
        return content

    @property
    def file_name(self) -> str:
        """The file's name on the organiser's machine."""
        return self.file.data.filename or ""
