import re

import pytest

from portal import config, create_app
from portal.config import ConfigError, load
from portal.web.access import access_of, is_same_origin_checked
from tests.conftest import make_settings

PRODUCTION = {
    "COMPTOIR_MODE": "production",
    "COMPTOIR_BASE_URL": "https://comptoir.example",
    "COMPTOIR_TRUSTED_HOSTS": "comptoir.example",
    "COMPTOIR_DATABASE_URL": "postgresql://db/comptoir",
    "COMPTOIR_SECRET_KEY": "s" * 40,
    "COMPTOIR_PIN_PEPPER": "p" * 40,
    "COMPTOIR_STRIPE_SECRET_KEY": "sk_live_x",
    "COMPTOIR_STRIPE_WEBHOOK_SECRET": "whsec_x",
    "COMPTOIR_SMTP_URL": "smtp://mail.example",
    "COMPTOIR_SIGNING_KEY_FILE": __file__,
    "COMPTOIR_SIGNING_CERTIFICATE_FILE": __file__,
}


@pytest.fixture
def guarded(app):
    """The same app, with its CSRF protection on as it is served."""
    app.config["WTF_CSRF_ENABLED"] = True
    yield app
    app.config["WTF_CSRF_ENABLED"] = False


def test_every_endpoint_says_who_may_open_it(app):
    open_ones = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and not access_of(app.view_functions[rule.endpoint])[0]
    ]
    assert open_ones == []


def test_a_view_without_a_rule_is_refused(tmp_path, databases):
    other = create_app(make_settings(tmp_path, databases.create()))
    other.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = other.test_client().get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.get_data(as_text=True)


def test_headers_of_a_page(client):
    headers = client.get("/fr/sign-in").headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "script-src 'self'" in policy
    assert "form-action 'self' http://localhost:8002" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store, private" or "no-store" in headers["Cache-Control"]
    assert "Strict-Transport-Security" not in headers


def test_https_is_pinned_where_it_is_served(app, client):
    settings = config.current()
    try:
        config.use(load({**PRODUCTION, "COMPTOIR_INSTANCE": str(settings.instance)}))
        headers = client.get("/livez").headers
        assert headers["Strict-Transport-Security"].startswith("max-age=63072000")
        assert "https://checkout.stripe.com" in headers["Content-Security-Policy"]
    finally:
        config.use(settings)


def test_an_unknown_host_is_refused(client):
    assert client.get("/fr/sign-in", headers={"Host": "evil.example"}).status_code == 400


def test_forms_need_their_token(guarded, client, sign_in, alice):
    sign_in(client, alice)
    form = {"display_name": "Mallory", "language": "fr", "time_zone": "Europe/Paris"}
    assert client.post("/fr/profile", data=form).status_code == 403
    page = client.get("/fr/profile").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    assert client.post("/fr/profile", data={**form, "csrf_token": token}).status_code == 303


def test_forms_without_a_token_need_their_origin(guarded, client):
    form = {"email": "claire@lefil.example"}
    foreign = client.post("/fr/sign-in", data=form, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert client.post("/fr/sign-in", data=form, headers={"Origin": "null"}).status_code == 403
    assert client.post("/fr/sign-in", data=form).status_code == 303
    fetched = client.post("/fr/sign-in", data=form, headers={"Origin": "", "Sec-Fetch-Site": "same-origin"})
    assert fetched.status_code == 303
    assert client.post("/fr/sign-in", data=form, headers={"Origin": ""}).status_code == 403


def test_every_post_is_guarded_one_way_or_the_other(app):
    """Webhooks prove themselves by a signature; every other POST by a token or its origin."""
    csrf = app.extensions["csrf"]
    exempt = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods
        and f"{app.view_functions[rule.endpoint].__module__}.{app.view_functions[rule.endpoint].__name__}"
        in csrf._exempt_views
        and not is_same_origin_checked(app.view_functions[rule.endpoint])
    }
    assert all("event" in endpoint for endpoint in exempt), exempt


@pytest.mark.parametrize("path", ["/fr/nowhere", "/nowhere", "/de/sign-in", "/fr/sign-in/link/x%00y"])
def test_unknown_addresses_have_a_page(client, path):
    answer = client.get(path)
    assert answer.status_code in {400, 404, 410}
    assert "<h1" in answer.get_data(as_text=True)


def test_a_wrong_method_has_a_page(client):
    answer = client.get("/fr/sign-out")
    assert answer.status_code == 405
    assert "<h1" in answer.get_data(as_text=True)
    assert "POST" in answer.headers["Allow"]


def test_strangers_are_asked_to_sign_in_and_brought_back(client):
    answer = client.get("/fr/profile?x=1")
    assert (answer.status_code, answer.location) == (303, "/fr/sign-in?next=/fr/profile?x%3D1")


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name not in {"COMPTOIR_MODE", "COMPTOIR_BASE_URL"}])
def test_production_refuses_to_start_without(name):
    with pytest.raises(ConfigError, match=name):
        load({key: value for key, value in PRODUCTION.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMPTOIR_MODE", "live"),
        ("COMPTOIR_BASE_URL", "http://comptoir.example"),
        ("COMPTOIR_BASE_URL", "comptoir.example"),
        ("COMPTOIR_STRIPE_SECRET_KEY", "sk_test_x"),
        ("COMPTOIR_FEE_WALLET_BASIS_POINTS", "1.2"),
        ("COMPTOIR_SIGNING_KEY_FILE", "/nowhere/key.pem"),
    ],
)
def test_a_bad_setting_refuses_to_start(name, value):
    with pytest.raises(ConfigError, match=name if name != "COMPTOIR_STRIPE_SECRET_KEY" else "live"):
        load({**PRODUCTION, name: value})


def test_secrets_of_the_sandbox_are_made_once_and_only_its_owners(tmp_path):
    environment = {"COMPTOIR_INSTANCE": str(tmp_path)}
    first, second = load(environment), load(environment)
    assert first == second
    assert len(first.secret_key) >= 40
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0
    assert first.secret_key not in repr(first)
