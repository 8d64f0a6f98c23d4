"""The sandbox's payment provider: a process of its own that speaks the part of Stripe's API the portal uses.

It moves no money, takes published test cards only, and refuses to start beside a production portal.
"""

from flask import Flask, Response, g, request
from flask_babel import Babel

from portal import config
from portal.config import ROOT, ConfigError, Settings
from portal.payments.simulator.api import api
from portal.payments.simulator.events import Sender
from portal.payments.simulator.machine import SESSION
from portal.payments.simulator.pages import pages
from portal.payments.simulator.state import State, current_state
from portal.web import formats, icons, static
from portal.web.languages import DEFAULT, LANGUAGES, LOCALES, RIGHT_TO_LEFT, negotiate

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' {portal}; base-uri 'none';"
    " frame-ancestors 'none'"
)


def create_simulator(settings: Settings | None = None) -> Flask:
    """The simulator, ready to serve, and telling the portal its events.

    Raises ConfigError in production, and where a real provider is configured.
    """
    settings = settings or config.load()
    if not settings.sandbox:
        msg = "the payment simulator never runs in production: COMPTOIR_MODE must be sandbox"
        raise ConfigError(msg)
    if settings.stripe_secret_key:
        msg = "COMPTOIR_STRIPE_SECRET_KEY is set: payments go to Stripe, the simulator is not needed"
        raise ConfigError(msg)
    config.use(settings)
    app = Flask(
        "portal.payments.simulator", static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates")
    )
    app.config.update(
        SIMULATOR_URL=settings.payment_simulator_url,
        BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "portal" / "translations"),
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    state = State(settings.instance / "payment_simulator.sqlite3")
    app.extensions["simulator_state"] = state
    Babel(app, locale_selector=lambda: LOCALES[_language()], default_locale=LOCALES[DEFAULT])
    formats.init_app(app)
    static.init_app(app)
    app.jinja_env.globals["icon"] = icons.icon
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(
        lambda: {
            "language": _language(),
            "direction": "rtl" if _language() in RIGHT_TO_LEFT else "ltr",
            "languages": list(LANGUAGES.items()),
            "portal_url": settings.base_url,
        }
    )
    app.register_blueprint(api)
    app.register_blueprint(pages)
    app.after_request(_harden)
    sender = Sender(state, f"{settings.base_url}/payments/events", settings.stripe_webhook_secret)
    app.extensions["simulator_sender"] = sender
    sender.start()
    return app


def _language() -> str:
    """By `?lang`, else as the payment was begun, else by what the browser accepts."""
    if "language" not in g:
        wanted = request.args.get("lang") or _session_language()
        g.language = wanted if wanted in LANGUAGES else negotiate(request.accept_languages)
    language: str = g.language
    return language


def _session_language() -> str | None:
    session_id = (request.view_args or {}).get("session_id")
    if session_id is None:
        return None
    with current_state().reading() as ledger:
        session = ledger.get(session_id, SESSION)
    return None if session is None else session["metadata"].get("language")


def _harden(response: Response) -> Response:
    # A payer is sent back to the portal by the answer to a form: Chromium wants that origin named.
    response.headers["Content-Security-Policy"] = _POLICY.format(portal=config.current().base_url)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
