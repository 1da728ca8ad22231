"""The command line: options in, report out, exit code.

Everything it does, :mod:`audience.api` does.
"""
