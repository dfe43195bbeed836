"""Code that opens strangers' files; it runs in the child process of `app.media.sandbox` only.

Each function takes and gives JSON values and raises MediaError.
"""
