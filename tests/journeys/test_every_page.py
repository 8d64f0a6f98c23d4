"""Every page that can be reached by links, as each kind of person: it opens, and nothing on it stands in the way."""

import re
from collections import deque
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Page

from portal.demo import people
from tests.journeys.browsing import SMALLEST_PHONE, barriers, sideways, sign_in_as_demo

VISITOR = None
# One page of each kind is enough: a number, a slug after it, a long token stand for all of theirs.
_VARYING = re.compile(r"\d+(?:-[^/]*)?|[A-Za-z0-9_-]{20,}")
_SAME_KIND = ((re.compile(r"^/(fr|en|ar)(?=/|$)"), "/*"), (re.compile(r"(?<=/p/)[^/]+"), "*"), (_VARYING, "*"))
# The mail as a mail program shows it is no page of ours, the way into the video leads to somebody else's, and the
# components page has its own test.
NOT_FOLLOWED = re.compile(r"^/dev/mail/\d+/|^/dev/components|^/static/|^/../sessions/\d+/enter$")
MOST_PAGES = 60


def kind_of(path: str) -> str:
    """`/*/q/*` for every question in every language."""
    for pattern, star in _SAME_KIND:
        path = pattern.sub(star, path)
    return path


def links_of(page: Page) -> list[str]:
    """Where the page's links lead, as paths of this portal."""
    here = urlsplit(page.url)
    found = page.locator("a[href]").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    targets = (urlsplit(urljoin(page.url, link)) for link in found)
    return [
        f"{target.path}?{target.query}" if target.query else target.path
        for target in targets
        if (target.scheme, target.netloc) == (here.scheme, here.netloc) and not NOT_FOLLOWED.match(target.path)
    ]


def look(page: Page, path: str) -> list[str]:
    """What is wrong with one page; its file downloads only have to answer."""
    answer = page.request.get(path)
    if answer.status != 200:
        return [f"{path} answers {answer.status}"]
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return []
    page.goto(path)
    found = [f"{path}: {barrier}" for barrier in barriers(page)]
    beyond = sideways(page)
    return [*found, f"{path} scrolls sideways by {beyond} px"] if beyond else found


def walk(page: Page, start: str) -> tuple[list[str], set[str]]:
    """Follow links from a page, one of each kind; returns what is wrong, and the kinds that were seen."""
    waiting, seen, wrong = deque([start]), {kind_of(urlsplit(start).path)}, []
    while waiting and len(seen) <= MOST_PAGES:
        path = waiting.popleft()
        wrong += look(page, path)
        for link in links_of(page):
            kind = kind_of(urlsplit(link).path)
            if kind not in seen:
                seen.add(kind)
                waiting.append(link)
    return wrong, seen


@pytest.mark.parametrize(
    ("person", "language", "dark", "must_see"),
    [
        (VISITOR, "fr", False, {"/*/", "/*/programme", "/*/programme/*", "/*/questions", "/*/q/*", "/*/sign-in"}),
        (people.KARIM, "fr", True, {"/*/me", "/*/shop", "/*/shop/products", "/*/shop/orders", "/*/wallet"}),
        (people.NADIA, "ar", False, {"/*/me", "/*/programme", "/*/wallet", "/*/profile"}),
        (people.CLAIRE, "en", False, {"/*/me", "/*/certificate", "/*/sessions/*/replay"}),
        (people.INES, "fr", False, {"/*/expert", "/*/expert/availability"}),
        (people.ODILE, "ar", True, {"/*/manage", "/*/manage/cohorts/*/people", "/*/manage/lessons/*"}),
    ],
    ids=["visitor", "merchant", "reader of Arabic", "candidate", "expert", "organiser"],
)
def test_every_page_opens_without_barriers(open_page, portal_server, person, language, dark, must_see):
    page = open_page(None, language=language, dark=dark, viewport=SMALLEST_PHONE)
    start = f"/{language}/"
    if person is not VISITOR:
        sign_in_as_demo(page, portal_server.url, person.name, language=language)
        start = urlsplit(page.url).path
    page.goto(start)
    wrong, seen = walk(page, start)
    assert wrong == []
    assert must_see <= seen
