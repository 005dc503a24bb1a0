"""Pictures of skates, boards and what they roll on."""

from services.products.pictures.svg_canvas import Palette, SvgCanvas, around

PALETTE = Palette(tile="#E9F4F1", shade="#BFDDD6", ink="#16302E", main="#0F7A70", second="#F08A5D")


def cruiser(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.path("M44 160C60 184 76 190 96 190H224C244 190 260 184 276 160", colour=p.main)
    canvas.path("M46 150C62 174 78 181 96 181H224C242 181 258 174 274 150", colour=p.ink)
    for x in (104, 216):
        canvas.polygon((x - 18, 198), (x + 18, 198), (x, 222), fill=p.ink)
        canvas.solid_wheel(x, 234, 24, fill=p.second)


def longboard(canvas: SvgCanvas) -> None:
    p = canvas.palette
    for x, y in ((94, 94), (226, 226)):
        canvas.polyline((x - 27, y + 27), (x + 27, y - 27))
        for side in (-1, 1):
            canvas.filled_circle(x + side * 29, y - side * 29, 16, fill=p.second)
    canvas.filled_path(
        "M56 56C70 42 92 56 108 82C140 108 212 180 238 212C264 228 278 250 264 264"
        "C250 278 228 264 212 238C180 212 108 140 82 108C56 92 42 70 56 56",
        p.main,
    )
    canvas.polyline((128, 128), (192, 192), colour=p.tile)
    for x, y in ((82, 76), (76, 82), (244, 238), (238, 244)):
        canvas.filled_circle(x, y, 4, fill=p.tile)


def quad_skate(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.filled_path("M92 66H154C154 104 160 128 184 138C220 146 246 152 246 184H92", p.main)
    canvas.rect(86, 186, 166, 12, fill=p.ink)
    canvas.rect(88, 62, 70, 14, fill=p.second)
    for y in (100, 118, 136):
        canvas.polyline((132, y), (154 + (y - 100) / 3, y - 6), colour=p.light)
    canvas.polygon((232, 200), (256, 206), (262, 222), fill=p.second)
    for x in (120, 214):
        canvas.polyline((x, 200), (x, 228))
        canvas.solid_wheel(x, 232, 26, fill=p.second)


def inline_skate(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.filled_path(
        "M96 58L156 52C156 98 164 122 190 136C228 146 248 154 248 184H92C86 140 104 110 96 58",
        p.main,
    )
    canvas.polyline((96, 98), (158, 88), colour=p.second)
    canvas.polyline((102, 150), (196, 138), colour=p.second)
    canvas.polygon((100, 194), (238, 194), (226, 224), (100, 224), fill=p.ink)
    for x in (84, 134, 184, 234):
        canvas.solid_wheel(x, 236, 22, fill=p.second)


def kick_scooter(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.polyline((212, 66), (236, 226))
    canvas.polyline((190, 66), (222, 62))
    canvas.grip((184, 67), (196, 65))
    canvas.path("M232 196C214 222 206 226 190 226H86", colour=p.main)
    canvas.polyline((104, 218), (190, 218), colour=p.main)
    canvas.path("M54 212C60 196 78 192 92 200", colour=p.second)
    canvas.polygon((218, 122), (228, 190), (214, 190), fill=p.main)
    for x in (76, 238):
        canvas.wheel(x, 230, 28, spokes=5, spoke=p.ink, hub=p.second)


def truck(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.rect(98, 86, 124, 16, fill=p.ink)
    canvas.polygon((128, 104), (192, 104), (176, 150), (144, 150), fill=p.second)
    canvas.polygon(
        (84, 168), (138, 144), (182, 144), (236, 168), (236, 186), (84, 186), fill=p.main
    )
    canvas.polyline((40, 180), (280, 180))
    for x in (48, 232):
        canvas.rect(x, 136, 40, 88, fill=p.ink)
        canvas.polyline((x + 20, 144), (x + 20, 216), colour=p.second)
    canvas.filled_circle(160, 166, 11, fill=p.light)


def bearing(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.filled_circle(160, 160, 110, fill=p.main)
    canvas.filled_circle(160, 160, 88, fill=p.tile)
    for x, y in around(160, 160, 68, 7, start=0.25):
        canvas.filled_circle(x, y, 20, fill=p.ink)
        canvas.filled_circle(x - 6, y - 6, 5, fill=p.light)
    canvas.filled_circle(160, 160, 48, fill=p.second)
    canvas.filled_circle(160, 160, 28, fill=p.tile)


def four_wheels(canvas: SvgCanvas) -> None:
    p = canvas.palette
    for x, y, fill in (
        (108, 108, p.main),
        (212, 108, p.second),
        (108, 212, p.second),
        (212, 212, p.main),
    ):
        canvas.filled_circle(x, y, 47, fill=fill)
        canvas.circle(x, y, 32, colour=p.light)
        canvas.filled_circle(x, y, 16, fill=p.ink)
        canvas.filled_circle(x, y, 6, fill=p.light)


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
