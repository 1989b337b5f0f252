"""Tests of the patrol."""
