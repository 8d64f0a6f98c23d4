import pytest
from flask_babel import force_locale
from werkzeug.datastructures import LanguageAccept

from portal.kernel.money import Money
from portal.web import formats, markdown
from portal.web.languages import negotiate
from tests.conftest import TODAY


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ([("ar-MA", 1), ("fr", 0.8)], "ar"),
        ([("fr", 0.8), ("ar-MA", 1)], "ar"),
        ([("ary", 1)], "ar"),
        ([("de", 1), ("en-US", 0.7), ("fr", 0.3)], "en"),
        ([("de", 1)], "fr"),
        ([("ar", 0), ("en", 0.1)], "en"),
        ([], "fr"),
    ],
)
def test_negotiation_is_by_quality_on_the_primary_tag(accepted, language):
    assert negotiate(LanguageAccept(accepted)) == language


def test_the_root_follows_the_cookie_then_the_browser(client):
    assert client.get("/", headers={"Accept-Language": "ar-MA,fr;q=0.8"}).location == "/ar/"
    client.get("/en/sign-in")
    assert client.get("/", headers={"Accept-Language": "ar-MA,fr;q=0.8"}).location == "/en/"


def test_an_address_with_a_language_is_never_redirected(client):
    client.get("/en/sign-in")
    answer = client.get("/ar/sign-in", headers={"Accept-Language": "fr"})
    assert answer.status_code == 200
    assert '<html lang="ar" dir="rtl">' in answer.get_data(as_text=True)


def test_pages_name_their_other_languages(client):
    page = client.get("/fr/sign-in?next=/fr/programme").get_data(as_text=True)
    assert "/ar/sign-in" in page
    assert "/en/sign-in" in page


# Counts of each Arabic plural form: zero, one, two, few (3–10), many (11–99), other (100–102).
ARABIC = {0: 0, 1: 1, 2: 2, 3: 3, 10: 3, 11: 4, 99: 4, 100: 5, 101: 5, 102: 5, 103: 3, 111: 4}


@pytest.mark.parametrize(("count", "form"), ARABIC.items())
def test_arabic_plurals(app, count, form):
    """The catalogue's own header, not Babel's: 101 and 102 are `other`, as in CLDR."""
    import polib

    from portal.config import ROOT

    catalogue = polib.pofile(str(ROOT / "portal" / "translations" / "ar" / "LC_MESSAGES" / "messages.po"))
    header = catalogue.metadata["Plural-Forms"].partition("plural=")[2].rstrip(";")
    python = header.replace("&&", " and ")
    # A C conditional chain a ? b : c ? d : e, read from its end.
    parts = [part.strip(" ()") for part in python.split(":")]
    result = parts[-1]
    for part in reversed(parts[:-1]):
        condition, _, value = part.partition("?")
        result = f"({value}) if ({condition}) else ({result})"
    assert eval(result, {"n": count}) == form  # noqa: S307


def test_amounts_as_each_language_writes_them(app):
    amount = Money(123450, "EUR")
    with app.test_request_context("/fr/"):
        assert formats.money_text(amount) == "1\u202f234,50\u00a0€"
        assert str(formats.money(amount)).startswith('<bdi dir="ltr" class="amount">')
    with app.test_request_context("/"), force_locale("ar_MA"):
        text = formats.money_text(amount)
        assert "234,50" in text
        assert not any("٠" <= character <= "٩" for character in text)
    with app.test_request_context("/"), force_locale("en_GB"):
        assert formats.money_text(amount) == "€1,234.50"


def test_signs_stand_before_the_amount(app):
    with app.test_request_context("/"), force_locale("fr_FR"):
        assert "+25,00" in formats.signed_money(Money(2500, "EUR"))
        assert "\u221225,00" in formats.signed_money(Money(-2500, "EUR"))


def test_dates_and_zones(app):
    with app.test_request_context("/"), force_locale("fr_FR"):
        assert formats.date_long(TODAY, "Europe/Paris") == "lundi 23 novembre 2026"
        assert formats.time_short(TODAY, "Europe/Paris") == "10:00"
        assert formats.zone_name("Europe/Paris") == "Paris"
    with app.test_request_context("/"), force_locale("ar_MA"):
        assert formats.time_short(TODAY, "Africa/Tunis") == "10:00"


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](http://evil.example/p.png)",
        '<a href="x" onclick="y">z</a>',
        "<style>*{}</style>",
        "[x](data:text/html,<script>)",
    ],
)
def test_markdown_is_harmless(attack):
    html = markdown.markdown(attack)
    for bad in ("<script", 'href="javascript', "<img", '<a href="x"', "<style", 'href="data:'):
        assert bad not in html


def test_markdown_keeps_what_is_useful():
    html = markdown.markdown("**Oui**, dès *aujourd’hui* :\n\n- un\n- deux\n\n[ici](https://impots.gouv.fr)")
    assert "<strong>Oui</strong>" in html
    assert "<li>un</li>" in html
    assert 'rel="nofollow ugc noopener"' in html
