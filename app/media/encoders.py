"""Video encoders as data, and a real test of whether one works on this machine."""


async def usable(profile: str) -> str | None:
    """Encode a few frames with a profile; give None when it works, else the reason why not."""
    raise NotImplementedError
