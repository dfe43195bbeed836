"""Kinora: a federated video host that arrives as an appliance."""

__version__ = "0.1.0"
