"""The wallet's pages hang here."""

from flask import Blueprint

blueprint = Blueprint("wallet", __name__)
