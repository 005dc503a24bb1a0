"""Small measurements inside a process of a checkout; each prints its figures as JSON.

They run with the Python of the checkout that they measure, so they use only what all versions of
`app` have.
"""
