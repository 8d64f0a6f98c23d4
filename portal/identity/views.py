"""Coming in, going out, and one's own profile."""

from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import config
from portal.identity import flows, login, queries, services
from portal.identity.errors import SignInExpiredError, TooManySignInsError, WrongCodeError
from portal.identity.forms import CodeForm, DemoForm, LinkForm, ProfileForm, SignInForm
from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError
from portal.web.access import public, requires, same_origin, signed_in
from portal.web.database import read_db
from portal.web.languages import language

blueprint = Blueprint("identity", __name__)

Page = str | tuple[str, int] | Response

_SENT_TO = "sign_in_sent_to"
_LONGEST_ID = 18


def safe_path(target: str) -> str:
    """A path of this portal, or nothing: `//evil.example` and its disguises lead nowhere."""
    if any(ord(character) < 0x21 or character == "\\" for character in target):  # noqa: PLR2004 (controls, space)
        return ""
    parts = urlsplit(target)
    local = target.startswith("/") and not target.startswith("//") and not parts.scheme and not parts.netloc
    return target[:500] if local else ""


def _source() -> str:
    return request.remote_addr or "unknown"


def _enter(who: services.SignedIn, token: str) -> Response:
    login.put_in_cookie(token)
    if who.is_new:
        flash(_("It is done. Welcome to Comptoir."), "done")
    return redirect(who.next_path or url_for("pages.me"), code=303)


@blueprint.get("/sign-in")
@public
def sign_in() -> Page:
    """One field: where the link goes."""
    if current_user.is_authenticated:
        return redirect(safe_path(request.args.get("next", "")) or url_for("pages.me"), code=303)
    form = SignInForm(MultiDict({"next": safe_path(request.args.get("next", ""))}))
    return _sign_in_page(form)


def _sign_in_page(form: SignInForm) -> str:
    demo = queries.demo_users(read_db()) if config.current().sandbox else []
    return render_template("identity/sign_in.html", form=form, demo_users=demo)


@blueprint.post("/sign-in")
@public
@same_origin
def request_sign_in() -> Page:
    """Send the link, whoever it is."""
    form = SignInForm(request.form)
    if not form.validate():
        return _sign_in_page(form), 422
    try:
        public_id = flows.request_sign_in(
            email=form.email.data or "",
            source=_source(),
            language=language(),
            next_path=safe_path(form.next.data or ""),
        )
    except TooManySignInsError as error:
        form.email.errors = [str(error)]
        return _sign_in_page(form), 429
    session[_SENT_TO] = form.email.data
    return redirect(url_for("identity.code", public_id=public_id), code=303)


@blueprint.get("/sign-in/code/<public_id>")
@public
def code(public_id: str) -> str:
    """The page that waits for the code."""
    return _code_page(CodeForm(), public_id)


def _code_page(form: CodeForm, public_id: str) -> str:
    return render_template("identity/code.html", form=form, public_id=public_id, sent_to=session.get(_SENT_TO, ""))


@blueprint.post("/sign-in/code/<public_id>")
@public
@same_origin
def sign_in_by_code(public_id: str) -> Page:
    """Come in by the six digits."""
    form = CodeForm(request.form)
    status = 422
    if form.validate():
        try:
            who, token = flows.sign_in_by_code(
                public_id=public_id,
                code=form.code.data or "",
                source=_source(),
                user_agent=request.user_agent.string,
            )
            return _enter(who, token)
        except (WrongCodeError, SignInExpiredError, TooManySignInsError) as error:
            form.code.errors = [str(error)]
            status = int(error.status)
    return _code_page(form, public_id), status


@blueprint.get("/sign-in/link/<token>")
@public
def link(token: str) -> str:
    """A page with a button: mail scanners open links, only a person presses."""
    services.pending_link(read_db(), token)
    return render_template("identity/link.html", form=LinkForm(), token=token)


@blueprint.post("/sign-in/link/<token>")
@public
@same_origin
def sign_in_by_link(token: str) -> Response:
    """Come in by the link of the mail."""
    with transaction() as db:
        who = services.sign_in_by_link(db, link_token=token)
        cookie = services.start_login_session(db, user=who.user, user_agent=request.user_agent.string)
    return _enter(who, cookie)


@blueprint.post("/sign-in/demo")
@public
@same_origin
def sign_in_as_demo() -> Response:
    """Come in as a demo person; only in the sandbox."""
    form = DemoForm(request.form)
    chosen = form.user_id.data or ""
    if not config.current().sandbox or not chosen.isdecimal() or len(chosen) > _LONGEST_ID:
        raise NotFoundError
    with transaction() as db:
        user = queries.user_by_id(db, int(chosen))
        if user is None or not user.is_demo:
            raise NotFoundError
        cookie = services.start_login_session(db, user=user, user_agent=request.user_agent.string)
    next_path = safe_path(request.form.get("next", ""))
    return _enter(services.SignedIn(user=user, next_path=next_path, is_new=False), cookie)


@blueprint.post("/sign-out")
@public
def sign_out() -> Response:
    """End this browser's login session."""
    token = login.current_token()
    if token:
        with transaction() as db:
            services.end_login_session(db, token=token)
    login.forget_cookie()
    return redirect(url_for("pages.home"), code=303)


@blueprint.post("/sign-out/everywhere")
@requires(signed_in)
def sign_out_everywhere() -> Response:
    """End every login session of this user, this one too."""
    with transaction() as db:
        services.end_all_login_sessions(db, user=current_user)
    login.forget_cookie()
    return redirect(url_for("identity.sign_in"), code=303)


@blueprint.get("/profile")
@requires(signed_in)
def profile() -> str:
    """Name, language, zone, and where I am signed in."""
    form = ProfileForm(obj=current_user)
    form.offer_zones(current_user.time_zone)
    return _profile_page(form)


def _profile_page(form: ProfileForm) -> str:
    sessions = queries.login_sessions(read_db(), current_user.id)
    return render_template("identity/profile.html", form=form, login_sessions=sessions)


@blueprint.post("/profile")
@requires(signed_in)
def change_profile() -> Page:
    """Keep what I changed."""
    form = ProfileForm()
    form.offer_zones(current_user.time_zone)
    if not form.validate_on_submit():
        return _profile_page(form), 422
    chosen = form.chosen_language()
    with transaction() as db:
        services.change_profile(
            db,
            user=current_user,
            display_name=form.display_name.data or "",
            language=chosen,
            time_zone=form.time_zone.data,
        )
    flash(_("It is done. Your profile is up to date."), "done")
    return redirect(url_for("identity.profile", language=str(chosen)), code=303)
