"""From sign-up to first sale, in a browser: the seven steps, in French; then the same pages in Arabic."""

import io
import re
from datetime import date, timedelta

from icalendar import Calendar
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from portal.demo import people
from tests.journeys.browsing import barriers, open_mail
from tests.journeys.walking import Journey, Seen, fill, in_arabic, post_form

LIVE_MS = 12_000
PING_MS = 30_000
PREPARED_MS = 60_000
TEST_CARD = "4242 4242 4242 4242"


def drawn_photo() -> bytes:
    """A photo as a phone takes it, drawn here."""
    picture = Image.new("RGB", (1600, 1200), "#dde3ee")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((500, 300, 1100, 900), fill="#3b5aa0")
    draw.ellipse((520, 240, 1080, 380), fill="#c89b6a")
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return file.getvalue()


def join_a_cohort(journey: Journey) -> None:
    """1. An e-mail address, the mail's link, a cohort, 25 dated sessions, the calendar and the mail with it."""
    page = journey.open_page("/fr/")
    journey.seen.look(page)
    page.locator("main [name=email]").fill("elise@lefil.example")
    page.locator("main form button").first.click()
    expect(page).to_have_url(re.compile(r"/fr/sign-in/code/"))
    journey.seen.look(page)
    link = re.search(r"https?://\S+/sign-in/link/\S+", open_mail(page, journey.url, "elise@lefil.example"))
    assert link
    page.goto(link[0])
    expect(page.locator("h1")).to_be_visible()
    page.locator("main form button").click()
    expect(page).to_have_url(re.compile(r"/fr/me$"))
    journey.seen.look(page)

    page.goto("/fr/programme")
    journey.seen.look(page)
    page.locator("main a[href*='/fr/cohorts/']", has_text="Midi, la prochaine").first.click()
    expect(page.locator(".stamp")).to_have_count(25)
    post_form(page, "/join")
    expect(page.locator("main [href$='calendar.ics']").first).to_be_visible()
    journey.seen.look(page)
    with page.expect_download() as download:
        page.locator("main [href$='calendar.ics']").first.click()
    events = Calendar.from_ical(download.value.path().read_bytes()).walk("VEVENT")
    assert len(events) == 25
    assert all(event["DTEND"].dt - event["DTSTART"].dt == timedelta(minutes=30) for event in events)
    assert len({str(event["UID"]) for event in events}) == 25

    cohort = page.url
    open_mail(page, journey.url, "elise@lefil.example", "Midi, la prochaine")
    attachment = page.locator("main a[href*='/attachments/']").first.get_attribute("href")
    invitation = page.request.get(attachment)
    assert len(Calendar.from_ical(invitation.body()).walk("VEVENT")) == 25
    page.goto(cohort)
    journey.browsers["elise"] = page


QUESTION = "Puis-je garder un colis trois semaines avant de le remettre en vente ?"
ANSWER = "Oui, si votre page le dit : trois semaines, puis vous remboursez et remettez en vente."


def ask_in_the_live_room(journey: Journey) -> str:
    """2. The live room, presence by itself, a question that the expert sees; returns the question's address."""
    merchant, expert = journey.demo(people.NADIA), journey.demo(people.INES)
    merchant.goto("/fr/me")
    merchant.locator("main a[href*='/fr/sessions/']").first.click()
    room = merchant.url
    expect(merchant.locator(".slide").first).to_be_visible()
    expect(merchant.locator("main a[target=_blank]").first).to_be_visible()
    with merchant.expect_request(lambda request: "/presence" in request.url, timeout=PING_MS) as ping:
        pass
    assert ping.value.method == "POST"
    journey.seen.look(merchant)

    expert.goto(room)
    merchant.locator("form.composer textarea").fill(QUESTION)
    merchant.locator("form.composer button").click()
    expect(merchant.get_by_text(QUESTION).first).to_be_visible(timeout=LIVE_MS)

    # The expert's page is not reloaded: what arrived waits behind its button.
    waiting = expert.locator("#new-questions")
    expect(expert.get_by_text(QUESTION).or_(waiting).first).to_be_visible(timeout=LIVE_MS)
    if waiting.is_visible():
        waiting.click()
    expect(expert.get_by_text(QUESTION).first).to_be_visible(timeout=LIVE_MS)
    address = expert.locator("li:has(.vote)", has_text=QUESTION).locator("a[href*='/q/']").first.get_attribute("href")
    assert address
    address = address.partition("#")[0]
    journey.seen.look(expert)
    return address


