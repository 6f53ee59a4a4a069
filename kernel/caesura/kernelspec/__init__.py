"""The kernelspec ``caesura`` as data: ``caesura/kernel.json`` and its logos. ``pip install`` copies it as it is."""
