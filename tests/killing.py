"""A process of the portal that kills itself, as by `kill -9`, when it is about to run a certain statement."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from portal import config
from portal.kernel import db as kernel_db

_PROGRAM = """
import os, signal, sys
from datetime import datetime
import sqlalchemy as sa
from portal import config, create_app
from portal.kernel import clock
from portal.kernel.db import database
from portal.kernel.jobs import jobs

name, moment, statement, times = sys.argv[1:]
app = create_app(config.load())
seen = []

@sa.event.listens_for(database().engine, "before_cursor_execute")
def watch(_connection, _cursor, text, *_rest):
    if statement and statement in text:
        seen.append(text)
        if len(seen) == int(times):
            os.kill(os.getpid(), signal.SIGKILL)

with app.app_context(), clock.at(datetime.fromisoformat(moment)):
    jobs()[name].run()
"""


def kill_in_job(folder: Path, job: str, moment: str, *, at: str, times: int) -> None:
    """Run a job by its name in a process of its own, killed before it runs a statement with `at` in it that often."""
    environment = {
        **os.environ,
        "COMPTOIR_INSTANCE": str(folder),
        "COMPTOIR_BASE_URL": "http://localhost",
        "COMPTOIR_DATABASE_URL": kernel_db.database().engine.url.render_as_string(hide_password=False),
    }
    command = [sys.executable, "-c", _PROGRAM, job, moment, at, str(times)]
    done = subprocess.run(command, env=environment, cwd=config.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, f"it was not killed: {done.stderr[-2000:]}"
