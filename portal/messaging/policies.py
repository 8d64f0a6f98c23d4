"""Who may see a conversation."""

from portal.messaging.models import Conversation


def may_read(user_id: int, conversation: Conversation) -> bool:
    """Its two people, and nobody else."""
    return conversation.has(user_id)
