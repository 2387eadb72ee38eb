"""Where the servers of the tests listen."""

import socket


def listener(port: int = 0) -> socket.socket:
    """A socket that listens on the loopback interface, on port 0 wherever the kernel says.

    Unlike a number that was free a moment ago, nobody can take it: tests run beside each other.
    """
    made = socket.create_server(("127.0.0.1", port))
    # asyncio does so only for sockets made with IPPROTO_TCP; without it every answer waits 40 ms for an ACK
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
