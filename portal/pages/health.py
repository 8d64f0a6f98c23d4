"""For operators: is the process alive, can it serve."""

import sqlalchemy as sa
from flask import Response

from portal.pages.blueprint import plain_blueprint
from portal.web.access import public
from portal.web.database import read_db


@plain_blueprint.get("/livez")
@public
def livez() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@plain_blueprint.get("/readyz")
@public
def readyz() -> Response:
    """The database answers too; 503 when it does not."""
    try:
        read_db().execute(sa.text("SELECT 1"))
    except sa.exc.OperationalError:
        return Response("no database\n", status=503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")
