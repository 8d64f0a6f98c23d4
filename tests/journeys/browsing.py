"""What a journey asks of its browser: come in, read mail, weigh a page, look for barriers."""

import re
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

PHONE = {"width": 390, "height": 844}
SMALLEST_PHONE = {"width": 320, "height": 640}
DESKTOP = {"width": 1280, "height": 800}
# Mail is sent by the worker, a moment after the page has answered.
MAIL_MS = 30_000
_STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def sign_in_as(page: Page, url: str, email: str, *, language: str = "fr") -> None:
    """Come in the way everybody does: one field, the mail, its link, one press."""
    page.goto(f"{url}/{language}/sign-in")
    page.get_by_role("textbox").fill(email)
    page.locator("form:has(input[type=email]) button[type=submit], form:has([name=email]) button").first.click()
    link = re.search(r"https?://\S+/sign-in/link/\S+", open_mail(page, url, email))
    assert link is not None, "the sign-in mail holds no link"
    page.goto(link[0])
    page.locator("main form button").first.click()
    page.wait_for_url(lambda address: "/sign-in" not in address)


def sign_in_as_demo(page: Page, url: str, name: str, *, language: str = "fr") -> None:
    """Come in as a demo person, by the name on the sign-in page."""
    page.goto(f"{url}/{language}/sign-in")
    page.locator("form[action$='/sign-in/demo'] button", has_text=name).first.click()
    page.wait_for_url(lambda address: "/sign-in" not in address)


def open_mail(page: Page, url: str, email: str, subject: str = "") -> str:
    """Open the newest mail to an address (whose subject holds `subject`) in the sandbox's mailbox; returns its text."""
    row = page.locator("main a[href*='/dev/mail/']", has_text=subject or None).first
    waited = 0
    while waited <= MAIL_MS:
        page.goto(f"{url}/dev/mail?to={email}")
        if row.count():
            row.click()
            return str(page.locator("main .prose").first.inner_text())
        page.wait_for_timeout(250)
        waited += 250
    msg = f"no mail to {email} within {MAIL_MS / 1000:.0f} seconds"
    raise AssertionError(msg)


def barriers(page: Page) -> list[str]:
    """What axe finds on the page as it is now: `rule: selector`, empty when nothing."""
    results = Axe().run(page, options={"runOnly": {"type": "tag", "values": _STANDARDS}})
    return [
        f"{violation['id']}: {' '.join(str(part) for part in node['target'])}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]


def sideways(page: Page) -> int:
    """By how many CSS pixels the page can be scrolled sideways."""
    # A page that refreshes itself has no document for a moment.
    page.wait_for_function("document.body !== null")
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@dataclass
class Weight:
    """What a cold visit of a page costs: bytes on the wire, headers included, and requests, by kind."""

    total_bytes: int = 0
    requests: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    requests_by_kind: dict[str, int] = field(default_factory=dict)

    @property
    def kilobytes(self) -> float:
        """In kB of 1,000 bytes, pictures included."""
        return self.total_bytes / 1000

    def without(self, *kinds: str) -> float:
        """kB without some kinds of resource (`Image`)."""
        return (self.total_bytes - sum(self.by_kind.get(kind, 0) for kind in kinds)) / 1000

    def requests_without(self, *kinds: str) -> int:
        """Requests without those of some kinds of resource (`Image`)."""
        return self.requests - sum(self.requests_by_kind.get(kind, 0) for kind in kinds)


def weigh(browser: Browser, address: str, *, cookies: list[dict[str, object]] | None = None) -> Weight:
    """Open the page cold on a phone, in a context without a cache, and count what comes over the wire."""
    context = browser.new_context(viewport=PHONE, locale="fr-FR", extra_http_headers={"Accept-Language": "fr"})
    if cookies:
        context.add_cookies(cookies)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    weight = Weight()
    kinds: dict[str, str] = {}

    def answered(event: dict[str, object]) -> None:
        address = str(event["response"]["url"])
        if not address.startswith("data:"):
            kinds[str(event["requestId"])] = str(event["type"])

    def finished(event: dict[str, object]) -> None:
        kind = kinds.get(str(event["requestId"]))
        if kind is not None:
            size = int(event["encodedDataLength"])
            weight.total_bytes += size
            weight.requests += 1
            weight.by_kind[kind] = weight.by_kind.get(kind, 0) + size
            weight.requests_by_kind[kind] = weight.requests_by_kind.get(kind, 0) + 1

    session.on("Network.responseReceived", answered)
    session.on("Network.loadingFinished", finished)
    page.goto(address, wait_until="networkidle")
    expect(page.locator("main")).to_be_visible()
    context.close()
    return weight
