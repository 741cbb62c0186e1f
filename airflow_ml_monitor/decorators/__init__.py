"""TaskFlow decorators of the provider: `@task.<name>`, a file each, declared in provider.py.

Here: a user's function as an operator of ours. Not here: what is measured (monitor).
"""
