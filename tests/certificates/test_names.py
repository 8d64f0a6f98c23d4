"""The printed name: what is printed as it was typed, what is tidied, what is refused and why."""

import pytest

from portal.certificates.errors import NameRefusedError
from portal.certificates.names import MOST_LETTERS, printed_name, printed_shop

PRINTED = [
    ("Claire Vasseur", "Claire Vasseur"),
    ("  Claire \u00a0 Vasseur  ", "Claire Vasseur"),
    ("Jean-Pierre d’Arc", "Jean-Pierre d’Arc"),
    ("O'Neill", "O'Neill"),
    ("Ana M. Gal·la", "Ana M. Gal·la"),
    ("Ze\u0301phyrin", "Zéphyrin"),
    ("نادية منصوري", "نادية منصوري"),
    ("مُحَمَّد", "مُحَمَّد"),
    ("علی\u200cرضا", "علی\u200cرضا"),
    ("Şahin Erdoğan", "Şahin Erdoğan"),
    ("Łukasz Żółć", "Łukasz Żółć"),
    ("Nguyễn Thị Hằng", "Nguyễn Thị Hằng"),
    ("Ελένη", "Ελένη"),
    ("Иван Петров", "Иван Петров"),
    ("Li", "Li"),
    ("A" + "b" * (MOST_LETTERS - 1), "A" + "b" * (MOST_LETTERS - 1)),
    ("Nadia منصوري", "Nadia منصوري"),
]

REFUSED = {
    "nothing": "",
    "one letter": "A",
    "spaces": "   ",
    "punctuation": "-.'",
    "too long": "A" + "b" * MOST_LETTERS,
    "a pile of marks": "Claire\u0301\u0301\u0301\u0301",
    "a mark on nothing": "\u0301Claire",
    "a mark on a space": "Claire \u0308\u0301Vasseur",
    "many spaces between letters": "a " * 61,
    "digits only": "123456",
    "a digit": "Claire 2",
    "arabic digits": "نادية ٢",
    "an address": "claire@example.org",
    "a link": "www.example.org",
    "another link": "https://evil.example",
    "mark up": "<b>Claire</b>",
    "an emoji": "Claire 🙂",
    "a line end": "Claire\nVasseur",
    "a tab": "Claire\tVasseur",
    "a null": "Claire\x00",
    "a zero width space": "Cla\u200bire",
    "a soft hyphen": "Cla\u00adire",
    "a joiner in latin": "Cla\u200dire",
    "a joiner at the end": "نادية\u200d",
    "a joiner after a space": "نادية \u200cمنصوري",
    "full width": "Ｃｌａｉｒｅ",
    "a ligature": "ﬁlip",
    "an arabic presentation form": "ﷲ",
    "mathematical letters": "𝐂𝐥𝐚𝐢𝐫𝐞",
    "a cyrillic letter in a latin word": "Сlaire",
    "a greek letter in a latin word": "Cl\u03b1ire",
    "letters no font of ours draws": "王芳芳",
    "a slash": "Claire/Vasseur",
    "a currency": "Claire €",
}
BIDI = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]


@pytest.mark.parametrize(("typed", "printed"), PRINTED, ids=[typed for typed, _ in PRINTED])
def test_a_name_is_printed(app, typed, printed):
    with app.test_request_context("/fr/"):
        assert printed_name(typed) == printed


@pytest.mark.parametrize("typed", REFUSED.values(), ids=REFUSED)
def test_what_is_no_name_is_refused_and_says_what_to_do(app, typed):
    with app.test_request_context("/fr/"):
        with pytest.raises(NameRefusedError) as refusal:
            printed_name(typed)
        assert len(str(refusal.value)) > 20


@pytest.mark.parametrize("point", BIDI, ids=hex)
def test_a_control_that_turns_text_round_is_refused_anywhere(point):
    for typed in (f"{chr(point)}Claire", f"Cla{chr(point)}ire", f"نادية{chr(point)}"):
        with pytest.raises(NameRefusedError):
            printed_name(typed)
        with pytest.raises(NameRefusedError):
            printed_shop(typed)


@pytest.mark.parametrize("typed", ["", "Le Fil de Claire, Sète", "Le 36 & fils", "خياطة النور، مرسيليا", "À la n°1 !"])
def test_a_shop_is_printed_as_written(typed):
    assert printed_shop(typed) == typed


@pytest.mark.parametrize("typed", ["www.shop.example", "a@b.example", "x" * 61, "caf\u200de", "食品", "a\nb"])
def test_a_shop_is_no_advertisement(typed):
    with pytest.raises(NameRefusedError):
        printed_shop(typed)
