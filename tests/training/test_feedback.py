"""How sessions were: one tap, a line, asked once; what organisers see of it."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from portal.kernel import clock
from portal.notifications.contents import write_mail
from portal.notifications.models import OutboxMail
from portal.training import content, links, services
from portal.training.errors import NoSuchSessionError
from portal.training.jobs import ask_for_feedback
from portal.training.models import Attendance, SessionFeedback
from portal.training.queries.feedback import feedback_by_lesson, feedback_due, feedback_of_lesson, mean
from portal.training.services import feedback
from portal.training.services.feedback import LINK
from tests.builders import training as build
from tests.training.statements import counted_statements


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert):
    return build.make_cohort(db, organiser, expert)


@pytest.fixture
def held(db, cohort, merchant, alice, bob):
    """A session that is just over: the merchant was there all along, Alice for ten minutes, Bob not at all."""
    for user in (merchant, alice, bob):
        services.enrol(db, user=user, cohort_id=cohort.id)
    session = build.session_of(db, cohort)
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    build.attend(db, session, merchant, minutes=30)
    build.attend(db, session, alice, minutes=10)
    with clock.at(session.ends_at):
        services.end_session(db, session_id=session.id)
        yield session


def attendance_of(db, session, user):
    return db.scalars(
        sa.select(Attendance.id).where(Attendance.session_id == session.id, Attendance.user_id == user.id)
    ).one()


def said(db):
    return [(row.stars, row.text) for row in db.scalars(sa.select(SessionFeedback).order_by(SessionFeedback.user_id))]


def test_whoever_was_there_is_asked_until_they_say_or_decline(db, held, merchant, alice, bob):
    own = attendance_of(db, held, merchant)
    assert feedback_due(db, merchant.id, 1) == own
    assert feedback_due(db, alice.id, 1) == attendance_of(db, held, alice)
    assert feedback_due(db, bob.id, 1) is None
    assert feedback_due(db, merchant.id, 2) is None
    feedback.rate(db, attendance_id=own, stars=4)
    feedback.decline(db, attendance_id=attendance_of(db, held, alice))
    assert feedback_due(db, merchant.id, 1) is None
    assert feedback_due(db, alice.id, 1) is None


def test_nobody_is_asked_a_month_later(db, held, merchant):
    with clock.at(held.ended_at + timedelta(days=29)):
        assert feedback_due(db, merchant.id, 1) is not None
    with clock.at(held.ended_at + timedelta(days=31)):
        assert feedback_due(db, merchant.id, 1) is None


def test_a_second_tap_changes_the_first_and_a_line_stands_beside_it(db, held, merchant):
    own = attendance_of(db, held, merchant)
    for stars in (4, 5):
        feedback.rate(db, attendance_id=own, stars=stars)
    feedback.comment(db, attendance_id=own, text="Très clair.")
    feedback.rate(db, attendance_id=own, stars=3)
    feedback.decline(db, attendance_id=own)
    assert said(db) == [(3, "Très clair.")]


def test_who_was_not_there_cannot_say(db, held, bob):
    absent = attendance_of(db, held, bob)
    for attempt in (
        lambda: feedback.rate(db, attendance_id=absent, stars=1),
        lambda: feedback.decline(db, attendance_id=absent),
        lambda: feedback.comment(db, attendance_id=absent, text="Non."),
        lambda: feedback.rate(db, attendance_id=10**9, stars=1),
    ):
        with pytest.raises(NoSuchSessionError):
            attempt()
    assert said(db) == []


@pytest.mark.parametrize("stars", [0, 6, -1])
def test_stars_go_from_one_to_five(db, held, merchant, stars):
    with pytest.raises(ValueError, match="stars"):
        feedback.rate(db, attendance_id=attendance_of(db, held, merchant), stars=stars)


def test_organisers_see_mean_spread_and_lines_by_lesson(db, held, cohort, merchant, alice):
    for user, stars, text in ((merchant, 5, "Bien."), (alice, 2, "")):
        own = attendance_of(db, held, user)
        feedback.rate(db, attendance_id=own, stars=stars)
        feedback.comment(db, attendance_id=own, text=text)
    with counted_statements() as seen:
        (one,) = feedback_by_lesson(db, cohort.id)
    assert len(seen) == 2
    assert (one.number, one.session_id, one.spread, one.count, one.mean) == (1, held.id, (0, 1, 0, 0, 1), 2, 3.5)
    assert one.lines == ("Bien.",)
    assert feedback_of_lesson(db, 1) == [one]
    assert feedback_by_lesson(db, cohort.id + 1) == feedback_of_lesson(db, 2) == []


@pytest.mark.parametrize(("spread", "expected"), [((0, 0, 0, 0, 0), 0.0), ((1, 0, 0, 0, 2), 3.7), ((0, 0, 3, 0, 0), 3)])
def test_the_mean_has_one_decimal(spread, expected):
    assert mean(spread) == expected


def test_the_mail_goes_once_to_those_who_were_there(db, held, merchant, alice):
    for _twice in range(2):
        ask_for_feedback()
    mails = list(
        db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "training.feedback").order_by(OutboxMail.id))
    )
    assert [mail.email for mail in mails] == [merchant.email, alice.email]
    assert [mail.params["counts"] for mail in mails] == [True, False]


def test_nobody_is_asked_about_a_session_long_over(db, held):
    with clock.at(held.ends_at + timedelta(hours=25)):
        ask_for_feedback()
    assert db.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == "training.feedback")) == 0


@pytest.mark.parametrize("code", ["fr", "en", "ar"])
def test_the_mail_leads_to_the_question(app, client, db, held, merchant, code):
    own = attendance_of(db, held, merchant)
    with app.test_request_context(), force_locale(code):
        mail = write_mail("training.feedback", {"attendance_id": own, "number": 1, "counts": True})
    assert content.lesson(1).words[code].task in [value for _label, value in mail.rows]
    page = client.get(mail.action.path)
    assert page.status_code == 200
    assert len(re.findall(r'<button name="stars"', page.get_data(as_text=True))) == 5


def test_one_tap_from_the_mail_without_signing_in(client, db, held, merchant):
    path = f"/fr/feedback/{links.sign(LINK, attendance_of(db, held, merchant))}"
    assert client.get(path).status_code == 200
    assert said(db) == []
    assert client.post(path, data={"stars": "5"}).status_code == 303
    assert (
        client.post(f"{path}/line", data={"text": "Merci à vous"})
        .headers["Location"]
        .endswith(content.lesson(1).address)
    )
    assert said(db) == [(5, "Merci à vous")]
    page = client.get(path).get_data(as_text=True)
    assert 'value="5" aria-current="true"' in page
    assert "Merci à vous" in page


@pytest.mark.parametrize("data", [{}, {"stars": "0"}, {"stars": "6"}, {"stars": "x"}, {"stars": "9" * 30}])
def test_a_wrong_tap_is_refused(client, db, held, merchant, data):
    path = f"/fr/feedback/{links.sign(LINK, attendance_of(db, held, merchant))}"
    assert client.post(path, data=data).status_code == 422
    assert client.post(f"{path}/line", data={"text": "x" * 301}).status_code == 422
    assert said(db) == []


def test_forged_links_and_other_sites_change_nothing(client, db, held, merchant, bob):
    own = attendance_of(db, held, merchant)
    good = links.sign(LINK, own)
    for token in (good[:-1], f"{good}x", links.sign("seat", own), links.sign(LINK, 10**9), "x" * 3000):
        assert client.get(f"/fr/feedback/{token}").status_code == 404
        assert client.post(f"/fr/feedback/{token}", data={"stars": "1"}).status_code == 404
    absent = links.sign(LINK, attendance_of(db, held, bob))
    assert client.post(f"/fr/feedback/{absent}", data={"stars": "1"}).status_code == 404
    elsewhere = {"Origin": "https://evil.example"}
    assert client.post(f"/fr/feedback/{good}", data={"stars": "1"}, headers=elsewhere).status_code == 403
    assert said(db) == []


def test_the_lesson_page_asks_once(client, sign_in, db, held, merchant):
    sign_in(client, merchant)
    page = f"/fr/programme/{content.lesson(1).address}"
    token = links.sign(LINK, attendance_of(db, held, merchant))
    assert f'action="/fr/feedback/{token}"' in client.get(page).get_data(as_text=True)
    assert client.post(f"/fr/feedback/{token}/later").headers["Location"].endswith(content.lesson(1).address)
    assert "/fr/feedback/" not in client.get(page).get_data(as_text=True)
    assert said(db) == [(None, "")]
