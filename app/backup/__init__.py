"""What a backup asks of the running site: files stay while it reads, and are on a disk."""
