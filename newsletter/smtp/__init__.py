"""SMTP: what a transport promises, our pipelined client, the client of aiosmtplib, and which of them is used."""
