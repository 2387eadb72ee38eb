"""How fast each mailbox provider is written to: rate limits, back-off, warm-up, circuit breaker."""
