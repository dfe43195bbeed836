"""Pure functions on media files: probing, transcoding, packaging, pictures.

Nothing here knows a database, a request or a setting of the site: everything comes in as arguments.
Files of strangers are only ever opened in child processes under limits.
"""
