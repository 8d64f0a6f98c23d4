"""Commands of the portal: `flask --app wsgi seed`, `flask --app wsgi publish`."""

import signal
import threading
from importlib import import_module

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from portal import config


@click.command()
def seed() -> None:
    """Load the programme and, in the sandbox, the demo data: each once."""
    # Imported here: what a server needs at each start is not slowed down by what is needed once.
    for name in import_module("portal.demo").load():
        click.echo(f"Loaded {name}.")


@click.command()
@with_appcontext
def publish() -> None:
    """Send live rooms to nchan as they change, until told to stop: one such process beside web and worker."""
    if not config.current().nchan_url:
        msg = "COMPTOIR_NCHAN_URL is not set: nothing to publish to."
        raise click.ClickException(msg)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    # The command's own context is not that of a page: each page it writes gets its own.
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 (the app itself, not its stand-in)
    import_module("portal.pages.publishing").Publisher(app).run(stop)


def init_app(app: Flask) -> None:
    """Give the app its commands."""
    app.cli.add_command(seed)
    app.cli.add_command(publish)
