"""The `kinora` command; each subcommand imports only what it needs, to stay small in memory."""

import argparse
import sys
from collections.abc import Callable, Sequence

from app.core.release import release
from app.local import options

LANES = ("default", "federation", "transcode", "gpu", "live")


def web(_: argparse.Namespace) -> int:
    """Serve the site."""
    import asyncio

    from app.config import settings
    from app.core import db
    from app.main import serve

    async def wait_for_database() -> None:
        connection = await db.wait_for(settings().database.url.get_secret_value())
        await connection.close()

    try:
        asyncio.run(wait_for_database())  # it may be starting beside us
    except TimeoutError:
        print("The database did not answer for a minute.", file=sys.stderr)
        return 1
    serve()
    return 0


def worker(arguments: argparse.Namespace) -> int:
    """Run the jobs of some lanes."""
    from app.worker import run_worker

    run_worker(arguments.lanes)
    return 0


def dispatcher(_: argparse.Namespace) -> int:
    """Send due jobs to the workers."""
    from app.worker import run_dispatcher

    run_dispatcher()
    return 0


def migrate(_: argparse.Namespace) -> int:
    """Bring the database up to date."""
    import asyncio

    from app.config import settings
    from app.core import db

    asyncio.run(db.migrate(settings().database.url.get_secret_value()))
    return 0


def local(arguments: argparse.Namespace) -> int:
    """Run a whole site on this machine (what bin/run calls)."""
    from app.local.command import run

    return run(arguments)


def demo(_: argparse.Namespace) -> int:
    """Fill the site with videos made for the purpose (what bin/run --demo does)."""
    from app.local.demo import main as fill

    return fill()


def list_settings(arguments: argparse.Namespace) -> int:
    """Print every setting with its value and where that comes from."""
    from app import config_report

    if arguments.markdown:
        print(config_report.as_markdown(), end="")
    else:
        print(config_report.as_text(config_report.load()))
    return 0


def admin_create(arguments: argparse.Namespace) -> int:
    """Make an administrator."""
    from app.admin.command import create

    return create(arguments.username, arguments.email)


def admin_first(arguments: argparse.Namespace) -> int:
    """Make the administrator root on a site that has no users."""
    from app.admin.command import first

    return first(arguments.email)


def admin_reset_password(arguments: argparse.Namespace) -> int:
    """Give somebody a new password."""
    from app.admin.command import reset_password

    return reset_password(arguments.username)


def openapi(_: argparse.Namespace) -> int:
    """Print the REST interface's OpenAPI document."""
    from app.main import openapi_json

    print(openapi_json())
    return 0


def encoders(_: argparse.Namespace) -> int:
    """List the encoder profiles and whether this machine can use them."""
    from app.media.encoders import report

    print(report())
    return 0


def storage_check(arguments: argparse.Namespace) -> int:
    """Look whether the place of the files does what a site needs."""
    from app.core.storage_command import check

    return check(other=arguments.to)


def storage_move(arguments: argparse.Namespace) -> int:
    """Copy all files to where the site moves; what was copied before is not copied again."""
    from app.core.storage_command import move

    return move(arguments.to)


def storage_clear(arguments: argparse.Namespace) -> int:
    """Remove from the place that the site has left what its new place has."""
    from app.core.storage_command import clear_old

    return clear_old(everything=arguments.all)


def backup_hold(arguments: argparse.Namespace) -> int:
    """Keep files from being deleted while a backup reads, until the input ends."""
    from app.backup.command import hold

    return hold(arguments.minutes)


def backup_mirror(arguments: argparse.Namespace) -> int:
    """Bring a folder up to date with the object store, for a backup that reads from a disk."""
    from app.backup.command import fill_mirror

    return fill_mirror(arguments.folder)


def backup_give_back(arguments: argparse.Namespace) -> int:
    """Put the files of such a folder into the object store."""
    from app.backup.command import give_back

    return give_back(arguments.folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kinora", description="A federated video host.")
    parser.add_argument("--version", action="version", version=release())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        name: str,
        run: Callable[[argparse.Namespace], int],
        where: "argparse._SubParsersAction[argparse.ArgumentParser]" = commands,
    ) -> argparse.ArgumentParser:
        added = where.add_parser(name, help=run.__doc__, description=run.__doc__)
        added.set_defaults(run=run)
        return added

    command("web", web)
    command("worker", worker).add_argument(
        "lanes", nargs="+", metavar="LANE", choices=LANES, help=f"one or more of {', '.join(LANES)}"
    )
    command("dispatcher", dispatcher)
    command("migrate", migrate)
    options.add_to(command("local", local))
    command("demo", demo)
    command("settings", list_settings).add_argument(
        "--markdown", action="store_true", help="write docs/settings.md instead"
    )
    admin = commands.add_parser("admin", help="Look after administrators.").add_subparsers(
        metavar="COMMAND", required=True
    )
    create = command("create", admin_create, admin)
    create.add_argument("username")
    create.add_argument("email")
    command("first", admin_first, admin).add_argument("email")
    command("reset-password", admin_reset_password, admin).add_argument("username")
    command("openapi", openapi)
    command("encoders", encoders)
    stored = commands.add_parser("storage", help="Look after files.").add_subparsers(
        metavar="COMMAND", required=True
    )
    command("check", storage_check, stored).add_argument(
        "--to", action="store_true", help="the place that the site is moving to"
    )
    command("move", storage_move, stored).add_argument(
        "--to", metavar="FILE", help="a TOML file whose table [storage] is the other place"
    )
    command("clear", storage_clear, stored).add_argument(
        "--all", action="store_true", help="also what the new place does not have"
    )
    backup = commands.add_parser("backup", help="Help a backup.").add_subparsers(
        metavar="COMMAND", required=True
    )
    command("hold", backup_hold, backup).add_argument(
        "--minutes", type=int, default=24 * 60, help="hold no longer than this (one day)"
    )
    command("mirror", backup_mirror, backup).add_argument("folder")
    command("give-back", backup_give_back, backup).add_argument("folder")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; gives the exit status."""
    arguments = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    if run is not local:  # its processes say it themselves
        from app.config_report import ConfigurationError, load

        try:
            load()
        except ConfigurationError as error:
            print(error, file=sys.stderr)
            return 2
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
