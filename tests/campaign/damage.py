# SPDX-License-Identifier: PostgreSQL
"""Damage to the file of an index: what hardware, file systems and programs leave, and what a reader may trip over."""
from dataclasses import dataclass

PAGE = 8192
HEADER = 24
KIND = PAGE - 4  # of a page of ours: two bytes


@dataclass
class Sound:
    """A file of an index, what it was before it grew, and the pages of the other indexes."""
    main: bytes
    map: bytes        # its free space map; may be empty
    stale: bytes
    foreign: list     # pages


@dataclass
class Damaged:
    kind: str
    where: str
    main: bytes
    map: bytes


def damage(rng, sound):
    kind = rng.choice(list(KINDS))
    where, main = KINDS[kind](rng, sound)
    if kind == 'map':
        return Damaged(kind, where, sound.main, main)
    return Damaged(kind, where, main, sound.map)


def blocks(file):
    return len(file) // PAGE


def page(file, block):
    return file[block * PAGE:(block + 1) * PAGE]


def put(file, at, piece):
    return file[:at] + piece + file[at + len(piece):]


def choose_block(rng, file):
    """A page of any kind with the same chance, or any page."""
    if rng.random() < 0.5:
        return rng.randrange(blocks(file))
    kinds = {}
    for block in range(blocks(file)):
        kinds.setdefault(page(file, block)[KIND:KIND + 2], []).append(block)
    return rng.choice(kinds[rng.choice(sorted(kinds))])


def choose_offset(rng):
    """Within a page: where counts and links are, or anywhere."""
    return rng.choice([rng.randrange(HEADER, 128), rng.randrange(HEADER, 600), rng.randrange(PAGE)])


def interesting(rng, old, bits, file):
    """A number that a check may have forgotten."""
    end = blocks(file)
    most = (1 << bits) - 1
    return rng.choice([0, 1, 2, most, most - 1, most >> 1, old + 1, old - 1, old ^ 1 << rng.randrange(bits), end - 1,
                       end, end + 1, rng.randrange(end), rng.getrandbits(bits)]) & most


def bit(rng, sound):
    block, offset, number = choose_block(rng, sound.main), choose_offset(rng), rng.randrange(8)
    at = block * PAGE + offset
    return (f'block {block} byte {offset} bit {number}',
            put(sound.main, at, bytes([sound.main[at] ^ 1 << number])))


def bits(rng, sound):
    block, file = choose_block(rng, sound.main), sound.main
    count = rng.randrange(2, 64)
    for _ in range(count):
        at = block * PAGE + rng.randrange(PAGE)
        file = put(file, at, bytes([file[at] ^ 1 << rng.randrange(8)]))
    return f'block {block}: {count} bits', file


def some_bytes(rng, sound):
    block, offset, count = choose_block(rng, sound.main), choose_offset(rng), rng.randrange(1, 17)
    count = min(count, PAGE - offset)
    return f'block {block} bytes {offset} + {count}', put(sound.main, block * PAGE + offset, rng.randbytes(count))


def number(rng, sound):
    """A word where counts, links and entries are."""
    block = choose_block(rng, sound.main)
    size = rng.choice([1, 2, 4, 4])
    offset = rng.randrange(HEADER, 700) // size * size
    return one_number(rng, sound, block, offset, size)


def metapage(rng, sound):
    size = rng.choice([2, 4, 4])
    return one_number(rng, sound, 0, rng.randrange(HEADER, 800) // size * size, size)


def header(rng, sound):
    """What PostgreSQL's own check of a page lets pass, and what not: flags, lower, upper, special, version; ours: kind."""
    return one_number(rng, sound, choose_block(rng, sound.main), rng.choice([10, 12, 14, 16, 18, KIND, KIND + 2]), 2)


def one_number(rng, sound, block, offset, size):
    at = block * PAGE + offset
    old = int.from_bytes(sound.main[at:at + size], 'little')
    new = interesting(rng, old, 8 * size, sound.main)
    return (f'block {block} byte {offset}: {old} is {new}',
            put(sound.main, at, new.to_bytes(size, 'little')))


def zeroes(rng, sound):
    block = choose_block(rng, sound.main)
    begin, length = rng.choice([(0, PAGE), (HEADER, PAGE - HEADER), (rng.randrange(16) * 512, 512)])
    return f'block {block} bytes {begin} + {length}', put(sound.main, block * PAGE + begin, bytes(length))


def noise(rng, sound):
    """Anything behind a sound header, before a sound end."""
    block = choose_block(rng, sound.main)
    return f'block {block}', put(sound.main, block * PAGE + HEADER, rng.randbytes(PAGE - HEADER - 16))


def swapped(rng, sound):
    a, b = choose_block(rng, sound.main), choose_block(rng, sound.main)
    file = put(sound.main, a * PAGE, page(sound.main, b))
    return f'blocks {a} and {b}', put(file, b * PAGE, page(sound.main, a))


def doubled(rng, sound):
    source, target = choose_block(rng, sound.main), rng.randrange(blocks(sound.main) + 1)
    return f'block {source} in {target} too', put(sound.main, target * PAGE, page(sound.main, source))


def foreign(rng, sound):
    block = choose_block(rng, sound.main)
    alike = [other for other in sound.foreign if other[KIND:] == page(sound.main, block)[KIND:]]
    other = rng.choice(alike if alike and rng.random() < 0.7 else sound.foreign)
    return f'block {block}', put(sound.main, block * PAGE, other)


def stale(rng, sound):
    """A write that was lost: of a page, or of the end of one."""
    if len(sound.stale) < PAGE:
        return zeroes(rng, sound)
    block = rng.randrange(blocks(sound.stale))
    begin = rng.choice([0, 512 * rng.randrange(1, 16)])
    return f'block {block} from byte {begin}', put(sound.main, block * PAGE + begin, page(sound.stale, block)[begin:])


def short(rng, sound):
    length = rng.choice([rng.randrange(blocks(sound.main)) * PAGE, rng.randrange(len(sound.main)), len(sound.main) - 512])
    return f'{len(sound.main)} bytes are {length}', sound.main[:length]


def long(rng, sound):
    count = rng.randrange(1, 9)
    end = rng.choice([bytes(count * PAGE), rng.randbytes(100), sound.main[-count * PAGE:],
                      b''.join(rng.choice(sound.foreign) for _ in range(count))])
    return f'{len(end)} bytes more', sound.main + end


def space_map(rng, sound):
    """Categories of its leaves and nodes, or the whole file."""
    file = sound.map or bytes(3 * PAGE)
    if rng.random() < 0.2:
        return 'all of it', rng.choice([b'', bytes(len(file)), file[:rng.randrange(len(file))]])
    at = rng.randrange(blocks(file)) * PAGE + HEADER
    return 'values', put(file, at + 4, bytes([rng.choice([0, 31, 128, 255])]) * (PAGE - HEADER - 4))


KINDS = {
    'bit': bit, 'bits': bits, 'bytes': some_bytes, 'number': number, 'metapage': metapage, 'header': header,
    'zeroes': zeroes, 'noise': noise, 'swapped': swapped, 'doubled': doubled, 'foreign': foreign, 'stale': stale,
    'short': short, 'long': long, 'map': space_map,
}
