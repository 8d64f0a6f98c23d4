"""The programme's rows, from its content."""

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel.db import conflict_insert
from portal.training import content
from portal.training.models import PROGRAMME_SLUG, Lesson, Programme


def ensure_programme(db: DbSession) -> Programme:
    """The programme with its 25 lessons, made at first use; a lesson's address follows its content file."""
    insert = conflict_insert(db, Programme).values(slug=PROGRAMME_SLUG)
    db.execute(insert.on_conflict_do_nothing(index_elements=["slug"]))
    programme = db.scalars(sa.select(Programme).where(Programme.slug == PROGRAMME_SLUG)).one()
    known = dict(db.execute(sa.select(Lesson.number, Lesson.slug).where(Lesson.programme_id == programme.id)).all())
    rows = [
        {"programme_id": programme.id, "number": lesson.number, "slug": lesson.slug}
        for lesson in content.lessons()
        if known.get(lesson.number) != lesson.slug
    ]
    if rows:
        upsert = conflict_insert(db, Lesson).values(rows)
        db.execute(
            upsert.on_conflict_do_update(index_elements=["programme_id", "number"], set_={"slug": upsert.excluded.slug})
        )
    return programme
