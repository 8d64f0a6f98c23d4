"""What every template keeps to: the Content-Security-Policy, escaping, and texts that render."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.config import ROOT
from tests.architecture.source import called_name, calls, portal_modules

TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt", ".svg", ".xml"})
# Mail is read in mail programs, which know style attributes and no style sheets (css-inline writes those),
# and PDF pages are laid out by WeasyPrint alone: neither is under the Content-Security-Policy of our pages.
NOT_PAGES = ("templates/mail/", "templates/certificates/pdf", "templates/wallet/pdf", "templates/store/pdf")
PAGES = [path for path in TEMPLATES if not path.relative_to(ROOT).as_posix().startswith(NOT_PAGES)]

_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_INLINE = {
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a style attribute": re.compile(r"<[^<>]*\sstyle\s*=", re.IGNORECASE),
    "an event handler": re.compile(r"<[^<>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a script without src": re.compile(
        r"<script\b(?![^>]*\bsrc=)(?![^>]*type=\"application/(ld\+)?json\")", re.IGNORECASE
    ),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
}
_UNESCAPED = re.compile(r"\|\s*safe\b|\{%-?\s*autoescape\s+false|\bMarkup\(")
_TRANSLATED = re.compile(
    r"""\b(?:_|_l|gettext|ngettext)\(\s*(?P<quote>['"])(?P<text>(?:\\.|(?!(?P=quote)).)*)(?P=quote)"""
)
_LITERAL_PERCENT = re.compile(r"%(?!%|\([a-z_0-9]+\)[-#0 +]*\d*(?:\.\d+)?[sdif])")
_MESSAGE_FUNCTIONS = {"_", "_l", "gettext", "lazy_gettext", "ngettext", "lazy_ngettext"}


def text_of(path: Path) -> str:
    return _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), path.read_text(encoding="utf-8"))


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def inline_code(text: str) -> Iterator[str]:
    for what, pattern in _INLINE.items():
        yield from (f"line {line_of(text, found.start())}: {what}" for found in pattern.finditer(text))


def unescaped(text: str) -> Iterator[str]:
    return (f"line {line_of(text, found.start())}: {found[0]}" for found in _UNESCAPED.finditer(text))


def broken_percents(text: str) -> Iterator[str]:
    """`_('100% sure')` renders wrongly, or raises: a literal percent is `%%`, or stands in a trans block."""
    for found in _TRANSLATED.finditer(text):
        # In one text the doubled signs are pairs: drop them, then look for what is left.
        if _LITERAL_PERCENT.search(found["text"].replace("%%", "")):
            yield f"line {line_of(text, found.start())}: {found[0]})"


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def problems(paths: list[Path], check) -> list[str]:
    return [f"{name(path)} {problem}" for path in paths for problem in check(text_of(path))]


def test_pages_have_no_inline_script_style_or_handler():
    assert PAGES
    assert problems(PAGES, inline_code) == []


def test_nothing_is_printed_unescaped():
    assert problems(TEMPLATES, unescaped) == []


def test_a_percent_sign_in_a_message_is_doubled_in_templates():
    assert problems(TEMPLATES, broken_percents) == []


def test_a_percent_sign_in_a_message_is_doubled_in_code():
    found = []
    for module in portal_modules():
        for call in calls(module.tree):
            if called_name(call) not in _MESSAGE_FUNCTIONS:
                continue
            for argument in call.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    text = argument.value.replace("%%", "")
                    if _LITERAL_PERCENT.search(text):
                        found.append(f"{module.path}:{argument.lineno} {argument.value!r}")
    assert found == []


def test_messages_are_whole_sentences_not_built_from_variables():
    """`_(f"…")` and `_(name)` are never extracted: nobody would translate them."""
    found = [
        f"{module.path}:{call.lineno} {ast.unparse(call)}"
        for module in portal_modules()
        for call in calls(module.tree)
        if called_name(call) in _MESSAGE_FUNCTIONS and call.args and isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (inline_code, "<p style='color:red'>"),
        (inline_code, "<style>p{}</style>"),
        (inline_code, '<button\n  onclick="go()">'),
        (inline_code, "<script>go()</script>"),
        (inline_code, '<a href="javascript:go()">'),
        (unescaped, "{{ text|safe }}"),
        (unescaped, "{% autoescape false %}"),
        (broken_percents, "{{ _('100% sure') }}"),
        (broken_percents, "{{ _('%(rate)s % of sales', rate=1) }}"),
    ],
)
def test_each_check_finds_a_seeded_mistake(check, text):
    assert list(check(text))


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (inline_code, '<script type="module" src="/static/js/live.js"></script>'),
        (inline_code, '<script type="application/json" id="data">{}</script>'),
        (broken_percents, "{{ _('%(rate)s%% of %(count)d sales', rate=1, count=2) }}"),
    ],
)
def test_what_is_right_passes(check, text):
    assert list(check(text)) == []
