"""Orders, positions and money over many accounts: pure values and rules, all Decimal."""
