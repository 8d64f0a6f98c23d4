"""Junk sent to every address of the URL map: no crash, whoever sends it."""

import io
import itertools
import re

import pytest
from werkzeug.routing import Rule

JUNK = (
    "",
    " ",
    "0",
    "-1",
    "9" * 30,
    "1e309",
    "NaN",
    "\u202e\u0000\ud7ff",
    "'; DROP TABLE users; --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "../../etc/passwd",
    "x" * 5_000,
    "2026-02-30",
    "25:61",
    "Mars/Olympus",
    "٣٫٥",
    "%s%n%(x)s",
    "🧵" * 50,
)
PATH_JUNK = {
    "int": ("0", "1", "9999999", "9" * 18),
    "default": ("0", "x", "x" * 300, "%2e%2e", "A B", "é", "-1", "0-"),
    "any": ("fr",),
}
_ARGUMENT = re.compile(r"<(?:(?P<converter>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")


def _paths(rule: Rule) -> list[str]:
    """The rule's address, filled with each kind of junk in turn."""
    converters = [match["converter"] or "default" for match in _ARGUMENT.finditer(rule.rule)]
    choices = [PATH_JUNK.get(name, PATH_JUNK["default"]) for name in converters]
    most = max((len(choice) for choice in choices), default=1)
    columns = [tuple(itertools.islice(itertools.cycle(choice), most)) for choice in choices]
    paths = []
    for values in zip(*columns, strict=True) if columns else [()]:
        given = iter(values)
        paths.append(_ARGUMENT.sub(lambda _match, given=given: next(given), rule.rule))
    return paths


def _fields(app) -> list[str]:
    """Names of fields that forms of the portal have."""
    from wtforms import Form

    names = set()
    kinds = list(Form.__subclasses__())
    while kinds:
        kind = kinds.pop()
        kinds.extend(kind.__subclasses__())
        if kind.__module__.startswith("portal."):
            names.update(name for name in dir(kind) if hasattr(getattr(kind, name, None), "field_class"))
    return sorted(names)


@pytest.fixture
def served(app):
    """The app as it is served: a crash is a page, not an exception in the test."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app
    app.config["PROPAGATE_EXCEPTIONS"] = None


@pytest.mark.parametrize("who", ["visitor", "merchant", "expert", "organiser"])
def test_no_junk_crashes_a_page(served, client, sign_in, request, who):
    if who != "visitor":
        sign_in(client, request.getfixturevalue(who))
    app, fields = served, _fields(served)
    crashed = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint in {"static", "identity.sign_out", "identity.sign_out_everywhere"}:
            continue
        for number, path in enumerate(_paths(rule)):
            query = f"?q={JUNK[number % len(JUNK)][:50]}&page=x&before={'9' * 30}&lang=xx&month=2026-99"
            if "GET" in rule.methods and client.get(path + query.replace("\x00", "%00")).status_code >= 500:
                crashed.append(f"GET {path}")
            if "POST" in rule.methods:
                for shift in range(0, len(JUNK), 6):
                    form = {name: JUNK[(index + shift) % len(JUNK)] for index, name in enumerate(fields)}
                    form["photo"] = (io.BytesIO(b"not a picture"), "x.png")
                    answer = client.post(path, data=form, content_type="multipart/form-data")
                    if answer.status_code >= 500:
                        crashed.append(f"POST {path} ({shift})")
    assert crashed == []


def test_a_crash_has_a_page_even_without_its_database(served, client):
    app = served
    view = app.view_functions["pages.help"]

    def broken():
        raise RuntimeError

    broken.portal_access = None
    app.view_functions["pages.help"] = broken
    try:
        answer = client.get("/fr/help")
        assert answer.status_code == 500
        assert "<h1" in answer.get_data(as_text=True)
        assert "RuntimeError" not in answer.get_data(as_text=True)
    finally:
        app.view_functions["pages.help"] = view


def test_too_much_at_once_has_a_page(client):
    answer = client.post("/fr/sign-in", data={"email": "x" * (10 * 1024 * 1024)})
    assert answer.status_code == 413
    assert "<h1" in answer.get_data(as_text=True)
