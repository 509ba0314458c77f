"""What Python finds first in programs that the local AWS starts."""
