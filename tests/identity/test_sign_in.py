import email
import email.policy
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.identity import flows, queries, services
from portal.identity.errors import SignInExpiredError, TooManySignInsError, WrongCodeError
from portal.identity.models import LoginSession, User
from portal.identity.views import safe_path
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.notifications.flows import send_due_mails
from portal.notifications.models import OutboxMail, SandboxMail
from tests.conftest import TODAY

FOR_CLAIRE = {"email": "claire@lefil.example", "language": "fr"}


def _ask(db, **changes):
    secrets = services.request_sign_in(db, **{**FOR_CLAIRE, **changes})
    db.flush()
    return secrets


def test_the_link_lets_in_once_and_makes_the_user(db):
    secrets = _ask(db, next_path="/fr/programme")
    who = services.sign_in_by_link(db, link_token=secrets.link_token)
    assert (who.user.email, who.is_new, who.next_path) == ("claire@lefil.example", True, "/fr/programme")
    with pytest.raises(SignInExpiredError):
        services.sign_in_by_link(db, link_token=secrets.link_token)
    with pytest.raises(SignInExpiredError):
        services.sign_in_by_code(db, public_id=secrets.public_id, code=secrets.code)


def test_the_code_lets_in_on_the_page_that_asked(db):
    first, second = _ask(db), _ask(db)
    with pytest.raises(WrongCodeError):
        services.sign_in_by_code(db, public_id=first.public_id, code="000000" if first.code != "000000" else "1" * 6)
    who = services.sign_in_by_code(db, public_id=second.public_id, code=second.code)
    assert who.user.display_name == "Claire"


def test_a_known_user_is_found_in_any_case(db, alice):
    secrets = _ask(db, email="ALICE@example.org")
    who = services.sign_in_by_link(db, link_token=secrets.link_token)
    assert who.user.id == alice.id
    assert not who.is_new


def test_it_is_over_after_fifteen_minutes(db):
    with clock.at(TODAY):
        secrets = _ask(db)
    with clock.at(TODAY + timedelta(minutes=15)), pytest.raises(SignInExpiredError):
        services.sign_in_by_link(db, link_token=secrets.link_token)
    with clock.at(TODAY + timedelta(minutes=14, seconds=59)):
        services.sign_in_by_link(db, link_token=secrets.link_token)


def test_ten_tries_an_hour_for_an_address_and_for_a_source(db):
    asking = {"language": "fr", "next_path": ""}
    with clock.at(TODAY):
        for number in range(10):
            flows.request_sign_in(email="one@example.org", source=f"192.0.2.{number}", **asking)
        with pytest.raises(TooManySignInsError):
            flows.request_sign_in(email="one@example.org", source="192.0.2.99", **asking)
        for number in range(10):
            flows.request_sign_in(email=f"{number}@example.org", source="198.51.100.7", **asking)
        with pytest.raises(TooManySignInsError):
            flows.request_sign_in(email="fresh@example.org", source="198.51.100.7", **asking)


def test_a_code_cannot_be_tried_through(db):
    with clock.at(TODAY):
        secrets = _ask(db)
        wrong = f"{(int(secrets.code) + 1) % 1_000_000:06}"
        for _ in range(10):
            with pytest.raises(WrongCodeError):
                flows.sign_in_by_code(public_id=secrets.public_id, code=wrong, source="192.0.2.1", user_agent="")
        with pytest.raises(TooManySignInsError):
            flows.sign_in_by_code(public_id=secrets.public_id, code=secrets.code, source="192.0.2.1", user_agent="")


def test_one_link_pressed_many_times_at_once_lets_in_once(fresh_database):
    with transaction() as db:
        secrets = services.request_sign_in(db, **FOR_CLAIRE)

    def press(_):
        try:
            with transaction() as db:
                services.sign_in_by_link(db, link_token=secrets.link_token)
        except SignInExpiredError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(press, range(16))) == 1
    with transaction() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(User)) == 1


def test_no_secret_is_kept(db):
    secrets = _ask(db)
    row = db.execute(sa.text("SELECT link_hash, code_hash FROM sign_in_requests")).one()
    assert secrets.link_token not in row
    assert secrets.code not in row


def test_the_whole_way_in_a_browser(app, client, db):
    page = client.get("/fr/sign-in?next=/fr/programme").get_data(as_text=True)
    assert 'name="email"' in page
    answer = client.post("/fr/sign-in", data={"email": "Claire@LeFil.example", "next": "/fr/programme"})
    assert answer.status_code == 303
    with app.app_context():
        send_due_mails()
    source = db.scalars(sa.select(SandboxMail.source)).one()
    text = email.message_from_string(source, policy=email.policy.default).get_body(("plain",)).get_content()
    link = re.search(r"/fr/sign-in/link/[\w-]{43}", text)[0]
    assert client.get(link).status_code == 200
    assert client.get(link).status_code == 200, "a scanner that opens the link uses nothing up"
    entered = client.post(link)
    assert (entered.status_code, entered.location) == (303, "/fr/programme")
    assert client.get("/fr/profile").status_code == 200
    assert client.get(link).status_code == 410
    assert client.post("/fr/sign-out").status_code == 303
    assert client.get("/fr/profile").status_code == 303


