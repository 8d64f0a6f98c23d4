"""Rooms sent to their viewers: noted in the change's transaction, sent once in each language, never lost."""

import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from portal import config
from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel.db import reading, transaction
from portal.pages.publishing import NotPublishedError, Publisher
from portal.pages.room import public_key
from portal.training import services
from portal.training.models import RoomPublication, Session
from portal.training.services import publications
from portal.training.services.publications import CLAIM_LASTS, Change
from scripts import nginx
from tests.builders import training as build


class _Nchan(BaseHTTPRequestHandler):
    """Takes what is published, and keeps it."""

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.taken.append((self.path, content))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_given):
        """Quiet."""


@contextmanager
def using(**changes):
    before = config.current()
    config.use(replace(before, **changes))
    try:
        yield
    finally:
        config.use(before)


@pytest.fixture
def nchan():
    """A server in the place of nchan; `taken` is what it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nchan)
    server.taken = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with using(nchan_url=f"http://127.0.0.1:{server.server_port}"):
        yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def live(app, fresh_database):
    """The id of a session that runs now."""
    with clock.at(build.BEFORE), transaction() as db:
        organiser = create_user(db, email="organiser@example.org", is_organiser=True)
        cohort = build.make_cohort(db, organiser, build.make_expert(db))
        session = build.session_of(db, cohort)
    with clock.at(session.starts_at), transaction() as db:
        services.start_session(db, session_id=session.id)
    with clock.at(session.starts_at + timedelta(minutes=5)):
        yield session.id


def turn(session_id, to):
    with transaction() as db:
        services.turn_slide(db, session_id=session_id, to=to)


def waiting():
    with reading() as db:
        return publications.waiting_changes(db)


def test_without_nchan_nothing_is_noted(live):
    turn(live, 1)
    with reading() as db:
        assert db.get(RoomPublication, live) is None


def test_a_change_is_sent_once_in_each_language(app, live, nchan):
    turn(live, 2)
    publisher = Publisher(app)
    assert publisher.publish_changes() == 1
    assert publisher.publish_changes() == 0
    assert [path for path, _ in nchan.taken] == [f"/rooms/{live}/{code}" for code in ("fr", "en", "ar")]
    by_language = {path[-2:]: content for path, content in nchan.taken}
    assert "Slide 3 of" in by_language["en"]
    assert "Slide 3 of" not in by_language["fr"] + by_language["ar"]
    assert all(content.startswith("<template data-tag=") for content in by_language.values())


def test_what_is_sent_is_what_is_polled_and_carries_its_tag(app, live, nchan):
    turn(live, 1)
    Publisher(app).publish_changes()
    sent = dict(nchan.taken)[f"/rooms/{live}/en"]
    answer = app.test_client().get(f"/en/sessions/{live}/now/{public_key(live)}")
    head, _, html = sent.partition("</template>")
    assert html == answer.get_data(as_text=True)
    (tag,) = re.findall(r'data-tag="([^"]+)"', head)
    assert answer.headers["ETag"] == f'W/"{tag}"'


def test_a_change_that_is_rolled_back_is_not_sent(live, nchan):
    with pytest.raises(RuntimeError), transaction() as db:
        services.turn_slide(db, session_id=live, to=1)
        raise RuntimeError
    assert waiting() == []


def test_while_nchan_is_away_a_change_waits_and_is_sent_later(app, live, nchan):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with using(nchan_url=f"http://127.0.0.1:{closed.getsockname()[1]}"):
            turn(live, 1)
            with pytest.raises(NotPublishedError):
                Publisher(app).publish_changes()
    assert waiting() == [Change(live, 1)]
    assert Publisher(app).publish_changes() == 1
    assert len(nchan.taken) == 3


def test_who_is_killed_while_sending_leaves_it_to_the_next(app, live, nchan):
    turn(live, 1)
    with transaction() as db:
        assert publications.claim(db, Change(live, 1))
    with transaction() as db:
        assert not publications.claim(db, Change(live, 1))
    assert Publisher(app).publish_changes() == 0
    with clock.at(clock.now() + CLAIM_LASTS):
        assert Publisher(app).publish_changes() == 1
    assert len(nchan.taken) == 3


def test_what_changes_while_it_is_sent_is_sent_after_it(live, nchan):
    turn(live, 1)
    (change,) = waiting()
    turn(live, 2)
    with transaction() as db:
        publications.settle(db, change, published=True)
    assert waiting() == [Change(live, 2)]
    with transaction() as db:
        publications.settle(db, Change(live, 2), published=True)
        # A slow one that ends late takes nothing back.
        publications.settle(db, change, published=True)
    assert waiting() == []


def test_a_minute_that_passes_is_sent_and_a_moment_is_not(app, live, nchan):
    publisher = Publisher(app)
    publisher.look()
    publisher.look()
    assert len(nchan.taken) == 3
    with clock.at(clock.now() + timedelta(minutes=1)):
        publisher.look()
    assert len(nchan.taken) == 6
    with reading() as db:
        ends_at = db.get_one(Session, live).ends_at
    with clock.at(ends_at), transaction() as db:
        services.end_session(db, session_id=live)
    nchan.taken.clear()
    publisher.publish_changes()
    assert all("data-over" in content for _, content in nchan.taken)
    publisher.look()
    assert len(nchan.taken) == 3


def test_a_room_can_be_listened_to_with_its_own_key_alone(app, live):
    client = app.test_client()
    assert client.get(f"/fr/sessions/{live}/stream/{public_key(live)}").status_code == 204
    for key in (public_key(live + 1), f"{public_key(live)}x", "é"):
        assert client.get(f"/fr/sessions/{live}/stream/{key}").status_code == 404


needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None or nginx.module() is None, reason="nginx with nchan is not on this machine"
)


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@pytest.fixture
def proxy(app, live):
    """nginx before the portal, each on a port of its own; (the port people use, the port for publishing)."""
    portal, public, publish = free_ports(3)
    # Not pytest's own folder, whose parents are closed to others: nginx's worker is another user's.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    server = make_server("127.0.0.1", portal, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    facts = nginx.Site(
        portal=f"127.0.0.1:{portal}",
        publish=f"127.0.0.1:{publish}",
        listen=f"127.0.0.1:{public}",
        cache=str(folder / "cache"),
    )
    file = folder / "nginx.conf"
    file.write_text(nginx.whole(facts, folder))
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(["nginx", "-c", str(file), "-p", str(folder)], stderr=log)
    try:
        _wait_for(publish, folder / "nginx.log")
        with using(nchan_url=f"http://127.0.0.1:{publish}"):
            yield public, publish
    finally:
        process.terminate()
        process.wait(10)
        server.shutdown()
        thread.join()
        server.server_close()
        shutil.rmtree(folder)


def _wait_for(port, log: Path):
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"nginx did not start: {log.read_text()}")


@contextmanager
def listening(port, path):
    """An EventSource: the status, and what reads until some words have come."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": "localhost", "Accept": "text/event-stream"})
    answer = connection.getresponse()

    def until(words):
        seen = ""
        while words not in seen:
            line = answer.readline().decode()
            assert line, f"it ended without {words!r}: {seen[-500:]}"
            seen += line
        return seen

    try:
        yield answer.status, until
    finally:
        answer.close()
        connection.close()


