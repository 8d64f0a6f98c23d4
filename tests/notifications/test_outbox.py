import email
import email.policy
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.kernel import clock
from portal.kernel.db import transaction
from portal.notifications import channels, flows
from portal.notifications.contents import mail_kinds, notice_kinds
from portal.notifications.models import OutboxMail, OutboxState, SandboxMail
from portal.notifications.services import (
    Attachment,
    Mail,
    Recipient,
    notify,
    send_mail,
    send_mails,
    withdraw_mails,
)
from tests.conftest import TODAY

TO_NADIA = Recipient("nadia@example.org", "Nadia", "ar", "Africa/Tunis")
SIGN_IN = {"kind": "identity.sign_in", "params": {"token": "t" * 43, "code": "012345", "language": "ar"}}


def _states(db):
    db.expire_all()
    return db.scalars(sa.select(OutboxMail.state).order_by(OutboxMail.id)).all()


def test_a_mail_is_written_in_the_readers_language_with_its_attachment(app, db):
    attachment = Attachment("invite.ics", "text/calendar", b"BEGIN:VCALENDAR", method="REQUEST")
    send_mail(db, to=TO_NADIA, attachments=[attachment], headers={"List-Id": "x"}, **SIGN_IN)
    with app.app_context():
        assert flows.send_due_mails() == 1
    source = db.scalars(sa.select(SandboxMail.source)).one()
    message = email.message_from_string(source, policy=email.policy.default)
    html = message.get_body(("html",)).get_content()
    text = message.get_body(("plain",)).get_content()
    assert 'dir="rtl"' in html
    assert "<style>" in html
    assert 'style="' in html, "the styles stand inline too"
    assert len(html) < 30_000
    assert "012345" in text
    assert "/ar/sign-in/link/" in text
    assert message["Subject"].endswith("012345")
    (part,) = message.iter_attachments()
    assert part.get_content_type() == "text/calendar"
    assert part.get_param("method") == "REQUEST"
    assert _states(db) == [OutboxState.SENT]


def test_text_for_people_is_not_escaped_in_the_text_part(app, db):
    send_mail(db, to=TO_NADIA, kind="identity.sign_in", params={**SIGN_IN["params"], "code": "<&'>"})
    with app.app_context():
        flows.send_due_mails()
    source = db.scalars(sa.select(SandboxMail.source)).one()
    message = email.message_from_string(source, policy=email.policy.default)
    assert "<&'>" in message.get_body(("plain",)).get_content()
    assert "&lt;&amp;" in message.get_body(("html",)).get_content()


def test_nothing_leaves_before_its_time_or_without_its_transaction(app, db):
    with clock.at(TODAY), pytest.raises(RuntimeError), transaction() as inner:
        send_mail(inner, to=TO_NADIA, **SIGN_IN)
        raise RuntimeError
    with clock.at(TODAY):
        send_mail(db, to=TO_NADIA, due_at=TODAY + timedelta(hours=1), **SIGN_IN)
        with app.app_context():
            assert flows.send_due_mails() == 0
    with clock.at(TODAY + timedelta(hours=1)), app.app_context():
        assert flows.send_due_mails() == 1


def test_one_person_who_waits_does_not_wait_for_a_crowd(app, db):
    crowd = [Mail(to=replace(TO_NADIA, email=f"p{number}@example.org"), **SIGN_IN) for number in range(3)]
    assert send_mails(db, crowd) == 3
    with clock.at(clock.now() + timedelta(minutes=1)):
        send_mail(db, to=TO_NADIA, **SIGN_IN)
        with app.app_context():
            assert flows.send_due_mails() == 4
    assert db.scalars(sa.select(SandboxMail.recipient).order_by(SandboxMail.id)).first() == TO_NADIA.email


def test_a_key_makes_a_mail_once(db):
    assert send_mail(db, to=TO_NADIA, dedupe_key="k", **SIGN_IN)
    assert not send_mail(db, to=TO_NADIA, dedupe_key="k", **SIGN_IN)
    assert _states(db) == [OutboxState.PENDING]


