"""The pages of a plan and of a session: what is wrong is said beside its field, and what was typed stays."""

import re
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa

from portal.kernel import clock
from portal.training import services
from portal.training.models import Cohort, Session, SessionChange
from portal.training.services import experts
from tests.builders import training as build
from tests.training.changing import propose

PLAN = {
    "name": "Midi",
    "language": "fr",
    "first_on": "2027-03-01",
    "weekdays": ["1", "3"],
    "local_time": "12:30",
    "zone": "Europe/Paris",
    "country": "FR",
    "capacity": "30",
    "step": "preview",
}


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def page(client, sign_in, organiser):
    """Post to a page as an organiser; the status and the text of the answer."""
    sign_in(client, organiser)

    def send(path, **data):
        answer = client.post(f"/fr/{path}", data=data)
        return answer.status_code, answer.get_data(as_text=True)

    return send


def cohorts(db):
    return db.scalar(sa.select(sa.func.count()).select_from(Cohort))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("weekdays", [], "Cochez au moins un jour"),
        ("weekdays", ["9"], "Choisissez dans la liste"),
        ("zone", "Europe/Atlantis", "Choisissez dans la liste"),
        ("first_on", "2027-02-29", "Ce jour n’existe pas"),
        ("first_on", "2026-11-22", "Ce jour est passé"),
        ("first_on", "20270-03-01", "Ce jour n’existe pas"),
        ("first_on", "", "Choisissez"),
        ("local_time", "24:30", "Ce n’est pas une heure"),
        ("days_off", "2027-02-29", "n’est pas une date"),
        ("days_off", "demain", "n’est pas une date"),
        ("capacity", "0", "1 à 1"),
        ("capacity", "26x", ""),
        ("team", ["999999"], "Choisissez dans la liste"),
        ("video_url", "javascript:alert(1)", "https://"),
        ("name", " ", ""),
    ],
)
def test_a_wrong_plan_is_told_field_by_field(page, db, expert, field, value, words):
    status, html = page("manage/cohorts/new", **{**PLAN, "team": [str(expert.id)], "step": "create", field: value})
    assert status == 422
    assert words in html
    assert re.search(rf'id="{field}-error"', html)
    typed = value if isinstance(value, str) else ""
    assert field == "zone" or typed.strip() in html
    assert 'value="Midi"' in html or field == "name"
    assert cohorts(db) == 0


def test_every_kind_of_conflict_is_in_words_with_its_way_out(page, db, organiser, expert):
    taken = build.make_cohort(db, organiser, expert, first_on=date(2027, 3, 2))
    other = build.make_expert(db, "Malak")
    experts.set_languages(db, user=other, languages=["ar"])
    experts.add_absence(db, user=other, first_on=date(2027, 3, 4), last_on=date(2027, 3, 4))
    status, html = page("manage/cohorts/new", **PLAN, team=[str(expert.id), str(other.id)])
    assert status == 200
    assert f"« <bdi>{taken.name}</bdi> »" in html.replace("\u00a0", " ")
    assert "s’absente le" in html
    assert "n’anime pas de session en arabe" not in html
    assert "n’anime pas de session en français" in html
    assert "Ascension" in html
    # Thirteen on which the first expert is taken, and one on which the other is away.
    assert html.count('name="skip"') == 14
    assert page("manage/cohorts/new", **{**PLAN, "step": "create"}, team=[str(expert.id)])[0] == 303


def test_a_time_that_is_not_is_refused_until_the_day_is_skipped(page, db, expert):
    nights = {**PLAN, "weekdays": ["6"], "local_time": "02:30", "country": "", "team": [str(expert.id)]}
    status, html = page("manage/cohorts/new", **{**nights, "step": "create"})
    assert (status, cohorts(db)) == (422, 0)
    assert "cette heure n’existe pas" in html.lower()
    status, html = page("manage/cohorts/new", **nights, skip="2027-03-28")
    assert status == 200
    assert "2027-03-28" in html
    status, html = page("manage/cohorts/new", **{**nights, "first_on": "2027-08-01", "skip": ""})
    assert status == 422
    assert 'name="fold"' in html
    status, _html = page("manage/cohorts/new", **{**nights, "first_on": "2027-08-01", "step": "create", "fold": "1"})
    assert (status, cohorts(db)) == (303, 1)


def test_a_draft_is_planned_afresh_on_its_page(client, page, db, organiser, expert):
    draft = build.make_draft(db, organiser, expert)
    html = client.get(f"/fr/manage/cohorts/{draft.id}/plan").get_data(as_text=True)
    assert 'value="2026-11-24"' in html
    fresh = {**PLAN, "weekdays": ["0"], "team": [str(expert.id)]}
    assert page(f"manage/cohorts/{draft.id}/plan", **{**fresh, "weekdays": []})[0] == 422
    assert page(f"manage/cohorts/{draft.id}/plan", **fresh)[0] == 200
    assert {row.weekday() for row in db.scalars(sa.select(Session.local_date))} == {1, 3}
    assert page(f"manage/cohorts/{draft.id}/plan", **{**fresh, "step": "create"})[0] == 303
    assert {row.weekday() for row in db.scalars(sa.select(Session.local_date))} == {0}
    services.release(db, cohort_id=draft.id)
    assert page(f"manage/cohorts/{draft.id}/plan", **{**fresh, "step": "create"})[0] == 409


