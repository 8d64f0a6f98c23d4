"""The pages of training, as people meet them: visitors, members, strangers, experts, organisers."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from portal.kernel import clock
from portal.notifications.models import OutboxMail
from portal.training import content, services
from portal.training.models import (
    Attendance,
    AttendanceState,
    Cohort,
    CohortState,
    Enrolment,
    PresencePing,
    Session,
    SessionState,
)
from tests.builders import training as build
from tests.training.statements import counted_statements

MINUTES = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert):
    return build.make_cohort(db, organiser, expert)


@pytest.fixture
def live(db, cohort, merchant):
    """A live session in which the merchant has a seat; the clock stands at its tenth minute."""
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    session = build.session_of(db, cohort)
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    with clock.at(session.starts_at + 10 * MINUTES):
        yield session


def text_of(answer):
    assert answer.status_code == 200, answer.status_code
    return answer.get_data(as_text=True)


@pytest.mark.parametrize("code", ["fr", "en", "ar"])
def test_a_visitor_reads_the_programme_and_caches_may_keep_it(client, cohort, code):
    answer = client.get(f"/{code}/programme")
    html = text_of(answer)
    assert html.count('<a class="row') >= 25
    assert all(one.title(code).split("’")[0] in html for one in content.lessons())
    assert cohort.name in html
    assert "public" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers


def test_a_members_programme_is_their_own_and_kept_by_no_cache(client, sign_in, live, merchant):
    sign_in(client, merchant)
    answer = client.get("/fr/programme")
    html = text_of(answer)
    assert f"/fr/sessions/{live.id}" in html
    assert 'class="stamp live"' in html
    assert "no-store" in answer.headers["Cache-Control"]


def test_the_statements_of_a_page_do_not_grow_with_what_is_in_it(client, new_client, sign_in, db, live, merchant):
    sign_in(client, merchant)
    with counted_statements() as few:
        client.get("/fr/programme")
    for number in range(3):
        build.make_cohort(db, merchant, build.make_expert(db), name=f"Autre {number}", first_on=build.FIRST_ON)
    with counted_statements() as many:
        client.get("/fr/programme")
    assert len(many) == len(few) <= 9
    with counted_statements() as visitor:
        new_client().get("/fr/programme")
    assert len(visitor) <= 3


@pytest.mark.parametrize("page", ["cohort", "lesson", "room", "state"])
def test_statement_counts_of_the_other_pages(client, sign_in, live, merchant, page):
    sign_in(client, merchant)
    address = {
        "cohort": f"/fr/cohorts/{live.cohort_id}",
        "lesson": f"/fr/programme/{content.lesson(1).address}",
        "room": f"/fr/sessions/{live.id}",
        "state": f"/fr/sessions/{live.id}/state",
    }[page]
    with counted_statements() as seen:
        assert client.get(address).status_code == 200
    assert len(seen) <= {"cohort": 8, "lesson": 8, "room": 12, "state": 7}[page]


def test_a_lessons_old_address_leads_to_its_own(client):
    assert client.get("/fr/programme/4-autre-nom").headers["Location"].endswith(content.lesson(4).address)
    for address in ("0-x", "26-x", "x", "²-x", "99999999999999999999-x"):
        assert client.get(f"/fr/programme/{address}").status_code == 404


def test_joining_from_the_page(client, sign_in, db, cohort, alice):
    anonymous = client.post(f"/fr/cohorts/{cohort.id}/join")
    assert anonymous.status_code == 303
    assert f"/fr/sign-in?next=/fr/cohorts/{cohort.id}" in anonymous.headers["Location"]
    sign_in(client, alice)
    for _twice in range(2):
        assert client.post(f"/fr/cohorts/{cohort.id}/join").status_code == 303
    assert db.scalar(sa.select(sa.func.count()).select_from(Enrolment)) == 1
    assert [mail.kind for mail in db.scalars(sa.select(OutboxMail))] == ["training.enrolled"]
    assert "calendar.ics" in text_of(client.get(f"/fr/cohorts/{cohort.id}"))
    assert client.post(f"/fr/cohorts/{cohort.id}/leave").status_code == 303
    assert db.get_one(Cohort, cohort.id, populate_existing=True).seats_taken == 0


def test_a_full_cohort_offers_the_line_and_nothing_else(client, new_client, sign_in, db, organiser, alice, bob):
    full = build.make_cohort(db, organiser, build.make_expert(db), capacity=1)
    services.enrol(db, user=alice, cohort_id=full.id)
    sign_in(client, bob)
    html = text_of(client.get(f"/fr/cohorts/{full.id}"))
    assert f"/fr/cohorts/{full.id}/wait" in html
    assert f"/fr/cohorts/{full.id}/join" not in html
    assert client.post(f"/fr/cohorts/{full.id}/join").status_code == 303
    assert db.get_one(Cohort, full.id, populate_existing=True).seats_taken == 1
    client.post(f"/fr/cohorts/{full.id}/wait")
    assert f"/fr/cohorts/{full.id}/wait" not in text_of(client.get(f"/fr/cohorts/{full.id}"))


def test_a_draft_exists_for_organisers_only(client, new_client, sign_in, db, organiser, expert, charlie):
    draft = build.make_draft(db, organiser, expert)
    session = build.session_of(db, draft)
    stranger = new_client()
    sign_in(stranger, charlie)
    for path in (
        f"/fr/cohorts/{draft.id}",
        f"/fr/cohorts/{draft.id}/calendar.ics",
        f"/fr/sessions/{session.id}/session.ics",
        f"/fr/sessions/{session.id}",
        f"/fr/manage/cohorts/{draft.id}",
        "/fr/manage",
        "/fr/manage/cohorts/new",
    ):
        assert stranger.get(path).status_code == 404, path
    for path in (f"/fr/cohorts/{draft.id}/join", f"/fr/cohorts/{draft.id}/wait"):
        assert stranger.post(path).status_code == 404, path
    sign_in(client, organiser)
    assert client.get(f"/fr/cohorts/{draft.id}").status_code == 200
    assert draft.name in text_of(client.get("/fr/manage"))


@pytest.mark.parametrize("who", ["charlie", "merchant", "expert"])
def test_what_organisers_do_is_theirs_alone(request, client, sign_in, db, organiser, live, who):
    draft = build.make_draft(db, organiser, build.make_expert(db))
    first = build.session_of(db, draft)
    sign_in(client, request.getfixturevalue(who))
    for path, data in (
        ("/fr/manage/cohorts/new", {}),
        (f"/fr/manage/cohorts/{draft.id}/release", {}),
        (f"/fr/manage/sessions/{first.id}/expert", {"expert_id": "1"}),
        (f"/fr/manage/sessions/{first.id}/shift", {"on": "2026-12-01"}),
        (f"/fr/manage/sessions/{live.id}/change", {"on": "2026-12-01", "at": "10:00"}),
        (f"/fr/manage/sessions/{live.id}/cancel", {}),
        (f"/fr/manage/sessions/{live.id}/attendance/1", {}),
    ):
        assert client.post(path, data=data).status_code == 404, path
    assert db.get_one(Cohort, draft.id, populate_existing=True).state is CohortState.DRAFT


def test_only_those_who_run_it_lead_a_session(client, new_client, sign_in, db, live, merchant, expert):
    other = build.make_expert(db)
    for user in (merchant, other):
        stranger = new_client()
        sign_in(stranger, user)
        for action in ("start", "slide", "end"):
            assert stranger.post(f"/fr/sessions/{live.id}/{action}", data={"to": "1"}).status_code == 404
    sign_in(client, expert)
    assert client.post(f"/fr/sessions/{live.id}/slide", data={"to": "1"}).status_code == 303
    assert client.post(f"/fr/sessions/{live.id}/end").status_code == 303
    fresh = db.get_one(Session, live.id, populate_existing=True)
    assert (fresh.slide, fresh.state) == (1, SessionState.ENDED)


def test_the_room_is_for_those_with_a_seat(client, sign_in, live, charlie):
    assert client.get(f"/fr/sessions/{live.id}").headers["Location"].startswith("/fr/sign-in")
    sign_in(client, charlie)
    assert client.get(f"/fr/sessions/{live.id}").headers["Location"] == f"/fr/cohorts/{live.cohort_id}"
    assert client.get(f"/fr/sessions/{live.id}/state").status_code == 404
    assert client.post(f"/fr/sessions/{live.id}/presence").status_code == 403
    assert client.post(f"/fr/sessions/{live.id}/here").status_code == 403


def test_pings_and_the_button_make_presence(client, sign_in, db, live, merchant):
    sign_in(client, merchant)
    assert client.post(f"/fr/sessions/{live.id}/presence").status_code == 204
    assert client.post(f"/fr/sessions/{live.id}/here").status_code == 303
    pings = db.scalars(sa.select(PresencePing).order_by(PresencePing.source)).all()
    assert [ping.until_at - ping.from_at for ping in pings] == [5 * MINUTES, timedelta(0)]
    assert "1 présent" in client.get(f"/fr/sessions/{live.id}/state").get_data(as_text=True)
    with clock.at(live.ends_at):
        services.end_session(db, session_id=live.id)
        assert client.post(f"/fr/sessions/{live.id}/presence").status_code == 410
        assert client.get(f"/fr/sessions/{live.id}/state").status_code == 410
        assert "data-ping" not in text_of(client.get(f"/fr/sessions/{live.id}"))


def test_the_room_before_its_time_says_when(client, sign_in, db, cohort, merchant):
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    session = build.session_of(db, cohort)
    sign_in(client, merchant)
    with clock.at(session.starts_at - 11 * MINUTES):
        html = text_of(client.get(f"/fr/sessions/{session.id}"))
        assert "session.ics" in html
        assert "data-parts" not in html
    with clock.at(session.starts_at - 10 * MINUTES):
        assert "data-parts" in text_of(client.get(f"/fr/sessions/{session.id}"))


PLAN = {
    "name": "Midi, printemps",
    "language": "fr",
    "first_on": "2027-03-02",
    "weekdays": ["1", "3"],
    "local_time": "12:30",
    "zone": "Europe/Paris",
    "country": "FR",
    "capacity": "300",
}


def test_a_cohort_is_planned_seen_kept_and_published(client, sign_in, db, organiser, expert):
    sign_in(client, organiser)
    assert client.get("/fr/manage/cohorts/new").status_code == 200
    form = {**PLAN, "team": [str(expert.id)]}
    preview = text_of(client.post("/fr/manage/cohorts/new", data={**form, "step": "preview"}))
    assert len(re.findall(r'<tr id="s\d+"><td><span class="stamp open', preview)) == 25
    assert "Ascension" in preview
    assert db.scalar(sa.select(sa.func.count()).select_from(Cohort)) == 0
    kept = client.post("/fr/manage/cohorts/new", data={**form, "step": "create"})
    cohort = db.scalars(sa.select(Cohort)).one()
    assert kept.headers["Location"] == f"/fr/manage/cohorts/{cohort.id}"
    assert cohort.state is CohortState.DRAFT
    assert f"/fr/manage/cohorts/{cohort.id}/release" in text_of(client.get(kept.headers["Location"]))
    client.post(f"/fr/manage/cohorts/{cohort.id}/release")
    assert db.get_one(Cohort, cohort.id, populate_existing=True).state is CohortState.RELEASED
    assert cohort.name in text_of(client.get("/fr/programme"))


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"name": ""}, "2027-03-02"),
        ({"weekdays": []}, "Midi, printemps"),
        ({"first_on": "2026-11-22"}, "2026-11-22"),
        ({"first_on": "soon"}, "Midi, printemps"),
        ({"capacity": "0"}, "Midi, printemps"),
        ({"video_url": "javascript:alert(1)"}, "Midi, printemps"),
        ({"days_off": "le 3 mars"}, "le 3 mars"),
        ({"zone": "Mars/Olympus"}, "Midi, printemps"),
        ({"team": ["999999"]}, "Midi, printemps"),
        ({"weekdays": ["6"], "first_on": "2027-03-28", "local_time": "02:30"}, "02:30"),
    ],
)
def test_a_wrong_plan_is_said_so_and_nothing_typed_is_lost(client, sign_in, db, organiser, expert, changes, kept):
    sign_in(client, organiser)
    answer = client.post("/fr/manage/cohorts/new", data={**PLAN, "team": [str(expert.id)], "step": "create", **changes})
    assert answer.status_code == 422
    assert kept in answer.get_data(as_text=True)
    assert db.scalar(sa.select(sa.func.count()).select_from(Cohort)) == 0


def test_a_time_that_happens_twice_is_asked_about(client, sign_in, db, organiser, expert):
    sign_in(client, organiser)
    form = {**PLAN, "team": [str(expert.id)], "weekdays": list("0123456"), "first_on": "2027-10-31"}
    form["local_time"] = "02:30"
    asked = client.post("/fr/manage/cohorts/new", data={**form, "step": "create"})
    assert asked.status_code == 422
    assert 'name="fold"' in asked.get_data(as_text=True)
    answered = client.post("/fr/manage/cohorts/new", data={**form, "step": "create", "fold": "1"})
    assert answered.status_code == 303
    first = build.session_of(db, db.scalars(sa.select(Cohort)).one())
    assert (first.starts_at.hour, first.starts_at.minute) == (1, 30)


def test_conflicts_are_settled_on_the_page(client, sign_in, db, organiser, expert):
    other = build.make_expert(db)
    build.make_cohort(db, organiser, expert)
    draft = build.make_draft(db, organiser, other, expert)
    sign_in(client, organiser)
    html = text_of(client.get(f"/fr/manage/cohorts/{draft.id}"))
    assert f"/fr/manage/cohorts/{draft.id}/release" not in html
    conflicts = re.findall(r'action="(/fr/manage/sessions/\d+/expert)"', html)
    assert len(conflicts) == 12
    for path in conflicts[:-1]:
        client.post(path, data={"expert_id": str(other.id)})
    (shift,) = re.findall(
        r'action="(/fr/manage/sessions/\d+/shift)".*?name="on" value="([-\d]+)"',
        text_of(client.get(f"/fr/manage/cohorts/{draft.id}")),
    )
    client.post(shift[0], data={"on": shift[1]})
    client.post(f"/fr/manage/cohorts/{draft.id}/release")
    assert db.get_one(Cohort, draft.id, populate_existing=True).state is CohortState.RELEASED


def test_an_organiser_corrects_an_attendance_with_a_reason(client, sign_in, db, live, merchant, organiser):
    with clock.at(live.ends_at):
        services.end_session(db, session_id=live.id)
    row = db.scalars(sa.select(Attendance)).one()
    sign_in(client, organiser)
    path = f"/fr/manage/sessions/{live.id}/attendance/{row.id}"
    assert client.post(path, data={f"a{row.id}-after": "excused", f"a{row.id}-reason": ""}).status_code == 422
    assert client.post(path, data={f"a{row.id}-after": "replay", f"a{row.id}-reason": "because"}).status_code == 422
    assert client.post(path, data={f"a{row.id}-after": "excused", f"a{row.id}-reason": "ill"}).status_code == 303
    assert db.get_one(Attendance, row.id, populate_existing=True).state is AttendanceState.EXCUSED
    assert merchant.display_name in text_of(client.get(f"/fr/manage/sessions/{live.id}"))


def test_calendars_to_download(client, cohort, db):
    answer = client.get(f"/fr/cohorts/{cohort.id}/calendar.ics")
    assert answer.headers["Content-Type"].startswith("text/calendar")
    assert len(Calendar.from_ical(answer.data).walk("VEVENT")) == 25
    session = build.session_of(db, cohort, 3)
    alone = Calendar.from_ical(client.get(f"/ar/sessions/{session.id}/session.ics").data)
    (event,) = alone.walk("VEVENT")
    assert str(event["SUMMARY"]) == f"3. {content.lesson(3).title('ar')}"
    assert str(event["LOCATION"]).endswith(f"/ar/sessions/{session.id}")


def test_ones_own_calendar_is_behind_a_secret(client, new_client, sign_in, db, cohort, merchant):
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    sign_in(client, merchant)
    page = text_of(client.post("/fr/calendar", follow_redirects=True))
    (address,) = re.findall(r"(/fr/calendar/[\w-]{43}\.ics)", page)[:1]
    assert len(Calendar.from_ical(new_client().get(address).data).walk("VEVENT")) == 25
    assert new_client().get("/fr/calendar/guess.ics").status_code == 404


def right_answers(number, count):
    quiz = content.lesson(number).words["fr"].quiz
    answers = {f"q{index}": str(question.answer) for index, question in enumerate(quiz)}
    for index in range(count, len(quiz)):
        answers[f"q{index}"] = str((quiz[index].answer + 1) % len(quiz[index].options))
    return answers


def test_a_missed_lesson_is_completed_by_replay_and_three_right_answers(client, sign_in, db, live, merchant):
    path = f"/fr/programme/{content.lesson(1).address}/quiz"
    sign_in(client, merchant)
    assert client.get(path).status_code == 409
    assert client.post(path, data=right_answers(1, 4)).status_code == 409
    with clock.at(live.ends_at):
        services.end_session(db, session_id=live.id)
    row = db.scalars(sa.select(Attendance)).one()
    assert row.state is AttendanceState.ABSENT
    assert client.get(path).status_code == 200
    assert client.post(path, data={}).status_code == 422
    assert client.post(path, data=right_answers(1, 2)).status_code == 422
    assert db.get_one(Attendance, row.id, populate_existing=True).state is AttendanceState.ABSENT
    assert client.post(path, data=right_answers(1, 3)).status_code == 303
    assert db.get_one(Attendance, row.id, populate_existing=True).state is AttendanceState.REPLAY
    assert 'class="stamp replay"' in text_of(client.get("/fr/programme"))


def test_the_quiz_never_makes_an_attended_lesson_less(db, live, merchant):
    build.attend(db, live, merchant, minutes=25)
    with clock.at(live.ends_at):
        services.end_session(db, session_id=live.id)
    answers = [question.answer for question in content.lesson(1).words["fr"].quiz]
    services.answer_quiz(db, user=merchant, number=1, answers=answers)
    assert db.scalars(sa.select(Attendance.state)).all() == [AttendanceState.PRESENT]
