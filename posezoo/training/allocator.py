"""Keep freed memory, because CPU training would otherwise spend half of its time in page faults."""

from __future__ import annotations

import ctypes
import platform

# malloc.h: M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD.
_SETTINGS = {-1: 2**31 - 1, -2: 64 * 2**20, -3: 32 * 2**20}


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to serve large arrays from its heap and to give none of it back.

    Tensors of a training step are freed and allocated again at every step. By default those over 128 kB are mapped and
    unmapped each time, and each new page costs a fault: twice as long a step of ``svma`` on one core.

    Returns:
        whether the allocator took the settings; False where it is not glibc's.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(ctypes.c_int(name), ctypes.c_int(value)) for name, value in _SETTINGS.items())
