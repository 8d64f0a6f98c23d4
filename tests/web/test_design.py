"""The design's promises that a machine can hold: contrast, weight, icons, and a page of every piece."""

import gzip
import re

import brotli
import pytest
from lucide import IconDoesNotExist

from portal.config import ROOT
from portal.web.icons import icon
from portal.web.static import lean

SHEET = ROOT / "static" / "css" / "portal.css"
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
CSS_CAP, JS_CAP = 8_000, 4_000

# What stands on what; white on the panel and on the live tag in both modes.
TEXT_PAIRS = [
    ("ink", "bg"),
    ("ink", "card"),
    ("ink2", "bg"),
    ("ink2", "card"),
    ("ink2", "sunk"),
    ("ink2", "soft"),
    ("go", "bg"),
    ("go", "card"),
    ("go", "soft"),
    ("on", "go"),
    ("on", "go2"),
    ("bad", "card"),
    ("bad", "bad0"),
    ("wait", "wait0"),
    ("info", "info0"),
    ("white", "deep"),
    ("white", "live"),
    ("bg", "ink"),
]
MARK_PAIRS = [("edge", "card"), ("gold", "card")]


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def tokens(scheme: str) -> dict[str, str]:
    text = SHEET.read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--(\w+):(#\w+)", block)) for block in re.findall(r":root\{(.*?)\}", text)[:2])
    fixed = {"white": "#fff", "live": "#b3261e"}
    return {**light, **fixed} if scheme == "light" else {**light, **dark, **fixed}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("words", "ground"), TEXT_PAIRS)
def test_words_are_readable_on_their_ground(scheme, words, ground):
    colours = tokens(scheme)
    assert contrast(colours[words], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), MARK_PAIRS)
def test_outlines_and_goal_marks_are_seen(scheme, mark, ground):
    colours = tokens(scheme)
    assert contrast(colours[mark], colours[ground]) >= 3


def test_a_weak_pair_would_be_found():
    assert contrast("#999", "#fff") < 3


def test_the_sheet_and_the_scripts_stay_light():
    assert len(brotli.compress(SHEET.read_bytes())) <= CSS_CAP
    assert SCRIPTS
    assert sum(len(brotli.compress(lean(script))) for script in SCRIPTS) <= JS_CAP


def test_a_script_travels_without_comments_and_says_the_same():
    for script in SCRIPTS:
        text, travels = script.read_text(encoding="utf-8"), lean(script).decode()
        # A comment that begins a line is one line; a template text ends where it began.
        assert not re.search(r"^\s*/\*(?!.*\*/\s*$)", text, re.MULTILINE)
        assert all(line.count("`") % 2 == 0 for line in text.splitlines())
        assert len(travels) < len(text)


def test_the_sheet_knows_no_left_and_no_right():
    """Logical properties only: right to left comes for free."""
    text = SHEET.read_text(encoding="utf-8")
    physical = (
        r"[{;](?:(?:margin|padding|border)-(?:left|right)|left|right|float|(?:text-align|clear):(?:left|right))\b"
    )
    assert re.findall(physical, text) == []
    assert re.findall(physical, ".a{margin-left:1px;left:0}") != []


def test_static_texts_are_packed_for_those_who_read_it(client):
    for name, source in [("css/portal.css", SHEET), *((f"js/{script.name}", script) for script in SCRIPTS)]:
        answer = client.get(f"/static/{name}?v=1", headers={"Accept-Encoding": "gzip, br"})
        assert answer.headers["Content-Encoding"] == "br"
        assert brotli.decompress(answer.data) == lean(source)
        assert "immutable" in answer.headers["Cache-Control"]
        assert "Accept-Encoding" in answer.headers["Vary"]
        again = client.get(
            f"/static/{name}?v=1", headers={"Accept-Encoding": "br", "If-None-Match": answer.headers["ETag"]}
        )
        assert again.status_code == 304


def test_static_texts_reach_those_who_do_not(client):
    with client.get("/static/css/portal.css", headers={"Accept-Encoding": "identity"}) as plain:
        assert plain.data == SHEET.read_bytes()
    zipped = client.get("/static/css/portal.css", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(zipped.data) == SHEET.read_bytes()


@pytest.mark.parametrize("name", ["../portal/config.py", "%2e%2e/portal/config.py", "css/none.css"])
def test_nothing_outside_is_served(client, name):
    assert client.get(f"/static/{name}", headers={"Accept-Encoding": "br"}).status_code == 404


def test_icons_that_point_mirror_and_the_others_do_not():
    assert "flip" in icon("chevron-right")
    assert "flip" in icon("send")
    assert "flip" not in icon("check")
    assert "flip" not in icon("clock")


def test_an_icon_is_decoration_and_takes_nothing_unescaped():
    drawn = icon("bell", 24, '"><script>')
    assert 'aria-hidden="true"' in drawn
    assert 'width="24"' in drawn
    assert "<script>" not in drawn


def test_a_name_nobody_draws_is_a_mistake():
    with pytest.raises(IconDoesNotExist):
        icon("no-such-icon")


@pytest.mark.parametrize(("language", "direction"), [("fr", "ltr"), ("en", "ltr"), ("ar", "rtl")])
def test_every_piece_in_every_state_renders(client, language, direction):
    answer = client.get(f"/dev/components?lang={language}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert f'<html lang="{language}" dir="{direction}">' in page
    for piece in ("btn", "field", "choice", "switch", "seg", "step", "tag", "note", "toast", "stamp", "ring", "bub"):
        assert f'class="{piece}' in page
    for piece in ("receipt", "steps", "chart", "awning", "product", "plan", "empty", "sheet", "code", "post"):
        assert re.search(rf'class="[^"]*\b{piece}\b', page)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 413, 429, 500])
def test_every_error_says_what_to_do_next_with_one_action(app, status):
    with app.test_request_context("/fr/programme"):
        page = app.jinja_env.get_template(f"errors/{status}.html")
        app.preprocess_request()
        text = page.render(app.jinja_env.globals | {"language": "fr", "direction": "ltr", "viewer": Nobody})
    assert text.count("<h1>") == 1
    assert '<p class="lead">' in text
    main = text.split("<main")[1].split("</main>")[0]
    assert len(re.findall(r'class="btn', main)) == 1


class Nobody:
    """A visitor, as templates know them."""

    is_authenticated = False


@pytest.mark.parametrize(("path", "language"), [("/ar/nowhere", "ar"), ("/fr/nowhere", "fr"), ("/en/nowhere", "en")])
def test_an_address_that_leads_nowhere_answers_in_its_language(client, path, language):
    answer = client.get(path, headers={"Accept-Language": "fr" if language != "fr" else "ar"})
    assert answer.status_code == 404
    assert f'<html lang="{language}"' in answer.get_data(as_text=True)
