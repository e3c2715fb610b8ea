"""A release inside the engines that a team has already: tables of Spark, Ray and others in, predictions out.

Each module is one engine, and imports it where it is used. Nothing here schedules, retries or moves data: the engine
does.
"""
