"""What the forum's page tests share: a question, and a count of what reaches the database."""

import pytest
import sqlalchemy as sa

from portal.kernel.db import database
from tests.builders import forum


@pytest.fixture
def question(db, alice):
    found = forum.ask(db, alice, "Puis-je encaisser par lien ?", text="Mon **client** attend.")
    db.commit()
    return found


@pytest.fixture
def statements(app):
    """Counts the statements that reach the database."""
    seen = []
    engine = database().engine

    def listen(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", listen)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", listen)
