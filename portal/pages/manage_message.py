"""Writing to a group of a cohort: write, look at the mail as it will leave, send."""

from dataclasses import dataclass

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.kernel.errors import ConflictError
from portal.notifications.compose import compose
from portal.notifications.models import OutboxMail
from portal.notifications.services import Mail
from portal.pages.blueprint import blueprint
from portal.pages.manage_people import managed
from portal.training.errors import NoSuchMessageError
from portal.training.forms.organiser import AUDIENCES, GroupMessageForm, SendForm
from portal.training.models import GroupAudience, GroupMessage
from portal.training.policies import may_organise
from portal.training.queries.cohorts import CohortCard
from portal.training.queries.groups import Group, group, message, messages, size_of
from portal.training.queries.people import group_sizes
from portal.training.services import groups
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.headers import allow_own_frames
from portal.web.languages import LANGUAGES
from portal.web.requests import id_argument

Page = tuple[str, int] | AnyResponse
# Nothing but the mail's own style: what a person wrote is shown, never run.
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


def _form_page(card: CohortCard, form: GroupMessageForm, draft_id: int | None, status: int = 200) -> Page:
    sizes = group_sizes(read_db(), card.id)
    html = render_template(
        "pages/manage_message.html",
        cohort=card,
        form=form,
        draft_id=draft_id,
        sizes={str(one): size_of(sizes, one) for one in GroupAudience},
        history=messages(read_db(), card.id),
        audiences=AUDIENCES,
    )
    return html, status


def _draft(cohort_id: int, message_id: int) -> GroupMessage:
    found = message(read_db(), cohort_id, message_id)
    if found is None:
        raise NoSuchMessageError
    return found


@blueprint.get("/manage/cohorts/<int:cohort_id>/message")
@requires(may_organise)
def manage_message(cohort_id: int) -> Page:
    """Write to a group; `?draft=` goes on with a draft, `?to=` chooses the group."""
    card, draft_id = managed(cohort_id), id_argument("draft")
    draft = _draft(cohort_id, draft_id) if draft_id else None
    form = GroupMessageForm(obj=draft) if draft else GroupMessageForm()
    if draft is None and request.args.get("to") in set(GroupAudience):
        form.audience.data = request.args["to"]
    return _form_page(card, form, draft_id)


@blueprint.post("/manage/cohorts/<int:cohort_id>/message")
@requires(may_organise)
def write_message(cohort_id: int) -> Page:
    """Keep what was written as a draft, and show it as it will be mailed."""
    card, form, draft_id = managed(cohort_id), GroupMessageForm(), id_argument("draft")
    if not form.validate_on_submit():
        return _form_page(card, form, draft_id, 422)
    try:
        message_id = _keep(cohort_id, form, draft_id)
    except ConflictError as error:
        # It left meanwhile: what was typed is shown as a message of its own.
        form.form_errors.append(str(error))
        return _form_page(card, form, None, 409)
    return _to_preview(cohort_id, message_id)


def _keep(cohort_id: int, form: GroupMessageForm, draft_id: int | None) -> int:
    with transaction() as db:
        if draft_id:
            groups.rewrite_message(db, cohort_id=cohort_id, message_id=draft_id, words=form.words())
            return draft_id
        key = form.key.data or ""
        return groups.draft_message(db, organiser=current_user, cohort_id=cohort_id, words=form.words(), key=key).id


def _to_preview(cohort_id: int, message_id: int) -> AnyResponse:
    return redirect(url_for("pages.message_preview", cohort_id=cohort_id, message_id=message_id), code=303)


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as its writer sees it before and after it is sent; `shown` is the language of the preview."""

    message: GroupMessage
    people: Group
    shown: str
    subject: str


def _language_shown(people: Group) -> str:
    asked = request.args.get("as", "")
    if asked in LANGUAGES:
        return asked
    return people.languages[0][0] if people.languages else str(current_user.language)


def _as_mailed(written: GroupMessage, people: Group, code: str) -> OutboxMail:
    """The mail that somebody of this language gets, as the outbox would hold it; it is never put there."""
    reader = next((one for one in people.members.values() if one.language == code), recipient_of(current_user))
    params = groups.mail_params(read_db(), written)
    row = OutboxMail(**Mail(to=reader, kind=groups.MAIL_KIND, params=params).as_row(clock.now(), "localhost"))
    row.language, row.created_at = code, clock.now()
    return row


@blueprint.get("/manage/cohorts/<int:cohort_id>/message/<int:message_id>")
@requires(may_organise)
def message_preview(cohort_id: int, message_id: int) -> Response:
    """The message as it will be mailed, to how many people; once sent, what was sent."""
    card, written = managed(cohort_id), _draft(cohort_id, message_id)
    people = group(read_db(), cohort_id, written.audience)
    code = _language_shown(people)
    subject = compose(_as_mailed(written, people, code))["Subject"]
    html = render_template(
        "pages/manage_message_preview.html",
        cohort=card,
        page=Preview(written, people, code, subject),
        form=SendForm(seal=people.seal),
        audiences=AUDIENCES,
        languages=LANGUAGES,
    )
    return allow_own_frames(make_response(html))


@blueprint.get("/manage/cohorts/<int:cohort_id>/message/<int:message_id>/mail")
@requires(may_organise)
def message_mail(cohort_id: int, message_id: int) -> Response:
    """The mail alone, as a mail program shows it: no script, nothing from outside."""
    managed(cohort_id)
    written = _draft(cohort_id, message_id)
    people = group(read_db(), cohort_id, written.audience)
    body = compose(_as_mailed(written, people, _language_shown(people))).get_body(("html",))
    response = Response(body.get_content() if body is not None else "", mimetype="text/html")
    response.headers["Content-Security-Policy"] = _MAIL_POLICY
    return response


@blueprint.post("/manage/cohorts/<int:cohort_id>/message/<int:message_id>/send")
@requires(may_organise)
def send_message(cohort_id: int, message_id: int) -> AnyResponse:
    """Send it, once, to the people it was shown to go to."""
    form = SendForm()
    try:
        with transaction() as db:
            groups.send_message(db, cohort_id=cohort_id, message_id=message_id, seal=form.seal.data or "")
    except ConflictError as error:
        flash(str(error), "warning")
    return _to_preview(cohort_id, message_id)


@blueprint.post("/manage/cohorts/<int:cohort_id>/message/<int:message_id>/discard")
@requires(may_organise)
def discard_message(cohort_id: int, message_id: int) -> AnyResponse:
    """Throw a draft away."""
    with transaction() as db:
        groups.discard_message(db, cohort_id=cohort_id, message_id=message_id)
    flash(_("The draft is gone."), "done")
    return redirect(url_for("pages.manage_message", cohort_id=cohort_id), code=303)
