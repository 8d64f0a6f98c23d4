"""Messages to a group: previewed, sent at most once each, to whom they were shown to go."""

import os
import signal
import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa

from portal import config
from portal.identity.services import create_user
from portal.kernel import clock, ids
from portal.kernel import db as kernel_db
from portal.notifications.compose import compose
from portal.notifications.models import OutboxMail
from portal.training import services
from portal.training.errors import GroupChangedError, NobodyToTellError, NoSuchMessageError, SentAlreadyError
from portal.training.models import GroupAudience, GroupMessage
from portal.training.queries.groups import group, messages
from portal.training.services import groups
from portal.training.services.groups import Words
from tests.builders import training as build
from tests.builders.attendance import ABSENT, PRESENT, end


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert):
    return build.make_cohort(db, organiser, expert, capacity=2)


def write(db, organiser, cohort, audience=GroupAudience.EVERYONE, *, subject="Bonjour", text="Un mot.", key=None):
    words = Words(audience, subject, text)
    return groups.draft_message(db, organiser=organiser, cohort_id=cohort.id, words=words, key=key or ids.token())


def send(db, draft):
    seal = group(db, draft.cohort_id, draft.audience).seal
    return groups.send_message(db, cohort_id=draft.cohort_id, message_id=draft.id, seal=seal)


def mails(db):
    return list(db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "training.group").order_by(OutboxMail.id)))


def test_each_group_gets_its_own_messages(db, organiser, cohort, alice, bob, charlie):
    for user in (alice, bob):
        services.enrol(db, user=user, cohort_id=cohort.id)
    services.join_waitlist(db, user=charlie, cohort_id=cohort.id)
    for number in (1, 2):
        end(db, cohort, number, {alice: ABSENT, bob: PRESENT if number == 1 else ABSENT})
    expected = {
        GroupAudience.EVERYONE: {alice.email, bob.email},
        GroupAudience.NOT_STARTED: {alice.email},
        GroupAudience.MISSED_TWO: {alice.email},
        GroupAudience.WAITING: {charlie.email},
    }
    for audience, emails in expected.items():
        before = len(mails(db))
        draft = write(db, organiser, cohort, audience, subject=audience)
        assert len(mails(db)) == before
        assert send(db, draft) == len(emails)
        assert {mail.email for mail in mails(db)[before:]} == emails
    history = messages(db, cohort.id)
    assert [(one.audience, one.told, one.writer) for one in history] == [
        (audience, len(emails), organiser.display_name) for audience, emails in reversed(expected.items())
    ]


def test_sending_again_sends_nothing_and_says_how_many_it_went_to(db, organiser, cohort, alice):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    draft = write(db, organiser, cohort)
    assert (send(db, draft), send(db, draft), len(mails(db))) == (1, 1, 1)
    with pytest.raises(SentAlreadyError):
        groups.rewrite_message(
            db, cohort_id=cohort.id, message_id=draft.id, words=Words(GroupAudience.EVERYONE, "Autre", "x")
        )
    with pytest.raises(SentAlreadyError):
        groups.discard_message(db, cohort_id=cohort.id, message_id=draft.id)


def test_a_group_that_changed_since_the_preview_gets_nothing(db, organiser, cohort, alice, bob):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    draft = write(db, organiser, cohort)
    seal = group(db, cohort.id, GroupAudience.EVERYONE).seal
    services.leave(db, user=alice, cohort_id=cohort.id)
    services.enrol(db, user=bob, cohort_id=cohort.id)
    with pytest.raises(GroupChangedError), db.begin_nested():
        groups.send_message(db, cohort_id=cohort.id, message_id=draft.id, seal=seal)
    assert mails(db) == []
    assert db.get(GroupMessage, draft.id, populate_existing=True).sent_at is None
    assert send(db, draft) == 1
    assert [mail.email for mail in mails(db)] == [bob.email]


def test_nobody_is_told_when_there_is_nobody_and_the_draft_stays(db, organiser, cohort):
    draft = write(db, organiser, cohort, GroupAudience.WAITING)
    with pytest.raises(NobodyToTellError), db.begin_nested():
        send(db, draft)
    assert db.get(GroupMessage, draft.id, populate_existing=True).sent_at is None


def test_a_form_sent_twice_is_one_draft_and_no_other_organisers(db, organiser, cohort, alice):
    key = ids.token()
    first = write(db, organiser, cohort, key=key)
    assert write(db, organiser, cohort, subject="Encore", key=key).id == first.id
    assert first.subject == "Bonjour"
    with pytest.raises(NoSuchMessageError):
        write(db, alice, cohort, key=key)


