"""Addresses of questions, for links in long lists and for those who are not in a request."""

from urllib.parse import quote


def question_path(language: str, question_id: int, slug: str) -> str:
    """The address of a question, in a language: `/fr/q/12-quel-prix`."""
    return f"/{language}/q/{question_id}-{slug if slug.isascii() else quote(slug)}"
