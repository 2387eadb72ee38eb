"""Who of the team may come in, and as what: accounts, their passwords, logged-in browsers."""
