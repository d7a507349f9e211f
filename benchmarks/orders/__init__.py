"""Orders over many accounts, from REST to the exchange and back."""
