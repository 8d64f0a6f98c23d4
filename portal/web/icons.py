"""Line icons, inlined as SVG so that a page needs no further request.

The drawings come from the `lucide` package. Stroke and fill are set once in the style sheet (`.icon`), which keeps
each icon in a page at a few dozen bytes. This module and the Markdown one are the only ones that build `Markup`.
"""

from __future__ import annotations

import re
from functools import cache

from lucide.jinja import lucide
from markupsafe import Markup, escape

POINTING = frozenset(
    {
        "arrow-left",
        "arrow-right",
        "chevron-left",
        "chevron-right",
        "corner-up-left",
        "list-ordered",
        "log-in",
        "log-out",
        "reply",
        "send",
        "undo-2",
    }
)
"""Icons that point along the line of reading: they mirror from right to left. Ticks, clocks and tools never do."""

_DRAWING = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


@cache
def icon(name: str, size: int = 20, class_: str = "") -> Markup:
    """The icon `name`, `size` CSS pixels square, as decoration: hidden from assistive technology.

    The words beside it carry the meaning; an icon alone on a button needs a visually hidden label next to it.
    Raises `lucide.IconDoesNotExist` for a name that Lucide does not draw: that is a mistake in a template.
    """
    drawing = _DRAWING.search(lucide(name, size=None))
    if drawing is None:
        message = f"Lucide's drawing of {name!r} is not an SVG element"
        raise ValueError(message)
    classes = " ".join(filter(None, ("icon", "flip" if name in POINTING else "", class_)))
    paths = re.sub(r"\s+", " ", drawing[1]).replace("> <", "><").replace(" />", "/>").strip()
    box = f'width="{size}" height="{size}" viewBox="0 0 24 24"'
    return Markup(f'<svg class="{escape(classes)}" {box} aria-hidden="true">{paths}</svg>')
