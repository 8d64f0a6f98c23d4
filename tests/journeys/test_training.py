"""Training as a busy shop owner and an organiser live it: a line, a seat claimed from a mail, a move, a replay."""

import re
from datetime import date, timedelta

from playwright.sync_api import Page, expect

from portal.demo import people
from tests.journeys.browsing import open_mail, sign_in_as
from tests.journeys.walking import Journey, Seen, fill, in_arabic, post_form

WAITING = "attente@example.org"
COHORT = "Une seule place"
LIVE_MS = 12_000


def link_in(mail: str, part: str) -> str:
    """The link of a mail whose address holds `part`."""
    found = re.search(rf"https?://\S*{part}\S+", mail)
    assert found, f"no link with {part} in {mail}"
    return found[0]


def plan_for_one(journey: Journey) -> str:
    """A cohort with one seat, published; returns its public address."""
    page = journey.demo(people.ODILE)
    page.goto("/fr/manage/cohorts/new")
    first = date.today() + timedelta(days=21)  # noqa: DTZ011 (any day far enough away)
    fill(page, name=COHORT, first_on=first.isoformat(), local_time="08:15", capacity="1")
    for box in page.locator("[name=weekdays]").all():
        box.set_checked(box.get_attribute("value") in {"1", "4"})
    page.locator("[name=team]").first.check()
    page.locator("button[name=step][value=preview]").click()
    page.locator("button[name=step][value=create]").click()
    expect(page).to_have_url(re.compile(r"/fr/manage/cohorts/\d+"))
    post_form(page, "/release")
    journey.seen.look(page)
    page.locator("main a[href*='/fr/cohorts/']").first.click()
    expect(page.locator(".stamp").first).to_be_visible()
    return page.url


def wait_in_line(journey: Journey, cohort: str) -> Page:
    """Tom has the seat; somebody new joins the line and sees their place in it."""
    tom = journey.demo(people.TOM)
    tom.goto(cohort)
    post_form(tom, "/join")
    expect(tom.locator("main [href$='calendar.ics']").first).to_be_visible()
    waiting = journey.open_page(None)
    sign_in_as(waiting, journey.url, WAITING)
    waiting.goto(cohort)
    journey.seen.look(waiting)
    post_form(waiting, "/wait")
    expect(waiting.locator("main")).to_contain_text("1")
    journey.seen.look(waiting)
    line = journey.demo(people.ODILE)
    line.goto("/fr/manage")
    line.locator("main a", has_text=COHORT).first.click()
    line.goto(re.sub(r"/fr/cohorts/(\d+).*", r"/fr/manage/cohorts/\1/waitlist", cohort))
    expect(line.locator("main")).to_contain_text(WAITING.split("@", 1)[0])
    journey.seen.look(line)
    return waiting


def claim_from_the_mail(journey: Journey, waiting: Page, cohort: str) -> None:
    """Tom leaves from his mail, the seat is offered by mail, and taken there: neither signs in for it."""
    stranger = journey.open_page(None)
    leave = link_in(open_mail(stranger, journey.url, people.TOM.email, COHORT), "/cohorts/leave/")
    stranger.goto(leave)
    journey.seen.look(stranger)
    stranger.locator("main form button").first.click()
    expect(stranger.locator("main form")).to_have_count(0)
    offer = link_in(open_mail(stranger, journey.url, WAITING, COHORT), "/offers/")
    stranger.goto(offer)
    journey.seen.look(stranger)
    stranger.locator("main form button").first.click()
    expect(stranger.locator("main form")).to_have_count(0)
    waiting.goto(cohort)
    expect(waiting.locator("main [href$='calendar.ics']").first).to_be_visible()