def form_of(session, **changes):
    begin = session.local_time
    values = {
        "on": session.local_date.isoformat(),
        "at": begin.isoformat("minutes"),
        "until": begin.replace(hour=13, minute=0).isoformat("minutes"),
        "expert_id": str(session.expert_id),
        "room_kind": "link",
        "video_url": "",
        "seen": "",
    }
    return {**values, **changes}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"until": "12:30"}, "until"),
        ({"until": "11:00"}, "until"),
        ({"until": "18:00"}, "until"),
        ({"at": "25:61"}, "at"),
        ({"on": "2027-02-29"}, "on"),
        ({"on": "2026-11-20"}, "at"),
        ({"on": "2027-03-28", "at": "02:30", "until": "03:30"}, "at"),
        ({"expert_id": "999999"}, "expert_id"),
        ({"expert_id": "x"}, "expert_id"),
        ({"room_kind": "teleport"}, "room_kind"),
        ({"video_url": "http://example.org"}, "video_url"),
    ],
)
def test_a_wrong_change_is_told_field_by_field(page, db, organiser, expert, changes, field):
    session = build.session_of(db, build.make_cohort(db, organiser, expert), 10)
    status, html = page(f"manage/sessions/{session.id}/change", **form_of(session, **changes))
    assert status == 422
    assert re.search(rf'id="{field}-error"', html)
    typed = [value for key, value in changes.items() if key not in {"expert_id", "room_kind"}]
    assert all(value in html for value in typed)
    assert db.scalar(sa.select(SessionChange.id)) is None


def test_a_time_that_happens_twice_asks_which_on_the_page(page, db, organiser, expert):
    session = build.session_of(db, build.make_cohort(db, organiser, expert), 10)
    twice = form_of(session, on="2027-10-31", at="02:30", until="03:00")
    status, html = page(f"manage/sessions/{session.id}/change", **twice)
    assert status == 422
    assert 'name="fold"' in html
    assert page(f"manage/sessions/{session.id}/change", **twice, fold="0")[0] == 303
    assert db.scalars(sa.select(SessionChange.starts_at)).one().hour == 0


def test_two_organisers_at_once_see_each_other(page, client, db, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    session = build.session_of(db, cohort, 10)
    propose(db, organiser, session, at=time(18), until=time(18, 30))
    # This form was opened before the other change was kept.
    status, html = page(f"manage/sessions/{session.id}/change", **form_of(session, at="19:00", until="19:30"))
    assert status == 409
    assert "Quelqu’un l’a modifié entre-temps" in html
    assert 'value="19:00"' in html
    assert "18:00" in html
    seen = re.search(r'name="seen"[^>]*value="([^"]+)"', html).group(1)
    assert (
        page(f"manage/sessions/{session.id}/change", **form_of(session, at="19:00", until="19:30", seen=seen))[0] == 303
    )
    assert db.scalars(sa.select(SessionChange.local_time)).one() == time(19)
    # A release of what somebody else has edited since is refused, and so is a second release.
    path = f"manage/cohorts/{cohort.id}/changes/release"
    assert page(path, seen="old")[0] == 303
    assert db.scalar(sa.select(SessionChange.released_at)) is None
    html = client.get(f"/fr/manage/cohorts/{cohort.id}").get_data(as_text=True)
    assert "Quelqu’un l’a modifié entre-temps" in html
    seen = re.search(r'name="seen" value="([^"]+)"', html).group(1)
    assert page(path, seen=seen)[0] == 303
    assert page(path, seen=seen)[0] == 303
    assert "c’est déjà fait" in client.get(f"/fr/manage/cohorts/{cohort.id}").get_data(as_text=True)


def test_a_session_of_a_draft_is_changed_at_once_on_its_page(page, client, db, organiser, expert):
    draft = build.make_draft(db, organiser, expert)
    session = build.session_of(db, draft, 10)
    assert client.get(f"/ar/manage/sessions/{session.id}").status_code == 200
    assert page(f"manage/sessions/{session.id}/change", **form_of(session, at="18:00", until="18:30"))[0] == 303
    db.refresh(session)
    assert session.local_time == time(18)
    assert session.ends_at - session.starts_at == timedelta(minutes=30)
    assert page(f"manage/sessions/{session.id}/cancel")[0] in {404, 409}


def test_these_pages_are_for_organisers_only(client, sign_in, db, organiser, expert, alice):
    cohort = build.make_cohort(db, organiser, expert)
    session = build.session_of(db, cohort, 10)
    sign_in(client, alice)
    for path in (
        f"manage/sessions/{session.id}/change",
        f"manage/sessions/{session.id}/cancel",
        f"manage/cohorts/{cohort.id}/changes/release",
        f"manage/cohorts/{cohort.id}/changes/discard",
        f"manage/cohorts/{cohort.id}/plan",
    ):
        assert client.post(f"/fr/{path}", data=form_of(session)).status_code == 404
    assert db.scalar(sa.select(SessionChange.id)) is None