def test_what_is_cancelled_is_withdrawn(app, db):
    later = clock.now() + timedelta(days=1)
    send_mail(db, to=TO_NADIA, subject_key="seat:1", **SIGN_IN)
    with app.app_context():
        flows.send_due_mails()
    send_mail(db, to=TO_NADIA, subject_key="seat:1", due_at=later, **SIGN_IN)
    send_mail(db, to=TO_NADIA, subject_key="seat:2", due_at=later, **SIGN_IN)
    assert withdraw_mails(db, subject_key="seat:1") == 1
    assert _states(db) == [OutboxState.SENT, OutboxState.PENDING]


def test_a_worker_killed_after_delivery_does_not_deliver_twice(app, fresh_database):
    class Killed(BaseException):
        pass

    class KilledAfterDelivery(channels.SandboxChannel):
        def deliver(self, message):
            super().deliver(message)
            raise Killed

    with clock.at(TODAY), transaction() as db:
        send_mail(db, to=TO_NADIA, **SIGN_IN)
    with clock.at(TODAY), transaction() as db:
        (claimed,) = flows._claim(db, most=10)
    with clock.at(TODAY), app.app_context(), pytest.raises(Killed):
        flows._deliver(claimed, KilledAfterDelivery())
    with clock.at(TODAY), app.app_context():
        assert flows.send_due_mails() == 0, "claimed by the one that died"
    with clock.at(TODAY + flows.CLAIM_LASTS), app.app_context():
        assert flows.send_due_mails() == 1
    with transaction() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(SandboxMail)) == 1
        assert _states(db) == [OutboxState.SENT]


def test_a_mail_that_cannot_leave_is_tried_again_then_given_up(app, db):
    class Refusing:
        def deliver(self, message):  # noqa: ARG002
            raise ConnectionRefusedError

    moment = TODAY
    with clock.at(moment):
        send_mail(db, to=TO_NADIA, **SIGN_IN)
    tries = 0
    while _states(db) == [OutboxState.PENDING]:
        with clock.at(moment), app.app_context():
            with transaction() as inner:
                claimed = flows._claim(inner, most=10)
            for mail in claimed:
                flows._deliver(mail, Refusing())
                tries += 1
        moment += timedelta(minutes=1)
    assert tries == flows.MOST_ATTEMPTS
    assert _states(db) == [OutboxState.FAILED]


def test_old_mails_are_forgotten_unless_they_still_wait(app, db):
    long_ago = clock.now() - flows.KEPT - timedelta(days=1)
    with clock.at(long_ago):
        send_mails(db, [Mail(to=TO_NADIA, **SIGN_IN) for _ in range(3)])
    first, second, third = db.scalars(sa.select(OutboxMail.id).order_by(OutboxMail.id))
    for mail_id, state in ((first, OutboxState.SENT), (second, OutboxState.FAILED)):
        db.execute(sa.update(OutboxMail).where(OutboxMail.id == mail_id).values(state=state))
    send_mail(db, to=TO_NADIA, **SIGN_IN)
    with app.app_context():
        assert flows.forget_old_mails() == 2
    left = db.scalars(sa.select(OutboxMail.id).order_by(OutboxMail.id)).all()
    assert left[0] == third
    assert len(left) == 2


def test_smtp_is_chosen_when_configured():
    assert isinstance(channels.channel(), channels.SandboxChannel)
    assert channels.SmtpChannel("smtp://user:p%40ss@mail.example:2525")._parts.port == 2525


def test_notices_are_the_users_own(client, db, sign_in, alice, bob):
    kind = sorted(notice_kinds())
    notify(db, user_id=alice.id, kind=kind[0] if kind else "x", params={}, path="/fr/help", dedupe_key="n")
    notify(db, user_id=alice.id, kind="x", params={}, path="/fr/help", dedupe_key="n")
    rows = db.execute(sa.text("SELECT id FROM notices")).all()
    assert len(rows) == 1
    sign_in(client, bob)
    assert client.post(f"/fr/notices/{rows[0].id}").status_code == 404
    sign_in(client, alice)
    opened = client.post(f"/fr/notices/{rows[0].id}")
    assert (opened.status_code, opened.location) == (303, "/fr/help")


def test_every_kind_has_its_writer():
    assert "identity.sign_in" in mail_kinds()
