"""What training refuses, and what to do instead."""

from http import HTTPStatus

from flask_babel import lazy_gettext as _l

from portal.kernel.errors import ConflictError, NotFoundError, PortalError


class NoSuchCohortError(NotFoundError):
    """Unknown, or a draft that is not public."""

    message = _l("This cohort does not exist, or is not public yet.")


class NoSuchSessionError(NotFoundError):
    """Unknown, or a draft that is not public."""

    message = _l("This session does not exist, or is not public yet.")


class CohortFullError(ConflictError):
    """No seat left."""

    message = _l("This cohort is full. Join the waitlist, or choose another cohort.")


class CohortOverError(ConflictError):
    """Nothing left to attend."""

    message = _l("This cohort has ended. Choose another one: every lesson comes round again.")


class PlanRefusedError(PortalError):
    """The plan cannot be made as asked: a time that does not exist, or that happens twice."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _l("This plan has a time that does not exist or happens twice. Change the time and look again.")


class NotReadyError(ConflictError):
    """A draft with an expert in two places at once, or with two sessions at once."""

    message = _l("An expert is already taken at one of these times. Settle the conflicts before publishing.")


class ExpertTakenError(ConflictError):
    """The expert leads another session then."""

    message = _l("The expert leads another session at that time. Choose another time.")


class PastTimeError(PortalError):
    """A session cannot be moved into the past."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _l("This time is past. Choose a later one.")


class OverdueError(ConflictError):
    """A draft whose first session should have begun."""

    message = _l("The first session of this plan is already past. Plan it again from a later date.")


class NotADraftError(ConflictError):
    """What was true of a draft no longer is."""

    message = _l("This cohort has been published meanwhile. Open it again.")


class WrongStateError(ConflictError):
    """A session that has not begun, is over, or was cancelled."""

    message = _l("That cannot be done now: the session has not begun, or is over.")


class NotInSessionError(PortalError):
    """Somebody without a seat."""

    status = HTTPStatus.FORBIDDEN
    message = _l("You have no seat in this session. Join a cohort first.")


class ReasonNeededError(PortalError):
    """An attendance is never changed without saying why."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _l("Say in a few words why the attendance is changed.")


class QuizClosedError(ConflictError):
    """No session of the lesson has ended yet."""

    message = _l("The questions of this lesson open after its first session.")


class NoSuchVersionError(NotFoundError):
    """A version of a lesson's words that was never saved."""

    message = _l("There is no such version of this lesson.")


class EditedMeanwhileError(ConflictError):
    """Another organiser saved the same lesson first."""

    message = _l("Somebody else saved this lesson meanwhile. Compare, then save again: nothing you typed is lost.")


class BadWordsError(PortalError):
    """A lesson's words that break the rules of the content files."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _l("These words cannot be shown as slides yet. Put right what is marked.")


class SessionFullError(ConflictError):
    """No guest seat left in one session."""

    message = _l("This session is full. Join its waitlist, or choose another date.")


class SessionBegunError(ConflictError):
    """A seat cannot be booked or given back any more."""

    message = _l("This session has begun or is over. Choose another date: every lesson comes round again.")


class OfferOverError(ConflictError):
    """An offer that expired, was declined or was taken back."""

    message = _l("This offer is over, and the seat has gone to the next person in line.")


class NotInLineError(ConflictError):
    """Somebody who does not wait: they have a seat, or have left the line."""

    message = _l("This person is no longer in line.")


class NoSuchMessageError(NotFoundError):
    """Unknown, or another cohort's."""

    message = _l("This message does not exist any more.")


class SentAlreadyError(ConflictError):
    """What has left cannot be changed."""

    message = _l("This message has been sent. Write another one.")


class GroupChangedError(ConflictError):
    """Other people than were previewed."""

    message = _l("The group has changed since the preview, and nothing was sent. Look again, then send.")


class NobodyToTellError(ConflictError):
    """An empty group."""

    message = _l("There is nobody in this group now. Nothing was sent.")


class NoSuchImportError(NotFoundError):
    """Unknown, or another cohort's."""

    message = _l("This import does not exist any more. Choose the file again.")


class BadFileError(PortalError):
    """A file that is no table of people; `line` is where, from 1, when that is known."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _l("This file is not a table of people.")


class TooManyRowsError(ConflictError):
    """More hours or absences than one page shows."""

    message = _l("There are too many lines. Remove some first.")


class CohortTakenError(ConflictError):
    """Two sessions of one cohort at the same time: nobody can be in both."""

    message = _l("Another session of this cohort is at that time. Choose another time.")


class ChangedMeanwhileError(ConflictError):
    """What an organiser acted on is no longer what they saw."""

    message = _l("Somebody has changed this meanwhile. Look at it as it is now, and decide again.")


class NothingWaitingError(ConflictError):
    """A release of nothing: somebody else was first."""

    message = _l("Nothing waits to be released: somebody has done it, or has discarded the changes.")


class BegunMeanwhileError(ConflictError):
    """A change of a session that cannot be changed any more."""

    message = _l("A session among these has begun, is over, or was cancelled meanwhile. Discard its change first.")
