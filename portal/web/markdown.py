"""Markdown that people write, made safe. One of the two modules that may build Markup."""

from functools import lru_cache

import nh3
from flask import Flask
from markdown_it import MarkdownIt
from markupsafe import Markup

_TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "blockquote", "code", "pre", "a", "h3", "h4", "hr"}
_PARSER = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": True}).disable(["image", "table"])

# How many texts are kept rendered: the same question is read far more often than it is written.
_KEPT = 1_000


@lru_cache(maxsize=_KEPT)
def markdown(text: str) -> Markup:
    """Safe HTML of Markdown: no raw HTML, no pictures, links marked as a user's."""
    html = nh3.clean(
        _PARSER.render(text),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow ugc noopener",
    )
    return Markup(html)  # noqa: S704 (cleaned just above)


def init_app(app: Flask) -> None:
    """Give the filter to the templates."""
    app.jinja_env.filters["markdown"] = markdown
