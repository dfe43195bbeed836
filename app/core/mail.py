"""Mail: written from templates when it is asked for, sent by a job, so that none is lost or sent by
a request that is later undone.

`templates/<name>.txt` is the mail's text, its first line the subject; `templates/<name>.html` is
the same for those who like it dressed, and may be missing.
"""

import ssl
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.utils import formataddr, formatdate
from urllib.parse import urlsplit

import structlog

from app.config import settings
from app.core.errors import AppError
from app.core.jobs import Fatal, JobContext, Lane, enqueue, job
from app.core.templates import has_template, render_template

TIMEOUT_SECONDS = 30
log = structlog.get_logger(__name__)


class MailRefusedError(AppError):
    """The mail server did not take a mail; it is tried again."""

    status = 502


def can_send_mail() -> bool:
    """Whether the site has a mail server."""
    return bool(settings().mail.host)


async def send_mail(to: str, template: str, **context: object) -> bool:
    """Owe a mail, in the caller's transaction. False, and a warning, where the site sends none."""
    if not can_send_mail():
        log.warning("mail_not_sent", reason="mail.host is not set", template=template)
        return False
    subject, _, text = render_template(f"{template}.txt", context).lstrip().partition("\n")
    title, html = subject.strip(), ""
    if has_template(f"{template}.html"):
        html = render_template(f"{template}.html", context | {"subject": title})
    # named `title`: `subject` is what a job is about
    await enqueue(deliver, to=to, title=title, text=text.strip() + "\n", html=html)
    return True


@job("core.mail.send", lane=Lane.DEFAULT, max_attempts=10)
async def deliver(ctx: JobContext, *, to: str, title: str, text: str, html: str) -> None:
    """Hand one mail to the mail server. The id stays the same over all attempts."""
    host = urlsplit(settings().site.public_url).hostname or "localhost"
    try:
        message = compose(to, subject=title, text=text, html=html)
        message["Message-ID"] = f"<{ctx.id}@{host}>"
    except ValueError as error:
        raise Fatal(f"The mail cannot be written: {error}") from error
    await _transmit(message)


def compose(to: str, *, subject: str, text: str, html: str = "") -> EmailMessage:
    """A mail to one address; a ValueError when that or the subject would break its head."""
    site = settings().site
    message = EmailMessage()
    message["From"] = formataddr((site.name, sender()))
    message["To"] = to
    if not _is_one_address(message["To"]):
        raise ValueError(f"{to!r} is no address")
    message["Subject"] = subject
    message["Date"] = formatdate(usegmt=True)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def sender() -> str:
    """The address that mails come from."""
    host = urlsplit(settings().site.public_url).hostname or "localhost"
    return settings().mail.sender or f"noreply@{host}"


def _is_one_address(header: object) -> bool:
    addresses = header.addresses if isinstance(header, AddressHeader) else ()
    return len(addresses) == 1 and bool(addresses[0].username and addresses[0].domain)


async def _transmit(message: EmailMessage) -> None:
    import aiosmtplib  # drags in cryptography: a tenth of a web process's start

    server = settings().mail
    try:
        await aiosmtplib.send(
            message,
            hostname=server.host,
            port=server.port,
            username=server.username or None,
            password=server.password.get_secret_value() or None,
            use_tls=server.port == 465,
            start_tls=server.starttls if server.port != 465 else False,
            tls_context=ssl.create_default_context(),
            timeout=TIMEOUT_SECONDS,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [refused.code for refused in error.recipients]
        if all(code >= 500 for code in codes):
            raise Fatal("The mail server refuses the address for good.") from error
        raise MailRefusedError(f"The mail server put the address off: {codes}") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailRefusedError(f"The mail server did not take the mail: {error}") from error
