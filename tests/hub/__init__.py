"""A Hugging Face Hub on 127.0.0.1, for the real clients: repositories in `store`, the HTTP API in `server`."""

from tests.hub.server import Fault, Hub, Token

__all__ = ["Fault", "Hub", "Token"]
