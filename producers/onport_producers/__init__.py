"""Put sales, products and variant links into the relay from a shop."""

__version__ = "0.1.0"
