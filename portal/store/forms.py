"""Forms of a shop: the merchant's (with a token), the shopper's (held by their origin)."""

from collections.abc import Mapping
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from portal.kernel.money import parse_amount
from portal.store import opening
from portal.store.errors import BadHoursError, BadSiretError
from portal.store.models import VAT_RATES, Awning, Fulfilment, PayMethod, ProductState
from portal.store.services.storefronts import checked_siret
from portal.web.forms import IdempotencyField, OriginForm, PortalForm

_MOST_MINOR = 10_000_000
_MOST_STOCK = 1_000_000
_MOST_OF_ONE = 99

AWNINGS = {
    Awning.SAPIN: _l("Fir green"),
    Awning.MER: _l("Sea blue"),
    Awning.TOMATE: _l("Tomato"),
    Awning.PRUNE: _l("Plum"),
    Awning.OCRE: _l("Ochre"),
    Awning.ARDOISE: _l("Slate"),
}
WAYS = {
    Fulfilment.PICKUP: _l("Pickup at the shop"),
    Fulfilment.DELIVERY: _l("Delivery"),
    Fulfilment.NOTHING_TO_SHIP: _l("Nothing to ship"),
}
WEEKDAYS = (
    _l("Monday"),
    _l("Tuesday"),
    _l("Wednesday"),
    _l("Thursday"),
    _l("Friday"),
    _l("Saturday"),
    _l("Sunday"),
)
VAT_WORDS = {2000: "20 %", 1000: "10 %", 550: "5,5 %", 210: "2,1 %", 0: _l("None: below the threshold")}


def _choices(words: Mapping[Any, object]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in words.items()]


def _longest(most: int) -> Length:
    return Length(max=most, message=_l("%(max)d characters at most.", max=most))


