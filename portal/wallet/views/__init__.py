"""The wallet's pages, by what they are about.

home.py          /wallet, /wallet/statement (page and CSV)
payees.py        /wallet/send, /wallet/request: who; an address that is nobody's yet
conversation.py  /wallet/with/HANDLE: words and money between two people
money.py         /wallet/with/HANDLE/money; requests paid, declined, cancelled; a transfer's own page
approval.py      /wallet/approve/ID; the PIN
top_up.py        /wallet/top-up
"""

from portal.wallet.views import approval, conversation, home, money, payees, top_up  # noqa: F401 (their routes)
from portal.wallet.views.blueprint import blueprint

__all__ = ["blueprint"]
