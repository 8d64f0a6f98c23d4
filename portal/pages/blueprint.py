"""The blueprint of the pages that are put together from several features."""

from flask import Blueprint

blueprint = Blueprint("pages", __name__)
plain_blueprint = Blueprint("plain", __name__)
