"""The wallet itself, and its statements."""

from datetime import date
from operator import attrgetter

from flask import Response, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import to_user_timezone
from flask_login import current_user

from portal import config
from portal.kernel import clock
from portal.kernel.errors import NotFoundError
from portal.kernel.tables import BYTE_ORDER_MARK, csv_line
from portal.messaging.queries import LINES, inbox
from portal.wallet.queries import overview, statements
from portal.wallet.queries.balances import balance
from portal.wallet.queries.statements import Statement, StatementEntry
from portal.wallet.views import words
from portal.wallet.views.blueprint import blueprint
from portal.web.access import requires, signed_in
from portal.web.database import read_db
from portal.web.requests import id_argument


@blueprint.get("/wallet")
@requires(signed_in)
def wallet() -> str:
    """The balance, what waits to be paid, the conversations, the month."""
    db, user = read_db(), current_user
    before = id_argument("before")
    lines = inbox(db, user.id, before=before)
    waiting = [] if before else overview.waiting_transfers(db, user.id)
    return render_template(
        "wallet/wallet.html",
        balance=balance(db, user.id),
        requests=overview.open_requests(db, user.id),
        lines=sorted([*lines, *waiting], key=attrgetter("at"), reverse=True),
        older=lines[-1].last_message_id if len(lines) == LINES else None,
        month=statements.month_summary(db, user.id, words.local_day(clock.now()).replace(day=1), user.time_zone),
        tab_counts={"wallet": overview.waiting_count(db, user.id)},
        words=words,
    )


def _month_asked() -> date:
    """The month in the address, this one without; NotFoundError for nonsense and for the future."""
    today = words.local_day(clock.now())
    asked = request.args.get("month", "")
    try:
        month = date.fromisoformat(f"{asked}-01") if asked else today.replace(day=1)
    except ValueError as error:
        raise NotFoundError from error
    if month > today or month.year < 2000:  # noqa: PLR2004 (before there was a portal)
        raise NotFoundError
    return month


@blueprint.get("/wallet/statement")
@requires(signed_in)
def statement() -> str:
    """One month: opening, entries, closing."""
    month = _month_asked()
    following = statements.next_month(month)
    return render_template(
        "wallet/statement.html",
        statement=statements.statement(read_db(), current_user.id, month, current_user.time_zone),
        previous=statements.previous_month(month),
        following=following if following <= words.local_day(clock.now()) else None,
        title_of=entry_title,
        words=words,
    )


def entry_title(entry: StatementEntry) -> str:
    """What an entry is called."""
    incoming = entry.amount.amount_minor > 0
    titles = {
        "transfer": _("From %(name)s", name=entry.other_name) if incoming else _("To %(name)s", name=entry.other_name),
        "transfer_back": _("Back from %(name)s", name=entry.other_name),
        "top_up": _("Added by card"),
        "sale": _("Sale") if incoming else _("Purchase"),
        "sale_released": _("Card sales released"),
        "sale_refund": _("Refund"),
        "fee": _("Fee given back") if incoming else _("Fee on a sale"),
    }
    return str(titles.get(entry.kind, _("Other movement")))


def as_csv(statement: Statement) -> str:
    """A statement as a table: date, entry, note, reference, amount, balance after it. Everything is quoted."""
    columns = [_("Date"), _("Entry"), _("Note"), _("Reference"), _("Amount"), _("Balance"), _("Currency")]
    held = statement.opening
    first_row = [_("Opening balance"), "", "", "", held.major, held.currency]
    lines: list[list[object]] = [columns, [statement.month.isoformat(), *first_row]]
    for entry in statement.entries:
        held += entry.amount
        day = to_user_timezone(entry.at).strftime("%Y-%m-%d %H:%M")
        texts = [entry_title(entry), entry.note, entry.reference]
        lines.append([day, *texts, entry.amount.major, held.major, held.currency])
    last_row = [_("Closing balance"), "", "", "", statement.closing.major, held.currency]
    lines.append([statements.next_month(statement.month).isoformat(), *last_row])
    return "".join(map(csv_line, lines))


@blueprint.get("/wallet/statement.csv")
@requires(signed_in)
def statement_csv() -> Response:
    """The same month as a table for a spreadsheet."""
    month = _month_asked()
    found = statements.statement(read_db(), current_user.id, month, current_user.time_zone)
    response = make_response(BYTE_ORDER_MARK + as_csv(found))
    response.mimetype = "text/csv"
    currency = config.current().currency
    response.headers["Content-Disposition"] = f'attachment; filename="comptoir-{month:%Y-%m}-{currency}.csv"'
    return response
