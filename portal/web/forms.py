"""The base of every form: cleaned text, CSRF, and a key that makes a repeat harmless."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Form, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import Length

from portal.kernel import ids, text

_LONGEST = 20_000


def clean_line(value: Any) -> Any:
    """One clean line, for text; anything else as it is."""
    return text.clean_line(value[:_LONGEST]) if isinstance(value, str) else value


def clean_text(value: Any) -> Any:
    """Clean lines, for text; anything else as it is."""
    return text.clean_text(value[: _LONGEST * 2]) if isinstance(value, str) else value


class _CleanedMeta:
    def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
        """Clean what was typed before any validator sees it."""
        field_class = unbound_field.field_class
        if issubclass(field_class, StringField) and not issubclass(field_class, HiddenField | SelectField):
            filters = tuple(unbound_field.kwargs.get("filters", ()))
            cleaner = clean_text if issubclass(field_class, TextAreaField) else clean_line
            if cleaner not in filters:
                unbound_field.kwargs["filters"] = (cleaner, *filters)
        return unbound_field.bind(form=form, **options)


class PortalForm(FlaskForm):
    """A form with a CSRF token, on a page of one person's own."""

    class Meta(_CleanedMeta, FlaskForm.Meta):
        """Cleaning, and Flask-WTF's protection."""


class OriginForm(Form):
    """A form on a page that caches may keep: no token; its view is `@same_origin`."""

    class Meta(_CleanedMeta, Form.Meta):
        """Cleaning only."""


class IdempotencyField(HiddenField):
    """A key made once when the form is shown: sending the form twice does the thing once."""

    def __init__(self, label: str = "", **kwargs: Any) -> None:
        """Bound its length: it comes back from outside."""
        too_long = _l("Open this page again and retry.")
        kwargs.setdefault("validators", [Length(min=20, max=64, message=too_long)])
        kwargs.setdefault("default", ids.token)
        super().__init__(label, **kwargs)
