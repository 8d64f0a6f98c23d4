"""Importing people by CSV: what is read, what each line becomes, and that nobody is enrolled or told twice."""

import os
import signal
import subprocess
import sys
import zlib
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal import config
from portal.identity.models import LoginSession, User
from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel import db as kernel_db
from portal.notifications.models import OutboxMail
from portal.training import services
from portal.training.errors import BadFileError, CohortOverError, NoSuchCohortError, NoSuchImportError
from portal.training.jobs.imports import forget_imports, run_imports
from portal.training.models import Cohort, Enrolment, ImportState, PeopleImport, WaitlistEntry
from portal.training.people_files import LineFault, read_people
from portal.training.queries.imports import Outcome, lines_of, report
from portal.training.services import imports
from tests.builders import training as build
from tests.training.statements import counted_statements


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert):
    return build.make_cohort(db, organiser, expert, capacity=4)


def checked(db, organiser, cohort, text):
    return imports.check_file(db, organiser=organiser, cohort_id=cohort.id, file_name="gens.csv", data=text.encode())


def outcomes(db, found):
    return [(line.number, outcome) for line, outcome in report(db, found.cohort_id, lines_of(found)).lines]


def people(text, encoding="utf-8"):
    return [(line.email, line.name, line.language) for line in read_people(text.encode(encoding))]


@pytest.mark.parametrize(
    "header",
    ["e-mail;nom;langue", "E-mail ;Name;Language", "Adresse e-mail;NOM;Langue", "Courriel;nom complet;langue",
     "البريد الإلكتروني;الاسم;اللغة"],
)  # fmt: skip
def test_the_header_may_be_in_any_of_the_languages(header):
    assert people(f"{header}\na@example.org;Ana;ar\n") == [("a@example.org", "Ana", "ar")]


def test_columns_in_any_order_and_others_beside_them():
    text = "Prénom,Ville,E-mail,Nom,Langue\nÉlise,Sète,ELISE@Example.org,Roy,français\n"
    for encoding in ("utf-8", "utf-8-sig", "cp1252"):
        assert people(text, encoding) == [("elise@example.org", "Élise Roy", "fr")]


def test_without_a_header_the_order_is_email_name_language():
    assert people("a@example.org;Ana;English\nb@example.org\n") == [
        ("a@example.org", "Ana", "en"),
        ("b@example.org", "", ""),
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("nobody;Ana;fr", LineFault.WRONG_EMAIL),
        (";Ana;fr", LineFault.WRONG_EMAIL),
        ("a@b;Ana;fr", LineFault.WRONG_EMAIL),
        ("a@example.org, c@example.org;Ana;fr", LineFault.WRONG_EMAIL),
        ("x" * 300 + "@example.org;Ana;fr", LineFault.WRONG_EMAIL),
        ("=cmd|'/c calc'!A1;Ana;fr", LineFault.WRONG_EMAIL),
        ("FIRST@example.org;Ana;fr", LineFault.TWICE),
        ("a@example.org;Ana;klingon", LineFault.UNKNOWN_LANGUAGE),
        ("a@example.org;" + "n" * 10_000 + ";fr", LineFault.LONG_NAME),
        ("a@example.org;" + "n" * 80 + ";fr", None),
    ],
)
def test_what_is_wrong_with_a_line_is_said_of_that_line(line, fault):
    first, second = read_people(f"first@example.org;Zoé;fr\n{line}\n".encode())
    assert (first.fault, second.fault, second.number) == (None, fault, 2)
    assert len(second.name) <= 300


def test_a_wrong_line_does_not_make_a_right_one_the_second():
    first, second = read_people(b"a@example.org;Ana;klingon\na@example.org;Ana;fr\n")
    assert (first.fault, second.fault) == (LineFault.UNKNOWN_LANGUAGE, None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"e-mail;nom;langue\n",
        b"nom;ville\nAna;Sete\n",
        b"Ana;a@example.org\n",
        b"\x89PNG\r\n\x1a\n" + zlib.compress(bytes(1000)),
        b"a@example.org\x00;Ana;fr\n",
        b"a@example.org;Ana;fr;and;more\n",
        b"e-mail;nom\na@example.org;Ana;fr\n",
        b"e-mail" + b";" * 10_000,
        b'a@example.org;"Ana;fr\n' * 3,
        b"a@example.org;Ana;fr\n" + b"x" * (1024 * 1024),
        b"".join(b"p%d@example.org\n" % number for number in range(2001)),
    ],
)
def test_a_file_of_another_shape_is_refused_in_words(db, app, organiser, cohort, data):
    with app.test_request_context("/fr/"), pytest.raises(BadFileError) as refused:
        imports.check_file(db, organiser=organiser, cohort_id=cohort.id, file_name="x.csv", data=data)
    assert len(str(refused.value)) > 20
    assert db.scalar(sa.select(sa.func.count()).select_from(PeopleImport)) == 0


