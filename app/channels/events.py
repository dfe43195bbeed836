"""What others must know about channels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChannelDeleted:
    """A channel is about to go, in this transaction; its videos' rows are still there."""

    channel_id: int
    account_id: int
