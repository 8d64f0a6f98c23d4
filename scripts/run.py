"""Start Comptoir on this machine: `make run` runs `python -m scripts.run` once `.venv` is ready.

Migrates the database, loads the demo data once, starts the three processes of the Procfile, says where the portal is
and who can sign in, and on Ctrl-C stops all three.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping

from scripts import prepare

ROOT = prepare.ROOT
START_SECONDS = 60
LOOK_SECONDS = 1
HIGHEST_PORT = 65_535


class CannotStartError(Exception):
    """Why it cannot start, in one sentence."""


def port(environ: Mapping[str, str], name: str, default: int) -> int:
    """The port that `name` asks for; CannotStartError when that is no port number."""
    text = environ.get(name, "").strip() or str(default)
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
        msg = f"{name} must be a port number, not {text!r}."
        raise CannotStartError(msg)
    return int(text)


def need_free(number: int, name: str) -> None:
    """CannotStartError when something on this machine already listens on the port."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as probe:
            probe.settimeout(1)
            if probe.connect_ex((address, number)) == 0:
                msg = f"Port {number} is taken by another program: stop it, or type `make run {name}={number + 10}`."
                raise CannotStartError(msg)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the three processes are told: the ports, and the addresses that follow from them."""
    web = port(environ, "COMPTOIR_PORT", 8000)
    payments = port(environ, "COMPTOIR_PAYMENTS_PORT", 8002)
    programs = str(ROOT / ".venv" / "bin")
    return {
        "COMPTOIR_BASE_URL": f"http://localhost:{web}",
        "COMPTOIR_PAYMENT_SIMULATOR_URL": f"http://localhost:{payments}",
        "COMPTOIR_WEB_WORKERS": "2",
        "COMPTOIR_LIBRARY_PATH": prepare.library_path(),
        **environ,
        "COMPTOIR_PORT": str(web),
        "COMPTOIR_PAYMENTS_PORT": str(payments),
        "PATH": f"{programs}{os.pathsep}{environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }


def build_database() -> list[tuple[str, str, str]]:
    """Migrate, load the programme and the demo data once; returns (name, address, role) of who can sign in."""
    from alembic import command  # noqa: PLC0415 (only once the settings are in the environment)
    from alembic.config import Config  # noqa: PLC0415
    from flask.cli import ScriptInfo  # noqa: PLC0415

    from portal import config  # noqa: PLC0415

    try:
        settings = config.load()
    except config.ConfigError as error:
        raise CannotStartError(str(error)) from error
    settings.instance.mkdir(parents=True, exist_ok=True)
    command.upgrade(Config(ROOT / "alembic.ini"), "head")

    from portal.identity.queries import demo_users  # noqa: PLC0415
    from portal.jobs import app  # noqa: PLC0415
    from portal.kernel.db import reading  # noqa: PLC0415

    app.cli.main(["seed"], prog_name="flask", standalone_mode=False, obj=ScriptInfo(create_app=lambda: app))
    with reading() as db:
        people = demo_users(db)
    return [(user.display_name, user.email, _role(user.is_expert, user.is_organiser)) for user in people]


def _role(is_expert: bool, is_organiser: bool) -> str:  # noqa: FBT001 (two facts of one person)
    if is_organiser:
        return "organiser"
    return "expert" if is_expert else "shop owner"


def answers(address: str) -> bool:
    """Whether the portal answers at this address yet."""
    try:
        with urllib.request.urlopen(f"{address}/livez", timeout=2):  # noqa: S310 (our own address)
            return True
    except (urllib.error.URLError, OSError):
        return False


def welcome(address: str, people: list[tuple[str, str, str]]) -> str:
    """What is said once the portal answers."""
    widest = max((len(email) for _, email, _ in people), default=0)
    lines = [f"  {email:<{widest}}  {name}, {role}" for name, email, role in people]
    return "\n".join(
        [
            "",
            f"Comptoir is at {address}",
            f"Sign in at {address}/fr/sign-in as one of these demo people (mail arrives at {address}/dev/mail):",
            *lines,
            "Ctrl-C stops it.",
            "",
        ]
    )


def serve(address: str, people: list[tuple[str, str, str]]) -> int:
    """Run the Procfile until it ends, is told to, or whoever started this is gone; returns the exit status."""
    starter = os.getppid()
    honcho = [sys.executable, "-m", "honcho", "--app-root", str(ROOT), "start"]
    # Its own session: a signal from the terminal reaches this process alone, which stops the rest in order.
    processes = subprocess.Popen(honcho, cwd=ROOT, start_new_session=True)
    asked: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if not asked:
            processes.terminate()
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    if _answers_in_time(address, processes):
        print(welcome(address, people), flush=True)
        # A starter that was killed sends no signal: without this look, three processes would stay behind.
        while _runs(processes, LOOK_SECONDS) and os.getppid() == starter:
            continue
    elif processes.poll() is None:
        print(f"Comptoir did not answer at {address} within {START_SECONDS} seconds.", file=sys.stderr)
    if processes.poll() is None and not asked:
        processes.terminate()
    status = processes.wait()
    return 0 if asked else status or 1


def _runs(processes: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the processes still run after so many seconds; returns at once when they end."""
    try:
        processes.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _answers_in_time(address: str, processes: subprocess.Popen[bytes]) -> bool:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and _runs(processes, 0.1):
        if answers(address):
            return True
    return False


def main() -> int:
    """Start; returns the exit status."""
    try:
        os.environ.update(environment(os.environ))
        need_free(int(os.environ["COMPTOIR_PORT"]), "COMPTOIR_PORT")
        need_free(int(os.environ["COMPTOIR_PAYMENTS_PORT"]), "COMPTOIR_PAYMENTS_PORT")
        people = build_database()
    except CannotStartError as reason:
        print(reason, file=sys.stderr)
        return 1
    return serve(f"http://localhost:{os.environ['COMPTOIR_PORT']}", people)


if __name__ == "__main__":
    sys.exit(main())