def see_it_answered(journey: Journey, address: str) -> None:
    """2. An expert's answer seen without reloading, in the room and at its own address; then the search."""
    merchant, expert = journey.demo(people.NADIA), journey.demo(people.INES)
    reader = merchant.context.new_page()
    reader.goto(address)
    answering = expert.context.new_page()
    answering.goto(address)
    answering.locator("form[action$='/answers'] textarea").fill(ANSWER)
    answering.locator("form[action$='/answers'] button:not([data-copy])").last.click()
    expect(answering.get_by_text(ANSWER).first).to_be_visible()
    arrived = reader.locator("#new-answers")
    expect(reader.get_by_text(ANSWER).or_(arrived).first).to_be_visible(timeout=LIVE_MS)
    if arrived.is_visible():
        arrived.click()
    expect(reader.get_by_text(ANSWER).first).to_be_visible(timeout=LIVE_MS)
    journey.seen.look(reader)
    expect(merchant.locator("#questions")).to_contain_text(ANSWER, timeout=LIVE_MS)

    reader.goto("/fr/questions?q=colis+semaines")
    expect(reader.locator("main a", has_text="trois semaines").first).to_be_visible()
    journey.seen.look(reader)
    expert.goto("/fr/expert")
    journey.seen.look(expert)


def earn_the_certificate(journey: Journey) -> str:
    """3. The name confirmed, the PDF, and its code verified by a stranger; returns the verification address."""
    page = journey.demo(people.CLAIRE)
    page.goto("/fr/certificate")
    journey.seen.look(page)
    fill(page, name="Claire Vidal")
    page.locator("main form:has([name=name]) button").last.click()
    download_link = page.locator("main a[href$='.pdf']").first
    expect(download_link).to_be_visible(timeout=PREPARED_MS)
    journey.seen.look(page)
    document = page.request.get(download_link.get_attribute("href"))
    assert document.body().startswith(b"%PDF-")
    address = page.locator("main a[href*='/v/']").first.get_attribute("href")
    stranger = journey.open_page(None)
    stranger.goto(address)
    expect(stranger.locator("main")).to_contain_text("Claire Vidal")
    expect(stranger.locator("main")).to_contain_text(re.compile("valide", re.IGNORECASE))
    journey.seen.look(stranger)
    return str(address)


def open_the_storefront(journey: Journey) -> str:
    """4. Name, first product with photo and price, who sells, publish; returns the shop's address."""
    page = journey.demo(people.CLAIRE)
    page.goto("/fr/shop")
    journey.seen.look(page)
    fill(page, name="Le Fil de Claire")
    page.locator("main form:has([name=name]) button").last.click()
    page.goto("/fr/shop/products/new")
    journey.seen.look(page)
    page.locator("main [name=photo]").set_input_files(
        {"name": "bobine.jpg", "mimeType": "image/jpeg", "buffer": drawn_photo()}
    )
    fill(page, name="Coffret de fil bleu", price="39,90", stock="3")
    page.locator("main form:has([name=price]) button").last.click()
    expect(page).not_to_have_url(re.compile(r"products/new"))
    page.goto("/fr/shop/seller")
    fill(page, legal_name="Claire Vidal EI", legal_address="3 rue des Halles, 44000 Nantes", siret="73282932000074")
    journey.seen.look(page)
    page.locator("main form:has([name=legal_name]) button").last.click()
    page.goto("/fr/shop/publish")
    journey.seen.look(page)
    post_form(page, "/shop/publish")
    page.goto("/fr/shop")
    journey.seen.look(page)
    page.goto("/b/le-fil-de-claire")
    expect(page.get_by_text("Coffret de fil bleu").first).to_be_visible()
    return "/b/le-fil-de-claire"


def buy_as_a_guest(journey: Journey, shop: str) -> None:
    """5. A shopper without an account buys by card; the merchant sees the first sale and makes it ready."""
    shopper = journey.open_page(shop)
    journey.seen.look(shopper)
    shopper.locator("main a[href*='/p/']").first.click()
    journey.seen.look(shopper)
    shopper.locator("button[name=buy]").click()
    if "/basket" in shopper.url:
        journey.seen.look(shopper)
        shopper.locator("form[action$='/basket/order'] button").last.click()
    expect(shopper).to_have_url(re.compile(r"/checkout"))
    fill(shopper, name="Lou Petit", email="lou@shopper.example")
    journey.seen.look(shopper)
    pay = shopper.locator("form[action$='/checkout'] button").last
    expect(pay).to_contain_text("39,90")
    pay.click()
    shopper.wait_for_url(lambda address: not address.startswith(journey.url))
    assert barriers(shopper) == []
    fill_card(shopper)
    shopper.wait_for_url(re.compile(re.escape(journey.url) + r"/o/"))
    expect(shopper.locator("main")).to_contain_text("39,90")
    journey.seen.look(shopper)

    merchant = journey.demo(people.CLAIRE)
    merchant.goto("/fr/shop")
    expect(merchant.locator("form[action$='/first-sale']")).to_be_visible()
    journey.seen.look(merchant)
    post_form(merchant, "/first-sale")
    merchant.locator("main a[href*='/shop/orders/']").first.click()
    journey.seen.look(merchant)
    post_form(merchant, "/next")
    shopper.reload()
    expect(shopper.locator("main")).to_contain_text(re.compile("prêt", re.IGNORECASE))
    open_mail(shopper, journey.url, "lou@shopper.example")

    merchant.goto("/fr/wallet/statement")
    statement = merchant.locator("main").inner_text()
    assert "39,90" in statement
    assert "0,85" in statement, "1.5 % of 39.90 € and 0.25 €"
    journey.seen.look(merchant)


