"""Full-text search over questions, the same on both engines: one small language of folded words and prefixes.

PostgreSQL matches a generated `tsvector`, SQLite an FTS5 table; both hold the words of `folding.py` and weigh
the title above the rest. Words reach either engine as letters and digits only.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum import folding
from portal.forum.models import Question

# A shorter word is matched whole: a prefix of one or two letters would match half of the forum.
SHORTEST_PREFIX = 3
_TITLE_WEIGHT = 4
# How many of the best the engine gives back to be counted word by word.
CANDIDATES = 60


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; `hit` when it is a word that was looked for."""

    text: str
    hit: bool


def search(
    db: Session, text: str, filters: Sequence[sa.ColumnElement[bool]] = (), *, columns: Sequence[Any], limit: int
) -> list[sa.Row[Any]]:
    """The questions that match a text best, with the wanted columns; nothing for a text without a word.

    First those with every word; when they are few, those with at least half of the words follow.
    """
    words = folding.query_words(text)
    if not words:
        return []
    wanted = sa.select(*columns).where(*filters)
    found = list(db.execute(_matching(db, wanted, words, every=True).limit(limit)))
    if len(found) >= min(limit, 3) or len(words) == 1:
        return found
    known = {row.id for row in found}
    return [*found, *(row for row in _partly(db, words, filters, columns) if row.id not in known)][:limit]


def similar(
    db: Session, text: str, filters: Sequence[sa.ColumnElement[bool]], *, columns: Sequence[Any], limit: int
) -> list[sa.Row[Any]]:
    """Questions that may ask the same, in whatever words: at least half of the telling words in common."""
    words = folding.query_words(text)
    return _partly(db, words, filters, columns)[:limit] if words else []


def related(
    db: Session, text: str, filters: Sequence[sa.ColumnElement[bool]], *, columns: Sequence[Any], limit: int
) -> list[sa.Row[Any]]:
    """Questions about the same things: one telling word in the title is enough, the more the better."""
    words = folding.query_words(text)
    return _partly(db, words, filters, columns, at_least=1)[:limit] if words else []


def marked(text: str, words: Collection[str]) -> list[Segment]:
    """A text in pieces, those that match one of the folded words marked."""
    segments: list[Segment] = []
    for piece in folding.pieces(text):
        hit = any(_matches(word, one) for one in folding.words(piece) for word in words)
        if segments and segments[-1].hit == hit:
            segments[-1] = Segment(segments[-1].text + piece, hit)
        else:
            segments.append(Segment(piece, hit))
    return segments


def _matches(word: str, other: str) -> bool:
    return other.startswith(word) if len(word) >= SHORTEST_PREFIX else other == word


def _partly(
    db: Session,
    words: list[str],
    filters: Sequence[sa.ColumnElement[bool]],
    columns: Sequence[Any],
    *,
    at_least: int | None = None,
) -> list[sa.Row[Any]]:
    """Ranked by how many different words they hold, the title's counting most; then as the engine has it.

    Half of the words must be there, or `at_least` so many; and one of them in the title, unless all are there.
    """
    needed = (len(words) + 1) // 2 if at_least is None else at_least
    wanted = sa.select(*columns, Question.search_title, Question.search_text).where(*filters)
    rows = db.execute(_matching(db, wanted, words, every=False).limit(CANDIDATES)).all()
    scored = []
    for place, row in enumerate(rows):
        title, text = row.search_title.split(), row.search_text.split()
        in_title = [word for word in words if any(_matches(word, one) for one in title)]
        in_text = [word for word in words if any(_matches(word, one) for one in text)]
        held = len({*in_title, *in_text})
        if held >= needed and (in_title or held == len(words)):
            scored.append((-held, -len(in_title), len(title), place, row))
    return [row for *_score, row in sorted(scored, key=lambda one: one[:4])]


def _matching(db: Session, wanted: sa.Select[Any], words: Sequence[str], *, every: bool) -> sa.Select[Any]:
    """The statement narrowed to what matches, the best first."""
    if db.get_bind().dialect.name == "postgresql":
        terms = [f"{word}:*" if len(word) >= SHORTEST_PREFIX else word for word in words]
        query = sa.func.to_tsquery(sa.literal_column("'simple'::regconfig"), (" & " if every else " | ").join(terms))
        vector: sa.ColumnElement[Any] = sa.literal_column("questions.search_vector")
        rank = sa.func.ts_rank(sa.literal_column("'{0.1, 0.1, 0.25, 1.0}'::float4[]"), vector, query)
        return wanted.where(vector.bool_op("@@")(query)).order_by(rank.desc(), Question.id.desc())
    terms = [f'"{word}"*' if len(word) >= SHORTEST_PREFIX else f'"{word}"' for word in words]
    index: sa.TableClause = sa.table("question_search", sa.column("rowid"))
    query_text = (" AND " if every else " OR ").join(terms)
    rank = sa.func.bm25(sa.literal_column("question_search"), _TITLE_WEIGHT, 1)
    return (
        wanted.join(index, index.c.rowid == Question.id)
        .where(sa.literal_column("question_search").bool_op("MATCH")(query_text))
        .order_by(rank, Question.id.desc())
    )
