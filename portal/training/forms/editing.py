"""A lesson's words in three languages, as an organiser edits them."""

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import FormField, HiddenField, TextAreaField
from wtforms.validators import Length

from portal.training.content import AIMS, LANGUAGES, LONGEST_TEXT, SHORTEST_TEXT, Problem
from portal.web.forms import OriginForm, PortalForm

_LINE_BREAKS = re.compile(r"\s*\n\s*")
_LONGEST_LINE, _LONGEST_TEXT = 300, 8000


def _one_line(value: Any) -> Any:
    """Without line breaks, but with the no-break spaces that French needs."""
    return _LINE_BREAKS.sub(" ", value.strip()) if isinstance(value, str) else value


def _line(label: Any) -> TextAreaField:
    too_long = _l("300 characters at most.")
    return TextAreaField(label, filters=[_one_line], validators=[Length(max=_LONGEST_LINE, message=too_long)])


class WordsForm(OriginForm):
    """The words in one language."""

    summary = _line(_l("Summary"))
    aim_1 = _line(_l("First aim"))
    aim_2 = _line(_l("Second aim"))
    aim_3 = _line(_l("Third aim"))
    task = _line(_l("To do in the shop"))
    text = TextAreaField(
        _l("Text"),
        description=_l("Markdown. A slide begins at each line that starts with ##."),
        validators=[Length(max=_LONGEST_TEXT, message=_l("8,000 characters at most."))],
    )

    def entry(self) -> dict[str, Any]:
        """As a version keeps it."""
        aims = [self[f"aim_{number}"].data or "" for number in range(1, AIMS + 1)]
        return {
            "summary": self.summary.data or "",
            "aims": aims,
            "task": self.task.data or "",
            "text": self.text.data or "",
        }

    def mark(self, problem: Problem) -> None:
        """Put a problem's words on the field it is about."""
        said = {
            "missing": _l("Fill this in."),
            "heading": _l("Begin with a slide: a line that starts with ##."),
            "short": _l(
                "%(found)s words: it takes %(wanted)s at least, for 30 minutes.",
                found=problem.found,
                wanted=SHORTEST_TEXT,
            ),
            "long": _l(
                "%(found)s words: %(wanted)s at most, so that slides stay readable on a phone.",
                found=problem.found,
                wanted=LONGEST_TEXT,
            ),
            "slides": _l(
                "%(found)s here, %(wanted)s in the first language: each needs as many, since they are turned for all.",
                found=_slides(problem.found),
                wanted=problem.wanted,
            ),
        }[problem.kind]
        for name in _fields(problem.part):
            if problem.part != "aims" or not self[name].data:
                self[name].errors = [*self[name].errors, said]


def _slides(number: int) -> str:
    return str(ngettext("%(num)d slide", "%(num)d slides", number))


def _fields(part: str) -> tuple[str, ...]:
    return tuple(f"aim_{number}" for number in range(1, AIMS + 1)) if part == "aims" else (part,)


class BasedForm(PortalForm):
    """Something made from a version: `based_on` is the number of the one that was shown then."""

    based_on = HiddenField(validators=[Length(max=9)])

    def base(self) -> int:
        """The version's number; -1, which is none, for what is no number."""
        typed = self.based_on.data or ""
        return int(typed) if typed.isascii() and typed.isdecimal() else -1


class LessonForm(BasedForm):
    """The words in all languages."""

    fr = FormField(WordsForm, "Français")
    en = FormField(WordsForm, "English")
    ar = FormField(WordsForm, "العربية")

    def entries(self) -> dict[str, dict[str, Any]]:
        """As a version keeps them: {language: {summary, aims, task, text}}."""
        return {language: self[language].form.entry() for language in LANGUAGES}

    def mark(self, problems: list[Problem]) -> None:
        """Put each problem on its field."""
        for problem in problems:
            self[problem.language].form.mark(problem)


def filled(entry: Mapping[str, Any]) -> dict[str, str]:
    """A version's words in one language as the fields of `WordsForm` hold them."""
    aims = {f"aim_{number}": aim for number, aim in enumerate(entry["aims"], start=1)}
    return {"summary": entry["summary"], **aims, "task": entry["task"], "text": entry["text"]}