def test_a_stolen_cookie_is_worth_nothing_after_sign_out(client, new_client, sign_in, alice):
    sign_in(client, alice)
    thief = new_client()
    thief.set_cookie("comptoir", client.get_cookie("comptoir").value)
    assert thief.get("/fr/profile").status_code == 200
    client.post("/fr/sign-out")
    assert thief.get("/fr/profile").status_code == 303


def test_signing_out_everywhere(client, new_client, sign_in, alice, bob):
    other, stranger = new_client(), new_client()
    for browser, user in ((client, alice), (other, alice), (stranger, bob)):
        sign_in(browser, user)
    client.post("/fr/sign-out/everywhere")
    assert other.get("/fr/profile").status_code == 303
    assert stranger.get("/fr/profile").status_code == 200


def test_a_login_session_ends_by_itself(client, sign_in, alice):
    with clock.at(TODAY):
        sign_in(client, alice)
    with clock.at(TODAY + timedelta(days=61)):
        assert client.get("/fr/profile").status_code == 303


def test_seeing_a_browser_again_is_noted_now_and_then(client, db, sign_in, alice):
    with clock.at(TODAY):
        sign_in(client, alice)
    for minutes in (5, 12):
        with clock.at(TODAY + timedelta(minutes=minutes)):
            client.get("/fr/profile")
    assert db.scalar(sa.select(LoginSession.last_seen_at)) == TODAY + timedelta(minutes=12)


def test_known_and_unknown_addresses_get_the_same_answer(client, db, alice):
    pages = []
    for address in (alice.email, "nobody@example.org"):
        answer = client.post("/fr/sign-in", data={"email": address}, follow_redirects=True)
        text = answer.get_data(as_text=True).replace(address, "X").replace(address.replace("@", "%40"), "X")
        pages.append((answer.status_code, re.sub(r"[\w-]{43}", "T", text)))
    assert pages[0] == pages[1]
    assert db.scalar(sa.select(sa.func.count()).select_from(OutboxMail)) == 2


@pytest.mark.parametrize("address", ["", "claire", "claire@poste", "a b@c.fr", "@", "claire@", "x" * 300 + "@a.fr"])
def test_a_wrong_address_is_named_and_kept(client, db, address):
    answer = client.post("/fr/sign-in", data={"email": address})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "<title>Erreur" in page
    assert "email-error" in page
    assert not db.scalar(sa.select(sa.func.count()).select_from(OutboxMail))
    assert address.strip() in page


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\t/evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "fr/me",
        "/%09/x\n",
        "",
    ],
)
def test_nobody_is_led_away(target):
    assert safe_path(target) == ""


def test_a_path_of_the_portal_is_kept():
    assert safe_path("/fr/questions?q=tva&page=2") == "/fr/questions?q=tva&page=2"


def test_demo_people_only(client, db, alice):
    demo = services.create_user(db, email="demo@example.org", is_demo=True)
    db.flush()
    assert client.post("/fr/sign-in/demo", data={"user_id": alice.id}).status_code == 404
    assert client.post("/fr/sign-in/demo", data={"user_id": "x"}).status_code == 404
    assert client.post("/fr/sign-in/demo", data={"user_id": demo.id}).status_code == 303
    assert client.get("/fr/profile").status_code == 200


def test_the_profile_is_changed_and_its_faults_are_named(client, db, sign_in, alice):
    sign_in(client, alice)
    good = {"display_name": " Alice   Martin ", "language": "ar", "time_zone": "Africa/Tunis"}
    assert client.post("/fr/profile", data={**good, "time_zone": "Mars/One"}).status_code == 422
    assert client.post("/fr/profile", data={**good, "display_name": " "}).status_code == 422
    changed = client.post("/fr/profile", data=good)
    assert (changed.status_code, changed.location) == (303, "/ar/profile")
    db.refresh(alice)
    assert (alice.display_name, alice.language, alice.time_zone) == ("Alice Martin", "ar", "Africa/Tunis")


def test_handles_are_unique_and_readable(db):
    handles = [services.create_user(db, email=f"{n}@x.example", display_name="Élodie Roux").handle for n in range(3)]
    assert handles[0] == "elodieroux"
    assert len(set(handles)) == 3
    assert services.create_user(db, email="nadia@x.example", display_name="نادية").handle == "nadia"
    assert services.create_user(db, email="ن@x.example", display_name="نادية").handle == "user"
    assert queries.user_by_handle(db, "@ElodieRoux").email == "0@x.example"


@pytest.mark.parametrize("columns", [{"email": "Upper@example.org"}, {"handle": "Upper"}])
def test_the_database_keeps_addresses_and_handles_lower(db, columns):
    values = {"email": "a@b.example", "handle": "ab", "display_name": "A", "time_zone": "Europe/Paris"} | columns
    db.add(User(**values))
    with pytest.raises(sa.exc.IntegrityError):
        db.flush()
