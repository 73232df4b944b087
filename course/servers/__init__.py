"""Starts, watches, kills and stops real database servers: one module per server, `process.py` for what they share."""
