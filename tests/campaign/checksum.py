# SPDX-License-Identifier: PostgreSQL
"""The page checksum of PostgreSQL (storage/checksum_impl.h: FNV-1a in 32 lanes): which damage does it tell?"""
import struct

from damage import PAGE, blocks, page

PRIME = 16777619
MASK = 0xffffffff
OFFSETS = (
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756)
STORED = 8   # where pd_checksum is
UPPER = 14   # where pd_upper is: 0 in a page that is new


def checksum(one, block):
    words = struct.unpack(f'<{PAGE // 4}I', one[:STORED] + bytes(2) + one[STORED + 2:])
    result = 0
    for lane, value in enumerate(OFFSETS):
        for word in (*words[lane::len(OFFSETS)], 0, 0):
            value ^= word
            value = (value * PRIME ^ value >> 17) & MASK
        result ^= value
    return (result ^ block) % 65535 + 1


def is_told(one, block):
    """Whether PostgreSQL takes the page for a damaged one. All zeroes is none that is damaged."""
    if one[UPPER:UPPER + 2] == bytes(2):
        return any(one)
    return checksum(one, block) != int.from_bytes(one[STORED:STORED + 2], 'little')


def tells(sound, damaged):
    """Whether it tells every page that has changed. A page that is missing, or that is an older one or another index's
    at the same place, it does not."""
    return len(sound) == len(damaged) and all(
        is_told(page(damaged, block), block) for block in range(blocks(sound)) if page(sound, block) != page(damaged, block))
