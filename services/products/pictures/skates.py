"""Pictures of skates, boards and what they roll on."""

from services.products.pictures.svg_canvas import Palette, Pen, around

PALETTE = Palette(tile="#E9F4F1", shade="#BFDDD6", ink="#16302E", main="#0F7A70", second="#F08A5D")


def cruiser(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.curve("M44 160C60 184 76 190 96 190H224C244 190 260 184 276 160", colour=p.main)
    pen.curve("M46 150C62 174 78 181 96 181H224C242 181 258 174 274 150", colour=p.ink)
    for x in (104, 216):
        pen.plate((x - 18, 198), (x + 18, 198), (x, 222), fill=p.ink)
        pen.roller(x, 234, 24, fill=p.second)


def longboard(pen: Pen) -> None:
    p = pen.palette
    for x, y in ((94, 94), (226, 226)):
        pen.line((x - 27, y + 27), (x + 27, y - 27))
        for side in (-1, 1):
            pen.disc(x + side * 29, y - side * 29, 16, fill=p.second)
    pen.solid(
        "M56 56C70 42 92 56 108 82C140 108 212 180 238 212C264 228 278 250 264 264"
        "C250 278 228 264 212 238C180 212 108 140 82 108C56 92 42 70 56 56",
        p.main,
    )
    pen.line((128, 128), (192, 192), colour=p.tile)
    for x, y in ((82, 76), (76, 82), (244, 238), (238, 244)):
        pen.disc(x, y, 4, fill=p.tile)


def quad_skate(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.solid("M92 66H154C154 104 160 128 184 138C220 146 246 152 246 184H92", p.main)
    pen.box(86, 186, 166, 12, fill=p.ink)
    pen.box(88, 62, 70, 14, fill=p.second)
    for y in (100, 118, 136):
        pen.line((132, y), (154 + (y - 100) / 3, y - 6), colour=p.light)
    pen.plate((232, 200), (256, 206), (262, 222), fill=p.second)
    for x in (120, 214):
        pen.line((x, 200), (x, 228))
        pen.roller(x, 232, 26, fill=p.second)


def inline_skate(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.solid(
        "M96 58L156 52C156 98 164 122 190 136C228 146 248 154 248 184H92C86 140 104 110 96 58",
        p.main,
    )
    pen.line((96, 98), (158, 88), colour=p.second)
    pen.line((102, 150), (196, 138), colour=p.second)
    pen.plate((100, 194), (238, 194), (226, 224), (100, 224), fill=p.ink)
    for x in (84, 134, 184, 234):
        pen.roller(x, 236, 22, fill=p.second)


def kick_scooter(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.line((212, 66), (236, 226))
    pen.line((190, 66), (222, 62))
    pen.grip((184, 67), (196, 65))
    pen.curve("M232 196C214 222 206 226 190 226H86", colour=p.main)
    pen.line((104, 218), (190, 218), colour=p.main)
    pen.curve("M54 212C60 196 78 192 92 200", colour=p.second)
    pen.plate((218, 122), (228, 190), (214, 190), fill=p.main)
    for x in (76, 238):
        pen.wheel(x, 230, 28, spokes=5, spoke=p.ink, hub=p.second)


def truck(pen: Pen) -> None:
    p = pen.palette
    pen.box(98, 86, 124, 16, fill=p.ink)
    pen.plate((128, 104), (192, 104), (176, 150), (144, 150), fill=p.second)
    pen.plate((84, 168), (138, 144), (182, 144), (236, 168), (236, 186), (84, 186), fill=p.main)
    pen.line((40, 180), (280, 180))
    for x in (48, 232):
        pen.box(x, 136, 40, 88, fill=p.ink)
        pen.line((x + 20, 144), (x + 20, 216), colour=p.second)
    pen.disc(160, 166, 11, fill=p.light)


def bearing(pen: Pen) -> None:
    p = pen.palette
    pen.disc(160, 160, 110, fill=p.main)
    pen.disc(160, 160, 88, fill=p.tile)
    for x, y in around(160, 160, 68, 7, start=0.25):
        pen.disc(x, y, 20, fill=p.ink)
        pen.disc(x - 6, y - 6, 5, fill=p.light)
    pen.disc(160, 160, 48, fill=p.second)
    pen.disc(160, 160, 28, fill=p.tile)


def four_wheels(pen: Pen) -> None:
    p = pen.palette
    for x, y, fill in (
        (108, 108, p.main),
        (212, 108, p.second),
        (108, 212, p.second),
        (212, 212, p.main),
    ):
        pen.disc(x, y, 47, fill=fill)
        pen.ring(x, y, 32, colour=p.light)
        pen.disc(x, y, 16, fill=p.ink)
        pen.disc(x, y, 6, fill=p.light)


DRAWINGS = {
    "BOARD-CRUISER-01": cruiser,
    "BOARD-LONG-01": longboard,
    "SKATE-QUAD-01": quad_skate,
    "SKATE-INLINE-01": inline_skate,
    "SCOOT-KICK-01": kick_scooter,
    "PART-TRUCK-01": truck,
    "PART-BEARING-608": bearing,
    "PART-WHEELS-54": four_wheels,
}
