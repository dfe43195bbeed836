"""A whole site on one machine by one command, to try Kinora and to work on it.

`command` tells the story; production runs the same programs under systemd instead.
"""
