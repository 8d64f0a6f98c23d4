"""What one's own page and a lesson's page cost, however much is in them."""

import pytest

from portal.kernel import clock
from portal.training import content, services
from portal.training.services.tasks import tick_task
from tests.builders import store as store_build
from tests.builders import training as build
from tests.training.statements import counted_statements


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert, merchant):
    cohort = build.make_cohort(db, organiser, expert)
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    return cohort


def test_my_page_takes_as_many_statements_after_one_lesson_as_after_twelve(client, sign_in, db, cohort, merchant):
    store_build.make_shop(db, merchant)
    sign_in(client, merchant)
    build.run_session(db, build.session_of(db, cohort, 1), merchant)
    with counted_statements() as few:
        assert client.get("/fr/me").status_code == 200
    for number in range(2, 13):
        build.run_session(db, build.session_of(db, cohort, number), merchant)
        tick_task(db, user=merchant, number=number)
    with counted_statements() as many:
        assert client.get("/fr/me").status_code == 200
    assert len(many) == len(few) <= 18


def test_the_lesson_page_of_an_attended_session_with_everything_on_it(client, sign_in, db, cohort, merchant):
    store_build.make_shop(db, merchant)
    ninth = build.session_of(db, cohort, 9)
    build.run_session(db, ninth, merchant)
    sign_in(client, merchant)
    with clock.at(ninth.ends_at), counted_statements() as seen:
        page = client.get(f"/fr/programme/{content.lesson(9).address}").get_data(as_text=True)
    assert "/fr/feedback/" in page
    # The login itself notes now and then that it was used.
    assert len([one for one in seen if one.startswith("SELECT")]) <= 10
