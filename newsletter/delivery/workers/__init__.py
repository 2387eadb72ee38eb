"""The processes that send: woken by hints, registered with a heartbeat."""
