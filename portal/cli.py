"""Commands of the portal: `flask --app wsgi seed`."""

from importlib import import_module

import click
from flask import Flask


@click.command()
def seed() -> None:
    """Load the programme and, in the sandbox, the demo data: each once."""
    # Imported here: what a server needs at each start is not slowed down by what is needed once.
    for name in import_module("portal.demo").load():
        click.echo(f"Loaded {name}.")


def init_app(app: Flask) -> None:
    """Give the app its commands."""
    app.cli.add_command(seed)
