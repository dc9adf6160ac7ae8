"""The teaching code of the course "Push Down, Pull Up".

Every chapter imports from here what it has already written out once. Read the modules in this order: `seed`,
`data`, `models`, `losses`, `train`, `group`, `metrics`, `ladder`, `sweep`, `plots`, `widgets`, `claims`. Importing the
package seeds nothing and sets no global state.
"""
