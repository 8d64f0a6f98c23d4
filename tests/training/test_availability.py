"""What experts say of themselves: hours in their own zone, languages, days away; and what plans make of it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from portal.kernel import clock
from portal.training import services
from portal.training.errors import NotReadyError
from portal.training.models import Cohort, ExpertAbsence, ExpertAvailability, ExpertLanguage, Session
from portal.training.planning import ConflictKind, PlanInputs, plan
from portal.training.queries.changes import away_conflicts
from portal.training.queries.experts import expert_page, rotas
from portal.training.queries.planning import draft_conflicts
from portal.training.rota import Absence, Rota, Window
from portal.training.services import experts
from tests.builders import training as build
from tests.training.statements import counted_statements

PARIS, CAYENNE = "Europe/Paris", "America/Cayenne"
# Wednesday 2 December 2026, 12:30 in Paris.
NOON = datetime(2026, 12, 2, 11, 30, tzinfo=UTC)
HALF = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


def rota(*windows, absences=(), zone=PARIS, languages=("fr",)):
    return Rota(1, frozenset(languages), zone, windows, absences)


@pytest.mark.parametrize(
    ("windows", "starts_at", "expected"),
    [
        ((), NOON, True),
        ((Window(2, time(12, 30), time(13), PARIS),), NOON, True),
        ((Window(2, time(12, 31), time(14), PARIS),), NOON, False),
        ((Window(2, time(9), time(12, 59), PARIS),), NOON, False),
        ((Window(1, time(9), time(18), PARIS), Window(3, time(9), time(18), PARIS)), NOON, False),
        # Two windows that touch are one; with a minute between them they are not.
        ((Window(2, time(9), time(12, 45), PARIS), Window(2, time(12, 45), time(14), PARIS)), NOON, True),
        ((Window(2, time(9), time(12, 45), PARIS), Window(2, time(12, 46), time(14), PARIS)), NOON, False),
        # 8:30 in Cayenne is 12:30 in Paris in winter.
        ((Window(2, time(8, 30), time(9), CAYENNE),), NOON, True),
        ((Window(2, time(12), time(14), CAYENNE),), NOON, False),
        # Over midnight: until 23:59 means until midnight.
        (
            (Window(2, time(20), time(23, 59), PARIS), Window(3, time(0), time(2), PARIS)),
            datetime(2026, 12, 2, 22, 45, tzinfo=UTC),
            True,
        ),
        ((Window(2, time(20), time(23, 59), PARIS),), datetime(2026, 12, 2, 22, 45, tzinfo=UTC), False),
    ],
)
def test_hours_are_on_the_experts_own_clock(windows, starts_at, expected):
    assert rota(*windows).covers(starts_at, starts_at + HALF) is expected


def test_hours_keep_their_local_time_when_clocks_change():
    evenings = rota(Window(5, time(12, 30), time(13), PARIS), Window(6, time(12, 30), time(13), PARIS))
    saturday, sunday = datetime(2027, 3, 27, 11, 30, tzinfo=UTC), datetime(2027, 3, 28, 10, 30, tzinfo=UTC)
    assert evenings.covers(saturday, saturday + HALF)
    assert evenings.covers(sunday, sunday + HALF)
    assert not evenings.covers(sunday + timedelta(hours=1), sunday + timedelta(hours=1) + HALF)


def test_an_absence_holds_on_its_last_day_to_midnight_where_the_expert_lives():
    away = rota(absences=(Absence(date(2026, 12, 1), date(2026, 12, 2)),))
    midnight = datetime(2026, 12, 2, 23, 0, tzinfo=UTC)
    assert away.absence_at(midnight - HALF, midnight) is not None
    assert away.absence_at(midnight, midnight + HALF) is None
    assert rota(absences=away.absences, zone=CAYENNE).absence_at(midnight, midnight + HALF) is not None


def inputs(**changes):
    values = {
        "first_on": date(2026, 12, 1),
        "weekdays": frozenset({1, 3}),
        "local_time": time(12, 30),
        "zone": PARIS,
        "team": (1, 2),
        "language": "fr",
    }
    return PlanInputs(**{**values, **changes})


def kinds(planned):
    return {one.number: [problem.kind for problem in one.problems] for one in planned.conflicts}


def test_a_plan_marks_what_an_expert_cannot_do_and_finds_who_can():
    speaks = Rota(2, frozenset({"fr"}), PARIS)
    absent = Rota(1, frozenset({"fr"}), PARIS, absences=(Absence(date(2026, 12, 8), date(2026, 12, 9), "Salon"),))
    planned = plan(inputs(rotas=(absent, speaks)))
    (conflict,) = planned.conflicts
    assert (conflict.number, conflict.kind, conflict.refused) == (3, ConflictKind.EXPERT_AWAY, False)
    assert (conflict.free_expert_id, conflict.free_on) == (2, None)
    assert planned.possible
    assert planned.warnings == (conflict,)
    hours = Rota(1, frozenset({"fr"}), PARIS, (Window(2, time(9), time(18), PARIS),))
    planned = plan(inputs(rotas=(hours, speaks), count=1))
    assert kinds(planned) == {1: [ConflictKind.OUTSIDE_HOURS]}
    assert planned.conflicts[0].free_on == date(2026, 12, 2)
    other = Rota(1, frozenset({"ar"}), PARIS)
    assert kinds(plan(inputs(rotas=(other, speaks), count=2))) == {1: [ConflictKind.OTHER_LANGUAGE]}


def test_a_plan_tells_every_problem_of_a_session_the_most_serious_first():
    from portal.training.planning import Busy

    starts_at = datetime(2026, 12, 1, 11, 30, tzinfo=UTC)
    wrong = Rota(1, frozenset({"ar"}), PARIS, absences=(Absence(date(2026, 12, 1), date(2026, 12, 1)),))
    planned = plan(inputs(rotas=(wrong,), team=(1,), count=1, busy=(Busy(1, starts_at, starts_at + HALF, "Midi", 4),)))
    assert kinds(planned) == {
        1: [ConflictKind.EXPERT_BUSY, ConflictKind.EXPERT_AWAY, ConflictKind.OTHER_LANGUAGE],
    }
    assert planned.refused == planned.conflicts


@pytest.mark.parametrize(
    "changes",
    [
        {"weekdays": frozenset()},
        {"team": ()},
        {"count": 26},
        {"count": 0},
        {"minutes": 0},
        {"zone": "Europe/Atlantis"},
        {"zone": "Europe"},
        {"zone": "../etc/passwd"},
    ],
)
def test_a_plan_that_cannot_be_is_no_plan(changes):
    with pytest.raises(ValueError, match=r"plan|zone"):
        plan(inputs(**changes))


def test_without_a_word_an_expert_leads_at_any_hour_in_their_own_language(db, expert):
    (found,) = rotas(db, [expert.id])
    assert found.languages == {"fr"}
    assert found.covers(NOON, NOON + HALF)
    experts.set_languages(db, user=expert, languages=["ar", "en"])
    assert rotas(db, [expert.id])[0].languages == {"ar", "en"}
    experts.set_languages(db, user=expert, languages=["ar"])
    assert db.scalars(sa.select(ExpertLanguage.language)).all() == ["ar"]


def test_hours_that_begin_alike_are_replaced(db, expert):
    for until in (time(12), time(18)):
        experts.add_hours(db, user=expert, weekdays=[1, 3], from_time=time(9), until_time=until, zone=PARIS)
    rows = db.scalars(sa.select(ExpertAvailability).order_by(ExpertAvailability.weekday)).all()
    assert [(row.weekday, row.until_time) for row in rows] == [(1, time(18)), (3, time(18))]


def test_a_draft_shows_warnings_and_is_published_with_them(db, organiser, expert):
    experts.add_absence(db, user=expert, first_on=date(2026, 11, 26), last_on=date(2026, 11, 30))
    draft = build.make_draft(db, organiser, expert)
    found = dict(draft_conflicts(db, draft))
    second = build.session_of(db, draft, 2)
    assert {key: one.kind for key, one in found.items()} == {second.id: ConflictKind.EXPERT_AWAY}
    # Somebody moves it to a public holiday: that is said as well.
    services.shift_session(db, session_id=second.id, on=date(2026, 12, 25))
    assert [one.kind for one in dict(draft_conflicts(db, draft))[second.id].problems] == [ConflictKind.DAY_OFF]
    services.release(db, cohort_id=draft.id)


def test_an_absence_told_after_publishing_is_seen_by_the_organisers(db, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    assert away_conflicts(db, cohort) == {}
    experts.add_absence(db, user=expert, first_on=date(2026, 11, 26), last_on=date(2026, 11, 30))
    second = build.session_of(db, cohort, 2)
    assert {key: one.kind for key, one in away_conflicts(db, cohort).items()} == {second.id: ConflictKind.EXPERT_AWAY}
    (absence,) = expert_page(db, expert).away
    assert [one.id for one in expert_page(db, expert).during(absence)] == [second.id]


def test_a_draft_planned_afresh_has_its_new_dates_only(db, organiser, expert):
    draft = build.make_draft(db, organiser, expert)
    other = build.make_expert(db)
    fresh = build.request(other, weekdays=frozenset({0, 4}), local_time=time(18), name="Soir")
    services.replan_cohort(db, cohort_id=draft.id, request=fresh)
    rows = db.scalars(sa.select(Session).where(Session.cohort_id == draft.id)).all()
    assert len(rows) == 25
    assert {row.expert_id for row in rows} == {other.id}
    assert {row.local_date.weekday() for row in rows} == {0, 4}
    assert db.get_one(Cohort, draft.id, populate_existing=True).name == "Soir"


def test_the_statements_of_a_drafts_check_do_not_grow_with_its_experts(db, organiser, expert):
    def checked(draft):
        with counted_statements() as statements:
            draft_conflicts(db, draft)
        return len(statements)

    few = checked(build.make_draft(db, organiser, expert))
    many = [build.make_expert(db) for _count in range(8)]
    for one in many:
        experts.add_absence(db, user=one, first_on=date(2026, 11, 26), last_on=date(2026, 12, 30))
    assert checked(build.make_draft(db, organiser, *many)) == few


HOURS = {"weekdays": ["1", "3"], "from_time": "09:00", "until_time": "18:00", "zone": PARIS}
AWAY = {"first_on": "2026-12-01", "last_on": "2026-12-05", "note": "Salon"}


def test_an_expert_says_when_they_can_on_their_page(client, sign_in, db, expert):
    sign_in(client, expert)
    for path, data in (("hours", HOURS), ("absences", AWAY), ("languages", {"languages": ["fr", "ar"]})):
        assert client.post(f"/fr/expert/{path}", data=data).status_code == 303
    for language in ("fr", "en", "ar"):
        page = client.get(f"/{language}/expert/availability")
        assert page.status_code == 200
        assert "Salon" in page.get_data(as_text=True)
    hours, absence = db.scalars(sa.select(ExpertAvailability.id)).first(), db.scalar(sa.select(ExpertAbsence.id))
    assert client.post(f"/fr/expert/hours/{hours}/remove").status_code == 303
    assert client.post(f"/fr/expert/absences/{absence}/remove").status_code == 303
    assert db.scalars(sa.select(ExpertAvailability.weekday)).all() == [3]
    assert db.scalar(sa.select(ExpertAbsence.id)) is None


@pytest.mark.parametrize(
    ("path", "data", "kept"),
    [
        ("hours", {**HOURS, "until_time": "08:00"}, "08:00"),
        ("hours", {**HOURS, "until_time": "25:00"}, "25:00"),
        ("hours", {**HOURS, "weekdays": []}, "09:00"),
        ("hours", {**HOURS, "weekdays": ["7"]}, "09:00"),
        ("hours", {**HOURS, "zone": "Europe/Atlantis"}, "09:00"),
        ("absences", {**AWAY, "last_on": "2026-11-30"}, "2026-11-30"),
        ("absences", {**AWAY, "first_on": "2027-02-29"}, "2027-02-29"),
        ("absences", {**AWAY, "first_on": "2026-11-01", "last_on": "2026-11-02"}, "2026-11-02"),
        ("absences", {**AWAY, "last_on": "2029-12-05"}, "2029-12-05"),
        ("languages", {"languages": []}, ""),
        ("languages", {"languages": ["xx"]}, ""),
    ],
)
def test_what_is_wrong_is_said_and_kept_and_changes_nothing(client, sign_in, db, expert, path, data, kept):
    sign_in(client, expert)
    answer = client.post(f"/fr/expert/{path}", data=data)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert kept in html
    assert 'class="error"' in html
    for model in (ExpertAvailability, ExpertAbsence, ExpertLanguage):
        assert db.scalar(sa.select(sa.func.count()).select_from(model)) == 0


def test_nobody_edits_what_another_said(client, sign_in, db, expert, charlie):
    experts.add_absence(db, user=expert, first_on=date(2026, 12, 1), last_on=date(2026, 12, 2))
    absence = db.scalar(sa.select(ExpertAbsence.id))
    sign_in(client, build.make_expert(db))
    assert client.post(f"/fr/expert/absences/{absence}/remove").status_code == 404
    assert client.post("/fr/expert/hours/1/remove").status_code == 404
    sign_in(client, charlie)
    assert client.get("/fr/expert/availability").status_code == 404
    assert client.post("/fr/expert/absences", data=AWAY).status_code == 404
    assert db.scalar(sa.select(ExpertAbsence.id)) == absence


def test_two_sessions_of_a_draft_at_once_are_a_conflict_whoever_leads_them(db, organiser, expert):
    other = build.make_expert(db)
    draft = build.make_draft(db, organiser, expert, other)
    first, second = build.session_of(db, draft, 1), build.session_of(db, draft, 2)
    services.shift_session(db, session_id=first.id, on=second.local_date)
    found = dict(draft_conflicts(db, draft))
    assert {key: one.kind for key, one in found.items()} == {
        first.id: ConflictKind.SAME_TIME,
        second.id: ConflictKind.SAME_TIME,
    }
    assert all(one.refused and one.free_expert_id is None for one in found.values())
    with pytest.raises(NotReadyError), db.begin_nested():
        services.release(db, cohort_id=draft.id)
