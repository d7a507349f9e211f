"""Training: a step, an epoch, what the scale's story costs, checking data."""
