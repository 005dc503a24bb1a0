"""Pictures of curiosities."""

from services.products.pictures.svg_canvas import Palette, SvgCanvas, around

PALETTE = Palette(tile="#F1EDF8", shade="#D5CAE8", ink="#2A2140", main="#6247A8", second="#D79A2B")


def zoetrope(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.polyline((160, 220), (160, 254))
    canvas.filled_path("M106 264C112 246 208 246 214 264", p.second)
    canvas.filled_path("M64 100V192C64 226 256 226 256 192V100", p.main)
    canvas.filled_ellipse(160, 100, 99, 30, fill=p.second)
    canvas.filled_ellipse(160, 104, 86, 22, fill=p.ink)
    for x, top in (
        (82, 142),
        (104, 151),
        (131, 157),
        (160, 159),
        (189, 157),
        (216, 151),
        (238, 142),
    ):
        canvas.polyline((x, top), (x, top + 34), colour=p.tile)


def potters_wheel(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.polyline((160, 182), (160, 232))
    canvas.polyline((96, 190), (84, 254))
    canvas.polyline((224, 190), (236, 254))
    canvas.filled_ellipse(160, 234, 64, 14, fill=p.main)
    canvas.rect(76, 180, 168, 10, fill=p.ink)
    canvas.filled_ellipse(160, 168, 64, 11, fill=p.main)
    canvas.filled_path(
        "M134 162C96 132 124 104 142 90C138 80 134 72 132 64H188C186 72 182 80 178 90"
        "C196 104 224 132 186 162",
        p.second,
    )
    canvas.polyline((120, 124), (200, 124), colour=p.tile)


def orrery(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.polyline((160, 150), (160, 244))
    canvas.filled_path("M112 262C112 246 208 246 208 262", p.main)
    canvas.ellipse(160, 150, 118, 44, colour=p.ink)
    canvas.ellipse(160, 150, 72, 26, colour=p.ink)
    canvas.filled_circle(160, 140, 34, fill=p.second)
    canvas.filled_circle(96, 164, 14, fill=p.main)
    canvas.filled_circle(262, 132, 19, fill=p.main)
    canvas.filled_circle(228, 152, 9, fill=p.ink)
    canvas.filled_circle(66, 124, 12, fill=p.second)


def film_reel(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.path("M150 248C200 262 236 246 284 262", colour=p.second)
    canvas.filled_circle(150, 150, 101, fill=p.main)
    for x, y in around(150, 150, 62, 5, start=0.75):
        canvas.filled_circle(x, y, 26, fill=p.tile)
    canvas.filled_circle(150, 150, 19, fill=p.second)
    canvas.filled_circle(150, 150, 7, fill=p.ink)
    for x, y in around(150, 150, 92, 20):
        canvas.filled_circle(x, y, 3, fill=p.tile)


def wind_spinner(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.polyline((160, 132), (160, 284))
    centre = (160, 128)
    tips, folds = around(*centre, 94, 6, start=0.05), around(*centre, 74, 6, start=0.7)
    for (x, y), (fold_x, fold_y), fill in zip(tips, folds, (p.main, p.second) * 3, strict=True):
        canvas.polygon(centre, (x, y), (fold_x, fold_y), fill=fill)
    canvas.filled_circle(*centre, 14, fill=p.ink)
    canvas.filled_circle(*centre, 5, fill=p.tile)


def gyroscope(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.polyline((214, 52), (98, 248))
    canvas.circle(156, 150, 92, colour=p.main)
    canvas.path("M88 110C60 138 168 212 222 190C252 172 120 84 88 110", colour=p.second)
    canvas.filled_path("M100 118C84 142 168 196 212 182C228 164 124 100 100 118", p.second)
    canvas.filled_circle(156, 150, 15, fill=p.ink)
    canvas.filled_circle(98, 248, 9, fill=p.ink)
    canvas.filled_circle(214, 52, 9, fill=p.ink)
    canvas.polygon((76, 276), (98, 252), (120, 276), fill=p.main)


def spinning_wheel(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(40, 280)
    canvas.polyline((92, 208), (76, 256))
    canvas.polyline((228, 222), (244, 256))
    canvas.polyline((196, 128), (172, 210))
    canvas.polyline((196, 128), (228, 212))
    canvas.wheel(196, 128, 76, spokes=10, tyre=p.main, spoke=p.ink, hub=p.second)
    canvas.polygon((60, 190), (250, 208), (250, 220), (60, 202), fill=p.second)
    canvas.polyline((84, 188), (84, 118))
    canvas.filled_path("M70 124C62 92 76 78 84 56C92 78 106 92 98 124", p.light)
    canvas.path("M84 150H114L150 70M114 150L150 184", colour=p.ink)


def ferris_wheel(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.spokes(160, 138, 90, 8, colour=p.shade, start=0.5)
    canvas.circle(160, 138, 90, colour=p.main)
    canvas.circle(160, 138, 44, colour=p.main)
    canvas.polyline((160, 138), (108, 256))
    canvas.polyline((160, 138), (212, 256))
    for step, (x, y) in enumerate(around(160, 138, 90, 8, start=0.5)):
        fill = p.second if step % 2 == 0 else p.ink
        canvas.filled_circle(x, y, 5, fill=p.ink)
        canvas.filled_path(f"M{x - 15:.0f} {y + 10:.0f}h30c0 20-30 20-30 0", fill)
    canvas.filled_circle(160, 138, 13, fill=p.second)


DRAWINGS = {
    "CURIO-ZOETROPE-01": zoetrope,
    "CURIO-POTTER-01": potters_wheel,
    "CURIO-ORRERY-01": orrery,
    "CURIO-FILM-01": film_reel,
    "CURIO-SPINNER-01": wind_spinner,
    "CURIO-GYRO-01": gyroscope,
    "CURIO-SPINDLE-01": spinning_wheel,
    "CURIO-FERRIS-01": ferris_wheel,
}
