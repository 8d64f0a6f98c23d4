"""The forum's blueprint, mounted under each language."""

from flask import Blueprint

blueprint = Blueprint("forum", __name__)
