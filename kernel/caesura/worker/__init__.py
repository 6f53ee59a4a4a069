"""The process that runs the cells of one session: IPython's shell on the cell loop, and its way out and back in."""
