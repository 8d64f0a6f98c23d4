"""Commands of the portal: `flask --app wsgi <command>`."""

import click
from flask import Flask

from portal import demo
from portal.kernel.db import reading
from portal.identity.queries import demo_users


@click.command()
def seed() -> None:
    """Load the programme and, in the sandbox, the demo data: each once."""
    demo.load()


@click.command()
def people() -> None:
    """Say who can sign in as a demo person."""
    with reading() as db:
        for user in demo_users(db):
            role = "organiser" if user.is_organiser else "expert" if user.is_expert else "merchant"
            click.echo(f"  {user.email:32} {role}")


def init_app(app: Flask) -> None:
    """Give the app its commands."""
    for command in (seed, people):
        app.cli.add_command(command)
