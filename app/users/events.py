"""What others must know about users."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserDeleted:
    """A user is about to go, in this transaction; channels went before, each with its own event."""

    user_id: int
    account_id: int
