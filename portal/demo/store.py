"""The demo shop: six products with drawn pictures, and the orders of the past month."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.demo.people import CLAIRE, KARIM, NADIA, TOM, DemoPerson, demo_user
from portal.demo.pictures import still_life
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.kernel.money import Money
from portal.payments import services as payments
from portal.payments.gateway import Found, Outcome
from portal.payments.services import Intent
from portal.store import photos
from portal.store.models import Awning, Fulfilment, Order, OrderState, Product, Storefront
from portal.store.queries.baskets import contents
from portal.store.services import baskets, followers, orders, products, sales, storefronts
from portal.store.services.orders import Checkout, Customer
from portal.store.services.products import ProductFacts
from portal.store.services.storefronts import Seller, Ways

NAME = "Épicerie du Port"
_OPENED_AGO = timedelta(days=24)
_FOOD, _FULL = 550, 2000
_GROCERY, _HOME = "Épicerie", "Maison"
# Every day but Sunday, 9:00 to 12:30 and 15:00 to 19:30, in minutes of the day.
_HOURS = [[[540, 750], [900, 1170]]] * 6 + [[]]


@dataclass(frozen=True, slots=True)
class _Article:
    picture: str
    name: str
    price_minor: int
    stock: int | None
    section: str
    vat: int
    text: str


_SHELF = (
    _Article("oil", "Huile d’olive vierge, 50 cl", 1240, 24, _GROCERY, _FOOD, "Olives cueillies à la main, pressées."),
    _Article("honey", "Miel de garrigue, 250 g", 890, 10, _GROCERY, _FOOD, "Thym et romarin. Il fige en hiver."),
    _Article("sardines", "Sardines à l’ancienne", 520, 40, _GROCERY, _FOOD, "Préparées à l’huile d’olive."),
    _Article(
        "coffee", "Café du port, moulu, 250 g", 750, 30, _GROCERY, _FOOD, "Torréfié le lundi, moulu à la demande."
    ),
    _Article(
        "lemons", "Citrons confits au sel", 680, 20, _GROCERY, _FOOD, "Trois mois en bocal, rien d’autre que du sel."
    ),
    _Article("soap", "Savon à l’huile d’olive", 400, 6, _HOME, _FULL, "Pain de 300 g, sans parfum."),
)


@dataclass(frozen=True, slots=True)
class _Bought:
    """An order of the past: days ago (one a day), who, what (index on the shelf, quantity), how far it has come."""

    days_ago: int
    person: DemoPerson
    items: tuple[tuple[int, int], ...]
    state: OrderState


_DONE = OrderState.HANDED_OVER
_ORDERS = (
    _Bought(23, CLAIRE, ((0, 1), (1, 1)), _DONE),
    _Bought(21, NADIA, ((5, 2),), _DONE),
    _Bought(19, TOM, ((2, 3),), _DONE),
    _Bought(17, CLAIRE, ((3, 1), (4, 1)), _DONE),
    _Bought(15, NADIA, ((3, 2), (4, 1)), _DONE),
    _Bought(13, TOM, ((0, 1), (2, 2)), _DONE),
    _Bought(12, CLAIRE, ((5, 3),), _DONE),
    _Bought(11, NADIA, ((1, 2), (0, 1)), _DONE),
    _Bought(9, CLAIRE, ((3, 2), (2, 4)), _DONE),
    _Bought(8, TOM, ((0, 2), (4, 2)), _DONE),
    _Bought(7, NADIA, ((1, 1), (3, 1)), _DONE),
    _Bought(6, TOM, ((1, 2), (0, 1)), _DONE),
    _Bought(5, CLAIRE, ((0, 2), (3, 1)), _DONE),
    _Bought(4, NADIA, ((0, 3), (2, 2), (4, 1)), _DONE),
    _Bought(3, CLAIRE, ((2, 2), (4, 1)), _DONE),
    _Bought(2, TOM, ((3, 2), (1, 1), (5, 1)), OrderState.READY),
    _Bought(1, NADIA, ((4, 2), (0, 1)), OrderState.PAID),
)
_FOLLOWERS = (CLAIRE, NADIA, TOM)


def build() -> None:
    """Karim's shop with its shelf and its orders; what is there already is left alone."""
    now = clock.now()
    with transaction() as db, clock.at(now - _OPENED_AGO):
        _open(db)
    for bought in _ORDERS:
        _buy(bought, now)


