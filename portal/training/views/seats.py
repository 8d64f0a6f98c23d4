"""One seat in one session: booked, given back, waited for; and the links in mails, which act without signing in.

Such a link shows a page with one button first: programs that scan mail follow links.
"""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.errors import ConflictError, NotFoundError
from portal.training import content, links, services
from portal.training.errors import NoSuchSessionError
from portal.training.links import ENROLMENT, OFFER, SEAT
from portal.training.queries.waitlist import enrolment_page, number_of, offer_page, seat_page
from portal.training.services import Line
from portal.training.views._blueprint import blueprint
from portal.web.access import public, same_origin
from portal.web.database import read_db


def _to_lesson(session_id: int) -> Response:
    """Back to the lesson's page, at its dates; whoever has not signed in does so first."""
    number = number_of(read_db(), session_id)
    if number is None:
        raise NoSuchSessionError
    target = url_for("training.lesson", address=content.lesson(number).address, _anchor="dates")
    if not current_user.is_authenticated:
        return redirect(url_for("identity.sign_in", next=target.partition("#")[0]), code=303)
    return redirect(target, code=303)


@blueprint.post("/sessions/<int:session_id>/book")
@public
def book_seat(session_id: int) -> Response:
    """One tap: a seat in this one session."""
    back = _to_lesson(session_id)
    if current_user.is_authenticated:
        try:
            with transaction() as db:
                services.book_seat(db, user=current_user, session_id=session_id)
        except ConflictError as error:
            flash(str(error), "warning")
            return back
        flash(_("Your seat is booked, and the date is in your e-mail."), "done")
    return back


@blueprint.post("/sessions/<int:session_id>/give-back")
@public
def give_back_seat(session_id: int) -> Response:
    """Give one seat back; the others stay."""
    back = _to_lesson(session_id)
    if current_user.is_authenticated:
        try:
            with transaction() as db:
                services.give_back_own(db, user_id=current_user.id, session_id=session_id)
        except ConflictError as error:
            flash(str(error), "warning")
            return back
        flash(_("Your seat is free again. Thank you: somebody else can have it."), "done")
    return back


@blueprint.post("/sessions/<int:session_id>/wait")
@public
def wait_for_seat(session_id: int) -> Response:
    """A place in the line for one full session."""
    back = _to_lesson(session_id)
    if current_user.is_authenticated:
        try:
            with transaction() as db:
                services.join_line(db, user=current_user, line=Line(session_id=session_id))
        except ConflictError as error:
            flash(str(error), "warning")
            return back
        flash(_("You are in line. We will write to you as soon as a seat is free."), "done")
    return back


@blueprint.post("/sessions/<int:session_id>/stop-waiting")
@public
def stop_waiting_for_seat(session_id: int) -> Response:
    """Leave the line for one session, or decline the seat that is held."""
    back = _to_lesson(session_id)
    if current_user.is_authenticated:
        with transaction() as db:
            services.leave_line(db, user_id=current_user.id, line=Line(session_id=session_id))
        flash(_("You are no longer in line."), "done")
    return back


def _offer_page(token: str, *, declining: bool) -> str:
    page = offer_page(read_db(), links.read(OFFER, token))
    if page is None:
        raise NotFoundError
    return render_template(
        "training/seat_offer.html", page=page, token=token, declining=declining, lesson=content.lesson(page.number)
    )


@blueprint.get("/offers/<token>")
@public
def offer(token: str) -> str:
    """A seat that is held: take it, until when, and what it is."""
    return _offer_page(token, declining=False)


@blueprint.post("/offers/<token>")
@public
@same_origin
def claim_offer(token: str) -> Response:
    """Take it."""
    try:
        with transaction() as db:
            services.claim_offer(db, offer_id=links.read(OFFER, token))
    except ConflictError as error:
        flash(str(error), "warning")
    return redirect(url_for("training.offer", token=token), code=303)


@blueprint.get("/offers/decline/<token>")
@public
def decline_page(token: str) -> str:
    """The same offer, to say no to."""
    return _offer_page(token, declining=True)


@blueprint.post("/offers/decline/<token>")
@public
@same_origin
def decline_offer(token: str) -> Response:
    """It goes to the next person."""
    try:
        with transaction() as db:
            services.decline_offer(db, offer_id=links.read(OFFER, token))
    except ConflictError as error:
        flash(str(error), "warning")
    return redirect(url_for("training.decline_page", token=token), code=303)


def _seat_page(token: str, *, confirming: bool) -> str:
    page = seat_page(read_db(), links.read(SEAT, token))
    if page is None:
        raise NotFoundError
    return render_template(
        "training/seat_link.html", page=page, token=token, confirming=confirming, lesson=content.lesson(page.number)
    )


@blueprint.get("/seats/give-back/<token>")
@public
def seat(token: str) -> str:
    """One seat, to give back."""
    return _seat_page(token, confirming=False)


@blueprint.post("/seats/give-back/<token>")
@public
@same_origin
def seat_back(token: str) -> Response:
    """Give it back."""
    try:
        with transaction() as db:
            services.give_back(db, seat_id=links.read(SEAT, token))
    except ConflictError as error:
        flash(str(error), "warning")
    return redirect(url_for("training.seat", token=token), code=303)


@blueprint.get("/seats/confirm/<token>")
@public
def confirm_page(token: str) -> str:
    """One seat after a move, to say yes to the new time."""
    return _seat_page(token, confirming=True)


@blueprint.post("/seats/confirm/<token>")
@public
@same_origin
def confirm_seat(token: str) -> Response:
    """Yes."""
    with transaction() as db:
        services.confirm_seat(db, seat_id=links.read(SEAT, token))
    return redirect(url_for("training.confirm_page", token=token), code=303)


@blueprint.get("/cohorts/leave/<token>")
@public
def enrolment(token: str) -> str:
    """All seats in a cohort, to give back."""
    page = enrolment_page(read_db(), links.read(ENROLMENT, token))
    if page is None:
        raise NotFoundError
    return render_template("training/seat_enrolment.html", page=page, token=token)


@blueprint.post("/cohorts/leave/<token>")
@public
@same_origin
def leave_enrolment(token: str) -> Response:
    """Give them back."""
    with transaction() as db:
        services.leave_enrolment(db, enrolment_id=links.read(ENROLMENT, token))
    return redirect(url_for("training.enrolment", token=token), code=303)
