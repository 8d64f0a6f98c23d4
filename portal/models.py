"""Every table of the portal, imported once, so that the metadata is whole."""

from importlib import import_module
from importlib.util import find_spec

from portal.kernel import loads, throttle  # noqa: F401

FEATURES = (
    "notifications",
    "identity",
    "ledger",
    "messaging",
    "payments",
    "wallet",
    "training",
    "forum",
    "certificates",
    "store",
)

for _feature in FEATURES:
    if find_spec(f"portal.{_feature}.models"):
        import_module(f"portal.{_feature}.models")
