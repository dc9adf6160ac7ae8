"""The teaching code of the course "Push Down, Pull Up": what a chapter has written out once, it then imports from here.

Read in this order: `seed`, `data`, `models`, `losses`, `train`, `sampling`, `metrics`, `claims`, `checks`; then
`figures`, and the recorded studies in `studies`. Importing the package seeds nothing and sets no global state.
"""
