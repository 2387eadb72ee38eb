"""SMTP: the contract of a transport, our pipelined client, the client built on aiosmtplib, and the choice of one."""
