"""The page on which videos are uploaded; without JavaScript, one at a time by a plain form."""

from aiohttp import web

from app.channels.queries import channels_of
from app.config import settings
from app.core.api import Access
from app.core.auth import require_actor
from app.core.errors import AppError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import gettext
from app.core.ids import short
from app.core.pages import Pages, redirect, render
from app.uploads import service
from app.uploads.choices import choices
from app.uploads.forms import FORM_BYTES, disk_errors, new_upload
from app.uploads.page_forms import UploadForm
from app.videos.models import Privacy

pages = Pages()


@pages.get("/upload", access=Access.USER)
async def show_upload(request: web.Request) -> web.Response:
    """The form."""
    return await _upload(request, FormErrors({"privacy": int(Privacy.PUBLIC)}))


@pages.post("/upload", access=Access.USER)
async def take_upload(request: web.Request) -> web.Response:
    """A video in a form; goes on to its page."""
    actor = await require_actor(request)
    try:
        await service.ensure_admitted(
            actor.user_id, max(1, (request.content_length or 0) - FORM_BYTES)
        )
        with disk_errors():
            limit = settings().uploads.max_size + FORM_BYTES
            form = await read_form(request, UploadForm, limit=limit)
    except AppError as error:
        message = FormErrors({}, {}, gettext(error.detail))
        return await _upload(request, message, status=error.status)
    if isinstance(form, FormErrors):
        return await _upload(request, form, status=400)
    try:
        file = form.videofile
        new = new_upload(
            form, filename=file.filename, content_type=file.content_type, size=file.size
        )
        with disk_errors():
            video = await service.take_whole(actor.user_id, new, file.path)
    except AppError as error:
        return await _upload(request, refused(error, form), status=error.status)
    return redirect(request, f"/w/{short(video.uuid)}", flash=gettext("Your video has arrived."))


async def _upload(request: web.Request, form: FormErrors, *, status: int = 200) -> web.Response:
    actor = await require_actor(request)
    return render(
        request,
        "uploads/upload.html",
        status=status,
        form=form,
        channels=[
            (row["channel_id"], row["channel_display_name"])
            for row in await channels_of(actor.account_id)
        ],
        max_size=settings().uploads.max_size,
        **choices(),
    )
