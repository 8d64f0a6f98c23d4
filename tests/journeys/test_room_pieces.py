"""What the scripts add to the live room: parts that everybody sees alike, without moving anything under a thumb."""

import re

from playwright.sync_api import expect

PIECES = "/dev/components?lang=fr"
WORDS = '{"one":"# nouvelle","other":"# nouvelles"}'


def row(number: int, words: str, votes: int, *, mine: bool = False, done: bool = False) -> str:
    """A question as the room lists it."""
    vote = (
        f'<button class="vote" form="vote" formaction="/vote/{number}" name="value" value="{0 if mine else 1}"'
        f' aria-pressed="{str(mine).lower()}">{votes}</button>'
    )
    shown = '<span class="vote">done</span>' if done else vote
    own = "Votre question" if mine else "Quelqu’un"
    return f'<li id="q{number}"{" data-done" if done else ""}>{shown}<p>{words}</p><i data-own>{own}</i></li>'


def fragment(*rows: str, slide: str = "One", over: bool = False) -> str:
    """What everybody sees."""
    return (
        f'<div data-part="slide"><b{" data-over" if over else ""}>{slide}</b></div>'
        f'<div data-part="questions"><ul>{"".join(rows)}</ul></div>'
    )


ROOM = """
async ([rows, words]) => {
  document.querySelector('main').insertAdjacentHTML('afterbegin', `
    <section data-quiet><div data-part="slide"><b>One</b></div>
    <button id="new-questions" hidden><span data-words></span></button>
    <form id="vote" method="post" action="/nowhere"></form>
    <div data-part="questions" data-order="useful">${rows}</div>
    <form class="composer" method="post" action="/ask"><input name="title"><button>Ask</button></form></section>
    <span data-parts="/now" data-every="100" data-sent="[data-order]"></span>
    <span data-parts="/own" data-every="100"></span>`);
  document.querySelector('[data-words]').dataset.words = words;
  const live = await import('/static/js/live.js');
  live.start(document);
}
"""


class Room:
    """The addresses that the page asks, as the portal would answer them."""

    def __init__(self, page, *rows: str) -> None:
        """Open the room with these rows."""
        self.html, self.version, self.asked, self.sent = fragment(*rows), 1, 0, []
        page.route("**/now", self._now)
        page.route("**/own", lambda route: route.fulfill(status=304))
        for address in ("**/vote/*", "**/ask"):
            page.route(address, self._post)
        page.goto(PIECES)
        page.evaluate(ROOM, [f"<ul>{''.join(rows)}</ul>", WORDS])

    def say(self, *rows: str, slide: str = "One", over: bool = False) -> None:
        """From now on everybody sees this."""
        self.html, self.version = fragment(*rows, slide=slide, over=over), self.version + 1

    def _now(self, route) -> None:
        self.asked += 1
        tag = f'W/"{self.version}"'
        if route.request.headers.get("if-none-match") == tag:
            route.fulfill(status=304)
        else:
            route.fulfill(body=self.html, headers={"ETag": tag, "Content-Type": "text/html"})

    def _post(self, route) -> None:
        self.sent.append((route.request.url.rpartition("/")[2], route.request.post_data))
        route.fulfill(status=303, headers={"Location": "/somewhere"})


def order(page) -> list[str]:
    return page.locator("[data-part=questions] li").evaluate_all("(rows) => rows.map((row) => row.id)")


def test_the_slide_changes_in_place_and_the_end_stops_the_asking(page):
    room = Room(page, row(1, "Un", 3))
    room.say(row(1, "Un", 3), slide="Two")
    expect(page.locator("[data-part=slide]")).to_have_text("Two")
    room.say(row(1, "Un", 3), slide="Over", over=True)
    expect(page.locator("[data-part=slide]")).to_have_text("Over")
    page.wait_for_timeout(200)
    asked = room.asked
    page.wait_for_timeout(500)
    assert room.asked == asked


def test_votes_change_the_counts_and_never_the_places_nor_what_is_ones_own(page):
    room = Room(page, row(1, "Un", 3), row(2, "Deux", 2, mine=True))
    # Everybody's fragment knows nobody's votes, and puts the most wanted first.
    room.say(row(2, "Deux", 9), row(1, "Un", 3))
    expect(page.locator("#q2 .vote")).to_have_text("9")
    assert order(page) == ["q1", "q2"]
    expect(page.locator("#q2 .vote")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#q2 [data-own]")).to_have_text("Votre question")


def test_new_questions_wait_until_they_are_asked_for(page):
    room = Room(page, row(1, "Un", 3))
    room.say(row(3, "Trois", 5), row(2, "Deux", 4), row(1, "Un", 3))
    waiting = page.get_by_role("button", name="2 nouvelles")
    expect(waiting).to_be_visible()
    assert order(page) == ["q1"]
    waiting.click()
    assert order(page) == ["q3", "q2", "q1"]
    expect(waiting).to_be_hidden()


def test_what_was_answered_before_stays_away_and_what_is_answered_now_stays_in_place(page):
    room = Room(page, row(1, "Un", 3), row(2, "Deux", 2))
    room.say(row(2, "Deux", 2), row(1, "Un", 3, done=True), row(7, "Autrefois", 1, done=True))
    expect(page.locator("#q1 .vote")).to_have_text("done")
    assert order(page) == ["q1", "q2"]
    expect(page.locator("#new-questions")).to_be_hidden()


def test_a_vote_is_sent_once_without_leaving_the_page(page):
    room = Room(page, row(1, "Un", 3))
    address = page.url
    page.locator("#q1 .vote").click()
    expect(page.locator("#q1 .vote")).to_have_attribute("aria-pressed", "true")
    assert [where for where, _what in room.sent] == ["1"]
    assert re.search(r'name="value"\s+1\b', room.sent[0][1])
    # Taking it back.
    page.locator("#q1 .vote").click()
    expect(page.locator("#q1 .vote")).to_have_attribute("aria-pressed", "false")
    assert re.search(r'name="value"\s+0\b', room.sent[1][1])
    assert page.url == address


def test_ones_own_question_is_no_news_to_its_asker(page):
    room = Room(page, row(1, "Un", 3))
    page.locator("input[name=title]").fill("Et moi ?")
    room.say(row(1, "Un", 3))
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Ask").click()
    room.say(row(1, "Un", 3), row(2, "Et moi ?", 0))
    expect(page.locator("#q2")).to_be_visible()
    expect(page.locator("input[name=title]")).to_have_value("")
    assert [where for where, _what in room.sent] == ["ask"]


def test_ones_own_question_is_no_news_even_when_an_answer_without_it_comes_first(page):
    room = Room(page, row(1, "Un", 3))
    page.locator("input[name=title]").fill("Et moi ?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("input[name=title]")).to_have_value("")
    for votes in (4, 5):
        room.say(row(1, "Un", votes))
        expect(page.locator("#q1 .vote")).to_have_text(str(votes))
    room.say(row(1, "Un", 5), row(2, "Et moi ?", 0))
    expect(page.locator("#q2")).to_be_visible()
    room.say(row(1, "Un", 5), row(2, "Et moi ?", 0), row(3, "Un autre", 0))
    expect(page.get_by_role("button", name="1 nouvelle")).to_be_visible()