def check_email(_form: Any, field: EmailField) -> None:
    """Refuse what cannot be an address, and say what is missing; keep its normal form."""
    typed = (field.data or "").strip()
    if "@" not in typed:
        raise ValidationError(_l("The “@” is missing, for example name@shop.fr."))
    if "." not in typed.rpartition("@")[2]:
        raise ValidationError(_l("The end of the address is missing, for example “.fr”."))
    try:
        valid = validate_email(typed, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValidationError(_l("This address does not look right. Check it, please.")) from error
    field.data = valid.normalized.lower()


class PriceField(StringField):
    """An amount as people type it (`24,90`); its worth in minor units is `minor`."""

    currency = "EUR"
    minor = 0
    may_be_zero = False

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002 (WTForms' signature)
        """Read the amount, or say how to write it."""
        try:
            self.minor = parse_amount(self.data or "", self.currency).amount_minor
        except ValueError as error:
            raise ValidationError(_l("Write an amount, for example 24,90.")) from error
        if self.minor > _MOST_MINOR:
            raise ValidationError(_l("This amount is too high."))
        if not self.minor and not self.may_be_zero:
            raise ValidationError(_l("The price must be more than zero."))


class FreeOrPriceField(PriceField):
    """An amount that may be zero; empty is zero."""

    may_be_zero = True

    def pre_validate(self, form: Any) -> None:
        """Nothing typed is nothing to pay."""
        if self.data:
            super().pre_validate(form)


class NameForm(PortalForm):
    """The first step: what the shop is called."""

    name = StringField(
        _l("Name of your shop"),
        description=_l("As on your sign. It can change later."),
        validators=[DataRequired(_l("Type the name of your shop.")), _longest(80)],
    )


class AddressForm(PortalForm):
    """The end of the shop's address."""

    slug = StringField(
        _l("Address of your shop"),
        description=_l("Letters, digits and hyphens. It stays once the shop is published."),
        validators=[DataRequired(_l("Type an address.")), _longest(60)],
    )


class FaceForm(PortalForm):
    """Name, colour and a few words."""

    name = StringField(
        _l("Name of your shop"), validators=[DataRequired(_l("Type the name of your shop.")), _longest(80)]
    )
    description = TextAreaField(
        _l("In a few words"),
        description=_l("What you sell and what you care about."),
        validators=[_longest(600)],
    )
    awning = RadioField(_l("Colour of the awning"), choices=_choices(AWNINGS), coerce=Awning)


class ProductForm(PortalForm):
    """A product. `stock_seen` is what the page showed, `photo_hash` a photo sent before an error."""

    name = StringField(
        _l("Name of the product"), validators=[DataRequired(_l("Type the name of the product.")), _longest(80)]
    )
    price = PriceField(_l("Price, tax included"), description=_l("For example 24,90."))
    photo = FileField(_l("Photo"), description=_l("JPEG, PNG or WebP, up to 8 MB."))
    photo_hash = HiddenField(validators=[_longest(64)])
    text = TextAreaField(
        _l("Description"), description=_l("Size, weight, what it is made of."), validators=[_longest(2000)]
    )
    section = StringField(
        _l("Shelf"),
        description=_l("To group your products, for example Grocery."),
        validators=[_longest(30)],
    )
    stock = IntegerField(
        _l("Stock"),
        description=_l("How many you can sell. Empty: not counted."),
        validators=[Optional()],
    )
    stock_seen = HiddenField(validators=[_longest(12)])
    vat = SelectField(
        _l("VAT rate"),
        choices=_choices({rate: VAT_WORDS[rate] for rate in VAT_RATES}),
        coerce=int,
        default=2000,
        description=_l("The current rates are on impots.gouv.fr."),
    )
    hidden = BooleanField(_l("Keep aside, do not show"))

    def validate_stock(self, field: IntegerField) -> None:
        """Not less than nothing."""
        if field.data is not None and not 0 <= field.data <= _MOST_STOCK:
            raise ValidationError(_l("The stock is a number from 0 up."))

    @property
    def seen(self) -> int | None:
        """The stock that the page showed."""
        typed = self.stock_seen.data or ""
        return int(typed) if typed.isascii() and typed.isdecimal() else None

    @property
    def state(self) -> ProductState:
        """Shown or kept aside."""
        return ProductState.HIDDEN if self.hidden.data else ProductState.ON_SALE


class SellerForm(PortalForm):
    """Who sells, as the law wants it said."""

    legal_name = StringField(
        _l("Name of the business"),
        description=_l("Your own name if you trade under it."),
        validators=[DataRequired(_l("Type the name of the business.")), _longest(120)],
    )
    legal_address = StringField(
        _l("Address of the business"),
        validators=[DataRequired(_l("Type the address of the business.")), _longest(300)],
    )
    siret = StringField(_l("SIRET"), description=_l("14 digits."), validators=[_longest(30)])
    contact_email = EmailField(_l("E-mail for your customers"), validators=[check_email, _longest(254)])
    contact_phone = TelField(_l("Phone for your customers"), validators=[_longest(32)])
    mediator = StringField(
        _l("Consumer mediator"),
        description=_l("Name and website of the mediator you have joined."),
        validators=[_longest(300)],
    )

    def validate_siret(self, field: StringField) -> None:
        """Its check digit must be right."""
        try:
            checked_siret(field.data or "")
        except BadSiretError as error:
            raise ValidationError(str(error)) from error


class WaysForm(PortalForm):
    """How orders leave the shop."""

    pickup = BooleanField(WAYS[Fulfilment.PICKUP])
    pickup_text = StringField(
        _l("When is it ready?"), description=_l("For example: within 2 hours."), validators=[_longest(120)]
    )
    delivery = BooleanField(WAYS[Fulfilment.DELIVERY])
    delivery_text = StringField(
        _l("Where and when do you deliver?"),
        description=_l("For example: by bike in town, on Thursdays."),
        validators=[_longest(120)],
    )
    delivery_price = FreeOrPriceField(_l("Price of a delivery"))
    nothing_to_ship = BooleanField(WAYS[Fulfilment.NOTHING_TO_SHIP])

    def validate_pickup(self, _field: BooleanField) -> None:
        """At least one way."""
        if not self.offered:
            raise ValidationError(_l("Choose at least one way."))

    @property
    def offered(self) -> frozenset[Fulfilment]:
        """The ways that are ticked."""
        ticks = (
            (self.pickup, Fulfilment.PICKUP),
            (self.delivery, Fulfilment.DELIVERY),
            (self.nothing_to_ship, Fulfilment.NOTHING_TO_SHIP),
        )
        return frozenset(way for field, way in ticks if field.data)


def check_day(_form: Any, field: StringField) -> None:
    """Hours as `opening.parse_day` reads them."""
    try:
        opening.parse_day(field.data or "")
    except BadHoursError as error:
        raise ValidationError(str(error)) from error


class HoursForm(PortalForm):
    """A line for each day of the week."""

    day_0 = StringField(WEEKDAYS[0], validators=[check_day])
    day_1 = StringField(WEEKDAYS[1], validators=[check_day])
    day_2 = StringField(WEEKDAYS[2], validators=[check_day])
    day_3 = StringField(WEEKDAYS[3], validators=[check_day])
    day_4 = StringField(WEEKDAYS[4], validators=[check_day])
    day_5 = StringField(WEEKDAYS[5], validators=[check_day])
    day_6 = StringField(WEEKDAYS[6], validators=[check_day])

    @property
    def days(self) -> list[StringField]:
        """The seven fields, Monday first."""
        return [self[f"day_{number}"] for number in range(7)]

    @property
    def parsed(self) -> list[list[list[int]]]:
        """The week as the storefront keeps it."""
        return [opening.parse_day(field.data or "") for field in self.days]


class ActForm(PortalForm):
    """A button that changes something, and nothing else."""


class RefundForm(PortalForm):
    """How much to give back."""

    amount = PriceField(_l("Amount to give back"))
    key = IdempotencyField()


class AddForm(OriginForm):
    """So many of this product into the basket; `buy` goes straight to paying."""

    quantity = IntegerField(_l("Quantity"), default=1, validators=[InputRequired(_l("Type a number."))])
    buy = HiddenField()

    def validate_quantity(self, field: IntegerField) -> None:
        """From one up."""
        if not field.data or not 1 <= field.data <= _MOST_OF_ONE:
            raise ValidationError(_l("Type a number from 1 to 99."))


class LineForm(OriginForm):
    """A new quantity for a line of the basket; 0 takes it out."""

    product = IntegerField(validators=[InputRequired()])
    quantity = IntegerField(validators=[InputRequired()])


class WayForm(OriginForm):
    """How to receive the order."""

    way = RadioField(_l("How to receive it"), choices=_choices(WAYS), coerce=Fulfilment)

    def offer(self, ways: list[Fulfilment]) -> None:
        """Only what this shop does."""
        self.way.choices = _choices({way: WAYS[way] for way in ways})


class CheckoutForm(OriginForm):
    """Who orders, and where to when it is delivered."""

    name = StringField(_l("Name"), validators=[DataRequired(_l("Type your name.")), _longest(80)])
    email = EmailField(
        _l("E-mail"), description=_l("For the receipt and the news of your order."), validators=[check_email]
    )
    phone = TelField(_l("Phone"), description=_l("In case of a question."), validators=[_longest(32)])
    address = StringField(_l("Address"), validators=[_longest(200)])
    postcode = StringField(_l("Postcode"), validators=[_longest(16)])
    city = StringField(_l("Town"), validators=[_longest(80)])
    method = RadioField(
        _l("Payment"),
        choices=_choices({PayMethod.CARD: _l("Bank card"), PayMethod.WALLET: _l("Comptoir wallet")}),
        coerce=PayMethod,
        default=PayMethod.CARD,
        validate_choice=False,
    )
    key = IdempotencyField()
    seen = HiddenField(validators=[_longest(64)])
    delivered = False

    def _needed(self, field: StringField, message: str) -> None:
        if self.delivered and not field.data:
            raise ValidationError(message)

    def validate_address(self, field: StringField) -> None:
        """Needed for a delivery."""
        self._needed(field, _l("Type the address to deliver to."))

    def validate_postcode(self, field: StringField) -> None:
        """Needed for a delivery."""
        self._needed(field, _l("Type the postcode."))

    def validate_city(self, field: StringField) -> None:
        """Needed for a delivery."""
        self._needed(field, _l("Type the town."))


class FollowForm(OriginForm):
    """Where to tell that the shop is open."""

    email = EmailField(_l("Your e-mail"), validators=[check_email, _longest(254)])
