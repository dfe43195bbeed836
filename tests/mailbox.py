"""The mails that a test caused: what lies in the outbox, not yet sent."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from app.core.models import Job


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that is owed."""

    to: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        """The first address in it."""
        found = re.search(r"https?://\S+", self.text)
        assert found, self.text
        return found[0]

    @property
    def query(self) -> dict[str, str]:
        """What the link carries."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.link).query).items()}


async def mails() -> list[Mail]:
    """All mails, oldest first."""
    jobs = await Job.filter(kind="core.mail.send").order_by("created_at", "id")
    return [Mail(job.payload["to"], job.payload["title"], job.payload["text"]) for job in jobs]