def _open(db: Session) -> None:
    """The shop, open since three weeks, unless it was built before."""
    karim = demo_user(db, KARIM)
    if db.scalar(sa.select(Storefront.id).where(Storefront.merchant_id == karim.id)):
        return
    shop = storefronts.open_shop(
        db, merchant_id=karim.id, name=NAME, contact_email=karim.email, time_zone="Europe/Paris"
    )
    about = "On goûte tout avant de le vendre. Retrait au magasin en 2 heures, livraison à vélo dans Sète le jeudi."
    storefronts.change_face(db, shop, name=NAME, description=about, awning=Awning.MER)
    seller = Seller(f"{NAME} (démonstration)", "12 quai des Pêcheurs, 34200 Sète", "", karim.email, "", "")
    storefronts.change_seller(db, shop, seller)
    offered = frozenset({Fulfilment.PICKUP, Fulfilment.DELIVERY})
    storefronts.change_ways(db, shop, Ways(offered, "en 2 heures", "à vélo, le jeudi", 390))
    storefronts.change_hours(db, shop, _HOURS)
    for article in _SHELF:
        photo_id = products.keep_photo(db, shop, photos.prepare(still_life(article.picture)))
        facts = ProductFacts(
            name=article.name,
            text=article.text,
            section=article.section,
            price_minor=article.price_minor,
            vat_basis_points=article.vat,
            stock=article.stock,
        )
        products.add_product(db, shop, facts, photo_id=photo_id)
    storefronts.publish(db, shop)
    for person in _FOLLOWERS:
        followers.follow_as(db, shop_id=shop.id, user=demo_user(db, person))


def _buy(bought: _Bought, now: datetime) -> None:
    """One order, placed, paid and brought as far as it has come, each at its own moment."""
    placed_at = now - timedelta(days=bought.days_ago, minutes=7 * bought.days_ago)
    key = f"demo-order-{bought.days_ago:020}"
    with transaction() as db:
        if db.scalar(sa.select(Order.id).where(Order.checkout_key == key)):
            return
        user = demo_user(db, bought.person)
        shop = db.scalars(sa.select(Storefront).where(Storefront.merchant_id == demo_user(db, KARIM).id)).one()
        shelf = db.scalars(sa.select(Product).where(Product.storefront_id == shop.id).order_by(Product.id)).all()
        with clock.at(placed_at):
            basket_id, _token = baskets.start_basket(db, shop)
            for index, quantity in bought.items:
                baskets.add_item(db, basket_id=basket_id, shop=shop, product_id=shelf[index].id, quantity=quantity)
            baskets.choose_fulfilment(db, basket_id=basket_id, shop=shop, way=Fulfilment.PICKUP)
            seen = contents(db, basket_id=basket_id, shop=shop).fingerprint
            customer = Customer(user.display_name, user.email, "", str(user.language), user_id=user.id)
            checkout = Checkout(key=key, seen=seen, customer=customer)
            order = orders.place(db, shop=shop, basket_id=basket_id, checkout=checkout)
            _pay(db, order)
        db.expire_all()
        if bought.days_ago > 1:
            storefronts.see_first_sale(db, shop)
        for state, hours in ((OrderState.READY, 2), (OrderState.HANDED_OVER, 5)):
            if state is OrderState.READY and bought.state is OrderState.PAID:
                return
            if state is OrderState.HANDED_OVER and bought.state is not OrderState.HANDED_OVER:
                return
            with clock.at(placed_at + timedelta(hours=hours)):
                sales.move_on(db, shop=shop, number=order.number or 0, to=state)


def _pay(db: Session, order: Order) -> None:
    """Paid by card, as the provider would have said it."""
    amount = Money(order.total_minor, order.currency)
    path = f"/o/{order.public_token}"
    intent = Intent("order", order.public_token, amount, orders.payment_key(order), {"items": []}, path, path)
    payment = payments.record_intent(db, intent)
    found = Found(
        public_id=payment.public_id,
        outcome=Outcome.PAID,
        session_id=f"cs_demo_{payment.public_id}",
        payment_id=f"pi_demo_{payment.public_id}",
        received=amount,
        card_brand="visa",
        card_last4="4242",
        funds_available=True,
    )
    payments.record_outcome(db, payment_id=payment.id, found=found)