def test_two_thousand_people_are_read():
    lines = "".join(f"p{number}@example.org;P {number};fr\n" for number in range(2000))
    assert len(read_people(f"e-mail;nom;langue\n{lines}".encode())) == 2000


FILE = """e-mail;nom;langue
new@example.org;=1+1;ar
alice@example.org;Autre Nom;fr
bob@example.org;;
charlie@example.org;;
late@example.org;;en
wrong;;
new@example.org;;
x@example.org;;volapük
"""


@pytest.fixture
def found(db, organiser, cohort, alice, bob, charlie):
    """A file of every kind of line for a cohort with two seats left: bob is in it, charlie is offered one."""
    services.enrol(db, user=bob, cohort_id=cohort.id)
    services.join_waitlist(db, user=charlie, cohort_id=cohort.id)
    db.execute(sa.delete(OutboxMail))
    return checked(db, organiser, cohort, FILE)


def test_the_dry_run_says_what_would_become_of_each_line_and_writes_nothing(db, cohort, found):
    assert outcomes(db, found) == [
        (2, Outcome.NEW),
        (3, Outcome.KNOWN),
        (4, Outcome.IN),
        (5, Outcome.WAITING),
        (6, Outcome.LINE),
        (7, Outcome.WRONG_EMAIL),
        (8, Outcome.TWICE),
        (9, Outcome.UNKNOWN_LANGUAGE),
    ]
    said = report(db, cohort.id, lines_of(found))
    assert (said.to_do, said.left_out) == (3, 3)
    run_imports()
    assert db.scalar(sa.select(sa.func.count()).select_from(Enrolment)) == 1
    assert db.scalars(sa.select(OutboxMail)).all() == []


def test_the_import_does_what_the_dry_run_said_and_tells_each_person_once(db, cohort, found, alice):
    for _twice in range(2):
        imports.confirm_import(db, cohort_id=cohort.id, import_id=found.id)
        run_imports()
    db.refresh(found)
    assert (found.state, found.enrolled, found.waiting, found.unchanged, found.refused) == (
        ImportState.DONE,
        2,
        1,
        2,
        3,
    )
    assert found.lines == []
    mails = db.execute(
        sa.select(OutboxMail.kind, OutboxMail.email, OutboxMail.language).order_by(OutboxMail.email)
    ).all()
    assert [tuple(mail) for mail in mails] == [
        ("training.enrolled", "alice@example.org", "fr"),
        ("training.put_in_line", "late@example.org", "en"),
        ("training.enrolled", "new@example.org", "ar"),
    ]
    new = db.scalars(sa.select(User).where(User.email == "new@example.org")).one()
    assert (new.display_name, new.language, new.is_organiser, new.is_expert) == ("=1+1", "ar", False, False)
    db.refresh(alice)
    assert alice.display_name == "Alice"
    assert db.scalars(sa.select(LoginSession)).all() == []
    assert db.get_one(Cohort, cohort.id, populate_existing=True).seats_taken == 4


def test_the_same_file_again_changes_nothing(db, organiser, cohort, found):
    imports.confirm_import(db, cohort_id=cohort.id, import_id=found.id)
    run_imports()
    before = db.scalar(sa.select(sa.func.count()).select_from(OutboxMail))
    again = checked(db, organiser, cohort, FILE)
    assert [outcome for _number, outcome in outcomes(db, again)][:5] == [
        Outcome.IN, Outcome.IN, Outcome.IN, Outcome.WAITING, Outcome.WAITING,
    ]  # fmt: skip
    imports.confirm_import(db, cohort_id=cohort.id, import_id=again.id)
    run_imports()
    db.refresh(again)
    assert (again.enrolled, again.waiting, again.unchanged, again.refused) == (0, 0, 5, 3)
    assert db.scalar(sa.select(sa.func.count()).select_from(OutboxMail)) == before


