"""A shop that sells honey, and what is asked of it."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.store.models import Product, Storefront
from tests.builders import store as builders


@pytest.fixture
def shop(db: Session, merchant: User) -> Storefront:
    """A published shop."""
    return builders.make_shop(db, merchant)


@pytest.fixture
def honey(db: Session, shop: Storefront) -> Product:
    """Its one product: 8.90 €, five left."""
    return db.scalars(sa.select(Product).where(Product.storefront_id == shop.id)).one()
