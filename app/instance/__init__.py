"""The site itself as PeerTube's clients ask about it."""
