"""What stops `bin/run`, in one sentence for the person who typed it."""


class TroubleError(Exception):
    """The site cannot start; the message says why and what to do."""