def test_another_cohorts_address_opens_nothing(db, organiser, expert, cohort, alice):
    other = build.make_cohort(db, organiser, build.make_expert(db))
    services.enrol(db, user=alice, cohort_id=other.id)
    draft = write(db, organiser, cohort)
    for act in (groups.send_message, groups.rewrite_message):
        extra = {"seal": "x"} if act is groups.send_message else {"words": Words(draft.audience, "a", "b")}
        with pytest.raises(NoSuchMessageError):
            act(db, cohort_id=other.id, message_id=draft.id, **extra)
    groups.discard_message(db, cohort_id=other.id, message_id=draft.id)
    assert len(messages(db, cohort.id)) == 1


def test_markup_and_line_ends_in_a_subject_stay_words(db, app, organiser, cohort, alice):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    draft = write(
        db,
        organiser,
        cohort,
        subject="<b>Promo</b>\r\nBcc: all@example.org",
        text="Ligne 1 <script>alert(1)</script>\n\nLigne 2\u202e",
    )
    send(db, draft)
    (row,) = mails(db)
    with app.app_context():
        message = compose(row)
    assert message["Subject"] == "<b>Promo</b> Bcc: all@example.org"
    assert message["Bcc"] is None
    html = message.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "<b>Promo" not in html
    assert html.count('dir="auto"') == 3
    assert "Ligne 1 <script>alert(1)</script>" in message.get_body(("plain",)).get_content()
    assert "\u202e" not in html


def test_the_note_says_who_wrote_and_why(db, app, organiser, cohort, alice):
    services.enrol(db, user=alice, cohort_id=cohort.id)
    send(db, write(db, organiser, cohort))
    with app.app_context():
        text = compose(mails(db)[0]).get_body(("plain",)).get_content()
    assert organiser.display_name in text
    assert cohort.name in text
    assert f"/fr/cohorts/{cohort.id}" in text


@pytest.fixture
def committed(fresh_database):
    """A cohort of thirty people and a draft to all of them; committed."""
    with kernel_db.transaction() as db:
        organiser = create_user(db, email="organiser@example.org", is_organiser=True)
        cohort = build.make_cohort(db, organiser, build.make_expert(db), capacity=30)
        for number in range(30):
            services.enrol(db, user=create_user(db, email=f"p{number}@example.org"), cohort_id=cohort.id)
        draft = write(db, organiser, cohort)
        seal = group(db, cohort.id, draft.audience).seal
    return cohort.id, draft.id, seal


def test_organisers_who_press_send_together_send_once(committed, full_counts):
    cohort_id, draft_id, seal = committed
    count = 12 if full_counts else 4
    barrier, told = threading.Barrier(count), []

    def press():
        barrier.wait()
        with clock.at(build.BEFORE), kernel_db.transaction() as db:
            told.append(groups.send_message(db, cohort_id=cohort_id, message_id=draft_id, seal=seal))

    threads = [threading.Thread(target=press) for _one in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [30] * count
    with kernel_db.reading() as db:
        assert len(mails(db)) == 30


_PROGRAM = """
import os, sys
from datetime import datetime
from portal import config
from portal.kernel import clock, db
db.configure(sys.argv[1])
config.use(config.load())
from portal.training.services import groups
with clock.at(datetime.fromisoformat(sys.argv[2])), db.transaction() as session:
    told = groups.send_message(session, cohort_id=int(sys.argv[3]), message_id=int(sys.argv[4]), seal=sys.argv[5])
    print(told, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_killed_before_its_end_nothing_has_left_and_the_next_try_sends_once(committed, tmp_path):
    cohort_id, draft_id, seal = committed
    url = kernel_db.database().engine.url.render_as_string(hide_password=False)
    given = [url, build.BEFORE.isoformat(), str(cohort_id), str(draft_id), seal]
    killed = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *given],
        cwd=config.ROOT,
        env={**os.environ, "COMPTOIR_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (killed.returncode, killed.stdout.strip()) == (-signal.SIGKILL, "30"), killed.stderr
    with kernel_db.reading() as db:
        assert mails(db) == []
    for _twice in range(2):
        with kernel_db.transaction() as db:
            assert groups.send_message(db, cohort_id=cohort_id, message_id=draft_id, seal=seal) == 30
    with kernel_db.reading() as db:
        assert len(mails(db)) == 30
