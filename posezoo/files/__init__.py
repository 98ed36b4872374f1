"""Safe containers: read files without trust, write them whole or not at all. Nothing here imports torch.

Every low-level failure (a missing file, a truncated archive, a flipped bit, a full disk) leaves these modules as one
sentence of :mod:`posezoo.errors`. No content of a file is executed: pickles go through :mod:`posezoo.files.pickles`.
"""
