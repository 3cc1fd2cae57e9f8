"""The reference implementation: one small WOS and one small agent, for reading and for trying; never a product."""

__version__ = "1.0.0.dev0"
