"""Recorded studies, one module each: settings and seeds that were fixed beforehand, and `run`.

`python -m helpers.studies` lists them and says what each costs; `sweep` runs and stores them.
"""
