"""The schema, step by step; `app.core.db.migrate` applies them."""
