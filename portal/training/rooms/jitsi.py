"""Jitsi Meet: a room is an address. Settings travel in the fragment, as JSON values, and never reach the server's log.

https://jitsi.github.io/handbook/docs/user-guide/user-guide-advanced
"""

import json
from urllib.parse import quote


def address(base: str, room: str, visitor_name: str) -> str:
    """Where a room is entered, under the name people know the visitor by."""
    name = quote(json.dumps(visitor_name, ensure_ascii=False), safe="")
    return f"{base}/{quote(room, safe='')}#userInfo.displayName={name}&config.disableThirdPartyRequests=true"
