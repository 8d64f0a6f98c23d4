"""What a cold visit may cost: kB on the wire and requests, as decided for each page."""

import re

import pytest

from portal.demo import people
from tests.journeys.browsing import sign_in_as_demo, weigh

# (whose page, where, kB without pictures, requests without pictures); a path in `find` is taken from that page's links.
VISITOR = None
BUDGETS = [
    (VISITOR, "/fr/", 18, 4),
    (VISITOR, "/fr/programme", 18, 4),
    (people.CLAIRE, "/fr/programme", 18, 4),
    (VISITOR, "/fr/questions", 20, 5),
    (people.CLAIRE, "/fr/certificate", 15, 3),
    (VISITOR, "/v", 15, 3),
    (VISITOR, "/b/epicerie-du-port", 20, 6),
    (people.CLAIRE, "/fr/wallet", 16, 3),
    (people.CLAIRE, "/fr/me", 18, 4),
    (people.ODILE, "/fr/manage", 30, 4),
    (people.ODILE, "/fr/manage/cohorts/new", 30, 4),
    (people.INES, "/fr/expert", 30, 5),
]
FOUND = [
    # (whose page, the list, the link's pattern on it, kB, requests)
    (VISITOR, "/fr/questions", r"/fr/q/\d+-", 15, 3),
    (VISITOR, "/b/epicerie-du-port", r"/b/epicerie-du-port/p/", 20, 6),
    (people.NADIA, "/fr/me", r"/fr/sessions/\d+", 20, 5),
]
PICTURES_KB = 60
# Pictures have a budget of their own; the tab's icon is the browser's request, after everything else.
BESIDES = ("Image", "Other")


def _cookies(page):
    return [
        {key: cookie[key] for key in ("name", "value", "domain", "path")}
        for cookie in page.context.cookies()
        if cookie["name"] == "comptoir"
    ]


def _visitor_or(person, open_page, portal_server):
    page = open_page(None)
    if person is not VISITOR:
        sign_in_as_demo(page, portal_server.url, person.name)
    return page


def _weighed(browser, portal_server, page, path):
    weight = weigh(browser, f"{portal_server.url}{path}", cookies=_cookies(page))
    pictures = weight.by_kind.get("Image", 0) / 1000
    assert pictures <= PICTURES_KB, f"{pictures:.1f} kB of pictures in the first viewport of {path}"
    return weight


def _check(weight, path, kilobytes, requests):
    assert weight.without(*BESIDES) <= kilobytes, f"{path}: {weight.without(*BESIDES):.1f} kB, {weight.by_kind}"
    assert weight.requests_without(*BESIDES) <= requests, f"{path}: {weight.requests_by_kind}"


@pytest.mark.parametrize(("person", "path", "kilobytes", "requests"), BUDGETS)
def test_a_page_keeps_its_budget(browser, portal_server, open_page, person, path, kilobytes, requests):
    page = _visitor_or(person, open_page, portal_server)
    _check(_weighed(browser, portal_server, page, path), path, kilobytes, requests)


@pytest.mark.parametrize(("person", "listed", "pattern", "kilobytes", "requests"), FOUND)
def test_a_page_behind_a_list_keeps_its_budget(
    browser, portal_server, open_page, person, listed, pattern, kilobytes, requests
):
    page = _visitor_or(person, open_page, portal_server)
    page.goto(f"{portal_server.url}{listed}")
    links = page.locator("main a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    path = next(link for link in links if re.search(pattern, link or ""))
    _check(_weighed(browser, portal_server, page, path.partition("#")[0]), path, kilobytes, requests)
