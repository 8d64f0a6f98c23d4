"""The portal as `make run` starts it: three processes on free ports, in an instance folder of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from portal.config import ROOT

# The first start migrates, loads the demo data and warms up on a busy machine.
START_SECONDS = 240
STOP_SECONDS = 20


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    """Whether something serves at this address, whatever it says."""
    try:
        with urllib.request.urlopen(address, timeout=2):  # noqa: S310 (our own address)
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@dataclass
class PortalServer:
    """A started portal; `url` has no slash at its end."""

    url: str
    payments_url: str
    instance: Path
    log: Path
    process: subprocess.Popen[bytes]

    def output(self) -> str:
        """Everything the three processes have said."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self) -> None:
        """Until the portal has said its welcome; raises with its output when it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while f"Comptoir is at {self.url}" not in self.output():
            if self.process.poll() is not None or time.monotonic() > deadline:
                msg = f"the portal did not start:\n{self.output()}"
                raise RuntimeError(msg)
            time.sleep(0.1)

    def stop(self) -> int:
        """As Ctrl-C does; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def start(folder: Path, **environment: str) -> PortalServer:
    """Start the portal with its data in `folder`, and wait until it answers."""
    web, payments = free_port(), free_port()
    log = folder / "output.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.run"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("COMPTOIR_")},
                "COMPTOIR_INSTANCE": str(folder / "instance"),
                "COMPTOIR_PORT": str(web),
                "COMPTOIR_PAYMENTS_PORT": str(payments),
                "COMPTOIR_WEB_WORKERS": "1",
                **environment,
            },
        )
    server = PortalServer(
        url=f"http://localhost:{web}",
        payments_url=f"http://localhost:{payments}",
        instance=folder / "instance",
        log=log,
        process=process,
    )
    try:
        server.wait()
    except BaseException:
        if process.poll() is None:
            server.stop()
        raise
    return server
