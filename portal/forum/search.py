"""Full-text search over questions, the same on both engines: one small language of folded words and prefixes.

PostgreSQL matches a generated `tsvector`, SQLite an FTS5 table; both hold the words of `folding.py` and weigh
the title above the rest. Words reach either engine as letters and digits only.
"""

from collections.abc import Collection, Mapping, Sequence
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

# Names that only one engine knows, and no model.
_SIMPLE: sa.ColumnElement[Any] = sa.literal_column("'simple'::regconfig")
_VECTOR: sa.ColumnElement[Any] = sa.literal_column("questions.search_vector")
_WEIGHTS: sa.ColumnElement[Any] = sa.literal_column("'{0.1, 0.1, 0.25, 1.0}'::float4[]")
_INDEX = sa.table("question_search", sa.column("rowid"))
_INDEX_NAME: sa.ColumnElement[Any] = sa.literal_column("question_search")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; `hit` when it is a word that was looked for."""

    text: str
    hit: bool


def search(
    db: Session, text: str, wanted: sa.Select[Any], *, limit: int, given: Mapping[str, Any] | None = None
) -> list[sa.Row[Any]]:
    """What `wanted` selects of the questions that match a text, the best first; nothing for a text without a word.

    `wanted` has the question's id among its columns; `given` are the values of its parameters.
    First those with every word; when they are few, those with at least half of the words follow.
    """
    words = folding.query_words(text)
    if not words:
        return []
    given = given or {}
    found = list(db.execute(_matching(db, wanted, words, every=True).limit(limit), given))
    if len(found) >= min(limit, 3) or len(words) == 1:
        return found
    known = {row.id for row in found}
    return [*found, *(row for row in _partly(db, words, wanted, given) if row.id not in known)][:limit]


def similar(db: Session, text: str, wanted: sa.Select[Any], *, limit: int) -> list[sa.Row[Any]]:
    """Of what `wanted` selects, questions that may ask the same: at least half of the telling words in common."""
    words = folding.query_words(text)
    return _partly(db, words, wanted, {})[:limit] if words else []


def title_query(dialect: str, text: str) -> str:
    """What `in_titles` looks for, in the engine's own language: any of the telling words. Empty without a word."""
    words = folding.query_words(text)
    if dialect == "postgresql":
        return " | ".join(f"{word}:*A" if len(word) >= SHORTEST_PREFIX else f"{word}:A" for word in words)
    terms = " OR ".join(f'"{word}"*' if len(word) >= SHORTEST_PREFIX else f'"{word}"' for word in words)
    return f"{{search_title}} : ({terms})" if terms else ""


def in_titles(dialect: str, wanted: sa.Select[Any]) -> sa.Select[Any]:
    """`wanted`, narrowed to titles that match the parameter `words`, with a last column that is less the better."""
    words = sa.bindparam("words", type_=sa.Text)
    if dialect == "postgresql":
        query = sa.func.to_tsquery(_SIMPLE, words)
        score = -sa.func.ts_rank(_VECTOR, query)
        return wanted.add_columns(score.label("score")).where(_VECTOR.bool_op("@@")(query))
    return (
        wanted.add_columns(sa.func.bm25(_INDEX_NAME).label("score"))
        .join(_INDEX, _INDEX.c.rowid == Question.__table__.c.id)
        .where(_INDEX_NAME.bool_op("MATCH")(words))
    )


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


def _partly(db: Session, words: list[str], wanted: sa.Select[Any], given: Mapping[str, Any]) -> list[sa.Row[Any]]:
    """Ranked by how many different words they hold, the title's counting most; then as the engine has it.

    Half of the words must be there, and one of them in the title, unless all are there.
    """
    table = Question.__table__.c
    scored_on = wanted.add_columns(table.search_title, table.search_text)
    rows = db.execute(_matching(db, scored_on, words, every=False).limit(CANDIDATES), given).all()
    scored = []
    for place, row in enumerate(rows):
        title, text = row.search_title.split(), row.search_text.split()
        in_title = [word for word in words if any(_matches(word, one) for one in title)]
        in_text = [word for word in words if any(_matches(word, one) for one in text)]
        held = len({*in_title, *in_text})
        if 2 * held >= len(words) and (in_title or held == len(words)):
            scored.append((-held, -len(in_title), len(title), place, row))
    return [row for *_score, row in sorted(scored, key=lambda one: one[:4])]


def _matching(db: Session, wanted: sa.Select[Any], words: Sequence[str], *, every: bool) -> sa.Select[Any]:
    """The statement narrowed to what matches, the best first."""
    newest = Question.__table__.c.id.desc()
    if db.get_bind().dialect.name == "postgresql":
        terms = [f"{word}:*" if len(word) >= SHORTEST_PREFIX else word for word in words]
        query = sa.func.to_tsquery(_SIMPLE, (" & " if every else " | ").join(terms))
        rank = sa.func.ts_rank(_WEIGHTS, _VECTOR, query)
        return wanted.where(_VECTOR.bool_op("@@")(query)).order_by(rank.desc(), newest)
    terms = [f'"{word}"*' if len(word) >= SHORTEST_PREFIX else f'"{word}"' for word in words]
    query_text = (" AND " if every else " OR ").join(terms)
    relevance = sa.func.bm25(_INDEX_NAME, _TITLE_WEIGHT, 1)
    matches = _INDEX_NAME.bool_op("MATCH")(query_text)
    return wanted.join(_INDEX, _INDEX.c.rowid == Question.__table__.c.id).where(matches).order_by(relevance, newest)
