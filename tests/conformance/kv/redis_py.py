"""The tests of redis-py 5.0.8, the Python client: its source distribution, in a virtual environment."""