def move_a_session(journey: Journey, cohort: str) -> None:
    """A change is private until released; then one mail asks, and its yes needs no signing in."""
    page = journey.demo(people.ODILE)
    managed = cohort.replace("/cohorts/", "/manage/cohorts/")
    page.goto(managed)
    page.locator("main a[href*='/manage/sessions/']").first.click()
    journey.seen.look(page)
    moved = date.today() + timedelta(days=20)  # noqa: DTZ011 (as above)
    fill(page, on=moved.isoformat())
    page.locator("main form:has([name=on]) button").last.click()
    page.goto(managed)
    journey.seen.look(page)
    post_form(page, "/changes/release")
    holder = journey.open_page(None)
    confirm = link_in(open_mail(holder, journey.url, WAITING, "Nouvelle heure"), "/seats/confirm/")
    holder.goto(confirm)
    journey.seen.look(holder)
    holder.locator("main form button").first.click()
    expect(holder.locator("main form")).to_have_count(0)


def write_to_everyone(journey: Journey, cohort: str) -> None:
    """People, a message looked at first and sent once; the lessons' words as slides."""
    page = journey.demo(people.ODILE)
    page.goto(cohort.replace("/cohorts/", "/manage/cohorts/") + "/people")
    journey.seen.look(page)
    page.goto(cohort.replace("/cohorts/", "/manage/cohorts/") + "/message")
    fill(page, subject="Votre première session", text="Gardez un carnet près de la caisse.")
    page.locator("[name=audience]").first.check()
    page.locator("main form:has([name=subject]) button").last.click()
    journey.seen.look(page)
    post_form(page, "/send")
    assert "carnet" in open_mail(journey.open_page(None), journey.url, WAITING, "Votre première session")
    page.goto("/fr/manage/lessons/2")
    journey.seen.look(page)
    page.locator("details", has=page.locator("[value=preview-fr]")).first.evaluate("fold => { fold.open = true }")
    page.locator("button[value=preview-fr]").click()
    expect(page.locator("#preview .slide").first).to_be_visible()
    page.goto("/fr/expert/availability")
    journey.seen.look(page)


def lead_a_session(journey: Journey) -> None:
    """The expert's slide is everybody's, without reloading; after the end one tap says how it was."""
    expert, merchant = journey.demo(people.INES), journey.demo(people.CLAIRE)
    merchant.goto("/fr/me")
    merchant.locator("main a[href*='/fr/sessions/']").first.click()
    expert.goto(merchant.url)
    number = merchant.locator(".slide .no")
    shown = number.inner_text()
    expert.locator("#slide-after").click()
    expect(number).not_to_have_text(shown, timeout=LIVE_MS)
    expert.locator("details", has=expert.locator("form[action$='/end']")).first.evaluate("fold => { fold.open = true }")
    post_form(expert, "/end")
    journey.seen.look(expert)
    merchant.goto("/fr/programme/1-vendre-en-ligne")
    journey.seen.look(merchant)
    merchant.locator("button[name=stars][value='4']").first.click()
    expect(merchant.locator("button[name=stars][aria-current]")).to_have_text("4")
    fill(merchant, text="Le carnet près de la caisse, dès demain.")
    merchant.locator("main form:has([name=text]) button").last.click()
    expect(merchant.locator("main [name=text]")).to_have_count(0)


def catch_up(journey: Journey) -> None:
    """A missed lesson: another date in one tap, or its words and four questions."""
    page = journey.demo(people.CLAIRE)
    page.goto("/fr/programme")
    page.locator("main a.row[href*='/programme/']", has_text=re.compile("Manquée")).first.click()
    journey.seen.look(page)
    page.locator("main a[href*='/replay']").first.click()
    journey.seen.look(page)


def test_training(open_page, portal_server):
    journey = Journey(portal_server.url, open_page, Seen())
    cohort = plan_for_one(journey)
    waiting = wait_in_line(journey, cohort)
    claim_from_the_mail(journey, waiting, cohort)
    move_a_session(journey, cohort)
    write_to_everyone(journey, cohort)
    lead_a_session(journey)
    catch_up(journey)
    in_arabic(journey)
