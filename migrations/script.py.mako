"""${message}."""

import sqlalchemy as sa
from alembic import op

import portal.kernel.db

revision = "${up_revision}"
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Take down."""
    ${downgrades if downgrades else "pass"}
