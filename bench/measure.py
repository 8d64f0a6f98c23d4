"""Measuring pages: CPU of one process through WSGI, and requests a second behind the web server."""

import io
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from wsgiref.types import WSGIApplication

from flask import Flask

from portal.config import ROOT

ROUNDS = 5
# Long enough for the clock, short enough that five rounds of every page fit in half a minute.
ROUND_SECONDS = 0.4
HOST = "localhost"


def hello() -> Flask:
    """The reference: a bare Flask application that says one word."""
    app = Flask("hello")
    app.add_url_rule("/", "hello", lambda: "hello")
    return app


def environ(path: str, cookie: str = "") -> dict[str, Any]:
    """What a WSGI server hands over for a GET. No compression is asked for: the proxy in front does that."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path.partition("?")[0],
        "QUERY_STRING": path.partition("?")[2],
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": HOST,
        "HTTP_ACCEPT": "text/html",
        "HTTP_ACCEPT_LANGUAGE": "fr",
        "HTTP_COOKIE": cookie,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def get(app: WSGIApplication, request: dict[str, Any]) -> tuple[str, bytes]:
    """One request: the status line and the body as it would leave."""
    status = ""

    def start_response(line: str, _headers: object, _error: object = None) -> Callable[[bytes], object]:
        nonlocal status
        status = line
        return lambda data: data

    answer = app(dict(request), start_response)
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return status, body


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU of one call, this process only, averaged over about `ROUND_SECONDS` of calls."""
    calls = 0
    began = time.process_time()
    while (spent := time.process_time() - began) < ROUND_SECONDS:
        work()
        calls += 1
    return spent / calls


def ratios(reference: Callable[[], object], pages: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """(CPU of the reference ÷ CPU of the page, seconds of the page): medians of interleaved rounds."""
    for work in (reference, *pages.values()):
        for _ in range(5):
            work()
    shares: dict[str, list[float]] = {name: [] for name in pages}
    seconds: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(ROUNDS):
        for name, work in pages.items():
            base = cpu_seconds(reference)
            cost = cpu_seconds(work)
            shares[name].append(base / cost)
            seconds[name].append(cost)
    return {name: (statistics.median(shares[name]), statistics.median(seconds[name])) for name in pages}


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def granian(target: str, settings: dict[str, str]) -> Iterator[int]:
    """The web server with two workers, as in production; yields its port."""
    port = free_port()
    options = ["--interface", "wsgi", "--workers", "2", "--blocking-threads", "1", "--no-ws", "--log-level", "error"]
    command = [sys.executable, "-m", "granian", *options, "--port", str(port), target]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings})
    try:
        _wait(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    msg = "the web server did not start"
    raise RuntimeError(msg)


def per_second(port: int, path: str, cookie: str = "", *, clients: int = 8, seconds: float = 3) -> float:
    """Requests a second that so many keep-alive clients get answered with 200."""

    def drive(_number: int) -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"Host": HOST, "Cookie": cookie, "Accept-Language": "fr"}
        answered = 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, f"{path} answers {answer.status}"
            answered += 1
        connection.close()
        return answered

    with ThreadPoolExecutor(clients) as pool:
        began = time.monotonic()
        total = sum(pool.map(drive, range(clients)))
        return total / (time.monotonic() - began)
