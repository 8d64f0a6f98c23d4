"""The lessons' tasks: ticked by the shop where it shows them done, by hand otherwise."""

import html
from datetime import timedelta

import pytest

from portal.kernel import clock
from portal.pages.tasks import SIGNS, shop_shows
from portal.store.models import ProductPhoto, ProductState, StorefrontFollower
from portal.store.services import storefronts
from portal.store.services.storefronts import Seller
from portal.training import content, services
from portal.training.queries.tasks import tasks
from portal.training.services.programme import ensure_programme
from portal.training.services.tasks import tick_task, untick_task
from portal.wallet.models import Pin
from tests.builders import store as store_build
from tests.builders import training as build
from tests.training.statements import counted_statements


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture(autouse=True)
def _programme(db):
    ensure_programme(db)


@pytest.fixture
def draft(db, merchant):
    """A shop being prepared, with nothing on its shelf and nothing said of it."""
    shop = store_build.make_draft(db, merchant)
    shop.legal_name = shop.legal_address = shop.pickup_text = ""
    shop.offers_delivery = False
    db.flush()
    return shop


def shown(db, user):
    return set(shop_shows(db, user.id))


def test_nothing_shows_without_a_shop_or_in_an_empty_one(db, merchant, alice, draft):
    assert shown(db, alice) == shown(db, merchant) == set()


def test_a_product_shows_what_it_has(db, merchant, draft):
    product = store_build.make_product(db, draft)
    assert shown(db, merchant) == {7}
    product.text = "Miel de printemps."
    photo = ProductPhoto(storefront_id=draft.id, content_hash="a" * 32, width=10, height=10)
    db.add(photo)
    db.flush()
    product.photo_id = photo.id
    db.flush()
    assert shown(db, merchant) == {5, 6, 7}
    product.state = ProductState.HIDDEN
    db.flush()
    assert shown(db, merchant) == set()


def test_three_products_are_a_beginning(db, merchant, draft):
    for name in ("Un", "Deux"):
        store_build.make_product(db, draft, name)
    assert 8 not in shown(db, merchant)
    store_build.make_product(db, draft, "Trois")
    assert 8 in shown(db, merchant)


def _publish(db, shop):
    store_build.make_product(db, shop)
    shop.legal_name, shop.legal_address = "Épicerie SARL", "12 quai, 34200 Sète"
    storefronts.publish(db, shop)


def _pickup(_db, shop):
    shop.pickup_text = "en 2 h"


def _delivery(_db, shop):
    shop.offers_delivery = True


def _sale(_db, shop):
    shop.first_sale_at = clock.now()


def _pin(db, shop):
    db.add(Pin(user_id=shop.merchant_id, hash="x"))


def _hours(db, shop):
    storefronts.change_hours(db, shop, [[[540, 720]], *([[]] * 6)])


def _follower(db, shop):
    db.add(
        StorefrontFollower(
            storefront_id=shop.id, email="a@example.org", language="fr", token="t" * 43, confirmed_at=clock.now()
        )
    )


def _seller(db, shop):
    seller = Seller("SARL", "12 quai, Sète", "73282932000074", "a@example.org", "", "Médiateur, Paris")
    storefronts.change_seller(db, shop, seller)


@pytest.mark.parametrize(
    ("number", "do"),
    [
        (9, _publish),
        (10, _pickup),
        (11, _delivery),
        (12, _sale),
        (13, _pin),
        (17, _hours),
        (22, _follower),
        (24, _seller),
    ],
)
def test_what_the_shop_shows_ticks_its_lesson(db, merchant, alice, draft, number, do):
    before = shown(db, merchant)
    do(db, draft)
    db.flush()
    assert number in shown(db, merchant) - before
    assert shown(db, alice) == set()


@pytest.mark.parametrize("missing", ["siret", "mediator"])
def test_a_seller_that_is_not_whole_ticks_nothing(db, merchant, draft, missing):
    _seller(db, draft)
    setattr(draft, missing, None if missing == "siret" else "")
    db.flush()
    assert 24 not in shown(db, merchant)


def test_a_follower_who_has_not_agreed_ticks_nothing(db, merchant, draft):
    db.add(StorefrontFollower(storefront_id=draft.id, email="a@example.org", language="fr", token="t" * 43))
    db.flush()
    assert 22 not in shown(db, merchant)


def test_everything_is_seen_in_one_statement(db, merchant, draft):
    with counted_statements() as seen:
        shop_shows(db, merchant.id)
    assert len(seen) == 1
    assert all(1 <= number <= content.LESSONS and str(sign.words) for number, sign in SIGNS.items())


def test_a_tick_by_hand_is_kept_and_can_be_taken_back(db, merchant, alice):
    for _twice in range(2):
        tick_task(db, user=merchant, number=18)
    assert tasks(db, merchant.id).by_hand == {18}
    assert tasks(db, alice.id).by_hand == set()
    untick_task(db, user=alice, number=18)
    assert tasks(db, merchant.id).done(18)
    untick_task(db, user=merchant, number=18)
    assert not tasks(db, merchant.id).done(18)


def test_the_lesson_page_ticks_by_hand_and_undoes_it(client, sign_in, db, merchant):
    path = f"/fr/programme/{content.lesson(18).address}"
    assert client.post(f"{path}/task", data={"value": "1"}).headers["Location"].startswith("/fr/sign-in")
    sign_in(client, merchant)
    assert 'name="value" value="1"' in client.get(path).get_data(as_text=True)
    assert client.post(f"{path}/task", data={"value": "1"}).headers["Location"] == f"{path}#task"
    assert tasks(db, merchant.id).done(18)
    assert 'name="value" value="0"' in client.get(path).get_data(as_text=True)
    assert client.post(f"{path}/task", data={"value": "0", "from": "me"}).headers["Location"] == "/fr/me#tasks"
    assert not tasks(db, merchant.id).done(18)


def test_what_the_shop_shows_needs_no_button(client, sign_in, db, merchant, draft):
    _hours(db, draft)
    sign_in(client, merchant)
    page = html.unescape(client.get(f"/fr/programme/{content.lesson(17).address}").get_data(as_text=True))
    assert f"{content.lesson(17).address}/task" not in page


def test_my_page_shows_the_next_two_and_what_is_done(client, sign_in, db, merchant, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    for number in range(1, 6):
        build.run_session(db, build.session_of(db, cohort, number), merchant)
    tick_task(db, user=merchant, number=2)
    sign_in(client, merchant)
    with clock.at(build.session_of(db, cohort, 5).ends_at + timedelta(hours=1)):
        page = html.unescape(client.get("/fr/me").get_data(as_text=True))
        sixth = content.lesson(6).address
        assert f'href="/fr/programme/{sixth}"' in page
    actions = [f'action="/fr/programme/{content.lesson(number).address}/task"' for number in range(1, 6)]
    assert [action in page for action in actions] == [True, True, True, False, False]
    assert content.lesson(1).words["fr"].task in page
    assert content.lesson(2).words["fr"].task not in page
