"""What the worker runs and when: huey over a SQLite file, or Redis when there is one.

The rows are the truth; huey only runs the registered jobs, woken after a commit and swept on a clock.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime

from huey import Huey, RedisHuey, SqliteHuey, crontab

from portal import config, create_app
from portal.kernel.jobs import Job, jobs
from portal.kernel.worker import use_waker

logger = logging.getLogger(__name__)


def make_huey(settings: config.Settings) -> Huey:
    """The queue of this installation; it keeps no results."""
    if settings.redis_url:
        return RedisHuey("comptoir", url=settings.redis_url, results=False)
    settings.instance.mkdir(parents=True, exist_ok=True)
    file = settings.instance / "jobs.sqlite3"
    return SqliteHuey("comptoir", filename=str(file), results=False, fsync=False, journal_mode="delete")


app = create_app()
huey = make_huey(config.current())


@huey.task()
def run(name: str) -> None:
    """Run one registered job by its name, in an application context."""
    started = time.monotonic()
    with app.app_context():
        jobs()[name].run()
    logger.info("job %s took %.2f s", name, time.monotonic() - started)


def wake(name: str) -> None:
    """Ask the worker to run a job soon."""
    run(name)


_HOUR_MINUTES = 60


def _due(job: Job) -> Callable[[datetime], bool]:
    """Every so many minutes; from an hour on, at the full hour, every so many hours of the day."""
    hours, minutes = divmod(job.every_minutes, _HOUR_MINUTES)
    due: Callable[[datetime], bool] = (
        crontab(minute="0", hour=f"*/{hours}") if hours else crontab(minute=f"*/{minutes}")
    )
    return due


def _sweep(job: Job) -> Callable[[], None]:
    def sweep() -> None:
        wake(job.name)

    sweep.__name__ = f"sweep_{job.name}"
    return sweep


for _job in jobs().values():
    huey.periodic_task(_due(_job))(_sweep(_job))
use_waker(wake)
