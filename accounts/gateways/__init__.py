"""Where orders go: one gateway per account, of paper or of an exchange by URL."""
