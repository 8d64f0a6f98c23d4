import pytest

from portal.kernel import text


def test_lines_lose_bidi_controls_and_runs_of_space():
    assert text.clean_line("  Cle\u0301ment\u202e \t Roux\x00 ") == "Clément Roux"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Être trouvé : 3 idées !", "etre-trouve-3-idees"),
        ("محفظة الدفع", "محفظة-الدفع"),
        ("!!!", "-"),
        ("x" * 100, "x" * 60),
        ("un deux " * 20, "un-deux-un-deux-un-deux-un-deux-un-deux-un-deux-un-deux-un"),
    ],
)
def test_slugs(title, slug):
    assert text.slugify(title) == slug


@pytest.mark.parametrize(
    ("name", "letters"), [("Claire Vidal", "CV"), ("ن", "ن"), ("Jean-Marc Le Goff", "JG"), ("", "?"), ("«»", "?")]
)
def test_initials(name, letters):
    assert text.initials(name) == letters
