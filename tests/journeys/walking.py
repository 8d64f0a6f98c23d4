"""Walking through the portal as several people at once, looking at each page on the way."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page

from portal.demo import people
from tests.journeys.browsing import SMALLEST_PHONE, barriers, sideways, sign_in_as_demo


@dataclass
class Seen:
    """The pages that were walked through: by whom, and where."""

    pages: list[tuple[Page, str]] = field(default_factory=list)

    def look(self, page: Page) -> None:
        """No barrier, nothing sideways; and remember the page for the other languages."""
        assert barriers(page) == [], page.url
        wide = page.viewport_size
        page.set_viewport_size(SMALLEST_PHONE)
        assert sideways(page) == 0, f"{page.url} scrolls sideways at 320 px"
        page.set_viewport_size(wide)
        self.pages.append((page, page.url))


@dataclass
class Journey:
    """What the steps share: the portal's address, browsers by person, and what was seen."""

    url: str
    open_page: Callable[..., Page]
    seen: Seen
    browsers: dict[str, Page] = field(default_factory=dict)

    def demo(self, person: people.DemoPerson) -> Page:
        """The browser of a demo person, signed in."""
        if person.email not in self.browsers:
            page = self.open_page(None)
            sign_in_as_demo(page, self.url, person.name)
            self.browsers[person.email] = page
        return self.browsers[person.email]


def post_form(page: Page, action: str) -> None:
    """Press the (first) button of the form that leads to `action`."""
    page.locator(f"form[action*='{action}'] button").first.click()


def fill(page: Page, **values: str) -> None:
    """Fill fields by their names."""
    for name, value in values.items():
        page.locator(f"main [name={name}]").first.fill(value)


def in_arabic(journey: Journey) -> None:
    """The same pages by the same people, right to left."""
    seen = {}
    for page, address in journey.seen.pages:
        seen.setdefault((id(page.context), address.partition("#")[0]), (page, address))
    for page, address in seen.values():
        if re.search(r"/(fr|en)(/|$)", address):
            page.goto(re.sub(r"/(?:fr|en)(/|$)", r"/ar\1", address, count=1))
        else:
            page.goto(f"{address}{'&' if '?' in address else '?'}lang=ar")
        assert page.locator("html").get_attribute("dir") == "rtl", page.url
        assert barriers(page) == [], page.url
        assert sideways(page) == 0, page.url
