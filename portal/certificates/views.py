"""The routes of certificates: one's own, the organisers' list, and the public verification."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy.orm import Session as DbSession
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from portal import config
from portal.certificates import queries, services, storage
from portal.certificates.drawing import qr_code
from portal.certificates.errors import (
    CertificateNotFoundError,
    DocumentNotReadyError,
)
from portal.certificates.forms import REASONS, CodeForm, NameForm, RevokeForm
from portal.certificates.models import Certificate, CertificateState, RevocationReason
from portal.certificates.policies import MOST_CORRECTIONS, bars_another, may_revoke
from portal.certificates.queries import OwnPage, normal_code
from portal.certificates.sheet import Sheet, day_words, grouped, hours_words, sheet_of, verify_url
from portal.identity.models import User
from portal.kernel import clock, throttle
from portal.kernel.db import transaction
from portal.training.content import ChapterText, chapters, lesson
from portal.web.access import public, requires, signed_in
from portal.web.database import read_db
from portal.web.fragments import fragment
from portal.web.languages import language

blueprint = Blueprint("certificates", __name__)
plain_blueprint = Blueprint("verify", __name__, url_prefix="/v")

Page = str | tuple[str, int] | AnyResponse

# Codes that lead nowhere, for one address: a good code always answers, however many were tried before.
_UNKNOWN_CODES = 20
_UNKNOWN_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate page: how far one is, the certificate (issued, or as it would be), and what can be done."""

    own: OwnPage
    certificate: Certificate | None
    issued: bool
    barred: bool
    correctable: bool

    @property
    def sheet(self) -> Sheet | None:
        """What is drawn."""
        return sheet_of(self.certificate) if self.certificate else None

    @property
    def card(self) -> list[dict[str, object]]:
        """The 5 × 5 card: a row for each chapter, a stamp for each lesson."""
        return [{"title": chapter.title(language()), "lessons": self._stamps(chapter)} for chapter in chapters()]

    def _stamps(self, chapter: ChapterText) -> list[dict[str, object]]:
        return [
            {
                "number": one.number,
                "title": one.title(language()),
                "state": self.own.progress.states[one.number].state,
                "href": url_for("training.lesson", address=one.address),
            }
            for one in chapter.lessons
        ]


def _shown(db: DbSession, user: User) -> Shown:
    own = queries.own_page(db, user.id)
    last = own.certificate
    if last is not None and last.state is CertificateState.VALID:
        correctable = queries.corrections(db, last) < MOST_CORRECTIONS
        return Shown(own, last, issued=True, barred=False, correctable=correctable)
    barred = bars_another(last)
    preview = own.progress.reached and not barred
    draft = services.draft(db, user=user, far=own.progress, language=language()) if preview else None
    return Shown(own, draft, issued=False, barred=barred, correctable=False)


def _own_page(form: NameForm, status: int = HTTPStatus.OK) -> tuple[str, int]:
    shown = _shown(read_db(), current_user)
    values = {"shown": shown, "form": form, "now": clock.now(), "base_url": config.current().base_url}
    words = {"day_words": day_words, "hours_words": hours_words, "lesson": lesson}
    if shown.certificate is None:
        return render_template("certificates/progress.html", **values, **words), status
    qr = qr_code(verify_url(shown.certificate.code)) if shown.issued else None
    return render_template("certificates/own.html", qr=qr, sheet=shown.sheet, **values, **words), status


def _prefilled() -> NameForm:
    last = queries.last_certificate(read_db(), current_user.id)
    if last is not None:
        return NameForm(MultiDict({"name": last.printed_name, "shop": last.printed_shop}))
    return NameForm(MultiDict({"name": current_user.display_name}))


@blueprint.get("/certificate")
@requires(signed_in)
def certificate() -> Page:
    """How far one is; then the name to confirm; then the certificate."""
    return _own_page(_prefilled())


@blueprint.post("/certificate")
@requires(signed_in)
def issue() -> Page:
    """Confirm the name: the certificate is issued, once."""
    form = NameForm()
    if not form.validate():
        return _own_page(form, HTTPStatus.UNPROCESSABLE_ENTITY)
    with transaction() as db:
        services.issue(db, user=current_user, name=form.name.data or "", shop=form.shop.data or "", language=language())
    return redirect(url_for(".certificate"), code=HTTPStatus.SEE_OTHER)


