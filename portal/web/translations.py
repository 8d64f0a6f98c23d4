"""`_()` and `ngettext()` of the templates: what flask_babel's mean, at a fraction of their cost.

A page says some forty things; each would look up domain, context and locale anew. Here it is one look at the locale
and one at its catalogue.
"""

from typing import Any

from babel.support import NullTranslations
from flask import Flask
from flask_babel import get_locale, get_translations


def init_app(app: Flask) -> None:
    """Give this app's templates their words; after flask_babel's own, which these replace."""
    catalogues: dict[str, NullTranslations] = {}

    def catalogue() -> NullTranslations:
        locale = get_locale()
        language = locale.language if locale else ""
        if language not in catalogues:
            catalogues[language] = get_translations()
        return catalogues[language]

    # Jinja's i18n extension gives its environment methods that its type stub does not know.
    environment: Any = app.jinja_env
    environment.install_gettext_callables(
        gettext=lambda message: catalogue().ugettext(message),
        ngettext=lambda singular, plural, num: catalogue().ungettext(singular, plural, num),
        newstyle=True,
    )
    environment.globals["_"] = environment.globals["gettext"]