@needs_nginx
def test_viewers_of_each_language_get_a_change_through_nginx(app, live, proxy):
    public, _publish = proxy
    key = public_key(live)
    with (
        listening(public, f"/en/sessions/{live}/stream/{key}") as (english, until_english),
        listening(public, f"/ar/sessions/{live}/stream/{key}") as (arabic, until_arabic),
    ):
        assert (english, arabic) == (200, 200)
        turn(live, 3)
        Publisher(app).publish_changes()
        assert "Slide 4 of" in until_english("Slide 4 of")
        assert "Slide" not in until_arabic('data-part="questions"')


@needs_nginx
def test_who_comes_later_gets_the_newest_at_once(app, live, proxy):
    publisher = Publisher(app)
    for slide in (1, 2):
        turn(live, slide)
        publisher.publish_changes()
    with listening(proxy[0], f"/en/sessions/{live}/stream/{public_key(live)}") as (_status, until):
        assert "Slide 2 of" not in until("Slide 3 of")


@needs_nginx
def test_nginx_lets_nobody_listen_without_the_key_nor_publish_from_outside(live, proxy):
    public, _publish = proxy
    with listening(public, f"/en/sessions/{live}/stream/{public_key(live + 1)}") as (status, _until):
        assert status == 404
    for path in (f"/rooms/{live}/en", f"/may-listen/en/sessions/{live}/stream/{public_key(live)}"):
        request = urllib.request.Request(f"http://127.0.0.1:{public}{path}", data=b"x", headers={"Host": "localhost"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=5)  # noqa: S310 (our own nginx)
        refused.value.close()
        assert refused.value.code in {404, 405}


@needs_nginx
def test_what_is_polled_through_nginx_is_answered_304_and_sets_no_cookie(live, proxy):
    address = f"http://127.0.0.1:{proxy[0]}/en/sessions/{live}/now/{public_key(live)}"
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Host": "localhost"}), timeout=5) as answer:
        tag = answer.headers["ETag"]
        assert "Set-Cookie" not in answer.headers
        assert "Slide 1 of" in answer.read().decode()
    known = urllib.request.Request(address, headers={"Host": "localhost", "If-None-Match": tag})
    with pytest.raises(urllib.error.HTTPError) as same:
        urllib.request.urlopen(known, timeout=5)  # noqa: S310 (our own nginx)
    same.value.close()
    assert same.value.code == 304


def _certificate(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    (folder / "portal.pem").write_bytes(certificate)
    plain = serialization.NoEncryption()
    (folder / "portal.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )


@needs_nginx
def test_the_configuration_for_production_is_one_that_nginx_accepts(tmp_path, capsys):
    _certificate(tmp_path)
    port = free_ports(1)[0]
    given = ["--name", "comptoir.example", "--listen", str(port), "--certificate", str(tmp_path / "portal.pem")]
    given += ["--key", str(tmp_path / "portal.key"), "--cache", str(tmp_path / "cache"), "--whole", str(tmp_path)]
    assert nginx.main(given) == 0
    file = tmp_path / "nginx.conf"
    file.write_text(capsys.readouterr().out)
    assert "X-Forwarded-Proto https" in file.read_text()
    done = subprocess.run(
        ["nginx", "-t", "-c", str(file), "-p", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_place_that_sets_a_header_sets_them_all():
    text = nginx.site(nginx.Site())
    wanted = {line.split()[1] for line in text.partition("server {")[0].splitlines() if "proxy_set_header" in line}
    places = [part for part in text.split("location ")[1:] if "proxy_set_header" in part]
    assert places
    for place in places:
        assert wanted <= {line.split()[1] for line in place.splitlines() if "proxy_set_header" in line}
    assert "@" not in text


def test_a_certificate_without_its_key_is_refused(capsys):
    with pytest.raises(SystemExit):
        nginx.main(["--certificate", "a.pem"])
    assert "belong together" in capsys.readouterr().err
