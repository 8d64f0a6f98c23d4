"""Editing a lesson's words on its pages: what was typed is kept, what is wrong is said, nothing is lost."""

import html

import pytest

from portal.kernel import clock
from portal.training import content
from portal.training.queries.lessons import lesson_words, newest_version
from portal.training.services.lessons import save_words
from tests.builders import training as build

NUMBER = 5
PATH = f"/fr/manage/lessons/{NUMBER}"
LANGUAGES = ("fr", "en", "ar")


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


def typed(based_on=0, **changes):
    """The form as the page shows it, with changes by field name."""
    data = {"based_on": str(based_on), "step": "save"}
    for code, entry in content.lesson(NUMBER).entries().items():
        data |= {f"{code}-{name}": entry[name] for name in ("summary", "task", "text")}
        data |= {f"{code}-aim_{index}": aim for index, aim in enumerate(entry["aims"], start=1)}
    return data | changes


def text_of(answer):
    return html.unescape(answer.get_data(as_text=True))


@pytest.fixture
def organised(client, sign_in, organiser):
    sign_in(client, organiser)
    return client


@pytest.mark.parametrize("who", ["merchant", "expert"])
def test_the_words_are_the_organisers_to_edit(request, client, sign_in, db, who):
    sign_in(client, request.getfixturevalue(who))
    for path in ("/fr/manage/lessons", PATH, f"{PATH}/versions/0"):
        assert client.get(path).status_code == 404
    assert client.post(PATH, data=typed(**{"fr-task": "Autre."})).status_code == 404
    assert client.post(f"{PATH}/versions/0", data={"based_on": "0"}).status_code == 404
    assert newest_version(db, NUMBER).number == 0


def test_what_is_saved_is_what_the_lesson_page_shows(organised, db, organiser):
    page = text_of(organised.get(PATH))
    assert content.lesson(NUMBER).words["ar"].task in page
    answer = organised.post(PATH, data=typed(**{"fr-task": "Photographiez un bol\u00a0: quatre vues."}))
    assert answer.status_code == 303
    assert lesson_words(db, NUMBER, "fr").task == "Photographiez un bol\u00a0: quatre vues."
    assert "Photographiez un bol" in text_of(organised.get(f"/fr/programme/{content.lesson(NUMBER).address}"))
    assert organiser.display_name in text_of(organised.get("/fr/manage/lessons"))
    assert "Version 1" in text_of(organised.get(PATH))


def test_the_page_saved_as_it_is_changes_nothing(organised, db):
    assert organised.post(PATH, data=typed()).status_code == 303
    assert newest_version(db, NUMBER).number == 0


@pytest.mark.parametrize(
    ("changes", "marked"),
    [
        ({"ar-aim_2": ""}, "ar-aim_2"),
        ({"en-summary": "  "}, "en-summary"),
        ({"en-task": "x" * 301}, "en-task"),
        ({"fr-text": "## Un\n\nTrop court."}, "fr-text"),
        ({"en-text": "## Long\n\n" + "word " * 460}, "en-text"),
        ({"ar-text": "مقدمة\n\n" + content.lesson(NUMBER).words["ar"].text}, "ar-text"),
        ({"en-text": content.lesson(NUMBER).words["en"].text.replace("\n## ", "\n### ", 1)}, "en-text"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(organised, db, changes, marked):
    answer = organised.post(PATH, data=typed(**changes, **{"fr-task": "Tapé et gardé."}))
    page = text_of(answer)
    assert answer.status_code == 422
    assert f'href="#{marked}"' in page
    assert f'id="{marked}-error"' in page
    assert page.count('-error"><svg') == 1
    assert "Tapé et gardé." in page
    assert newest_version(db, NUMBER).number == 0


def test_the_slides_are_looked_at_before_anything_is_saved(organised, db):
    text = content.lesson(NUMBER).words["ar"].text.replace("## ", "## جديد ", 1)
    answer = organised.post(PATH, data=typed(**{"ar-text": text, "step": "preview-ar"}))
    page = text_of(answer)
    assert answer.status_code == 200
    assert page.count('<div class="slide') == len(content.lesson(NUMBER).words["ar"].slides)
    assert "جديد" in page
    assert newest_version(db, NUMBER).number == 0
    wrong = organised.post(PATH, data=typed(**{"fr-text": "## Seul\n\nMot.", "step": "preview-fr"}))
    assert wrong.status_code == 422
    assert text_of(wrong).count('<div class="slide') == 1


def test_markup_typed_as_a_text_is_shown_as_words(organised):
    text = content.lesson(NUMBER).words["fr"].text + "\n\n<script>alert(1)</script>"
    page = organised.post(PATH, data=typed(**{"fr-text": text, "step": "preview-fr"})).get_data(as_text=True)
    assert "<script>alert" not in page


def test_the_second_of_two_organisers_sees_what_the_first_saved(organised, db, organiser):
    first = content.lesson(NUMBER).entries()
    first["fr"]["task"] = "Ce que la première a écrit."
    save_words(db, organiser=organiser, number=NUMBER, words=first, based_on=0)
    answer = organised.post(PATH, data=typed(**{"fr-task": "Ce que la seconde a écrit."}))
    page = text_of(answer)
    assert answer.status_code == 409
    assert "Ce que la première a écrit." in page
    assert "Ce que la seconde a écrit." in page
    assert 'name="based_on" type="hidden" value="1"' in page
    assert lesson_words(db, NUMBER, "fr").task == "Ce que la première a écrit."
    again = organised.post(PATH, data=typed(based_on=1, **{"fr-task": "Ce que la seconde a écrit."}))
    assert again.status_code == 303
    assert newest_version(db, NUMBER).number == 2


def test_an_older_version_is_seen_and_shown_again(organised, db):
    organised.post(PATH, data=typed(**{"fr-task": "Une autre tâche."}))
    older = text_of(organised.get(f"{PATH}/versions/0"))
    assert content.lesson(NUMBER).words["fr"].task in older
    assert f'action="{PATH}/versions/0"' in older
    assert f'action="{PATH}/versions/1"' not in text_of(organised.get(f"{PATH}/versions/1"))
    assert organised.post(f"{PATH}/versions/0", data={"based_on": "0"}).status_code == 303
    assert newest_version(db, NUMBER).number == 1
    assert organised.post(f"{PATH}/versions/0", data={"based_on": "1"}).status_code == 303
    assert newest_version(db, NUMBER).number == 2
    assert newest_version(db, NUMBER).words == content.lesson(NUMBER).entries()


@pytest.mark.parametrize("path", ["0", "26", f"{NUMBER}/versions/9", "99999999999999999999"])
def test_there_is_no_other_lesson_or_version(organised, path):
    assert organised.get(f"/fr/manage/lessons/{path}").status_code == 404


@pytest.mark.parametrize("based_on", ["", "x", "-1", "²", "999999999", "9" * 40])
def test_a_forged_base_saves_nothing(organised, db, based_on):
    answer = organised.post(PATH, data=typed(based_on=based_on, **{"fr-task": "Autre."}))
    assert answer.status_code in {409, 422}
    assert newest_version(db, NUMBER).number == 0