@blueprint.post("/certificate/<serial>/correction")
@requires(signed_in)
def correct(serial: str) -> Page:
    """Another name: a new certificate takes the place of this one."""
    form = NameForm()
    if not form.validate():
        return _own_page(form, HTTPStatus.UNPROCESSABLE_ENTITY)
    with transaction() as db:
        services.supersede(db, user=current_user, serial=serial, name=form.name.data or "", shop=form.shop.data or "")
    return redirect(url_for(".certificate"), code=HTTPStatus.SEE_OTHER)


@blueprint.get("/certificate/<serial>/document")
@requires(signed_in)
def document(serial: str) -> Response:
    """The part of the page that says whether the PDF is ready; asked for again until the reader has seen that it is."""
    found = queries.own_document(read_db(), user_id=current_user.id, serial=serial)
    if found is None:
        raise CertificateNotFoundError
    values = {"serial": serial, "code": found[0].code, "base_url": config.current().base_url}
    ready = found[1].sha256 is not None
    response = fragment(render_template("certificates/_document.html", ready=ready, **values))
    if ready and response.status_code == HTTPStatus.NOT_MODIFIED:
        return Response(status=HTTPStatus.GONE)
    return response


@blueprint.get("/certificate/<serial>.pdf")
@requires(signed_in)
def download(serial: str) -> Response:
    """The signed PDF, to its holder only."""
    found = queries.own_document(read_db(), user_id=current_user.id, serial=serial)
    if found is None:
        raise CertificateNotFoundError
    if found[1].sha256 is None:
        raise DocumentNotReadyError
    response = Response(storage.read(found[1].sha256), mimetype="application/pdf")
    response.headers.set("Content-Disposition", "attachment", filename=f"comptoir-{serial}.pdf")
    return response


@blueprint.get("/manage/certificates")
@requires(may_revoke)
def issued() -> str:
    """Every certificate, for organisers, with a search."""
    search = request.args.get("q", "")
    found = queries.issued(read_db(), search=search)
    return render_template("certificates/issued.html", certificates=found, search=search, day_words=day_words)


def _managed(serial: str) -> Certificate:
    found = queries.by_serial(read_db(), serial)
    if found is None:
        raise CertificateNotFoundError
    return found


def _managed_page(serial: str, form: RevokeForm, status: int = HTTPStatus.OK) -> tuple[str, int]:
    found = _managed(serial)
    words = {"day_words": day_words, "hours_words": hours_words, "grouped": grouped, "reasons": REASONS}
    return render_template("certificates/managed.html", certificate=found, form=form, **words), status


@blueprint.get("/manage/certificates/<serial>")
@requires(may_revoke)
def managed(serial: str) -> Page:
    """One certificate, and the way to revoke it."""
    return _managed_page(serial, RevokeForm())


@blueprint.post("/manage/certificates/<serial>/revoke")
@requires(may_revoke)
def revoke(serial: str) -> Page:
    """Revoke it, for a reason that is shown."""
    form = RevokeForm()
    if not form.validate():
        return _managed_page(serial, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    with transaction() as db:
        services.revoke(db, organiser=current_user, serial=serial, reason=RevocationReason(form.reason.data))
    return redirect(url_for(".managed", serial=serial), code=HTTPStatus.SEE_OTHER)


def _private(page: str, status: int = HTTPStatus.OK) -> Response:
    """An answer about a person that nobody keeps and no search engine lists."""
    response = Response(page, status, mimetype="text/html")
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.cache_control.private = True
    response.cache_control.no_store = True
    return response


@plain_blueprint.get("")
@public
def enter() -> AnyResponse:
    """A code typed from paper."""
    if "code" not in request.args:
        return _private(render_template("certificates/enter.html", form=CodeForm()))
    form = CodeForm(request.args)
    if not form.validate():
        return _private(render_template("certificates/enter.html", form=form), HTTPStatus.UNPROCESSABLE_ENTITY)
    target = url_for(".verify", code=normal_code(form.code.data or ""), lang=request.args.get("lang"))
    return redirect(target, code=HTTPStatus.SEE_OTHER)


@plain_blueprint.get("/<code>")
@public
def verify(code: str) -> Response:
    """What is known of a code: valid, superseded, revoked or unknown."""
    found = queries.by_code(read_db(), normal_code(code))
    if found is None:
        with transaction() as db:
            throttle.hit(db, f"verify:{request.remote_addr}", limit=_UNKNOWN_CODES, window=_UNKNOWN_WINDOW)
        return _private(render_template("certificates/unknown.html", form=CodeForm(), code=code), HTTPStatus.NOT_FOUND)
    current = queries.current_of(read_db(), found)
    words = {"day_words": day_words, "hours_words": hours_words, "grouped": grouped, "reasons": REASONS}
    return _private(render_template("certificates/verified.html", certificate=found, current=current, **words))
