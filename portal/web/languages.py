"""Which language a page is in: the one in its address; else `?lang`, the cookie, then Accept-Language."""

from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask, Response, current_app, g, has_request_context, request, url_for
from flask_babel import Babel
from flask_login import current_user
from werkzeug.datastructures import LanguageAccept
from werkzeug.routing import Map

from portal import config

LANGUAGES = {"fr": "Français", "en": "English", "ar": "العربية"}
DEFAULT = "fr"
RIGHT_TO_LEFT = frozenset({"ar"})
# Latin digits and comma decimals in Arabic: `ar_MA` writes them so.
LOCALES = {"fr": "fr_FR", "en": "en_GB", "ar": "ar_MA"}
# Spoken Arabics that a phone may announce.
_ARABIC = frozenset({"ar", "ary", "arq", "aeb", "arz"})
_COOKIE = "language"
_COOKIE_SECONDS = 365 * 24 * 3600


def negotiate(accepted: LanguageAccept) -> str:
    """The best language for an Accept-Language header, by quality on the primary tag alone.

    Werkzeug's own `best_match` prefers an exact `fr` to a better `ar-MA`.
    """
    for tag, quality in sorted(accepted, key=lambda pair: -pair[1]):
        primary = tag.lower().replace("_", "-").split("-")[0]
        if quality <= 0:
            continue
        if primary in _ARABIC:
            return "ar"
        if primary in LANGUAGES:
            return primary
    return DEFAULT


def preferred() -> str:
    """The language of a page whose address names none."""
    for wanted in (request.args.get("lang"), request.cookies.get(_COOKIE)):
        if wanted in LANGUAGES:
            return str(wanted)
    return negotiate(request.accept_languages)


def language() -> str:
    """The language of this request."""
    if not has_request_context():
        return DEFAULT
    if "language" not in g:
        # An address that leads nowhere still says which language it is in: its error page answers in it.
        first = request.path.split("/", 2)[1]
        g.language = first if first in LANGUAGES else preferred()
    code: str = g.language
    return code


def direction() -> str:
    """`rtl` or `ltr`."""
    return "rtl" if language() in RIGHT_TO_LEFT else "ltr"


def language_url(code: str) -> str:
    """This same page in another language; a page asks four times for each, and it is built once."""
    known: dict[str, str] = g.setdefault("language_urls", {})
    if code not in known:
        known[code] = _language_url(code)
    return known[code]


def _language_url(code: str) -> str:
    if request.endpoint is None or request.method != "GET":
        return url_for("pages.home", language=code)
    query = [(key, value) for key, value in request.args.items(multi=True) if key != "lang"]
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    if has_language_in_path(request.endpoint):
        path = f"/{code}/{path.split('/', 2)[2]}"
    else:
        query.append(("lang", code))
    return f"{path}?{urlencode(query)}" if query else path


def has_language_in_path(endpoint: str) -> bool:
    """Whether this endpoint's address begins with a language."""
    return endpoint in _endpoints_with_language(current_app.url_map)


@cache
def _endpoints_with_language(addresses: Map) -> frozenset[str]:
    """Worked out once, at the first page: from then on no endpoint is added."""
    return frozenset(rule.endpoint for rule in addresses.iter_rules() if "language" in rule.arguments)


def _locale() -> str:
    return LOCALES[language()]


def _time_zone() -> str:
    if has_request_context() and current_user and current_user.is_authenticated:
        zone: str = current_user.time_zone
        return zone
    return config.current().time_zone


def _take_from_path(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values and "language" in values:
        g.language = values.pop("language")


def _put_into_path(endpoint: str, values: dict[str, Any]) -> None:
    if "language" not in values and has_language_in_path(endpoint):
        values["language"] = language()


def _remember(response: Response) -> Response:
    """Keep the language in a cookie, once somebody has chosen one by address or by `?lang`."""
    chosen = g.get("language")
    in_path = request.endpoint is not None and has_language_in_path(request.endpoint)
    # What never changes (a picture) has no language either.
    same_for_all = request.endpoint == "static" or bool(response.cache_control.immutable)
    if request.endpoint is not None and not in_path and not same_for_all:
        response.vary.update(["Cookie", "Accept-Language"])
    chose_now = in_path or request.args.get("lang") in LANGUAGES
    cacheable = response.cache_control.public
    if chosen and chose_now and not cacheable and request.cookies.get(_COOKIE) != chosen:
        response.set_cookie(
            _COOKIE,
            chosen,
            max_age=_COOKIE_SECONDS,
            secure=config.current().secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def init_app(app: Flask) -> None:
    """Give the app its languages."""
    Babel(app, locale_selector=_locale, timezone_selector=_time_zone, default_locale=LOCALES[DEFAULT])
    app.url_value_preprocessor(_take_from_path)
    app.url_defaults(_put_into_path)
    app.after_request(_remember)
    app.jinja_env.globals.update(languages=list(LANGUAGES.items()), language_url=language_url)
    app.context_processor(lambda: {"language": language(), "direction": direction()})
