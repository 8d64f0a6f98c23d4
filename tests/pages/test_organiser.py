"""The organisers' pages: what waits for them, the people of a cohort, messages, imports, the export."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.forum.models import Question, QuestionState
from portal.identity.models import Language, User
from portal.identity.services import create_user
from portal.kernel import clock, ids
from portal.notifications.models import OutboxMail
from portal.pages.manage_charts import Piece, attendance_chart, marks, rounded_up
from portal.training import services
from portal.training.jobs.imports import run_imports
from portal.training.models import GroupMessage, PeopleImport, SessionState
from portal.training.queries.overview import LessonAttendance
from tests.builders import forum as build_forum
from tests.builders import training as build
from tests.builders.attendance import ABSENT, PARTIAL, PRESENT, REPLAY, TECHNICAL, end
from tests.training.statements import counted_statements


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert):
    return build.make_cohort(db, organiser, expert, capacity=100)


@pytest.fixture
def manager(client, sign_in, organiser):
    """A browser with an organiser signed in."""
    sign_in(client, organiser)
    return client


def text_of(answer, status=200):
    assert answer.status_code == status, answer.status_code
    return answer.get_data(as_text=True)


PAGES = (
    "",
    "/cohorts",
    "/cohorts/{id}/people",
    "/cohorts/{id}/export.csv",
    "/cohorts/{id}/message",
    "/cohorts/{id}/import",
)


@pytest.mark.parametrize("page", PAGES)
def test_only_organisers_find_the_pages(client, new_client, sign_in, cohort, merchant, expert, page):
    address = "/fr/manage" + page.format(id=cohort.id)
    assert "/fr/sign-in" in client.get(address).headers["Location"]
    for user in (merchant, expert):
        other = new_client()
        sign_in(other, user)
        assert other.get(address).status_code == 404


def test_nobody_else_writes_sends_or_imports(client, sign_in, cohort, merchant):
    sign_in(client, merchant)
    for path in ("message", "message/1/send", "message/1/discard", "import", "import/1/confirm"):
        assert client.post(f"/fr/manage/cohorts/{cohort.id}/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["people", "export.csv", "message", "import", "message/7", "message/7/mail", "import/7"]
)
def test_an_unknown_cohort_message_or_import_is_not_found(manager, cohort, path):
    assert manager.get(f"/fr/manage/cohorts/{10**9}/{path}").status_code == 404
    if "7" in path:
        assert manager.get(f"/fr/manage/cohorts/{cohort.id}/{path}").status_code == 404


def test_what_waits_for_a_decision_stands_first(manager, db, organiser, expert, merchant, cohort, alice, bob):
    html = text_of(manager.get("/en/manage"))
    assert "Few seats taken" in html
    build.make_draft(db, organiser, build.make_expert(db), name="Brouillon")
    full = build.make_cohort(db, organiser, build.make_expert(db), name="Plein", capacity=1)
    services.enrol(db, user=alice, cohort_id=full.id)
    services.join_waitlist(db, user=bob, cohort_id=full.id)
    question = build_forum.ask(db, merchant)
    with clock.at(build.BEFORE + timedelta(days=30)):
        assert "1 question past its promise" in text_of(manager.get("/en/manage"))
    html = text_of(manager.get("/en/manage"))
    assert "past its promise" not in html
    assert "A draft to publish" in html
    assert "1 person in line" in html
    assert html.index("A draft to publish") < html.index("Few seats taken") < html.index("1 person in line")
    db.execute(sa.update(Question).where(Question.id == question.id).values(state=QuestionState.ANSWERED))
    with clock.at(build.BEFORE + timedelta(days=30)):
        assert "past its promise" not in text_of(manager.get("/en/manage"))


def test_the_first_page_takes_as_many_statements_for_many_cohorts(manager, db, organiser, cohort):
    counts = []
    for _size in range(2):
        with counted_statements() as seen:
            assert manager.get("/fr/manage").status_code == 200
        counts.append(len(seen))
        for number in range(3):
            build.make_cohort(db, organiser, build.make_expert(db), name=f"Autre {number}")
    assert counts[0] == counts[1] <= 8


def lesson(number, state=SessionState.ENDED, **people):
    counted = {
        state: people[name]
        for name, state in (("present", PRESENT), ("absent", ABSENT), ("technical", TECHNICAL))
        if name in people
    }
    return LessonAttendance(number, number, state, datetime(2026, 11, 24, tzinfo=UTC), counted)


def test_bars_stand_on_the_ground_one_piece_on_the_other():
    chart = attendance_chart(
        [lesson(1, present=30, absent=10), lesson(2, technical=40), lesson(3, SessionState.SCHEDULED)]
    )
    assert [people for _y, people in chart.rules] == [40, 20]
    assert chart.bars[0].pieces == [(Piece.PRESENT, 49.0, 99.0), (Piece.ABSENT, 16.0, 33.0)]
    assert chart.bars[1].pieces == [(Piece.EXCUSED, 16.0, 132.0)]
    assert chart.bars[2].pieces == []
    assert (chart.totals[Piece.PRESENT], chart.totals[Piece.EXCUSED], len(chart.rows)) == (30, 40, 2)
    assert all(bar.at >= 0 and bar.at + bar.wide <= 91 for bar in chart.bars)


def test_there_is_no_chart_before_a_session_has_ended():
    assert attendance_chart([lesson(1, SessionState.SCHEDULED)]) is None
    assert attendance_chart([lesson(1)]) is None


@pytest.mark.parametrize(
    ("most", "top"),
    [(1, 2), (2, 2), (3, 4), (5, 6), (9, 10), (11, 20), (40, 40), (51, 60), (201, 400), (1000, 1000)],
)
def test_the_upper_rule_is_a_round_number_above_the_tallest_bar(most, top):
    assert rounded_up(most) == top


def test_a_persons_marks_are_25_within_the_drawing():
    drawn = marks({1: PRESENT, 2: REPLAY, 25: PARTIAL})
    assert [mark.piece for mark in drawn] == [Piece.PRESENT, Piece.REPLAY, *[None] * 22, Piece.PARTIAL]
    assert all(1 < mark.at < 99 for mark in drawn)


@pytest.mark.parametrize("code", ["fr", "ar"])
def test_the_chart_and_its_table_say_the_same(manager, db, cohort, alice, bob, code):
    for user in (alice, bob):
        services.enrol(db, user=user, cohort_id=cohort.id)
    end(db, cohort, 1, {alice: PRESENT, bob: PRESENT})
    end(db, cohort, 2, {alice: PRESENT, bob: ABSENT})
    html = text_of(manager.get(f"/{code}/manage/cohorts/{cohort.id}/people"))
    svg = re.search(r'<svg class="chart".*?</svg>', html, re.DOTALL)[0]
    assert 'role="img" aria-labelledby="chart-t chart-d"' in svg
    heights = [float(found) for found in re.findall(r'<rect x="[^"]+" y="[^"]+" width="[^"]+%" height="([^"]+)"', svg)]
    assert heights == [132.0, 66.0, 66.0]
    first_at = float(re.search(r'<rect x="([^"]+)%" y', svg)[1])
    assert first_at > 90 if code == "ar" else first_at == 0
    assert ("Suivie" in html) is (code == "fr")
    assert ("حضور" in html) is (code == "ar")
    table = re.search(r'<table class="table stack fits">.*?</table>', html, re.DOTALL)[0]
    rows = [re.findall(r'<td class="num[^"]*" data-label="[^"]*">(\d+)', row) for row in table.split("<tr>")[2:]]
    assert rows == [["2", "0", "2"], ["1", "1", "2"]]


def test_the_cohort_page_leads_to_its_people(manager, cohort):
    html = text_of(manager.get(f"/fr/manage/cohorts/{cohort.id}"))
    assert f'href="/fr/manage/cohorts/{cohort.id}/people"' in html


def test_people_are_listed_searched_and_grouped(manager, db, cohort, alice, bob):
    for user in (alice, bob):
        services.enrol(db, user=user, cohort_id=cohort.id)
    end(db, cohort, 1, {alice: PRESENT, bob: ABSENT})
    base = f"/en/manage/cohorts/{cohort.id}/people"
    html = text_of(manager.get(base))
    assert html.count('<use href="#m-present"') == html.count('<use href="#m-absent"') == 1
    assert html.count('<use href="#m-open"') == 48
    assert 'aria-label="Attended: 1. "' in html
    assert 'aria-label="Missed: 1."' in html
    assert "1 lesson attended" in html
    assert bob.email not in text_of(manager.get(f"{base}?q=ALI"))
    assert "Nobody by that name" in text_of(manager.get(f"{base}?q=zzz"))
    only = text_of(manager.get(f"{base}?group=not_started"))
    assert bob.email in only
    assert alice.email not in only
    assert "message?to=not_started" in only
    assert text_of(manager.get(f"{base}?group=nonsense&after=x&before=99999999999999999999")).count("@example.org") == 2


def test_the_people_page_takes_as_many_statements_for_many_people(manager, db, cohort):
    counts = []
    for size in range(2):
        with counted_statements() as seen:
            assert manager.get(f"/fr/manage/cohorts/{cohort.id}/people").status_code == 200
        with counted_statements() as exported:
            assert manager.get(f"/fr/manage/cohorts/{cohort.id}/export.csv").get_data()
        counts.append((len(seen), len(exported)))
        people = [create_user(db, email=f"p{size}{number}@example.org") for number in range(30)]
        for user in people:
            services.enrol(db, user=user, cohort_id=cohort.id)
        end(db, cohort, 1, dict.fromkeys(people, PRESENT))
    assert counts[0] == counts[1]
    assert counts[0][0] <= 12
    assert counts[0][1] <= 4


def test_the_export_is_a_safe_table_with_one_row_a_person(manager, db, cohort, alice):
    names = ["=HYPERLINK(1)", "+33", "-1", "@SUM", "أمينة", 'Li "Bo", Ana']
    people = [create_user(db, email=f"x{number}@example.org", display_name=name) for number, name in enumerate(names)]
    for user in (alice, *people):
        services.enrol(db, user=user, cohort_id=cohort.id)
    end(db, cohort, 2, {alice: REPLAY, people[4]: ABSENT})
    answer = manager.get(f"/fr/manage/cohorts/{cohort.id}/export.csv")
    assert answer.is_streamed
    assert answer.headers["Content-Disposition"] == f'attachment; filename="midi-{cohort.id}.csv"'
    raw = answer.get_data()
    assert raw.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert len(header) == 31
    assert all(line.startswith('"') and line.endswith('"') for line in raw.decode("utf-8-sig").splitlines())
    by_email = {row[1]: row for row in rows}
    assert len(rows) == 7
    assert [by_email[user.email][0] for user in people] == [f"'{name}" for name in names[:4]] + names[4:]
    assert by_email[alice.email][5:8] == ["1", "", "Validée par le replay"]
    assert by_email[people[4].email][5] == "0"


def post_message(manager, cohort, **changes):
    given = {"key": ids.token(), "audience": "everyone", "subject": "Bonjour", "text": "Un\ndeux", **changes}
    return manager.post(f"/en/manage/cohorts/{cohort.id}/message", data=given)


def test_a_message_is_written_looked_at_and_sent_once(manager, db, cohort, alice, bob):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    bob.language = Language.ARABIC
    services.enrol(db, user=bob, cohort_id=cohort.id)
    preview = post_message(manager, cohort).headers["Location"]
    answer = manager.get(preview)
    html = text_of(answer)
    assert "To 2 people" in html
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    seal = re.search(r'name="seal"[^>]*value="(\w+)"', html)[1]
    mail = manager.get(f"{preview}/mail?as=ar")
    assert "script-src" not in mail.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in mail.headers["Content-Security-Policy"]
    assert '<html lang="ar" dir="rtl">' in text_of(mail)
    for _twice in range(2):
        assert manager.post(f"{preview}/send", data={"seal": seal}).status_code == 303
    told = db.scalars(sa.select(OutboxMail.email).where(OutboxMail.kind == "training.group")).all()
    assert sorted(told) == [alice.email, bob.email]
    sent = text_of(manager.get(preview))
    assert "Sent to 2 people." in sent
    assert "/send" not in sent
    assert "Bonjour" in text_of(manager.get(f"/en/manage/cohorts/{cohort.id}/message"))
    assert manager.post(f"{preview}/discard").status_code == 409


def test_the_preview_is_the_mail_that_leaves(manager, app, db, cohort, alice):
    from portal.notifications.compose import compose

    services.enrol(db, user=alice, cohort_id=cohort.id)
    preview = post_message(manager, cohort, subject="<i>Prix</i> & co", text="a < b").headers["Location"]
    shown = text_of(manager.get(f"{preview}/mail"))
    page = text_of(manager.get(preview))
    assert "<i>" not in page.split("<main")[1].replace("<i aria-hidden", "")
    seal = re.search(r'name="seal"[^>]*value="(\w+)"', page)[1]
    manager.post(f"{preview}/send", data={"seal": seal})
    row = db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "training.group")).one()
    with app.app_context():
        assert compose(row).get_body(("html",)).get_content() == shown


def test_a_group_that_changed_is_shown_again_and_nothing_left(manager, db, cohort, alice, bob):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    preview = post_message(manager, cohort).headers["Location"]
    seal = re.search(r'name="seal"[^>]*value="(\w+)"', text_of(manager.get(preview)))[1]
    services.enrol(db, user=bob, cohort_id=cohort.id)
    answer = manager.post(f"{preview}/send", data={"seal": seal})
    html = text_of(manager.get(answer.headers["Location"]))
    assert "The group has changed" in html
    assert "To 2 people" in html
    assert db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "training.group")).all() == []


def test_what_was_typed_is_kept_and_a_draft_can_be_changed(manager, db, cohort, alice):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    html = text_of(post_message(manager, cohort, subject=" ", text="Long text to keep"), 422)
    assert "Long text to keep" in html
    assert text_of(post_message(manager, cohort, text="x" * 2001), 422)
    assert text_of(post_message(manager, cohort, subject="x" * 121), 422)
    assert text_of(post_message(manager, cohort, audience="all of France"), 422)
    key = ids.token()
    for _twice in range(2):
        preview = post_message(manager, cohort, key=key).headers["Location"]
    draft = db.scalars(sa.select(GroupMessage)).one()
    page = f"/en/manage/cohorts/{cohort.id}/message?draft={draft.id}"
    assert "Un\ndeux" in text_of(manager.get(page))
    manager.post(page, data={"key": key, "audience": "everyone", "subject": "Autre", "text": "x"})
    assert "Autre" in text_of(manager.get(preview))
    assert manager.post(f"{preview}/discard").status_code == 303
    assert manager.get(preview).status_code == 404


def test_what_was_typed_into_a_draft_that_left_meanwhile_is_kept(manager, db, cohort, alice):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    preview = post_message(manager, cohort).headers["Location"]
    seal = re.search(r'name="seal"[^>]*value="(\w+)"', text_of(manager.get(preview)))[1]
    manager.post(f"{preview}/send", data={"seal": seal})
    draft = db.scalars(sa.select(GroupMessage)).one()
    page = f"/en/manage/cohorts/{cohort.id}/message"
    given = {"key": ids.token(), "audience": "everyone", "subject": "Later", "text": "Words to keep"}
    html = text_of(manager.post(f"{page}?draft={draft.id}", data=given), 409)
    assert "Words to keep" in html
    assert "has been sent" in html
    assert f'action="{page}"' in html


def upload(manager, cohort, data, name="gens.csv"):
    # Written out: the client's own form would leave a temporary file of a large upload open.
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + data + b"\r\n--edge--\r\n"
    address = f"/en/manage/cohorts/{cohort.id}/import"
    return manager.post(address, data=body, content_type="multipart/form-data; boundary=edge")


def test_a_file_is_checked_confirmed_and_imported(manager, db, cohort, alice):
    data = "e-mail;nom\nnew@example.org;Zoé <b>\nalice@example.org;\nwrong;\n".encode("cp1252")
    address = upload(manager, cohort, data).headers["Location"]
    html = text_of(manager.get(address))
    assert "Zoé &lt;b&gt;" in html
    assert "Import 2 people" in html
    assert "E-mail address not right" in html
    only = text_of(manager.get(f"{address}?show=wrong_email"))
    assert "new@example.org" not in only
    for _twice in range(2):
        assert manager.post(f"{address}/confirm").status_code == 303
    assert "The import is running" in text_of(manager.get(address))
    run_imports()
    done = manager.get(f"{address}/progress")
    assert "The import is done." in text_of(done)
    assert manager.get(f"{address}/progress", headers={"If-None-Match": done.headers["ETag"]}).status_code == 410
    assert len(db.scalars(sa.select(OutboxMail)).all()) == 2
    assert db.scalars(sa.select(User).where(User.email == "new@example.org")).one().display_name == "Zoé <b>"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "This file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "This is not a text file"),
        (b'a@example.org;"never closed\n' * 3, "From line 1 on"),
        (b"e-mail\n" + b"," * 10_000, "too many columns"),
        (b"ville\nSete\n", "No column is called e-mail"),
        (b"a@example.org\n" + b"x" * 1024 * 1024, "larger than 1 MB"),
    ],
)
def test_a_file_of_another_shape_is_refused_beside_the_field(manager, db, cohort, data, words):
    html = text_of(upload(manager, cohort, data, "photo.csv"), 422)
    assert words in html
    assert 'aria-invalid="true"' in html
    assert db.scalars(sa.select(PeopleImport)).all() == []


def test_no_file_and_cohorts_that_take_nobody(manager, db, organiser, cohort):
    html = text_of(manager.post(f"/en/manage/cohorts/{cohort.id}/import", data={}), 422)
    assert "Choose a file." in html
    draft = build.make_draft(db, organiser, build.make_expert(db))
    assert "Publish it first" in text_of(manager.get(f"/en/manage/cohorts/{draft.id}/import"))
    refused = upload(manager, draft, b"a@example.org\n")
    assert refused.status_code == 404


def test_a_long_file_is_shown_a_hundred_lines_at_a_time(manager, db, cohort):
    data = "".join(f"p{number}@example.org\n" for number in range(250)).encode()
    address = upload(manager, cohort, data).headers["Location"]
    seen, page = [], address
    while page:
        with counted_statements() as counted:
            html = text_of(manager.get(page))
        assert len(counted) <= 6
        lines = re.findall(r"p(\d+)@example.org", html)
        assert len(lines) <= 100
        seen += map(int, lines)
        following = re.search(r'rel="next" href="([^"]+)"', html)
        page = following and following[1].replace("&amp;", "&")
    assert seen == list(range(250))
