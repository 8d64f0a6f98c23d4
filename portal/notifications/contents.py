"""What a mail or a notice says: plain values, written by the feature that knows, in the reader's language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Action:
    """The one button: what it says, and the path it leads to."""

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class MailContent:
    """A mail in three blocks: what happened, what to do, the small print."""

    subject: str
    heading: str
    paragraphs: list[str]
    action: Action | None = None
    # The other way out, as a plain link: a seat declined, a move that does not suit.
    second: Action | None = None
    code: str | None = None
    rows: list[tuple[str, str]] = field(default_factory=list)
    note: str = ""
    # Heading and paragraphs are what a person wrote: each reads in its own direction.
    own_direction: bool = False


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """A line on a user's own page: icon name, tone (go, info, wait, bad), title and a second line."""

    icon: str
    tone: str
    title: str
    text: str = ""


Params = Mapping[str, Any]
MailWriter = Callable[[Params], MailContent]
NoticeWriter = Callable[[Params], NoticeContent]

_mails: dict[str, MailWriter] = {}
_notices: dict[str, NoticeWriter] = {}


def mail_kind(kind: str) -> Callable[[MailWriter], MailWriter]:
    """Register the function that writes mails of this kind."""

    def register(writer: MailWriter) -> MailWriter:
        _mails[kind] = writer
        return writer

    return register


def notice_kind(kind: str) -> Callable[[NoticeWriter], NoticeWriter]:
    """Register the function that writes notices of this kind."""

    def register(writer: NoticeWriter) -> NoticeWriter:
        _notices[kind] = writer
        return writer

    return register


def write_mail(kind: str, params: Params) -> MailContent:
    """The mail of a kind, in the language that is active now; KeyError for an unknown kind."""
    return _mails[kind](params)


def write_notice(kind: str, params: Params) -> NoticeContent:
    """The notice of a kind, in the language that is active now; KeyError for an unknown kind."""
    return _notices[kind](params)


def mail_kinds() -> frozenset[str]:
    """Every kind of mail that can be written."""
    return frozenset(_mails)


def notice_kinds() -> frozenset[str]:
    """Every kind of notice that can be written."""
    return frozenset(_notices)
