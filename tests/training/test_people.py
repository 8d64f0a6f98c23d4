"""The people of a cohort as organisers see them: parts, pages, marks, export."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.identity.models import LoginSession
from portal.identity.services import create_user
from portal.kernel import clock
from portal.training import services
from portal.training.models import Programme, Session, SessionChange, SessionState
from portal.training.queries.overview import attendance_by_lesson, changes_waiting, people_in_line
from portal.training.queries.people import Asked, Segment, everyone, group_sizes, people_page
from tests.builders import training as build
from tests.builders.attendance import ABSENT, EXCUSED, PARTIAL, PRESENT, REPLAY, TECHNICAL, end
from tests.training.statements import counted_statements


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert):
    return build.make_cohort(db, organiser, expert, capacity=100)


def enrol(db, cohort, *users):
    for user in users:
        services.enrol(db, user=user, cohort_id=cohort.id)


def names(db, cohort, segment, **asked):
    return [one.name for one in people_page(db, cohort.id, Asked(segment=segment, **asked)).people]


def test_before_the_first_session_has_ended_nobody_is_stuck(db, cohort, alice, bob):
    enrol(db, cohort, alice, bob)
    sizes = group_sizes(db, cohort.id)
    assert (sizes.everyone, sizes.not_started, sizes.missed_two, sizes.far) == (2, 0, 0, 0)


def test_not_started_is_whoever_had_a_seat_and_has_never_been_there(db, cohort, alice, bob, charlie):
    enrol(db, cohort, alice, bob, charlie)
    end(db, cohort, 1, {alice: ABSENT, bob: PARTIAL})
    assert names(db, cohort, Segment.NOT_STARTED) == ["Alice"]
    end(db, cohort, 2, {alice: REPLAY, bob: ABSENT, charlie: EXCUSED})
    assert names(db, cohort, Segment.NOT_STARTED) == ["Charlie"]
    services.leave(db, user=charlie, cohort_id=cohort.id)
    assert names(db, cohort, Segment.NOT_STARTED) == []


def test_having_been_to_another_cohort_is_having_started(db, cohort, organiser, alice):
    other = build.make_cohort(db, organiser, build.make_expert(db))
    end(db, other, 1, {alice: PRESENT})
    enrol(db, cohort, alice)
    end(db, cohort, 1, {alice: ABSENT})
    assert group_sizes(db, cohort.id).not_started == 0


@pytest.mark.parametrize(
    ("states", "stuck"),
    [
        ([ABSENT], False),
        ([ABSENT, ABSENT], True),
        ([PRESENT, ABSENT, ABSENT], True),
        ([ABSENT, ABSENT, PRESENT], False),
        ([ABSENT, PRESENT, ABSENT], False),
        ([ABSENT, REPLAY], False),
        ([ABSENT, PARTIAL], False),
        ([ABSENT, EXCUSED], False),
        ([TECHNICAL, ABSENT], False),
    ],
)
def test_missed_two_looks_at_the_last_two_sessions_they_had_a_seat_in(db, cohort, alice, bob, states, stuck):
    enrol(db, cohort, alice, bob)
    for number, state in enumerate(states, 1):
        end(db, cohort, number, {alice: state})
    end(db, cohort, 9, {bob: PRESENT})
    assert names(db, cohort, Segment.MISSED_TWO) == (["Alice"] if stuck else [])
    assert group_sizes(db, cohort.id).missed_two == int(stuck)


def test_far_is_whoever_the_sessions_to_come_no_longer_bring_to_the_needed_number(db, cohort, alice, bob):
    enrol(db, cohort, alice, bob)
    for number in range(1, 6):
        end(db, cohort, number, {alice: PRESENT, bob: ABSENT})
    assert names(db, cohort, Segment.FAR) == []
    end(db, cohort, 6, {alice: PRESENT, bob: ABSENT})
    assert names(db, cohort, Segment.FAR) == ["Bob"]
    assert group_sizes(db, cohort.id).far == 1
    db.execute(sa.update(Programme).values(needed_lessons=19))
    assert group_sizes(db, cohort.id).far == 0


def test_a_lesson_counted_elsewhere_and_still_to_come_here_counts_once(db, cohort, organiser, alice):
    other = build.make_cohort(db, organiser, build.make_expert(db))
    end(db, other, 25, {alice: PRESENT})
    enrol(db, cohort, alice)
    for number in range(1, 7):
        end(db, cohort, number, {alice: ABSENT})
    assert names(db, cohort, Segment.FAR) == ["Alice"]
    end(db, other, 1, {alice: REPLAY})
    assert names(db, cohort, Segment.FAR) == []


def test_marks_are_the_best_of_each_lesson_and_the_last_visit_is_the_latest(db, cohort, organiser, alice):
    other = build.make_cohort(db, organiser, build.make_expert(db))
    enrol(db, cohort, alice)
    end(db, cohort, 1, {alice: ABSENT})
    end(db, other, 1, {alice: PRESENT})
    end(db, cohort, 2, {alice: PARTIAL})
    end(db, cohort, 3, {alice: REPLAY})
    now = clock.now()
    for ago in (3, 1, 2):
        seen = now - timedelta(days=ago)
        db.add(LoginSession(token_hash=f"{ago}", user_id=alice.id, last_seen_at=seen))
    db.flush()
    (person,) = people_page(db, cohort.id, Asked()).people
    assert dict(person.states) == {1: PRESENT, 2: PARTIAL, 3: REPLAY}
    assert (person.counted, person.lessons(PARTIAL)) == (2, [2])
    assert person.seen_at == now - timedelta(days=1)
    assert list(everyone(db, cohort.id)) == [person]


@pytest.fixture
def crowd(db, cohort):
    """Eleven people, two of them with the same name."""
    people = [
        create_user(
            db, email=f"p{number}@example.org", display_name="Même Nom" if number in {4, 5} else f"P {number:02}"
        )
        for number in range(11)
    ]
    enrol(db, cohort, *people)
    return people


def test_pages_show_everybody_once_forwards_and_backwards(db, cohort, crowd):
    whole = [one.id for one in people_page(db, cohort.id, Asked()).people]
    assert len(whole) == 11
    pages, asked = [], Asked()
    while True:
        page = people_page(db, cohort.id, asked, needs=4)
        pages.append([one.id for one in page.people])
        assert (page.before is None) == (len(pages) == 1)
        if page.after is None:
            break
        asked = Asked(after=page.after)
    assert [len(page) for page in pages] == [4, 4, 3]
    assert [one for page in pages for one in page] == whole
    back = people_page(db, cohort.id, Asked(before=pages[2][0]), needs=4)
    assert [one.id for one in back.people] == pages[1]
    assert (back.before, back.after) == (pages[1][0], pages[1][-1])
    first = people_page(db, cohort.id, Asked(before=back.before), needs=4)
    assert [one.id for one in first.people] == pages[0]
    assert first.before is None
    assert people_page(db, cohort.id, Asked(after=10**9)).people == []


def test_a_search_finds_names_in_any_spelling_and_addresses(db, cohort, organiser):
    elise = create_user(db, email="boutique@example.org", display_name="Élise Besançon")
    amina = create_user(db, email="amina@example.org", display_name="أمينة الفاسي")
    enrol(db, cohort, elise, amina)
    for search, found in [
        ("elise", ["Élise Besançon"]),
        ("BESANCON", ["Élise Besançon"]),
        ("boutique@", ["Élise Besançon"]),
        ("امينه", ["أمينة الفاسي"]),
        ("%", []),
        ("_", []),
        ("example.org", ["Élise Besançon", "أمينة الفاسي"]),
    ]:
        assert names(db, cohort, Segment.EVERYONE, search=search) == found, search


def test_lessons_are_counted_by_state(db, cohort, alice, bob, charlie):
    enrol(db, cohort, alice, bob, charlie)
    end(db, cohort, 1, {alice: PRESENT, bob: PRESENT, charlie: ABSENT})
    lessons = attendance_by_lesson(db, cohort.id)
    assert [one.number for one in lessons] == list(range(1, 26))
    assert (lessons[0].people, lessons[0].total, lessons[0].ended) == ({PRESENT: 2, ABSENT: 1}, 3, True)
    assert (lessons[1].people, lessons[1].ended) == ({}, False)


def test_decisions_are_counted_by_cohort(db, cohort, organiser, expert, alice, bob):
    full = build.make_cohort(db, organiser, build.make_expert(db), capacity=1)
    enrol(db, full, alice)
    services.join_waitlist(db, user=bob, cohort_id=full.id)
    assert people_in_line(db, [full.id]) == {full.id: 1}
    assert changes_waiting(db, [full.id]) == {}
    session = build.session_of(db, full)
    for number in (1, 2):
        session = build.session_of(db, full, number)
        same = {
            name: getattr(session, name) for name in ("local_date", "local_time", "starts_at", "ends_at", "expert_id")
        }
        db.add(SessionChange(session_id=session.id, room_kind=session.room_kind, created_by=organiser.id, **same))
    db.flush()
    assert changes_waiting(db, [full.id]) == {full.id: 2}
    db.execute(sa.update(Session).where(Session.id == session.id).values(state=SessionState.CANCELLED))
    assert changes_waiting(db, [full.id]) == {full.id: 1}


def test_the_statements_are_the_same_for_one_person_and_for_many(db, cohort, alice, crowd):
    counts = []
    for size in range(2):
        with counted_statements() as seen:
            group_sizes(db, cohort.id)
            people_page(db, cohort.id, Asked())
            people_page(db, cohort.id, Asked(search="p"))
            list(everyone(db, cohort.id))
            attendance_by_lesson(db, cohort.id)
        counts.append(len(seen))
        more = [create_user(db, email=f"q{size}{number}@example.org") for number in range(30)]
        enrol(db, cohort, *more)
        end(db, cohort, 1, dict.fromkeys(more, PRESENT))
    assert counts == [10, 10]
