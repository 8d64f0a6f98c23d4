"""Demo wallets: a month of money and words between the demo people, made by the services under a held clock.

Every step has a key of its own, so a build that was interrupted goes on where it stopped.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from portal import config
from portal.demo import people
from portal.demo.people import DemoPerson, demo_user
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.kernel.money import Money
from portal.messaging.services import add_message, conversation_between
from portal.wallet import flows
from portal.wallet.models import RequestState, TransferState
from portal.wallet.services import approvals, pins, requests, top_ups, transfers
from portal.wallet.services.transfers import Payee

CLAIRE, KARIM, NADIA, TOM = people.CLAIRE, people.KARIM, people.NADIA, people.TOM
_OWNERS = (CLAIRE, KARIM, NADIA, TOM)
# Not a user: what is sent to this address waits.
_NEWCOMER = "paul.bremond@demo.example"


# What happened: it is given a key of its own, which makes a repeat harmless.
Act = Callable[[str], None]


def _user(person: DemoPerson) -> User:
    with transaction() as db:
        return demo_user(db, person)


def _cents(amount: int) -> Money:
    return Money(amount, config.current().currency)


def _tops_up(person: DemoPerson, amount: int) -> Act:
    def act(key: str) -> None:
        with transaction() as db:
            user = demo_user(db, person)
            top_up = top_ups.start_top_up(db, user=user, amount=_cents(amount), form_key=key)
            top_ups.complete(db, public_id=top_up.public_id, amount=_cents(amount), available=True)

    return act


def _approve(payer: User, transfer_id: str) -> None:
    with transaction() as db:
        approval = approvals.ask(db, kind=transfers.KIND, reference=transfer_id)
    flows.approve(payer=payer, approval_id=approval.public_id, pin=people.PIN)


def _sends(person: DemoPerson, to: DemoPerson | str, amount: int, note: str) -> Act:
    def act(key: str) -> None:
        with transaction() as db:
            sender = demo_user(db, person)
            payee = transfers.resolve_email(db, to) if isinstance(to, str) else Payee(user_id=demo_user(db, to).id)
            transfer = transfers.start(db, sender=sender, payee=payee, amount=_cents(amount), note=note, form_key=key)
        if transfer.state is TransferState.AWAITING_APPROVAL:
            _approve(sender, transfer.public_id)

    return act


def _asks(
    person: DemoPerson, of: DemoPerson, amount: int, note: str, *, ends: RequestState = RequestState.REQUESTED
) -> Act:
    def act(key: str) -> None:
        with transaction() as db:
            payer = demo_user(db, of)
            asked = requests.request_money(
                db,
                requester=demo_user(db, person),
                payer_id=payer.id,
                amount=_cents(amount),
                note=note,
                form_key=key,
            )
            if asked.state is not RequestState.REQUESTED:
                return
            if ends is RequestState.DECLINED:
                requests.decline(db, payer=payer, public_id=asked.public_id)
            transfer = requests.pay(db, payer=payer, public_id=asked.public_id) if ends is RequestState.PAID else None
        if transfer is not None:
            _approve(payer, transfer.public_id)

    return act


def _says(person: DemoPerson, to: DemoPerson, words: str) -> Act:
    def act(key: str) -> None:
        with transaction() as db:
            sender, other = demo_user(db, person), demo_user(db, to)
            conversation = conversation_between(db, sender.id, other.id)
            add_message(db, conversation_id=conversation.id, sender_id=sender.id, text=words, form_key=key)

    return act


_DAY = 24.0

_STEPS = (
    (36 * _DAY, "claire-adds", _tops_up(CLAIRE, 15_000)),
    (36 * _DAY, "karim-adds", _tops_up(KARIM, 30_000)),
    (35 * _DAY, "nadia-adds", _tops_up(NADIA, 12_000)),
    (34 * _DAY, "tom-adds", _tops_up(TOM, 5_000)),
    (33 * _DAY, "claire-karim-market", _sends(CLAIRE, KARIM, 2_350, "Marché de samedi")),
    (26 * _DAY, "karim-claire-fabric", _sends(KARIM, CLAIRE, 8_600, "Torchons brodés × 12")),
    (19 * _DAY, "nadia-claire-thread", _asks(NADIA, CLAIRE, 3_200, "خيط وأزرار", ends=RequestState.PAID)),
    (12 * _DAY, "claire-nadia-lining", _sends(CLAIRE, NADIA, 1_990, "Doublure, 2 m")),
    (9 * _DAY, "tom-claire-hem", _sends(TOM, CLAIRE, 1_400, "Two hems")),
    (9 * _DAY - 1, "claire-tom-thanks", _says(CLAIRE, TOM, "Merci Tom ! C’est prêt jeudi.")),
    (4 * _DAY, "nadia-claire-sewing", _asks(NADIA, CLAIRE, 1_200, "بطانة", ends=RequestState.DECLINED)),
    (4 * _DAY - 1, "claire-nadia-why", _says(CLAIRE, NADIA, "Je l’ai déjà réglée le mois dernier, regarde plus haut.")),
    (4 * _DAY - 2, "nadia-claire-sorry", _says(NADIA, CLAIRE, "صحيح، شكرًا على الأزرار!")),
    (3 * _DAY, "claire-karim-coffee", _sends(CLAIRE, KARIM, 1_850, "Café et filtres")),
    (30.0, "claire-paul", _sends(CLAIRE, _NEWCOMER, 2_500, "Étal partagé de dimanche")),
    (5.0, "karim-claire-stock", _says(KARIM, CLAIRE, "Salut Claire, il te reste 10 bobines de fil bleu ?")),
    (4.5, "claire-karim-yes", _says(CLAIRE, KARIM, "Oui ! 4 € pièce, je te les garde.")),
    (4.0, "karim-claire-thread", _sends(KARIM, CLAIRE, 4_000, "Fil bleu × 10")),
    (3.0, "karim-claire-jars", _asks(KARIM, CLAIRE, 2_500, "Pots en verre, lot de 12")),
    (2.0, "tom-karim-oil", _asks(KARIM, TOM, 1_680, "Olive oil, two bottles")),
)


def build() -> None:
    """Give four demo people a wallet, its PIN (told on the sandbox's sign-in page), and what they did with it."""
    now = clock.now()
    for person in _OWNERS:
        _give_pin(person, now - timedelta(days=37))
    for hours_ago, key, act in _STEPS:
        with clock.at(now - timedelta(hours=hours_ago)):
            act(f"demo-wallet-{key}")


def _give_pin(person: DemoPerson, moment: datetime) -> None:
    user = _user(person)
    with transaction() as db:
        known = pins.has_pin(db, user.id)
    if not known:
        with clock.at(moment):
            flows.choose_pin(user=user, pin=people.PIN)
