"""The portal put together: who may open what, who hears of what, and what a GET may write."""

import inspect
from importlib import import_module
from importlib.util import find_spec

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal import models
from portal.kernel import clock
from portal.kernel.events import Event, subscribers
from portal.kernel.throttle import ThrottleCounter
from portal.web.access import access_of, public
from tests import get_writes

OPEN_ENDPOINTS = {"static"}


def test_every_endpoint_says_who_may_open_it(app):
    assert unmarked(app) == []


def unmarked(app: Flask) -> list[str]:
    return sorted(
        endpoint
        for endpoint, view in app.view_functions.items()
        if endpoint not in OPEN_ENDPOINTS and not access_of(view)[0]
    )


def test_an_unmarked_endpoint_is_found():
    bare = Flask("bare")
    bare.add_url_rule("/a", "a", public(lambda: ""))
    bare.add_url_rule("/b", "b", lambda: "")
    assert unmarked(bare) == ["b"]


def event_classes() -> list[type[Event]]:
    """Every event that a feature publishes."""
    found = []
    for feature in models.FEATURES:
        if find_spec(f"portal.{feature}.events"):
            module = import_module(f"portal.{feature}.events")
            found += [
                item
                for _, item in inspect.getmembers(module, inspect.isclass)
                if issubclass(item, Event) and item is not Event and item.__module__ == module.__name__
            ]
    return found


def test_every_event_has_a_subscriber(app):
    events = event_classes()
    assert events
    assert [f"{event.__module__}.{event.__name__}" for event in events if not subscribers(event)] == []


def test_every_address_is_named_once(app):
    """Two views on one address and method: the second would never be opened."""
    seen: dict[tuple[str, str], str] = {}
    doubled = []
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            address = (rule.rule, method)
            if address in seen:
                doubled.append(f"{method} {rule.rule}: {seen[address]}, {rule.endpoint}")
            seen[address] = rule.endpoint
    assert doubled == []


def count_up(db: Session) -> None:
    db.execute(sa.insert(ThrottleCounter).values(key="test", window_start=clock.now(), hits=1))


def rename_everybody(db: Session) -> None:
    db.execute(sa.text("UPDATE users SET display_name = 'x'"))


def test_a_get_may_count_attempts(app, db):
    with app.test_request_context("/"):
        count_up(db)


def test_a_get_that_writes_is_found(app, db):
    with app.test_request_context("/"), pytest.raises(get_writes.WritingGetError, match="users"):
        rename_everybody(db)


def test_a_post_may_write(app, db):
    with app.test_request_context("/", method="POST"):
        rename_everybody(db)


def test_what_a_get_may_write_is_named_by_endpoints_that_exist(app):
    known = set(app.view_functions)
    assert {endpoint for endpoint in get_writes.BY_ENDPOINT if endpoint not in known} == set()
