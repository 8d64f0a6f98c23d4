"""The pieces of the design in a real browser: no barriers in any language or light, and what the scripts add."""

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import DESKTOP, PHONE, SMALLEST_PHONE, barriers, sideways

PIECES = "/dev/components"
CONTROLS = "button, .btn, .tab, a.row, summary, .tool, .foot a, .input, .seg a"
WAITS, IN_PLACE = True, False
# A live part as a page has it: it polls, and what arrives may wait behind a button.
LIVE_PART = """
async (holds) => {
  document.querySelector('main').insertAdjacentHTML('afterbegin', `
    <button class="btn hold" id="waiting" hidden><span data-words></span></button>
    <div id="part" data-poll="/part" data-every="100" ${holds ? 'data-poll-hold="waiting"' : ''}>
      first <a href="#x" id="kept">link</a></div>`);
  const live = await import('/static/js/live.js');
  live.start(document);
}
"""


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_piece_is_a_barrier(open_page, language, dark, viewport):
    page = open_page(f"{PIECES}?lang={language}", language=language, dark=dark, viewport=viewport)
    assert barriers(page) == []


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_nothing_scrolls_sideways_on_the_smallest_phone(open_page, language):
    assert sideways(open_page(f"{PIECES}?lang={language}", language=language, viewport=SMALLEST_PHONE)) == 0


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_thumb_finds_every_control(open_page, language):
    """48 px high, as the design asks; a link inside a sentence is as high as its line."""
    page = open_page(f"{PIECES}?lang={language}", language=language)
    small = page.evaluate(
        """(controls) => [...document.querySelectorAll(controls)]
          .map((control) => [control, control.getBoundingClientRect()])
          .filter(([control, box]) => box.height > 0 && box.height < 44 && !control.closest('.switch, .skip'))
          .map(([control, box]) => `${control.outerHTML.slice(0, 60)} ${box.height}`)""",
        CONTROLS,
    )
    assert small == []


def test_a_code_takes_digits_of_any_script_and_a_pasted_one(page):
    page.goto(f"{PIECES}?lang=fr")
    code = page.get_by_label("Code reçu")
    code.fill("")
    code.press_sequentially("4a١ 8")
    expect(code).to_have_value("418")
    drawn = page.locator(".code").first.locator("i").evaluate_all("(cells) => cells.map((cell) => cell.className)")
    assert drawn == ["", "", "", "on", "", ""]
    code.evaluate(
        """(input) => {
          const data = new DataTransfer();
          data.setData('text', '12 34-56 78');
          input.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
        }"""
    )
    expect(code).to_have_value("123456")


def test_a_quantity_stays_within_its_bounds(page):
    page.goto(f"{PIECES}?lang=fr")
    number = page.get_by_label("Quantité", exact=True).first
    less = page.get_by_role("button", name="Un de moins").first
    for _press in range(4):
        less.click()
    expect(number).to_have_value("1")
    page.get_by_role("button", name="Un de plus").first.click()
    expect(number).to_have_value("2")


def test_a_menu_closes_elsewhere_and_by_escape(page):
    page.goto(f"{PIECES}?lang=fr")
    menu = page.locator("details.menu").first
    menu.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    page.mouse.click(20, 700)
    expect(menu).not_to_have_attribute("open", "")
    menu.locator("summary").click()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


def test_a_draft_survives_leaving_the_page(page):
    page.goto(f"{PIECES}?lang=fr")
    page.get_by_label("En une phrase").fill("Une question à moitié écrite")
    expect(page.get_by_text("Brouillon gardé")).to_be_visible()
    page.goto("/fr/")
    page.goto(f"{PIECES}?lang=fr")
    expect(page.get_by_label("En une phrase")).to_have_value("Une question à moitié écrite")


def _draft_in_a_form(page: Page) -> None:
    """The page as somebody has it who writes in a form with a draft."""
    page.goto("/fr/offline")
    page.evaluate(
        """() => {
          document.querySelector('main').innerHTML = `<form method="get" action="/fr/help">
            <textarea data-draft="lost" name="text"></textarea><button class="btn">Go</button></form>`;
          const script = document.createElement('script');
          script.type = 'module';
          script.src = '/static/js/portal.js';
          document.head.append(script);
          return new Promise((resolve) => script.addEventListener('load', resolve));
        }"""
    )
    page.locator("textarea").fill("words")


def test_a_draft_goes_once_the_server_has_answered(page):
    _draft_in_a_form(page)
    page.locator("button.btn").click()
    page.wait_for_url("**/fr/help*")
    page.wait_for_function("localStorage.getItem('draft:lost') === null")


def test_a_draft_sent_without_a_network_is_kept(page):
    _draft_in_a_form(page)
    page.route("**/fr/help*", lambda route: route.abort("internetdisconnected"))
    page.locator("button.btn").click()
    page.wait_for_url("chrome-error://**")
    page.goto("/fr/offline")
    assert page.evaluate("localStorage.getItem('draft:lost')") == "words"


def test_a_form_is_sent_once_however_often_it_is_pressed(page):
    sent = []
    _draft_in_a_form(page)
    page.on("request", lambda request: sent.append(request.url) if "/fr/help" in request.url else None)
    busy = page.locator("button.btn").evaluate(
        "(button) => { button.click(); button.click(); button.click(); return button.getAttribute('aria-busy'); }"
    )
    assert busy == "true"
    page.wait_for_url("**/fr/help*")
    assert len(sent) == 1


def test_what_arrives_live_waits_until_it_is_tapped(page):
    page.goto(f"{PIECES}?lang=fr")
    asked: list[str | None] = []

    def answer(route) -> None:
        tag = route.request.headers.get("if-none-match")
        asked.append(tag)
        if tag:
            route.fulfill(status=304)
        else:
            route.fulfill(body="second", headers={"ETag": '"2"', "X-New": "3%20nouvelles", "Content-Type": "text/html"})

    page.route("**/part", answer)
    page.evaluate(LIVE_PART, WAITS)
    waiting = page.get_by_role("button", name="3 nouvelles")
    expect(waiting).to_be_visible()
    expect(page.locator("#part")).to_contain_text("first")
    waiting.click()
    expect(page.locator("#part")).to_have_text("second")
    expect(page.locator("#waiting")).to_be_hidden()
    page.wait_for_timeout(300)
    assert asked[0] is None
    assert set(asked[1:]) == {'"2"'}


def test_what_is_exchanged_in_place_keeps_the_focus(page):
    page.goto(f"{PIECES}?lang=fr")
    body = 'second <a href="#x" id="kept">link</a>'
    page.route("**/part", lambda route: route.fulfill(body=body, headers={"ETag": '"2"', "Content-Type": "text/html"}))
    page.evaluate(LIVE_PART, IN_PLACE)
    page.locator("#kept").focus()
    expect(page.locator("#part")).to_contain_text("second")
    expect(page.locator("#kept")).to_be_focused()


def test_without_scripts_nothing_is_offered_that_needs_them(open_page):
    page = open_page(f"{PIECES}?lang=fr", javascript=False)
    expect(page.get_by_role("button", name="Copier")).to_be_hidden()
    expect(page.locator(".step button.js").first).to_be_hidden()
    expect(page.get_by_label("Quantité", exact=True).first).to_be_editable()
    menu = page.locator("details.menu").first
    menu.locator("summary").click()
    expect(menu.get_by_role("link", name="English")).to_be_visible()
    toast = page.locator("details.toast")
    expect(toast).to_be_visible()
    toast.locator("summary").click()
    expect(toast).to_be_hidden()
