"""Pictures of curiosities."""

from services.products.pictures.svg_canvas import Palette, Pen, around

PALETTE = Palette(tile="#F1EDF8", shade="#D5CAE8", ink="#2A2140", main="#6247A8", second="#D79A2B")


def zoetrope(pen: Pen) -> None:
    p = pen.palette
    pen.line((160, 220), (160, 254))
    pen.solid("M106 264C112 246 208 246 214 264", p.second)
    pen.solid("M64 100V192C64 226 256 226 256 192V100", p.main)
    pen.oval(160, 100, 99, 30, fill=p.second)
    pen.oval(160, 104, 86, 22, fill=p.ink)
    for x, top in (
        (82, 142),
        (104, 151),
        (131, 157),
        (160, 159),
        (189, 157),
        (216, 151),
        (238, 142),
    ):
        pen.line((x, top), (x, top + 34), colour=p.tile)


def potters_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.line((160, 182), (160, 232))
    pen.line((96, 190), (84, 254))
    pen.line((224, 190), (236, 254))
    pen.oval(160, 234, 64, 14, fill=p.main)
    pen.box(76, 180, 168, 10, fill=p.ink)
    pen.oval(160, 168, 64, 11, fill=p.main)
    pen.solid(
        "M134 162C96 132 124 104 142 90C138 80 134 72 132 64H188C186 72 182 80 178 90"
        "C196 104 224 132 186 162",
        p.second,
    )
    pen.line((120, 124), (200, 124), colour=p.tile)


def orrery(pen: Pen) -> None:
    p = pen.palette
    pen.line((160, 150), (160, 244))
    pen.solid("M112 262C112 246 208 246 208 262", p.main)
    pen.hoop(160, 150, 118, 44, colour=p.ink)
    pen.hoop(160, 150, 72, 26, colour=p.ink)
    pen.disc(160, 140, 34, fill=p.second)
    pen.disc(96, 164, 14, fill=p.main)
    pen.disc(262, 132, 19, fill=p.main)
    pen.disc(228, 152, 9, fill=p.ink)
    pen.disc(66, 124, 12, fill=p.second)


def film_reel(pen: Pen) -> None:
    p = pen.palette
    pen.curve("M150 248C200 262 236 246 284 262", colour=p.second)
    pen.disc(150, 150, 101, fill=p.main)
    for x, y in around(150, 150, 62, 5, start=0.75):
        pen.disc(x, y, 26, fill=p.tile)
    pen.disc(150, 150, 19, fill=p.second)
    pen.disc(150, 150, 7, fill=p.ink)
    for x, y in around(150, 150, 92, 20):
        pen.disc(x, y, 3, fill=p.tile)


def wind_spinner(pen: Pen) -> None:
    p = pen.palette
    pen.line((160, 132), (160, 284))
    centre = (160, 128)
    tips, folds = around(*centre, 94, 6, start=0.05), around(*centre, 74, 6, start=0.7)
    for (x, y), (fold_x, fold_y), fill in zip(tips, folds, (p.main, p.second) * 3, strict=True):
        pen.plate(centre, (x, y), (fold_x, fold_y), fill=fill)
    pen.disc(*centre, 14, fill=p.ink)
    pen.disc(*centre, 5, fill=p.tile)


def gyroscope(pen: Pen) -> None:
    p = pen.palette
    pen.line((214, 52), (98, 248))
    pen.ring(156, 150, 92, colour=p.main)
    pen.curve("M88 110C60 138 168 212 222 190C252 172 120 84 88 110", colour=p.second)
    pen.solid("M100 118C84 142 168 196 212 182C228 164 124 100 100 118", p.second)
    pen.disc(156, 150, 15, fill=p.ink)
    pen.disc(98, 248, 9, fill=p.ink)
    pen.disc(214, 52, 9, fill=p.ink)
    pen.plate((76, 276), (98, 252), (120, 276), fill=p.main)


def spinning_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.ground(40, 280)
    pen.line((92, 208), (76, 256))
    pen.line((228, 222), (244, 256))
    pen.line((196, 128), (172, 210))
    pen.line((196, 128), (228, 212))
    pen.wheel(196, 128, 76, spokes=10, tyre=p.main, spoke=p.ink, hub=p.second)
    pen.plate((60, 190), (250, 208), (250, 220), (60, 202), fill=p.second)
    pen.line((84, 188), (84, 118))
    pen.solid("M70 124C62 92 76 78 84 56C92 78 106 92 98 124", p.light)
    pen.curve("M84 150H114L150 70M114 150L150 184", colour=p.ink)


def ferris_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.spokes(160, 138, 90, 8, colour=p.shade, start=0.5)
    pen.ring(160, 138, 90, colour=p.main)
    pen.ring(160, 138, 44, colour=p.main)
    pen.line((160, 138), (108, 256))
    pen.line((160, 138), (212, 256))
    for step, (x, y) in enumerate(around(160, 138, 90, 8, start=0.5)):
        fill = p.second if step % 2 == 0 else p.ink
        pen.disc(x, y, 5, fill=p.ink)
        pen.solid(f"M{x - 15:.0f} {y + 10:.0f}h30c0 20-30 20-30 0", fill)
    pen.disc(160, 138, 13, fill=p.second)


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
