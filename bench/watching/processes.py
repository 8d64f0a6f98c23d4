"""The processes of one measurement: started, waited for, their CPU read, ended."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from portal.config import ROOT

_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 20


def cpu_seconds(pid: int) -> float:
    """CPU that a process and everything below it has used so far; what has ended below it is in its parent's count."""
    children: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue  # it has just ended
        # The name stands in parentheses and may hold anything.
        fields = text[text.rindex(")") + 2 :].split()
        number = int(folder.name)
        children.setdefault(int(fields[1]), []).append(number)
        used[number] = sum(int(fields[index]) for index in (11, 12, 13, 14))
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        total += used.get(one, 0)
        waiting += children.get(one, [])
    return total / _TICKS


@contextmanager
def running(command: list[str], environment: Mapping[str, str], folder: Path, name: str) -> Iterator[int]:
    """A program of ours from the clone's folder; yields its process id. Its output is kept, and shown when it fails."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process.pid
            if process.poll() is not None:
                msg = f"{name} ended by itself ({process.returncode}): {log.read_text()[-2000:]}"
                raise RuntimeError(msg)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_it_answers(address: str, log: Path) -> None:
    """Return once anything answers there; RuntimeError with what the program said when nothing does."""
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(address, timeout=1):  # noqa: S310 (our own address)
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    msg = f"nothing answers at {address}: {log.read_text()[-2000:]}"
    raise RuntimeError(msg)


@contextmanager
def cpu_shares(pids: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """Fills a dict with the cores that each of these kept busy while the block ran."""
    before, began = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic()
    shares: dict[str, float] = {}
    yield shares
    seconds = time.monotonic() - began
    shares.update({name: (cpu_seconds(pid) - before[name]) / seconds for name, pid in pids.items()})
