"""The teaching code of "Push Down, Pull Up": what a chapter has written out once, it imports.

Read `seed`, `data`, `models`, `losses`, `train`, `sampling`, `metrics`, `claims`, `checks`, then
`figures` and `studies`. Before `checks`, read `Count` as int, `Finite("N d")` as a tensor (N, d).
"""
