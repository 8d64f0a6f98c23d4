"""The simulator: as strict as the provider it stands in for, and plainly not real money."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from portal import config
from portal.config import ConfigError, Mode
from portal.kernel import clock
from portal.payments import gateway
from portal.payments.gateway import SIMULATOR_KEY
from portal.payments.simulator import create_simulator
from portal.payments.simulator.api import nested
from portal.payments.simulator.cards import CARDS
from tests.builders.payments import VISA, Sandbox, begin, latest, paid

SESSION = {
    "mode": "payment",
    "success_url": "http://localhost/ok",
    "line_items[0][quantity]": "2",
    "line_items[0][price_data][currency]": "eur",
    "line_items[0][price_data][unit_amount]": "500",
    "line_items[0][price_data][product_data][name]": "Savon",
}


def _post(running: Sandbox, path: str, form: dict[str, str], *, key: str = "", secret: str = SIMULATOR_KEY) -> Any:
    headers = {"Authorization": f"Bearer {secret}"}
    if key:
        headers["Idempotency-Key"] = key
    with requests.post(f"{running.simulator_url}/v1/{path}", data=form, headers=headers, timeout=10) as answer:
        return answer


def test_it_refuses_to_run_in_production(tmp_path: Path) -> None:
    settings = config.load({"COMPTOIR_INSTANCE": str(tmp_path)})
    with pytest.raises(ConfigError, match="never runs in production"):
        create_simulator(replace(settings, mode=Mode.PRODUCTION))
    with pytest.raises(ConfigError, match="COMPTOIR_STRIPE_SECRET_KEY"):
        create_simulator(replace(settings, stripe_secret_key="sk_test_1"))
    assert not (tmp_path / "payment_simulator.sqlite3").exists()


def test_production_refuses_to_start_on_it(tmp_path: Path) -> None:
    for secret in ("", "sk_test_1"):
        with pytest.raises(ConfigError, match="COMPTOIR_STRIPE_SECRET_KEY"):
            config.load(
                {
                    "COMPTOIR_MODE": "production",
                    "COMPTOIR_INSTANCE": str(tmp_path),
                    "COMPTOIR_BASE_URL": "https://comptoir.example",
                    "COMPTOIR_STRIPE_SECRET_KEY": secret,
                    **{
                        name: __file__ if name.endswith("_FILE") else "sqlite://x"
                        for name in (
                            "COMPTOIR_SECRET_KEY",
                            "COMPTOIR_PIN_PEPPER",
                            "COMPTOIR_STRIPE_WEBHOOK_SECRET",
                            "COMPTOIR_SMTP_URL",
                            "COMPTOIR_SIGNING_KEY_FILE",
                            "COMPTOIR_SIGNING_CERTIFICATE_FILE",
                            "COMPTOIR_TRUSTED_HOSTS",
                            "COMPTOIR_DATABASE_URL",
                        )
                    },
                }
            )


def test_only_a_test_key_opens_it(running: Sandbox) -> None:
    for secret in ("sk_live_1", "", "pk_test_1"):
        answer = _post(running, "checkout/sessions", SESSION, secret=secret)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mode": "subscription"}, "success_url"),
        ({"success_url": ""}, "success_url"),
        ({"line_items[0][quantity]": "-1"}, "line_items[0][quantity]"),
        ({"line_items[0][price_data][unit_amount]": "1.5"}, "line_items[0][price_data][unit_amount]"),
        ({"line_items[0][price_data][unit_amount]": "1"}, None),
        ({"expires_at": "1"}, "expires_at"),
        ({"expires_at": "99999999999"}, "expires_at"),
    ],
)
def test_a_wrong_request_is_refused_as_the_provider_would(
    running: Sandbox, changes: dict[str, str], param: str | None
) -> None:
    answer = _post(running, "checkout/sessions", {**SESSION, **changes})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]


def test_a_key_has_one_answer(running: Sandbox) -> None:
    first = _post(running, "checkout/sessions", SESSION, key="k")
    again = _post(running, "checkout/sessions", SESSION, key="k")
    assert (first.status_code, first.json()) == (200, again.json())
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    other = _post(running, "checkout/sessions", {**SESSION, "success_url": "http://localhost/other"}, key="k")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert _post(running, "checkout/sessions", SESSION).json()["id"] != first.json()["id"]


def test_a_failure_is_repeated_under_its_key(running: Sandbox) -> None:
    running.switch(answers="broken")
    assert _post(running, "checkout/sessions", SESSION, key="k").status_code == 500
    assert _post(running, "checkout/sessions", SESSION, key="k").status_code == 500
    assert _post(running, "checkout/sessions", SESSION, key="k2").status_code == 200


def test_a_refused_request_is_not_remembered(running: Sandbox) -> None:
    assert _post(running, "checkout/sessions", {**SESSION, "expires_at": "1"}, key="k").status_code == 400
    assert _post(running, "checkout/sessions", SESSION, key="k").status_code == 200


def test_refunds_stop_at_what_was_captured(running: Sandbox) -> None:
    payment = paid(running)
    form = {"payment_intent": payment.provider_payment_id or "", "amount": "2491"}
    assert "greater than" in _post(running, "refunds", form).json()["error"]["message"]
    assert _post(running, "refunds", {**form, "amount": "2490"}).json()["amount"] == 2490
    assert _post(running, "refunds", {**form, "amount": "1"}).json()["error"]["code"] == "charge_already_refunded"
    assert _post(running, "refunds", {"payment_intent": "pi_0"}).status_code == 404


def test_a_list_comes_in_pages(running: Sandbox) -> None:
    payment = paid(running)
    for at in range(5):
        _post(running, "refunds", {"payment_intent": payment.provider_payment_id or "", "amount": f"{at + 1}"})
    client = gateway._stripe()
    pages = client.v1.refunds.list({"payment_intent": payment.provider_payment_id or "", "limit": 2})
    assert [refund.amount for refund in pages.auto_paging_iter()] == [5, 4, 3, 2, 1]


def test_forms_are_read_as_the_library_writes_them() -> None:
    assert nested({"a": "1", "b[c]": "2", "d[0][e]": "3", "d[1][e]": "4", "expand[0]": "x"}) == {
        "a": "1",
        "b": {"c": "2"},
        "d": [{"e": "3"}, {"e": "4"}],
        "expand": ["x"],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "4111 1111 1111 1111"},
        {"number": "4000056655665556"},
        {"number": "4242424242424241"},
        {"number": ""},
        {"number": "4242-4242-4242-4242x"},
        {"expiry": "13/40"},
        {"expiry": "00/40"},
        {"expiry": "12/20"},
        {"expiry": ""},
        {"expiry": "1240"},
        {"expiry": "12/4"},
        {"cvc": "12"},
        {"cvc": "12a"},
        {"cvc": ""},
    ],
)
def test_what_is_no_complete_test_card_is_refused_with_words(running: Sandbox, changes: dict[str, str]) -> None:
    url = begin()
    answer = running.type_card(url, **{"number": VISA, **changes})
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 1
    assert "<title>Erreur" in answer.text
    assert running.open(url).status_code == 200
    assert gateway.fetch_checkout(latest().provider_session_id or "").outcome is gateway.Outcome.OPEN


def test_dates_are_read_however_they_are_typed(running: Sandbox) -> None:
    now = clock.now()
    for expiry in ("12 / 2040", "1/40", "01-40", "١٢/٤٠", f"{now.month}/{now.year}"):
        answer = running.type_card(begin(), "٤٢٤٢ 4242 4242 4242", expiry=expiry)
        assert answer.status_code == 303, expiry


@pytest.mark.parametrize(("language", "words"), [("fr", "Payer"), ("en", "Pay €24.90"), ("ar", 'dir="rtl"')])
def test_the_page_speaks_the_payer_s_language_and_says_it_is_a_simulator(
    running: Sandbox, language: str, words: str
) -> None:
    page = running.open(begin(language=language)).text
    assert f'<html lang="{language}"' in page
    assert words in page
    assert 'class="strip"' in page
    assert "Huile d’olive" in page
    for card in CARDS.values():
        assert card.grouped in page
    assert re.search(r'lang="(?!fr|en|ar)', page) is None


def test_its_pages_keep_to_themselves(running: Sandbox) -> None:
    answer = running.open(begin())
    policy = answer.headers["Content-Security-Policy"]
    assert f"form-action 'self' {running.portal_url}" in policy
    assert "default-src 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script" not in answer.text.replace("description", "")


def test_what_was_paid_stands_on_its_first_page(running: Sandbox) -> None:
    assert running.open(f"{running.simulator_url}/?lang=en").status_code == 200
    paid(running)
    page = running.open(f"{running.simulator_url}/?lang=en").text
    assert "Huile d’olive, Livraison" in page
    assert "€24.90" in page


def test_switches_are_turned_from_its_own_page_only(running: Sandbox) -> None:
    form = {"funds_delay": "120"}
    url = f"{running.simulator_url}/switches"
    for headers in ({}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}):
        assert requests.post(url, form, headers=headers, timeout=10, allow_redirects=False).status_code == 403
    own = {"Origin": running.simulator_url}
    assert requests.post(url, form, headers=own, timeout=10, allow_redirects=False).status_code == 303
    assert requests.post(url, {"x": "1"}, headers=own, timeout=10, allow_redirects=False).status_code == 400


def test_unknown_pages_are_not_found(running: Sandbox) -> None:
    for path in ("/pay/cs_test_0", "/pay/cs_test_0/confirm?card=3155", "/pay/cs_test_0/confirm"):
        assert running.open(f"{running.simulator_url}{path}").status_code == 404
    assert running.open(f"{running.simulator_url}/livez").text == "ok\n"
