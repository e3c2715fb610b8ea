"""Arrays in, checks out: what two releases answered to the same questions, compared; never installs, never trains.

Each file owns one noun and has one public function that takes plain arrays or records and a policy and returns checks.
"""
