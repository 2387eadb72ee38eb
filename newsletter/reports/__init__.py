"""What pages and commands show of several stations at once: overviews and figures, read and never written.

Every figure is a count over rows, made when it is asked for. A report opens its own reading session.
"""
