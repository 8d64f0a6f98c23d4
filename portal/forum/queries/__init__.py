"""Reading for the forum's pages: one function a page, the fewest statements."""

from portal.forum.queries.lists import QuestionList, latest_answered, question_list, similar_answered
from portal.forum.queries.live import LivePanel, LiveRow, live_panel
from portal.forum.queries.question import QuestionPage, answers_of, question_page
from portal.forum.queries.queue import Queue, queue
from portal.forum.queries.rooms import Room, room_of

__all__ = (
    "LivePanel",
    "LiveRow",
    "QuestionList",
    "QuestionPage",
    "Queue",
    "Room",
    "answers_of",
    "latest_answered",
    "live_panel",
    "question_list",
    "question_page",
    "queue",
    "room_of",
    "similar_answered",
)
