"""What the clock does for imports of people: they are worked through, and forgotten when nobody confirmed them."""

from portal.kernel.db import reading, transaction
from portal.kernel.jobs import job
from portal.training.services import imports


@job(imports.JOB, every_minutes=1)
def run_imports() -> None:
    """Work through every import that was confirmed, a few people a transaction."""
    with reading() as db:
        running = imports.running_imports(db)
    for import_id in running:
        more = True
        while more:
            with transaction() as db:
                more = imports.work_through(db, import_id=import_id)


@job("training.forget_imports", every_minutes=60)
def forget_imports() -> None:
    """Delete the files that nobody said yes to within a day."""
    with transaction() as db:
        imports.forget_unconfirmed(db)
