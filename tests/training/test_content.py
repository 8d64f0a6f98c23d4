"""The 25 lessons as their files have them, and what the loader refuses."""

import pytest

from portal.training import content
from portal.training.content import ContentError


def test_25_lessons_in_five_chapters_in_three_languages():
    assert [one.number for one in content.lessons()] == list(range(1, 26))
    assert [len(chapter.lessons) for chapter in content.chapters()] == [5] * 5
    for lesson in content.lessons():
        assert set(lesson.words) == {"fr", "en", "ar"}
        assert all(words.title and words.summary and words.slides for words in lesson.words.values())
        assert all(len(words.quiz) == 4 for words in lesson.words.values())


def test_a_slide_begins_at_each_heading():
    slides = content.split_slides("Before.\n\n## One\nFirst.\n\n### Not a slide\n\n## Two\n- a\n- b\n")
    assert [(slide.title, slide.body) for slide in slides] == [
        ("", "Before."),
        ("One", "First.\n\n### Not a slide"),
        ("Two", "- a\n- b"),
    ]
    assert content.split_slides("") == ()


def test_every_text_is_of_a_length_for_30_minutes_and_has_the_same_slides_in_all_languages():
    for lesson in content.lessons():
        lengths = [len(words.text.split()) for words in lesson.words.values()]
        assert all(250 <= length <= 450 for length in lengths), (lesson.number, lengths)
        slides = {len(words.slides) for words in lesson.words.values()}
        assert len(slides) == 1
        assert 8 <= slides.pop() <= 11, lesson.number
        assert all(slide.title and slide.body for words in lesson.words.values() for slide in words.slides)
        assert all(len(words.aims) == 3 and words.task for words in lesson.words.values())


@pytest.mark.parametrize("number", [0, 26, -1])
def test_there_is_no_other_lesson(number):
    with pytest.raises(LookupError):
        content.lesson(number)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "', 'titre = "'),
        ("answer = 1", "answer = 7"),
        ("answer = 0", "answer = 2"),
        ("[[ar.quiz]]", "[[ar.quizz]]"),
        ("text = '''", "txt = '''"),
        ("text = '''", "text = '''Before the first slide. "),
        ("\n## ", "\n### "),
        ('task = "', 'task = ""\nold_task = "'),
        ("aims = [", 'aims = ["One more", '),
    ],
)
def test_a_wrong_file_is_refused_with_its_name(tmp_path, old, new):
    path = next(path for path in content._FOLDER.glob("[0-9]*.toml") if old in path.read_text(encoding="utf-8"))
    broken = tmp_path / path.name
    broken.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContentError, match=path.name):
        content._lesson(broken)
