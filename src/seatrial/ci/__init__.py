"""Continuous integration: pipeline files that fit a project, and the doctor that examines any project's.

In: a project's folder. Out: files for CircleCI, GitHub or GitLab; findings. Never: running a stage itself.
"""
