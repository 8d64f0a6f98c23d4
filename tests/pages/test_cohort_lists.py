"""Organisers with many cohorts: a first page that stays as short, and all of them page by page."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.kernel import clock
from portal.training import services
from portal.training.models import Cohort, CohortState
from portal.training.queries.cohorts import cohorts_page
from portal.training.queries.overview import cohorts_to_decide
from tests.builders import training as build
from tests.training.statements import counted_statements

MANY = 30


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def many(db, organiser):
    """Public cohorts that begin one a day, all nearly empty; each with an expert of its own."""
    first_on = clock.now().date() + timedelta(days=1)
    found = []
    for number in range(MANY):
        expert = build.make_expert(db, f"Expert {number}")
        cohort = build.make_cohort(db, organiser, expert, name=f"Cohort {number:02d}", capacity=100)
        cohort.first_on = first_on + timedelta(days=number // 2)
        found.append(cohort)
    db.flush()
    return found


def names(page):
    return re.findall(r"Cohort \d\d", page)


def test_the_first_page_is_as_short_with_many_cohorts(client, sign_in, db, organiser, many):
    sign_in(client, organiser)
    with counted_statements() as seen:
        page = client.get("/en/manage").get_data(as_text=True)
    assert "More cohorts wait" in page
    assert len(set(names(page.split("Next sessions")[0]))) <= 12
    assert len(seen) <= 10


def test_what_asks_soonest_is_decided_first_and_the_rest_follows(db, many):
    today = clock.now().date()
    facts = {"today": today, "soon": today + timedelta(days=14), "few": 4, "limit": 3}
    assert [one.id for one in cohorts_to_decide(db, **facts)] == [one.id for one in many[:3]]
    db.execute(sa.update(Cohort).where(Cohort.id == many[0].id).values(seats_taken=50))
    assert [one.id for one in cohorts_to_decide(db, **facts)] == [one.id for one in many[1:4]]


def test_a_draft_asks_once_its_first_day_is_near(db, organiser, expert):
    draft = build.make_draft(db, organiser, expert)
    today = draft.first_on - timedelta(days=15)
    facts = {"few": 4, "limit": 3}
    assert cohorts_to_decide(db, today=today, soon=today + timedelta(days=14), **facts) == []
    near = today + timedelta(days=1)
    assert [one.id for one in cohorts_to_decide(db, today=near, soon=near + timedelta(days=14), **facts)] == [draft.id]


def test_a_line_and_an_ended_cohort(db, organiser, alice, bob):
    full = build.make_cohort(db, organiser, build.make_expert(db), capacity=1)
    for user in (alice, bob):
        services.join_waitlist(db, user=user, cohort_id=full.id)
    today = full.first_on - timedelta(days=90)
    facts = {"today": today, "soon": today, "few": 4, "limit": 3}
    assert [one.id for one in cohorts_to_decide(db, **facts)] == [full.id]
    db.execute(sa.update(Cohort).where(Cohort.id == full.id).values(state=CohortState.FINISHED))
    assert cohorts_to_decide(db, **facts) == []


def test_page_by_page_each_cohort_comes_once_the_latest_first(db, many):
    seen, before = [], None
    while True:
        page = cohorts_page(db, ended=False, before=before, limit=7)
        seen += [one.id for one in page.cohorts]
        if page.older is None:
            break
        before = page.older
    assert seen == [one.id for one in sorted(many, key=lambda one: (one.first_on, one.id), reverse=True)]


def test_the_list_leads_on_and_back_and_keeps_the_ended_apart(client, sign_in, db, organiser, many):
    db.execute(sa.update(Cohort).where(Cohort.id == many[3].id).values(state=CohortState.FINISHED))
    sign_in(client, organiser)
    first = client.get("/en/manage/cohorts").get_data(as_text=True)
    older = re.search(r'rel="next" href="([^"]+)"', first)
    rest = client.get(older[1].replace("&amp;", "&")).get_data(as_text=True)
    assert len({*names(first), *names(rest)}) == MANY - 1
    assert not {*names(first)} & {*names(rest)}
    assert 'rel="prev"' in rest
    ended = client.get("/en/manage/cohorts?show=ended").get_data(as_text=True)
    assert {*names(ended)} == {"Cohort 03"}
    for junk in ("before=x", "before=0", "before=99999999999999999999", "show=all"):
        assert client.get(f"/en/manage/cohorts?{junk}").status_code == 200
