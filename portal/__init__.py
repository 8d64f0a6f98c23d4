"""Comptoir. `create_app()` is the only place where everything is put together."""

from importlib import import_module
from importlib.util import find_spec

from flask import Blueprint, Flask
from flask_compress import Compress
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import cli, config, models
from portal.config import ROOT, Settings
from portal.identity import login
from portal.kernel import db as kernel_db
from portal.web import (
    access,
    addresses,
    database,
    errors,
    formats,
    headers,
    icons,
    kept,
    languages,
    markdown,
    requests,
    static,
    translations,
)

_LANGUAGE_PREFIX = "/<any(fr, en, ar):language>"
_FEATURES = (*models.FEATURES, "pages")
# In the order in which they see a request.
_WEB = (
    requests,
    languages,
    translations,
    addresses,
    database,
    login,
    access,
    errors,
    formats,
    markdown,
    static,
    kept,
    headers,
)
# What a feature may bring besides its views; importing or registering it is all there is to do.
_CONTENTS = ("mails", "notices", "jobs", "flows")
_VIEWS = ("blueprint", "plain_blueprint")


def create_app(settings: Settings | None = None) -> Flask:
    """The portal, ready to serve: settings, database, languages, access, every feature's pages and handlers.

    Raises config.ConfigError when a setting is missing or wrong.
    """
    settings = settings or config.load()
    config.use(settings)
    app = Flask(__name__, static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates"))
    _configure(app, settings)
    kernel_db.configure(settings.database_url)
    csrf = CSRFProtect(app)
    for part in _WEB:
        part.init_app(app)
    app.jinja_env.globals["icon"] = icons.icon
    cli.init_app(app)
    Compress(app)
    for feature in _FEATURES:
        _install(app, csrf, feature)
    app.context_processor(lambda: {"sandbox": settings.sandbox})
    if settings.secure:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="comptoir",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure,
        TRUSTED_HOSTS=list(settings.trusted_hosts),
        MAX_CONTENT_LENGTH=settings.max_upload_bytes + 512 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "portal" / "translations"),
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=5,
        COMPRESS_MIMETYPES=[
            "text/html",
            "text/css",
            "text/javascript",
            "application/javascript",
            "application/json",
            "application/manifest+json",
            "image/svg+xml",
            "text/calendar",
        ],
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _install(app: Flask, csrf: CSRFProtect, feature: str) -> None:
    """Mount a feature's pages and register what it handles, writes and runs."""
    for content in _CONTENTS:
        if find_spec(f"portal.{feature}.{content}"):
            import_module(f"portal.{feature}.{content}")
    if find_spec(f"portal.{feature}.handlers"):
        import_module(f"portal.{feature}.handlers").register()
    if not find_spec(f"portal.{feature}.views"):
        return
    views = import_module(f"portal.{feature}.views")
    for name in dir(views):
        blueprint = getattr(views, name)
        if isinstance(blueprint, Blueprint) and name.endswith("blueprint"):
            app.register_blueprint(blueprint, url_prefix=_LANGUAGE_PREFIX if name == "blueprint" else None)
    for endpoint, view in app.view_functions.items():
        if access.is_same_origin_checked(view):
            csrf.exempt(f"{view.__module__}.{view.__name__}")
            app.view_functions[endpoint] = view
