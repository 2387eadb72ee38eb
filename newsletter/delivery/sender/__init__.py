"""One sender process: its connections, its ready queue, and one commit for all of them."""
