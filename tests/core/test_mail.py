# ruff: noqa: ARG002 - aiosmtpd calls its handlers with everything it has

import asyncio
import email.policy
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from jinja2 import DictLoader
from structlog.testing import capture_logs

from app.core.db import transaction
from app.core.jobs import drain
from app.core.mail import can_send_mail, compose, send_mail, sender
from app.core.models import Job, JobState
from app.core.templates import environment
from tests.core.conftest import Configure

TEMPLATES = {
    "greeting.txt": "Hello {{ name }} & welcome\n\nTo {{ settings.site.name }}: {{ link }}\n",
    "greeting.html": "<h1>{{ subject }}</h1><a href='{{ link }}'>{{ name }}</a>",
    "plain.txt": "\n  Plain subject \n\nWords.",
}


@dataclass
class Postbox:
    """A mail server's memory, and how it answers."""

    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        parsed = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(envelope.content)
        self.mails.append(parsed)
        self.envelopes.append(envelope)
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: object
    ) -> AuthResult:
        assert isinstance(login, LoginPassword)
        good = (login.login, login.password) == (b"kinora", b"right")
        return AuthResult(success=good, handled=good)


@pytest.fixture
async def postbox(
    db_commit: None, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Postbox]:
    found, loop = Postbox(), asyncio.get_running_loop()

    def greet() -> SMTP:
        return SMTP(
            found,
            hostname="mail.example",
            loop=loop,
            authenticator=found.authenticate,
            auth_require_tls=False,
        )

    server = await loop.create_server(greet, "127.0.0.1", 0)
    monkeypatch.setattr(environment(), "loader", DictLoader(TEMPLATES))
    configure(
        mail__host="127.0.0.1",
        mail__port=server.sockets[0].getsockname()[1],
        mail__starttls="false",
        mail__sender="kinora@videos.example",
        site__public_url="https://videos.example",
        site__name="Vidéos & more",
    )
    yield found
    server.close()
    await server.wait_closed()


async def send(to: str = "ada@example.org", template: str = "greeting") -> bool:
    return await send_mail(to, template, name="Ada <3", link="https://videos.example/?a=b&c=d")


async def test_a_mail_in_text_and_html_reaches_its_reader(postbox: Postbox) -> None:
    assert await send()
    assert postbox.mails == [], "a mail is sent by a job"
    assert await drain() == ["done"]
    (received,) = postbox.mails
    assert postbox.envelopes[0].mail_from == "kinora@videos.example"
    assert postbox.envelopes[0].rcpt_tos == ["ada@example.org"]
    assert received["From"] == "Vidéos & more <kinora@videos.example>"
    assert received["To"] == "ada@example.org"
    assert received["Subject"] == "Hello Ada <3 & welcome"
    assert received["Message-ID"].endswith("@videos.example>")
    assert received["Auto-Submitted"] == "auto-generated"
    assert received["Date"]
    text, html = (received.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert text.get_content().split() == [
        "To",
        "Vidéos",
        "&",
        "more:",
        "https://videos.example/?a=b&c=d",
    ]
    assert "<h1>Hello Ada &lt;3 &amp; welcome</h1>" in html.get_content()
    assert "href='https://videos.example/?a=b&amp;c=d'" in html.get_content()


async def test_text_alone(postbox: Postbox) -> None:
    assert await send(template="plain")
    await drain()
    assert postbox.mails[0]["Subject"] == "Plain subject"
    assert postbox.mails[0].get_content().splitlines() == ["Words."]
    assert not postbox.mails[0].is_multipart()


async def test_a_mail_of_a_transaction_that_is_undone_is_not_sent(postbox: Postbox) -> None:
    with pytest.raises(LookupError):
        async with transaction():
            await send()
            raise LookupError
    assert await drain() == []
    assert postbox.mails == []


async def test_a_server_that_puts_it_off_is_asked_again(postbox: Postbox) -> None:
    await send()
    postbox.answers = ["451 later"]
    await drain()
    job = await Job.get()
    assert (job.state, job.attempt) == (JobState.QUEUED, 1)
    assert "451" in (job.error or "")
    await drain(ahead=timedelta(hours=1))
    assert [received["To"] for received in postbox.mails] == ["ada@example.org"]
    assert (await Job.get()).state is JobState.DONE


async def test_an_address_that_is_refused_for_good_is_not_tried_again(postbox: Postbox) -> None:
    await send()
    postbox.answers = ["550 no such user"]
    await drain()
    job = await Job.get()
    assert job.state is JobState.DEAD
    assert "for good" in (job.error or "")


async def test_a_server_that_is_away_is_asked_again(
    postbox: Postbox, configure: Configure, unused_tcp_port: int
) -> None:
    configure(mail__port=unused_tcp_port)
    await send()
    await drain()
    assert (await Job.get()).state is JobState.QUEUED


async def test_login(postbox: Postbox, configure: Configure) -> None:
    configure(mail__username="kinora", mail__password="right")
    await send()
    await drain()
    assert postbox.envelopes
    configure(mail__password="wrong")
    await send()
    await drain()
    assert len(postbox.mails) == 1
    assert await Job.filter(state=JobState.QUEUED).count() == 1


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("ada@example.org\r\nBcc: all@example.org", "Hello"),
        ("ada@example.org", "Hello\nBcc: all@example.org"),
        ("", "Hello"),
        ("nobody", "Hello"),
        ("a@example.org, b@example.org", "Hello"),
    ],
)
def test_nothing_slips_into_the_head_of_a_mail(bare: Configure, to: str, subject: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        compose(to, subject=subject, text="Words.")


def test_letters_of_all_kinds_may_be_in_a_mail(bare: Configure) -> None:
    message = compose("jürgen@bücher.example", subject="Grüße 🎬", text="Äöü\n" + "x" * 2000)
    assert message["Subject"] == "Grüße 🎬"
    assert "Äöü" in message.get_content()


def test_a_site_without_a_sender_uses_its_host(bare: Configure) -> None:
    bare(site__public_url="https://videos.example:8443")
    assert sender() == "noreply@videos.example"


async def test_a_site_without_a_mail_server_says_so(bare: Configure) -> None:
    assert not can_send_mail()
    with capture_logs() as logs:
        assert not await send()
    assert logs[0]["event"] == "mail_not_sent"
    assert logs[0]["reason"] == "mail.host is not set"
