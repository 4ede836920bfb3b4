"""Airbyte: connections declared as data, run by protocol with no platform."""
