"""The account side of the exchange: keys, orders, positions, money, user streams."""
