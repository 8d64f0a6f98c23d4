"""A real browser against the three real processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from scripts import prepare
from tests.journeys import server
from tests.journeys.browsing import PHONE

_LOCALES = {"fr": "fr-FR", "en": "en-GB", "ar": "ar-MA"}
# The browser talks to nobody but us, and starts without asking anything.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# The browser itself notes every answer of 400 and more; a journey that expects one looks at the page instead.
_EXPECTED = ("Failed to load resource",)
_STEP_MS = 15_000
OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Journeys come first: they share one portal and one browser, both gone when the rest begins."""
    journeys = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in journeys:
        item.add_marker("journey")
    chosen = set(journeys)
    items[:] = [*journeys, *(item for item in items if item not in chosen)]


@pytest.fixture(scope="package")
def portal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.PortalServer]:
    """The portal, as `make run` starts it, with its demo data."""
    started = server.start(tmp_path_factory.mktemp("portal"))
    yield started
    started.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one that Playwright fetched.

    Gone after the last journey: Playwright keeps an event loop in this thread, where nobody else could run one.
    """
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=prepare.browser(), args=list(_ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, portal_server: server.PortalServer) -> Iterator[OpenPage]:
    """Opens a page of a browser of its own: `open_page("/fr/", language="ar", javascript=False)`.

    The test fails at its end when a page had an error in its scripts or broke the Content-Security-Policy.
    """
    contexts: list[Any] = []
    troubles: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_EXPECTED):
            troubles.append(f"{message.location.get('url')}: {message.text}")

    def open_one(
        path: str | None = "/",
        *,
        language: str = "fr",
        viewport: dict[str, int] = PHONE,
        dark: bool = False,
        javascript: bool = True,
    ) -> Page:
        context = browser.new_context(
            base_url=portal_server.url,
            viewport=viewport,
            locale=_LOCALES[language],
            timezone_id="Europe/Paris",
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            java_script_enabled=javascript,
        )
        context.set_default_timeout(_STEP_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        if path is not None:
            page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A phone in French, on a blank page: `page.goto("/fr/")`."""
    return open_page(None)
