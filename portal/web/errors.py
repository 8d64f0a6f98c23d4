"""Errors become pages that say what to do next."""

import logging
from http import HTTPStatus

from flask import Flask, Response, make_response, render_template
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from jinja2 import TemplateNotFound
from werkzeug.exceptions import HTTPException, SecurityError

from portal.kernel.errors import PortalError

logger = logging.getLogger(__name__)


def error_page(status: int, message: object = "") -> Response:
    """The page for a status, with a message of the error's own when it has one."""
    try:
        page = render_template(f"errors/{status}.html", message=message, status=status)
    except TemplateNotFound:
        fallback = 400 if status < HTTPStatus.INTERNAL_SERVER_ERROR else 500
        page = render_template(f"errors/{fallback}.html", message=message, status=status)
    response = make_response(page, status)
    response.cache_control.private = True
    response.cache_control.no_store = True
    return response


def _portal_error(error: PortalError) -> Response:
    return error_page(error.status, error.message)


def _untrusted_host(_error: SecurityError) -> Response:
    """No page: no address of ours can be built for a host that is not ours."""
    return Response("This host is not served here.\n", HTTPStatus.BAD_REQUEST, mimetype="text/plain")


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    response = error_page(error.code)
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _csrf_error(error: CSRFError) -> Response:
    logger.info("csrf: %s", error.description)
    return error_page(
        HTTPStatus.FORBIDDEN,
        _l(
            "This form was opened before you signed in or out, or too long ago."
            " Go back, reload the page and send it again."
        ),
    )


def _crash(_error: Exception) -> Response:
    """Flask has logged it with its trace already; the page needs no database."""
    return error_page(HTTPStatus.INTERNAL_SERVER_ERROR)


def init_app(app: Flask) -> None:
    """Show this app's errors."""
    app.register_error_handler(PortalError, _portal_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(SecurityError, _untrusted_host)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(HTTPStatus.INTERNAL_SERVER_ERROR, _crash)
