import pytest
from flask_babel import force_locale

from portal.notifications.contents import mail_kinds, notice_kinds, write_mail, write_notice

PARAMS = {
    "question_id": 12,
    "slug": "هل-ابيع",
    "title": "Puis-je vendre 100 % en ligne ?",
    "author": "Inès Morel",
    "by": "Karim",
    "by_expert": True,
    "excerpt": "Oui.",
    "reason": "Hors sujet.",
    "minute": 14,
    "promised_at": "2026-11-24T16:00:00+00:00",
    "merged_title": "Puis-je ?",
}
LOCALES = ("fr_FR", "en_GB", "ar_MA")


def of_forum(kinds):
    return sorted(kind for kind in kinds if kind.startswith("forum."))


@pytest.mark.parametrize("locale", LOCALES)
def test_every_notice_is_written_in_each_language(app, locale):
    kinds = of_forum(notice_kinds())
    assert len(kinds) == 12
    with app.test_request_context("/fr/"), force_locale(locale):
        for kind in kinds:
            notice = write_notice(kind, PARAMS)
            assert notice.title, kind
            assert "%(" not in notice.title, kind


@pytest.mark.parametrize("locale", LOCALES)
def test_every_mail_leads_to_the_question_in_its_readers_language(app, locale):
    kinds = of_forum(mail_kinds())
    assert kinds == ["forum.answered", "forum.clarification", "forum.hidden"]
    with app.test_request_context("/fr/"), force_locale(locale):
        for kind in kinds:
            mail = write_mail(kind, PARAMS)
            assert mail.heading == PARAMS["title"]
            assert mail.action.path.startswith(f"/{locale[:2]}/q/12-%D9%87"), kind
            assert all("%(" not in text for text in (mail.subject, *mail.paragraphs, mail.note)), kind


def test_a_promise_is_said_in_the_portals_zone(app):
    with app.test_request_context("/fr/"), force_locale("fr_FR"):
        assert "17:00" in write_notice("forum.routed", PARAMS).title


def test_another_merchants_answer_is_not_called_an_experts(app):
    with app.test_request_context("/fr/"), force_locale("en_GB"):
        assert "expert" in write_mail("forum.answered", PARAMS).paragraphs[0]
        assert "expert" not in write_mail("forum.answered", {**PARAMS, "by_expert": False}).paragraphs[0]
