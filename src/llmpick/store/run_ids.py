"""A run's name: when it began (UTC), what it is about, and four characters that tell apart what began in the same second."""

import hashlib
import re
from datetime import UTC, datetime

_MAX_SLUG = 24


def run_id(*, fingerprint: str, title: str, verb: str, now: datetime, attempt: int) -> str:
    """For example `20261124-074501-order-facts-3f2a`; sorts by time. `attempt` counts the names that were taken already.

    The middle is the ASCII letters and digits of `title`, so that it can be typed anywhere; `verb` where there are none.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:_MAX_SLUG].strip("-") or verb
    tail = hashlib.sha256(f"{fingerprint} {now.isoformat()} {attempt}".encode()).hexdigest()[:4]
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{slug}-{tail}"
