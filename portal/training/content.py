"""The words of the 25 lessons, read once from `lessons/*.toml` and checked: numbers, languages, quizzes."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

LANGUAGES = ("fr", "en", "ar")
LESSONS = 25
LESSONS_A_CHAPTER = 5
QUIZ_QUESTIONS = 4
AIMS = 3
# Words of a text, counted between spaces: what is read aloud and talked about in 30 minutes.
SHORTEST_TEXT, LONGEST_TEXT = 250, 450
_FOLDER = Path(__file__).parent / "lessons"


class ContentError(ValueError):
    """A lesson file is wrong; the message names the file and what to mend."""


@dataclass(frozen=True, slots=True)
class QuizQuestion:
    """One question with one right answer: `options[answer]`."""

    question: str
    options: tuple[str, ...]
    answer: int
    explanation: str


@dataclass(frozen=True, slots=True)
class Slide:
    """What the room shows at once; `body` is Markdown."""

    title: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class LessonWords:
    """A lesson in one language; `text` is Markdown, a slide begins at each `## `."""

    title: str
    summary: str
    aims: tuple[str, ...]
    task: str
    text: str
    quiz: tuple[QuizQuestion, ...]
    slides: tuple[Slide, ...]


@dataclass(frozen=True, slots=True)
class LessonText:
    """One of the 25 lessons, in every language."""

    number: int
    chapter: int
    slug: str
    icon: str
    words: Mapping[str, LessonWords]

    def title(self, language: str) -> str:
        """The lesson's name in a language."""
        return self.words[language].title

    def edited(self, language: str, entry: Mapping[str, Any]) -> LessonWords:
        """The lesson's words with the summary, aims, task and text of `entry`; title and quiz stay the file's."""
        return replace(
            self.words[language],
            summary=entry["summary"],
            aims=tuple(entry["aims"]),
            task=entry["task"],
            text=entry["text"],
            slides=split_slides(entry["text"]),
        )

    def entries(self) -> dict[str, dict[str, Any]]:
        """What can be edited of it, as a version keeps it: {language: {summary, aims, task, text}}."""
        return {
            language: {"summary": one.summary, "aims": list(one.aims), "task": one.task, "text": one.text}
            for language, one in self.words.items()
        }

    @property
    def address(self) -> str:
        """The address part: `4-etre-trouve`."""
        return f"{self.number}-{self.slug}"


@dataclass(frozen=True, slots=True)
class ChapterText:
    """Five lessons under one name."""

    number: int
    titles: Mapping[str, str]
    summaries: Mapping[str, str]
    lessons: tuple[LessonText, ...]

    def title(self, language: str) -> str:
        """The chapter's name in a language."""
        return self.titles[language]


