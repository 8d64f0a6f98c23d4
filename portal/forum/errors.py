"""What can go wrong with questions and answers, and what to do then."""

from flask_babel import lazy_gettext as _l

from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError, TooManyAttemptsError


class QuestionNotFoundError(NotFoundError):
    """No such question, or not one this person may see."""

    message = _l("This question does not exist, or is no longer shown.")


class AnswerNotFoundError(NotFoundError):
    """No such answer to this question, or it is hidden."""

    message = _l("This answer does not exist, or is no longer shown.")


class NotYoursError(ForbiddenError):
    """Only the asker or an expert may do this."""

    message = _l("Only the person who asked, or an expert, can do this.")


class NoSeatError(ForbiddenError):
    """Asking in a live session takes a seat in it."""

    message = _l("Book a seat in this session to ask a question in it.")


class QuestionClosedError(ConflictError):
    """The question's state no longer allows this."""

    message = _l("This question has moved on in the meantime. Open it again.")


class MergeError(ConflictError):
    """These two questions cannot become one, or the 7 days to undo it are over."""

    message = _l("These two questions cannot be merged.")


class TooManyPostsError(TooManyAttemptsError):
    """Too much was written in too little time."""

    message = _l("That is a lot in a short time. What you wrote is kept: send it again in a few minutes.")
