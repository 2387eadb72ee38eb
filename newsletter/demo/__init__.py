"""The demonstration: the whole story on made-up people, with its mail server, its readers and its samples."""