def split_slides(text: str) -> tuple[Slide, ...]:
    """The slides of a Markdown text: one for each `## ` heading; words before the first have no title."""
    slides: list[Slide] = []
    title = ""
    lines: list[str] = []
    for line in [*text.strip().splitlines(), "## "]:
        if line.startswith("## "):
            body = "\n".join(lines).strip()
            if title or body:
                slides.append(Slide(title, body))
            title, lines = line[3:].strip(), []
        else:
            lines.append(line)
    return tuple(slides)


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps words from being shown. `kind` is one of missing, heading, short, long, slides; `found` the number."""

    language: str
    part: str
    kind: str
    found: int = 0
    wanted: int = 0


def _problems_of(language: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    aims, text = entry["aims"], entry["text"]
    if not entry["summary"]:
        yield Problem(language, "summary", "missing")
    if len(aims) != AIMS or not all(aims):
        yield Problem(language, "aims", "missing", len([aim for aim in aims if aim]), AIMS)
    if not entry["task"]:
        yield Problem(language, "task", "missing")
    length = len(text.split())
    if length < SHORTEST_TEXT:
        yield Problem(language, "text", "short", length, SHORTEST_TEXT)
    elif length > LONGEST_TEXT:
        yield Problem(language, "text", "long", length, LONGEST_TEXT)
    elif not text.startswith("## "):
        yield Problem(language, "text", "heading")


def problems(entries: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """What is wrong with a lesson's words in all languages: {language: {summary, aims, task, text}}.

    As many slides as the first language that has a text of the right length: the expert turns them for all at once.
    """
    found = [one for language in LANGUAGES for one in _problems_of(language, entries[language])]
    broken = {one.language for one in found if one.part == "text"}
    slides = {one: len(split_slides(entries[one]["text"])) for one in LANGUAGES if one not in broken}
    wanted = next(iter(slides.values()), 0)
    for language, number in slides.items():
        if number != wanted:
            found.append(Problem(language, "text", "slides", number, wanted))
    return found


def _quiz(entries: list[dict[str, Any]], where: str) -> tuple[QuizQuestion, ...]:
    questions = tuple(
        QuizQuestion(entry["question"], tuple(entry["options"]), entry["answer"], entry["explanation"])
        for entry in entries
    )
    if len(questions) != QUIZ_QUESTIONS:
        msg = f"{where}: {QUIZ_QUESTIONS} quiz questions are needed, {len(questions)} found"
        raise ContentError(msg)
    for question in questions:
        if not 0 <= question.answer < len(question.options) or len(set(question.options)) != len(question.options):
            msg = f"{where}: the options or the answer of {question.question!r} are wrong"
            raise ContentError(msg)
    return questions


def _words(entry: dict[str, Any], where: str) -> LessonWords:
    try:
        text = entry["text"].strip()
        return LessonWords(
            title=entry["title"],
            summary=entry["summary"],
            aims=tuple(entry["aims"]),
            task=entry["task"],
            text=text,
            quiz=_quiz(entry["quiz"], where),
            slides=split_slides(text),
        )
    except KeyError as error:
        msg = f"{where}: {error} is missing"
        raise ContentError(msg) from error


def _lesson(path: Path) -> LessonText:
    entry = tomllib.loads(path.read_text(encoding="utf-8"))
    words = {language: _words(entry.get(language, {}), f"{path.name} [{language}]") for language in LANGUAGES}
    found = LessonText(entry["number"], entry["chapter"], entry["slug"], entry["icon"], MappingProxyType(words))
    for one in problems(found.entries()):
        msg = f"{path.name} [{one.language}]: {one.part} is wrong ({one.kind}: {one.found}, not {one.wanted})"
        raise ContentError(msg)
    if len({tuple(question.answer for question in one.quiz) for one in words.values()}) != 1:
        # A quiz is marked by the number of the answer, whatever the language.
        msg = f"{path.name}: right answers must match in all languages"
        raise ContentError(msg)
    return found


@cache
def lessons() -> tuple[LessonText, ...]:
    """All 25 lessons in order; ContentError when a file is missing or wrong."""
    found = sorted(
        (_lesson(path) for path in _FOLDER.glob("[0-9]*.toml")),
        key=lambda one: one.number,
    )
    if [one.number for one in found] != list(range(1, LESSONS + 1)):
        msg = f"lessons 1 to {LESSONS} are needed, found {[one.number for one in found]}"
        raise ContentError(msg)
    return tuple(found)


@cache
def chapters() -> tuple[ChapterText, ...]:
    """The five chapters with their lessons; ContentError when one has not five lessons."""
    entries = tomllib.loads((_FOLDER / "chapters.toml").read_text(encoding="utf-8"))["chapter"]
    found = tuple(
        ChapterText(
            number=entry["number"],
            titles=MappingProxyType({language: entry[language]["title"] for language in LANGUAGES}),
            summaries=MappingProxyType({language: entry[language]["summary"] for language in LANGUAGES}),
            lessons=tuple(one for one in lessons() if one.chapter == entry["number"]),
        )
        for entry in entries
    )
    for chapter in found:
        if len(chapter.lessons) != LESSONS_A_CHAPTER:
            msg = f"chapter {chapter.number} needs {LESSONS_A_CHAPTER} lessons, has {len(chapter.lessons)}"
            raise ContentError(msg)
    return found


def lesson(number: int) -> LessonText:
    """The lesson of this number; LookupError when there is none."""
    if not 1 <= number <= LESSONS:
        msg = f"no lesson {number}"
        raise LookupError(msg)
    return lessons()[number - 1]