def test_drafts_ended_cohorts_and_other_cohorts_take_no_import(db, organiser, expert, cohort, found):
    draft = build.make_draft(db, organiser, build.make_expert(db))
    with pytest.raises(NoSuchCohortError):
        checked(db, organiser, draft, FILE)
    with pytest.raises(NoSuchImportError):
        imports.confirm_import(db, cohort_id=draft.id, import_id=found.id)
    db.execute(sa.update(Cohort).where(Cohort.id == cohort.id).values(state="finished"))
    db.expire_all()
    with pytest.raises(CohortOverError):
        checked(db, organiser, cohort, FILE)
    imports.confirm_import(db, cohort_id=cohort.id, import_id=found.id)
    run_imports()
    db.refresh(found)
    assert (found.state, found.enrolled, found.refused) == (ImportState.DONE, 0, 6)


def test_a_file_that_nobody_confirmed_is_forgotten_after_a_day(db, found):
    with clock.at(build.BEFORE + imports.KEPT - timedelta(minutes=1)):
        forget_imports()
    assert db.scalar(sa.select(sa.func.count()).select_from(PeopleImport)) == 1
    with clock.at(build.BEFORE + imports.KEPT + timedelta(minutes=1)):
        forget_imports()
    assert db.scalar(sa.select(sa.func.count()).select_from(PeopleImport)) == 0


def test_the_report_takes_two_statements_however_long_the_file(db, organiser, cohort):
    for size in (1, 300):
        lines = "".join(f"p{number}@example.org\n" for number in range(size))
        kept = lines_of(checked(db, organiser, cohort, lines))
        with counted_statements() as seen:
            report(db, cohort.id, kept)
        assert len(seen) == 2


@pytest.fixture
def committed(fresh_database):
    """A confirmed import of 35 people into a cohort of 30; committed."""
    with kernel_db.transaction() as db:
        organiser = create_user(db, email="organiser@example.org", is_organiser=True)
        cohort = build.make_cohort(db, organiser, build.make_expert(db), capacity=30)
        found = checked(db, organiser, cohort, "".join(f"p{number}@example.org\n" for number in range(35)))
        imports.confirm_import(db, cohort_id=cohort.id, import_id=found.id)
    return cohort.id, found.id


_PROGRAM = """
import os, sys
from datetime import datetime
from portal import config
from portal.kernel import clock, db
db.configure(sys.argv[1])
config.use(config.load())
from portal.training.services import imports
with clock.at(datetime.fromisoformat(sys.argv[2])):
    with db.transaction() as session:
        imports.work_through(session, import_id=int(sys.argv[3]))
    with db.transaction() as session:
        imports.work_through(session, import_id=int(sys.argv[3]))
        os.kill(os.getpid(), 9)
"""


def test_killed_in_the_middle_it_goes_on_and_nobody_is_enrolled_or_told_twice(committed, tmp_path):
    cohort_id, import_id = committed
    url = kernel_db.database().engine.url.render_as_string(hide_password=False)
    killed = subprocess.run(
        [sys.executable, "-c", _PROGRAM, url, build.BEFORE.isoformat(), str(import_id)],
        cwd=config.ROOT,
        env={**os.environ, "COMPTOIR_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with kernel_db.reading() as db:
        assert db.get_one(PeopleImport, import_id).position == imports.BATCH
        assert db.scalar(sa.select(sa.func.count()).select_from(Enrolment)) == imports.BATCH
    run_imports()
    with kernel_db.reading() as db:
        found = db.get_one(PeopleImport, import_id)
        assert (found.state, found.enrolled, found.waiting) == (ImportState.DONE, 30, 5)
        assert db.get_one(Cohort, cohort_id).seats_taken == 30
        assert db.scalar(sa.select(sa.func.count()).select_from(WaitlistEntry)) == 5
        told = db.execute(sa.select(OutboxMail.email, sa.func.count()).group_by(OutboxMail.email)).all()
        assert len(told) == 35
        assert {count for _email, count in told} == {1}
