"""The forum's pages, by what they are about.

lists.py     /questions, /questions/similar
asking.py    /questions/new, /sessions/ID/questions (the live panel)
question.py  /q/ID-slug and what is done on it
moderation.py  publish, highlight, answered aloud, hide
expert.py    /expert, the queue; merging
"""

from portal.forum.views import asking, expert, lists, moderation, question  # noqa: F401 (their routes)
from portal.forum.views.blueprint import blueprint

__all__ = ["blueprint"]
