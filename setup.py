"""The one thing that pyproject.toml cannot say: how the native engine is built."""

from setuptools import setup

setup(cffi_modules=["spandsp_bridge/native/build.py:ffibuilder"])