def fill_card(shopper: Page) -> None:
    """The provider's page, with a published test card."""
    inputs = {"number": TEST_CARD, "expiry": "12/40", "cvc": "123"}
    for name, value in inputs.items():
        shopper.locator(f"[name={name}]").fill(value)
    shopper.locator("form:has([name=number]) button").last.click()


def send_money(journey: Journey) -> None:
    """6. 25 € to Karim, approved by the PIN; both see it in the conversation and in the statement."""
    sender, payee = journey.demo(people.CLAIRE), journey.demo(people.KARIM)
    sender.goto("/fr/wallet")
    journey.seen.look(sender)
    sender.goto("/fr/wallet/with/karimbenali")
    sender.locator("form.composer textarea, form.composer input[type=text]").first.fill("25")
    sender.locator("form.composer button").last.click()
    expect(sender).to_have_url(re.compile(r"/wallet/(approve|pin)"))
    if "/wallet/pin" in sender.url:
        fill(sender, pin=people.PIN, again=people.PIN)
        post_form(sender, "/wallet/pin")
        expect(sender).to_have_url(re.compile(r"/wallet/approve"))
    expect(sender.locator("main")).to_contain_text("25,00")
    expect(sender.locator("main")).to_contain_text(people.KARIM.name)
    journey.seen.look(sender)
    fill(sender, pin=people.PIN)
    sender.locator("main form:has([name=pin]) button").last.click()
    expect(sender).to_have_url(re.compile(r"/wallet/with/karimbenali"))
    for page, other in ((sender, "karimbenali"), (payee, "clairevidal")):
        page.goto(f"/fr/wallet/with/{other}")
        expect(page.locator(".money", has_text="25,00").last).to_be_visible()
        journey.seen.look(page)
        page.goto("/fr/wallet/statement")
        expect(page.locator("main")).to_contain_text("25,00")


def plan_a_cohort(journey: Journey) -> None:
    """7. Start, weekdays, time, zone, days off; the 25 proposed dates; released."""
    page = journey.demo(people.ODILE)
    page.goto("/fr/manage")
    journey.seen.look(page)
    page.goto("/fr/manage/cohorts/new")
    first = date.today() + timedelta(days=40)  # noqa: DTZ011 (any day far enough away)
    fill(page, name="Cohorte du soir", first_on=first.isoformat(), local_time="19:30", capacity="30")
    for day in (0, 1, 2, 3, 4, 5, 6):
        box = page.locator(f"[name=weekdays][value='{day}']")
        box.check() if day in (1, 3) else box.uncheck()
    page.locator("[name=team]").first.check()
    fill(page, days_off=(first + timedelta(days=7)).isoformat())
    journey.seen.look(page)
    page.locator("button[name=step][value=preview]").click()
    expect(page.locator("table.plan .stamp")).to_have_count(25)
    journey.seen.look(page)
    page.locator("button[name=step][value=create]").click()
    expect(page).to_have_url(re.compile(r"/fr/manage/cohorts/\d+"))
    journey.seen.look(page)
    post_form(page, "/release")
    visitor = journey.open_page("/fr/programme")
    expect(visitor.get_by_text("Cohorte du soir").first).to_be_visible()


def test_from_sign_up_to_first_sale(portal_server, open_page):
    journey = Journey(portal_server.url, open_page, Seen())
    join_a_cohort(journey)
    see_it_answered(journey, ask_in_the_live_room(journey))
    earn_the_certificate(journey)
    shop = open_the_storefront(journey)
    buy_as_a_guest(journey, shop)
    send_money(journey)
    plan_a_cohort(journey)
    in_arabic(journey)
