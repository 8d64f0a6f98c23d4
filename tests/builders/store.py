"""Shops with products, baskets and paid orders, through the services."""

import io
from datetime import date
from functools import cache

from PIL import Image
from sqlalchemy.orm import Session

from portal.certificates.models import Certificate
from portal.identity.models import Language, User
from portal.kernel import ids
from portal.payments import services as payments
from portal.payments.gateway import Found, Outcome
from portal.payments.models import Payment
from portal.payments.services import Intent
from portal.store import photos
from portal.store.models import Fulfilment, Order, Product, Storefront
from portal.store.queries.baskets import contents
from portal.store.services import baskets, orders, products, storefronts
from portal.store.services.orders import Checkout, Customer
from portal.store.services.products import ProductFacts
from portal.store.services.storefronts import Seller, Ways

ALL_WAYS = frozenset({Fulfilment.PICKUP, Fulfilment.DELIVERY})


def give_certificate(db: Session, user: User) -> None:
    """A valid certificate, as if the programme had been followed."""
    db.add(
        Certificate(
            serial=f"T-{ids.readable_code(8)}",
            code=ids.readable_code(26),
            user_id=user.id,
            programme_id=1,
            printed_name=user.display_name,
            language=Language.FRENCH,
            programme_title="Programme",
            training_minutes=600,
            counted=20,
            needed=20,
            first_on=date(2026, 9, 1),
            last_on=date(2026, 11, 20),
            lessons=[],
        )
    )
    db.flush()


def make_draft(db: Session, merchant: User, name: str = "Épicerie du Port") -> Storefront:
    """A shop of a certified merchant, with its seller named, not yet published."""
    give_certificate(db, merchant)
    shop = storefronts.open_shop(
        db, merchant_id=merchant.id, name=name, contact_email=merchant.email, time_zone="Europe/Paris"
    )
    seller = Seller("Épicerie du Port SARL", "12 quai des Pêcheurs, 34200 Sète", "", merchant.email, "", "")
    storefronts.change_seller(db, shop, seller)
    storefronts.change_ways(db, shop, Ways(ALL_WAYS, "en 2 h", "à vélo", 390))
    return shop


def make_product(db: Session, shop: Storefront, name: str = "Miel", price_minor: int = 890, **facts: object) -> Product:
    """A product on the shelf; 5 in stock unless said otherwise."""
    values = {"text": "", "section": "", "vat_basis_points": 550, "stock": 5, **facts}
    return products.add_product(db, shop, ProductFacts(name=name, price_minor=price_minor, **values))


def make_shop(db: Session, merchant: User, name: str = "Épicerie du Port") -> Storefront:
    """A published shop that sells honey."""
    shop = make_draft(db, merchant, name)
    make_product(db, shop)
    storefronts.publish(db, shop)
    return shop


def customer(email: str = "elise@example.org", **facts: object) -> Customer:
    """Somebody who orders as a guest."""
    return Customer(**{"name": "Élise Garnier", "email": email, "phone": "", "language": "fr", **facts})


def fill_basket(db: Session, shop: Storefront, lines: dict[int, int], way: Fulfilment | None = None) -> tuple[int, str]:
    """A basket with quantities by product id: its id and its token."""
    basket_id, token = baskets.start_basket(db, shop)
    for product_id, quantity in lines.items():
        baskets.add_item(db, basket_id=basket_id, shop=shop, product_id=product_id, quantity=quantity)
    if way is not None:
        baskets.choose_fulfilment(db, basket_id=basket_id, shop=shop, way=way)
    return basket_id, token


def press(db: Session, shop: Storefront, basket_id: int, who: Customer | None = None, **pressed: object) -> Order:
    """Press the pay button of a checkout page that shows the basket as it is."""
    seen = contents(db, basket_id=basket_id, shop=shop).fingerprint
    values = {"key": ids.token(), "seen": seen, "customer": who or customer(), **pressed}
    return orders.place(db, shop=shop, basket_id=basket_id, checkout=Checkout(**values))


def make_payment(db: Session, order: Order, amount_minor: int | None = None, key: str | None = None) -> Payment:
    """The payment that was asked for an order, waiting at the provider."""
    amount = orders.Money(amount_minor or order.total_minor, order.currency)
    intent = Intent(
        "order", order.public_token, amount, key or orders.payment_key(order), {"items": []}, "/o/x", "/b/x"
    )
    return payments.record_intent(db, intent)


def succeed(db: Session, payment: Payment, *, funds_available: bool = True) -> None:
    """The provider says that it was paid."""
    found = Found(
        public_id=payment.public_id,
        outcome=Outcome.PAID,
        session_id=f"cs_{payment.public_id}",
        payment_id=f"pi_{payment.public_id}",
        received=payment.amount,
        card_brand="visa",
        card_last4="4242",
        funds_available=funds_available,
    )
    payments.record_outcome(db, payment_id=payment.id, found=found)


def pay(db: Session, order: Order, *, funds_available: bool = True) -> Payment:
    """Pay an order by card."""
    payment = make_payment(db, order)
    succeed(db, payment, funds_available=funds_available)
    db.expire_all()
    return payment


def make_paid_order(db: Session, shop: Storefront, product: Product, quantity: int = 1, **who: object) -> Order:
    """An order that was placed and paid."""
    basket_id, _token = fill_basket(db, shop, {product.id: quantity})
    order = press(db, shop, basket_id, customer(**who))
    pay(db, order)
    return order


@cache
def picture(width: int = 1200, height: int = 900, kind: str = "JPEG", colour: str = "#d98b1a") -> bytes:
    """A picture file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, kind)
    return file.getvalue()


def give_photo(db: Session, shop: Storefront, product: Product) -> str:
    """Give a product a photo; returns its hash."""
    prepared = photos.prepare(picture())
    product.photo_id = products.keep_photo(db, shop, prepared)
    db.flush()
    return prepared.content_hash
