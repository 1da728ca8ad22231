"""Apache Spark: plans carried out where the rows are, on as many machines as there are.

Nothing here brings rows to the driver: what comes back are counts, and ids where they are asked
for. Imported on demand, as PySpark is an extra.
"""
