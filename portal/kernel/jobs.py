"""The list of jobs: what the worker runs, and how often at least. Who runs them is not known here."""

from collections.abc import Callable
from dataclasses import dataclass

JobFunction = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Job:
    """A function without arguments that finds its own rows; safe to be killed and to run twice."""

    name: str
    run: JobFunction
    every_minutes: int


_jobs: dict[str, Job] = {}


def job(name: str, *, every_minutes: int) -> Callable[[JobFunction], JobFunction]:
    """Register a job: run when woken by its name, and every so many minutes in any case."""

    def register(function: JobFunction) -> JobFunction:
        _jobs[name] = Job(name, function, every_minutes)
        return function

    return register


def jobs() -> dict[str, Job]:
    """Every registered job by its name."""
    return dict(_jobs)
