"""The teaching code of "Push Down, Pull Up": what a chapter has written out once, it imports.

Read in this order: `seed`, `data`, `models`, `losses`, `train`, `sampling`, `metrics`, `claims`,
`checks`; then `figures`, and the recorded studies in `studies`. Importing sets no global state.
"""
