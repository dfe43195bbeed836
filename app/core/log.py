"""The log: one event a line on standard error, as JSON for machines or as text for people.

What the standard library's loggers say (asyncio, asyncpg, aiohttp …) comes out the same way.
Whatever is bound with `structlog.contextvars` stands on each line: request_id for requests, job_id
for jobs.
"""

import logging
import logging.config
import sys
from types import TracebackType

import structlog
from structlog.typing import Processor

from app.config import LogFormat, settings

#: Loggers that tell more than anybody wants to know.
QUIET = {"arq": "WARNING", "aiohttp.access": "WARNING", "asyncio": "WARNING", "tortoise": "WARNING"}


def configure(process: str) -> None:
    """Set the log of this process up; `process` (web, worker, dispatcher …) stands on each line."""
    wanted = settings().log
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if wanted.format is LogFormat.JSON:
        shared.append(structlog.processors.format_exc_info)
        renderer: Processor = structlog.processors.JSONRenderer(default=str)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(wanted.level.upper())
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)
    structlog.contextvars.bind_contextvars(process=process)
    sys.excepthook = _log_the_end


def _log_the_end(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """An exception that ends the process is an event, too."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    structlog.get_logger("app").critical("the process failed", exc_info=(kind, error, traceback))
