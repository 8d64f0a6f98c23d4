"""The pages of a shop: its public ones, an order's, and the merchant's own."""

from portal.store.views import checkout, follow, order, orders, products, settings, shop, storefront  # noqa: F401
from portal.store.views.blueprints import blueprint, order_blueprint, plain_blueprint

__all__ = ["blueprint", "order_blueprint", "plain_blueprint"]
