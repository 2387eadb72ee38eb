"""The pages: HTTP and words, no SQL and no rule of the business.

A handler calls one function of a station, or one of `pipeline` (acts) or `reports` (what is shown) where stations are
crossed. A session that it opens itself is for that one call.
"""
