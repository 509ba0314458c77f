"""See `wickie.asking`, which stands lower so that more than rotation may use it."""

from wickie.asking import Patience, asking

__all__ = ["Patience", "asking"]
