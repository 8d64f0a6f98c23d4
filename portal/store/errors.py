"""What can go wrong in a shop, in words for the person it concerns."""

from flask_babel import lazy_gettext as _l

from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError, PortalError


class ShopNotFoundError(NotFoundError):
    """No such storefront, or not a published one."""

    message = _l("There is no shop at this address.")


class ProductNotFoundError(NotFoundError):
    """No such product in this storefront."""

    message = _l("This product is no longer on the shelf.")


class OrderNotFoundError(NotFoundError):
    """No such order, or another shop's."""

    message = _l("There is no order at this address.")


class PhotoNotFoundError(NotFoundError):
    """No photo of that name and size."""

    message = _l("There is no picture at this address.")


class FollowerNotFoundError(NotFoundError):
    """No follower has this token, or they have stopped."""

    message = _l("You are not following this shop any more. There is nothing left to do.")


class CertificateNeededError(ForbiddenError):
    """A storefront is opened with a valid certificate."""

    message = _l("Your shop opens with the certificate of the programme.")


class SlugTakenError(ConflictError):
    """Another shop has this address."""

    message = _l("Another shop already has this address. Try another one.")


class AddressStaysError(ConflictError):
    """A published shop keeps its address."""

    message = _l("The address of a published shop stays: it is on cards and flyers by now.")


class IncompleteShopError(ConflictError):
    """Not everything needed to publish is there."""

    message = _l("Some things are missing before your shop can open.")


class BadPhotoError(PortalError):
    """The picture cannot be used."""

    message = _l("We cannot read this photo. Send a JPEG, PNG or WebP picture.")


class BadSiretError(PortalError):
    """The business number does not add up."""

    message = _l("This SIRET is not right: it has 14 digits, and the last one checks the others.")


class BadHoursError(PortalError):
    """Opening hours that overlap or end before they begin."""

    message = _l("Each opening must end after it begins, and before the next one.")


class OutOfStockError(ConflictError):
    """Less is left than was asked for."""

    message = _l("Somebody was faster: there is not enough left.")


class EmptyBasketError(ConflictError):
    """Nothing to order."""

    message = _l("Your basket is empty.")


class BasketChangedError(ConflictError):
    """The basket, a price or a delivery cost is no longer what the page showed."""

    message = _l("Something changed in your basket. Check the new total, then pay.")


class AlreadyOrderedError(ConflictError):
    """This basket was ordered and paid."""

    message = _l("This basket is already paid.")

    def __init__(self, public_token: str) -> None:
        """Keep the address of the order that it became."""
        super().__init__()
        self.public_token = public_token


class WrongStateError(ConflictError):
    """The order has moved on meanwhile."""

    message = _l("This order has moved on. Here is where it stands now.")


class RefundTooLargeError(ConflictError):
    """More than what was paid and not yet given back."""

    message = _l("You cannot give back more than was paid.")
