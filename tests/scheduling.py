"""How `pytest -n 2` shares out the tests: the journeys stay together, everything else goes wherever there is room."""

from xdist.scheduler import LoadScopeScheduling

JOURNEYS = "tests/journeys/"


class JourneysTogether(LoadScopeScheduling):
    """One worker drives the browser, against one portal; the largest share comes first, which that is.

    xdist's own groups lose their marks under pytest 9.2, silently.
    """

    def _split_scope(self, nodeid: str) -> str:
        return JOURNEYS if nodeid.startswith(JOURNEYS) else nodeid
